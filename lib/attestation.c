/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/attestation_parts.h"

#include <fido.h>
#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>

enum { KEY_BLOB_SIZE = 512 };

/* What is asked, beside the evidence. */
struct question {
    const struct tg_attestation_trust *trust;
    struct tg_bytes signed_data; /* what was hashed once for the device: clientDataJSON, or ssh's challenge */
    const char *relying_party;   /* rpId, or the application */
    int64_t now;
};

/* The key as OpenSSH writes it (PROTOCOL.u2f). */
static int make_key(const struct tg_credential_data *data, const char *application,
                    struct tg_public_key **key, struct tg_error *error)
{
    uint8_t blob[KEY_BLOB_SIZE];
    uint8_t point[1 + 64] = {0x04};
    struct tg_writer writer = tg_writer_of(blob, sizeof blob);
    if (data->algorithm == TG_COSE_ES256) {
        memcpy(point + 1, data->x.data, data->x.length);
        memcpy(point + 1 + data->x.length, data->y.data, data->y.length);
        tg_write_text(&writer, tg_key_type_name(TG_KEY_SK_ECDSA_P256));
        tg_write_text(&writer, "nistp256");
        tg_write_string(&writer, tg_bytes_of(point, sizeof point));
    } else {
        tg_write_text(&writer, tg_key_type_name(TG_KEY_SK_ED25519));
        tg_write_string(&writer, data->x);
    }
    tg_write_text(&writer, application);
    struct tg_error fault = {0};
    if (writer.failed || tg_public_key_parse(tg_bytes_of(blob, writer.used), key, &fault) != 0)
        return tg_fail(error, TG_attestation_key, "attestation: %.200s", fault.text);
    return 0;
}

/* For whom the key was made. */
static int check_relying_party(const struct tg_credential_data *data, const char *relying_party,
                               struct tg_error *error)
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    (void)SHA256((const uint8_t *)relying_party, strlen(relying_party), hash);
    if (tg_bytes_equal(data->rp_id_hash, tg_bytes_of(hash, sizeof hash)))
        return 0;
    return tg_fail(error, TG_attestation_origin, "the key was not made for '%s'", relying_party);
}

/* fido_cred_set_type() must come first, and the extensions before fido_cred_verify(), which compares them
 * with those of the authenticator data. */
static int fill_in(fido_cred_t *fido, const struct question *question,
                   const struct tg_attestation_statement *statement)
{
    const struct tg_credential_data *data = &statement->data;
    const struct tg_bytes *certificate = &statement->chain[0];
    int extensions = (data->hmac_secret ? FIDO_EXT_HMAC_SECRET : 0) |
                     (data->credential_protection != 0 ? FIDO_EXT_CRED_PROTECT : 0);
    int code = fido_cred_set_type(fido, (int)data->algorithm);
    if (code == FIDO_OK)
        code = fido_cred_set_fmt(fido, statement->format);
    if (code == FIDO_OK)
        code = fido_cred_set_clientdata(fido, question->signed_data.data, question->signed_data.length);
    if (code == FIDO_OK)
        code = fido_cred_set_rp(fido, question->relying_party, NULL);
    if (code == FIDO_OK && extensions != 0)
        code = fido_cred_set_extensions(fido, extensions);
    if (code == FIDO_OK && data->credential_protection != 0)
        code = fido_cred_set_prot(fido, (int)data->credential_protection);
    if (code == FIDO_OK)
        code = fido_cred_set_authdata_raw(fido, data->whole.data, data->whole.length);
    if (code == FIDO_OK)
        code = fido_cred_set_x509(fido, certificate->data, certificate->length);
    if (code == FIDO_OK)
        code = fido_cred_set_sig(fido, statement->signature.data, statement->signature.length);
    return code;
}

