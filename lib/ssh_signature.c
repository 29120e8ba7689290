/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ssh_signature.h"

#include "lib/ed25519_point.h"
#include "lib/key_parts.h"
#include "lib/mpint.h"
#include "lib/webauthn.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <string.h>

enum signature_form { FORM_PLAIN, FORM_SECURITY_KEY, FORM_WEBAUTHN };

/* Which algorithm signs with which type of key. "ssh-rsa" (SHA-1) is not among them. */
struct algorithm {
    const char *name;
    enum tg_key_type key_type;
    enum signature_form form;
    const char *digest; /* NULL: Ed25519's own, or the security key's */
};

static const struct algorithm algorithms[] = {
    {"ssh-ed25519", TG_KEY_ED25519, FORM_PLAIN, NULL},
    {"ecdsa-sha2-nistp256", TG_KEY_ECDSA_P256, FORM_PLAIN, "SHA256"},
    {"ecdsa-sha2-nistp384", TG_KEY_ECDSA_P384, FORM_PLAIN, "SHA384"},
    {"ecdsa-sha2-nistp521", TG_KEY_ECDSA_P521, FORM_PLAIN, "SHA512"},
    {"rsa-sha2-256", TG_KEY_RSA, FORM_PLAIN, "SHA256"},
    {"rsa-sha2-512", TG_KEY_RSA, FORM_PLAIN, "SHA512"},
    {"sk-ssh-ed25519@openssh.com", TG_KEY_SK_ED25519, FORM_SECURITY_KEY, NULL},
    {"sk-ecdsa-sha2-nistp256@openssh.com", TG_KEY_SK_ECDSA_P256, FORM_SECURITY_KEY, NULL},
    {"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", TG_KEY_SK_ECDSA_P256, FORM_WEBAUTHN, NULL},
};

static const struct algorithm *find_algorithm(struct tg_bytes name)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (tg_bytes_equal_text(name, algorithms[i].name))
            return &algorithms[i];
    }
    return NULL;
}

bool tg_ssh_signature_parse(struct tg_bytes blob, struct tg_ssh_signature *out)
{
    struct tg_reader reader = tg_reader_of(blob);
    *out = (struct tg_ssh_signature){0};
    if (blob.length > TG_SSH_SIGNATURE_MAX || !tg_read_string(&reader, &out->algorithm) ||
        !tg_read_string(&reader, &out->value))
        return false;
    const struct algorithm *algorithm = find_algorithm(out->algorithm);
    if (algorithm == NULL)
        return false;
    out->security_key = algorithm->form != FORM_PLAIN;
    out->webauthn = algorithm->form == FORM_WEBAUTHN;
    if (out->security_key && (!tg_read_u8(&reader, &out->flags) || !tg_read_u32(&reader, &out->counter)))
        return false;
    if (out->webauthn &&
        (!tg_read_string(&reader, &out->origin) || !tg_read_string(&reader, &out->client_data) ||
         !tg_read_string(&reader, &out->extensions)))
        return false;
    return tg_read_end(&reader);
}

/* SSH's (mpint r, mpint s) as the DER that OpenSSL and libfido2 want; OPENSSL_free() it. False for anything
 * else. */
static bool ecdsa_to_der(struct tg_bytes value, uint8_t **der, size_t *length)
{
    struct tg_bytes r_bytes;
    struct tg_bytes s_bytes;
    struct tg_reader reader = tg_reader_of(value);
    *der = NULL;
    *length = 0;
    if (!tg_read_mpint(&reader, &r_bytes) || !tg_read_mpint(&reader, &s_bytes) || !tg_read_end(&reader))
        return false;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(r_bytes.data, (int)r_bytes.length, NULL);
    BIGNUM *s = BN_bin2bn(s_bytes.data, (int)s_bytes.length, NULL);
    if (signature == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(signature, r, s) != 1) {
        BN_free(r);
        BN_free(s);
    } else {
        int size = i2d_ECDSA_SIG(signature, der);
        *length = size > 0 ? (size_t)size : 0;
    }
    ECDSA_SIG_free(signature);
    return *length > 0;
}

static bool evp_verify(const struct tg_public_key *key, const char *digest, struct tg_bytes value,
                       struct tg_bytes data)
{
    EVP_PKEY *pkey = tg_public_key_to_evp(key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool right = pkey != NULL && context != NULL &&
                 EVP_DigestVerifyInit_ex(context, NULL, digest, NULL, NULL, pkey, NULL) == 1 &&
                 EVP_DigestVerify(context, value.data, value.length, data.data, data.length) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    return right;
}

static int verify_plain(const struct tg_public_key *key, const struct algorithm *algorithm,
                        struct tg_bytes value, struct tg_bytes data, struct tg_error *error)
{
    uint8_t *der = NULL;
    size_t der_length;
    bool right = false;
    if (tg_key_type_group(key->type) != NULL) {
        if (ecdsa_to_der(value, &der, &der_length))
            right = evp_verify(key, algorithm->digest, tg_bytes_of(der, der_length), data);
    } else if (key->type == TG_KEY_RSA) {
        right = value.length == key->rsa_n.length && evp_verify(key, algorithm->digest, value, data);
    } else {
        right = value.length == TG_ED25519_SIGNATURE_SIZE && evp_verify(key, algorithm->digest, value, data);
    }
    OPENSSL_free(der);
    return right ? 0 : tg_fail(error, TG_approval_signature, "the %s signature is wrong", algorithm->name);
}

/* Puts together the authenticator data that the security key signed and has it verified. */
static int verify_assertion(const struct tg_public_key *key, const struct tg_ssh_signature *signature,
                            struct tg_bytes client_data, const struct tg_sshsig_demands *demands,
                            struct tg_sshsig_facts *facts, struct tg_error *error)
{
    uint8_t data[SHA256_DIGEST_LENGTH + 5];
    uint8_t hash[SHA256_DIGEST_LENGTH];
    uint8_t *der = NULL;
    struct tg_bytes application = tg_bytes_of_text(key->application);
    struct tg_writer writer = tg_writer_of(data, sizeof data);
    (void)SHA256(application.data, application.length, hash);
    tg_write_bytes(&writer, tg_bytes_of(hash, sizeof hash));
    tg_write_u8(&writer, signature->flags);
    tg_write_u32(&writer, signature->counter);
    struct tg_assertion assertion = {
        .algorithm = TG_COSE_EDDSA,
        .public_key = key->material,
        .authenticator_data = tg_bytes_of(data, writer.used),
        .client_data = client_data,
        .signature = signature->value,
    };
    if (key->type == TG_KEY_SK_ECDSA_P256) {
        assertion.algorithm = TG_COSE_ES256;
        assertion.public_key =
            tg_bytes_of(key->material.data + 1, key->material.length - 1); /* without SEC1's 04 */
        if (!ecdsa_to_der(signature->value, &der, &assertion.signature.length))
            return tg_fail(error, TG_approval_malformed, "the signature's two numbers are not well-formed");
        assertion.signature.data = der;
    }
    int result = tg_assertion_verify(&assertion, key->application, demands, facts, error);
    OPENSSL_free(der);
    return result;
}

/* A browser's signature: the data is the challenge, and what the browser says about itself must be what we
 * expect. */
static int check_webauthn(const struct tg_public_key *key, const struct tg_ssh_signature *signature,
                          struct tg_bytes data, const struct tg_sshsig_demands *demands,
                          struct tg_error *error)
{
    if (demands->origin == NULL || demands->rp_id == NULL)
        return tg_fail(error, TG_approval_origin,
                       "signed in a browser, but this key is not one for browsers");
    if (strcmp(key->application, demands->rp_id) != 0)
        return tg_fail(error, TG_approval_origin, "the key is not for the web site '%s'", demands->rp_id);
    if (!tg_bytes_equal_text(signature->origin, demands->origin))
        return tg_fail(error, TG_approval_origin, "signed on '%.*s', not on '%s'",
                       (int)(signature->origin.length > 80 ? 80 : signature->origin.length),
                       (const char *)signature->origin.data, demands->origin);
    if (signature->extensions.length != 0)
        return tg_fail(error, TG_approval_malformed, "the signature has authenticator extensions");
    return tg_client_data_check(signature->client_data, data, demands->origin, error);
}

static int verify_security_key(const struct tg_public_key *key, const struct tg_ssh_signature *signature,
                               struct tg_bytes data, const struct tg_sshsig_demands *demands,
                               struct tg_sshsig_facts *facts, struct tg_error *error)
{
    struct tg_bytes client_data = data;
    if (signature->webauthn) {
        if (check_webauthn(key, signature, data, demands, error) != 0)
            return -1;
        client_data = signature->client_data;
    }
    if (verify_assertion(key, signature, client_data, demands, facts, error) != 0)
        return -1;
    facts->webauthn = signature->webauthn;
    return 0;
}

int tg_ssh_signature_verify(const struct tg_public_key *key, const struct tg_ssh_signature *signature,
                            struct tg_bytes data, const struct tg_sshsig_demands *demands,
                            struct tg_sshsig_facts *facts, struct tg_error *error)
{
    *facts = (struct tg_sshsig_facts){0};
    const struct algorithm *algorithm = find_algorithm(signature->algorithm);
    if (algorithm == NULL || algorithm->key_type != key->type)
        return tg_fail(error, TG_approval_signature, "the signature is not one that a %s key makes",
                       tg_key_type_name(key->type));
    if (algorithm->form != FORM_PLAIN)
        return verify_security_key(key, signature, data, demands, facts, error);
    if (demands->security_key)
        return tg_fail(error, TG_approval_software_key, "signed with a %s key, not with a security key",
                       tg_key_type_name(key->type));
    if (demands->user_verification)
        return tg_fail(error, TG_approval_no_user_verification, "a %s key cannot verify its user",
                       tg_key_type_name(key->type));
    return verify_plain(key, algorithm, signature->value, data, error);
}

int tg_public_key_verify(const struct tg_public_key *key, struct tg_bytes signature, struct tg_bytes data,
                         struct tg_error *error)
{
    static const struct tg_sshsig_demands touch_only = {0};
    struct tg_ssh_signature parsed;
    struct tg_sshsig_facts facts;
    if (!tg_ssh_signature_parse(signature, &parsed) || parsed.webauthn)
        return tg_fail(error, TG_approval_malformed,
                       "the signature is not well-formed, or of a kind that is refused");
    return tg_ssh_signature_verify(key, &parsed, data, &touch_only, &facts, error);
}