static int check_signature(const struct question *question, const struct tg_attestation_statement *statement,
                           struct tg_error *error)
{
    fido_init(0);
    fido_cred_t *fido = fido_cred_new();
    if (fido == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    int code = fill_in(fido, question, statement);
    if (code == FIDO_OK)
        code = fido_cred_verify(fido);
    fido_cred_free(&fido);
    return code == FIDO_OK ? 0
                           : tg_fail(error, TG_attestation_signature,
                                     "the attestation's signature is wrong (%s)", fido_strerr(code));
}

static void write_aaguid(struct tg_bytes aaguid, char out[TG_AAGUID_SIZE])
{
    size_t used = 0;
    for (size_t i = 0; i < aaguid.length; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[used++] = '-';
        (void)snprintf(out + used, 3, "%02x", aaguid.data[i]);
        used += 2;
    }
}

/* A fido-u2f statement signs neither the model nor the flags (WebAuthn Level 2 section 8.6 step 4), so they
 * may say only what every such device says: otherwise any U2F key could pass for a listed model. */
static int check_u2f(const struct tg_attestation_statement *statement, struct tg_error *error)
{
    static const uint8_t none[TG_AAGUID_BYTES];
    const struct tg_credential_data *data = &statement->data;
    if (strcmp(statement->format, "fido-u2f") != 0 ||
        (tg_bytes_equal(data->aaguid, tg_bytes_of(none, sizeof none)) &&
         data->flags == (TG_FLAG_UP | TG_FLAG_AT)))
        return 0;
    return tg_fail(error, TG_attestation_malformed,
                   "attestation: fido-u2f with an AAGUID, or with flags that it does not sign");
}

/* The statement, where somebody wants to know. */
static int judge(const struct question *question, const struct tg_attestation_statement *statement,
                 struct tg_attestation *out, struct tg_error *error)
{
    const struct tg_credential_data *data = &statement->data;
    if (question->trust == NULL || strcmp(statement->format, "none") == 0)
        return 0;
    if (statement->chain_length == 0)
        return tg_fail(error, TG_attestation_self,
                       "the key vouches only for itself (self attestation), which software does as well");
    if ((data->flags & TG_FLAG_BE) != 0)
        return tg_fail(error, TG_attestation_synced, "the key can be copied to other devices");
    const struct tg_attestation_model *model = tg_attestation_model(question->trust, data->aaguid);
    if (model == NULL)
        return tg_fail(error, TG_attestation_device, "the model %s is not listed", out->aaguid);
    if (check_signature(question, statement, error) != 0 ||
        tg_attestation_check_chain(question->trust, statement, model, question->now, error) != 0)
        return -1;
    out->attested = true;
    (void)snprintf(out->device, sizeof out->device, "%s", model->name);
    return 0;
}

/* Everything behind the two envelopes. */
static int examine(const struct question *question, const struct tg_attestation_statement *statement,
                   struct tg_attestation **out, struct tg_error *error)
{
    const struct tg_credential_data *data = &statement->data;
    struct tg_attestation *result = calloc(1, sizeof *result);
    if (result == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    write_aaguid(data->aaguid, result->aaguid);
    memcpy(result->credential_id, data->credential_id.data, data->credential_id.length);
    result->credential_id_length = data->credential_id.length;
    result->user_verified = (data->flags & TG_FLAG_UV) != 0;
    result->backup_eligible = (data->flags & TG_FLAG_BE) != 0;
    result->credential_protection = data->credential_protection;
    if (check_u2f(statement, error) != 0 || check_relying_party(data, question->relying_party, error) != 0 ||
        make_key(data, question->relying_party, &result->key, error) != 0 ||
        judge(question, statement, result, error) != 0) {
        tg_attestation_free(result);
        return -1;
    }
    *out = result;
    return 0;
}

/* lib/client_data.c speaks of approvals. */
static int check_client_data(struct tg_bytes client_data, struct tg_bytes challenge, const char *origin,
                             struct tg_error *error)
{
    struct tg_error fault = {0};
    if (tg_client_data_check_creation(client_data, challenge, origin, &fault) == 0)
        return 0;
    enum tg_reason reason = fault.reason;
    if (reason == TG_approval_malformed)
        reason = TG_attestation_malformed;
    else if (reason == TG_approval_signature)
        reason = TG_attestation_challenge;
    else if (reason == TG_approval_origin)
        reason = TG_attestation_origin;
    return tg_fail(error, reason, "%s", fault.text);
}

int tg_attestation_verify_webauthn(const struct tg_attestation_trust *trust,
                                   struct tg_bytes attestation_object, struct tg_bytes client_data,
                                   struct tg_bytes challenge, const char *origin, const char *rp_id,
                                   int64_t now, struct tg_attestation **out, struct tg_error *error)
{
    struct tg_attestation_statement statement;
    struct question question = {
        .trust = trust, .signed_data = client_data, .relying_party = rp_id, .now = now};
    *out = NULL;
    if (check_client_data(client_data, challenge, origin, error) != 0 ||
        tg_attestation_read_object(attestation_object, &statement, error) != 0)
        return -1;
    if (statement.data.algorithm != TG_COSE_ES256)
        return tg_fail(error, TG_attestation_key, "a browser's key must be ES256");
    return examine(&question, &statement, out, error);
}

int tg_attestation_verify_ssh(const struct tg_attestation_trust *trust, struct tg_bytes blob,
                              struct tg_bytes challenge, const struct tg_public_key *key, int64_t now,
                              struct tg_attestation **out, struct tg_error *error)
{
    struct tg_attestation_statement statement;
    struct question question = {
        .trust = trust, .signed_data = challenge, .relying_party = key->application, .now = now};
    *out = NULL;
    if (!tg_key_type_is_security_key(key->type))
        return tg_fail(error, TG_attestation_key, "%s is not the key of a security key", key->fingerprint);
    if (tg_attestation_read_ssh(blob, &statement, error) != 0 ||
        examine(&question, &statement, out, error) != 0)
        return -1;
    if (tg_bytes_equal((*out)->key->blob, key->blob))
        return 0;
    tg_attestation_free(*out);
    *out = NULL;
    return tg_fail(error, TG_attestation_key, "the attestation is for another key than %s", key->fingerprint);
}

void tg_attestation_free(struct tg_attestation *attestation)
{
    if (attestation == NULL)
        return;
    tg_public_key_free(attestation->key);
    free(attestation);
}
