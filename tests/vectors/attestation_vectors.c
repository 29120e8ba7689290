/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Registrations and attestation files. What is trusted is made from the folder itself: the root that lies
 * beside the files, or, for a browser's virtual authenticators, whose certificates are each their own root,
 * the certificate of the entry.
 */
#include "lib/armor.h"
#include "lib/attestation.h"
#include "lib/base64.h"
#include "tests/unit/temporary.h"
#include "tests/vectors/vectors.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The vectors' README wants a clock between 2026-01-01 and 2035-12-31; this is 2030-01-01. */
static const int64_t judged_at = 1893456000;

enum { PATH_SIZE = 160, FLAGS_AT = 32, FLAG_BE = 0x08, ALGORITHM_ES256 = -7 };

static bool write_text(const char *path, const char *text)
{
    FILE *stream = fopen(path, "we");
    bool good = stream != NULL && fputs(text, stream) >= 0;
    return stream != NULL && fclose(stream) == 0 && good && chmod(path, 0644) == 0;
}

/* A trust directory with one root and one model, read and removed again. */
static struct tg_attestation_trust *make_trust(const char *root, const char *aaguid, struct tg_error *error)
{
    char folder[TEMPORARY_SIZE], roots[PATH_SIZE], file[PATH_SIZE], aaguids[PATH_SIZE], line[128];
    struct tg_attestation_trust *trust = NULL;
    if (mkdtemp(temporary_template(folder)) == NULL)
        return NULL;
    (void)snprintf(roots, sizeof roots, "%s/roots", folder);
    (void)snprintf(file, sizeof file, "%s/roots/root.pem", folder);
    (void)snprintf(aaguids, sizeof aaguids, "%s/aaguids", folder);
    (void)snprintf(line, sizeof line, "%.8s-%.4s-%.4s-%.4s-%.12s without-extension the vectors' key\n",
                   aaguid, aaguid + 8, aaguid + 12, aaguid + 16, aaguid + 20);
    if (mkdir(roots, 0700) == 0 && write_text(file, root) && write_text(aaguids, line))
        (void)tg_attestation_trust_read(folder, &trust, error);
    (void)unlink(file);
    (void)unlink(aaguids);
    (void)rmdir(roots);
    (void)rmdir(folder);
    return trust;
}

/* The first certificate of an entry's attStmt.x5c, as PEM; NULL if there is none. */
static char *certificate_of(const json_t *entry)
{
    const char *text =
        json_string_value(json_array_get(json_object_get(json_object_get(entry, "attStmt"), "x5c"), 0));
    char *pem = NULL;
    uint8_t *der = text == NULL ? NULL : malloc(tg_base64_decoded_max(strlen(text)));
    size_t length;
    if (der != NULL && tg_base64_decode(TG_BASE64, tg_bytes_of_text(text), der,
                                        tg_base64_decoded_max(strlen(text)), &length))
        (void)tg_armor_encode(tg_bytes_of(der, length), "CERTIFICATE", &pem);
    free(der);
    return pem;
}

/* A browser's registration with its bytes decoded. */
struct registration {
    uint8_t *object, *client_data, *challenge;
    size_t object_length, client_data_length, challenge_length;
    const char *rp_id, *origin;
};

static bool take_registration(const json_t *entry, struct registration *registration)
{
    registration->rp_id = member_text(entry, "rpId");
    registration->origin = member_text(entry, "origin");
    return registration->rp_id != NULL && registration->origin != NULL &&
           member_base64url(entry, "attestationObject", &registration->object,
                            &registration->object_length) &&
           member_base64url(entry, "clientDataJSON", &registration->client_data,
                            &registration->client_data_length) &&
           member_base64url(entry, "challenge", &registration->challenge, &registration->challenge_length);
}

static void free_registration(struct registration *registration)
{
    free(registration->object);
    free(registration->client_data);
    free(registration->challenge);
}

static int verify(const struct registration *registration, const struct tg_attestation_trust *trust,
                  struct tg_attestation **out, struct tg_error *error)
{
    return tg_attestation_verify_webauthn(
        trust, tg_bytes_of(registration->object, registration->object_length),
        tg_bytes_of(registration->client_data, registration->client_data_length),
        tg_bytes_of(registration->challenge, registration->challenge_length), registration->origin,
        registration->rp_id, judged_at, out, error);
}

/* Does the library find what the entry says? */
static const char *differs(const json_t *entry, const struct tg_attestation *attestation, bool attested)
{
    uint8_t *id;
    size_t length;
    bool same_id = member_base64url(entry, "credentialId", &id, &length) &&
                   tg_bytes_equal(tg_bytes_of(id, length),
                                  tg_bytes_of(attestation->credential_id, attestation->credential_id_length));
    free(id);
    if (!same_id)
        return "credentialId";
    if (attestation->attested != attested)
        return "answer to whether it is attested";
    return strcmp(attestation->key->application, member_text(entry, "rpId")) == 0 ? NULL : "rpId";
}

/* Each of these must turn a good registration into a bad one. */
static const char *still_accepted(const struct registration *good, const struct tg_attestation_trust *trust)
{
    struct tg_attestation *out = NULL;
    struct tg_error error;
    struct registration changed = *good;
    const char *accepted = NULL;
    changed.rp_id = "other.example.test";
    if (verify(&changed, trust, &out, &error) == 0)
        accepted = "accepted for another rpId";
    tg_attestation_free(out);
    changed = *good;
    changed.origin = "https://other.example.test";
    if (verify(&changed, trust, &out, &error) == 0)
        accepted = "accepted for another origin";
    tg_attestation_free(out);
    changed = *good;
    changed.challenge_length--;
    if (verify(&changed, trust, &out, &error) == 0)
        accepted = "accepted for another challenge";
    tg_attestation_free(out);
    changed = *good;
    changed.object_length--;
    if (verify(&changed, trust, &out, &error) == 0)
        accepted = "accepted though cut off";
    tg_attestation_free(out);
    return accepted;
}

/* A flag of the parsed authenticator data. */
static bool has_flag(const json_t *entry, int flag)
{
    return (json_integer_value(json_object_get(json_object_get(entry, "parsed"), "flags")) & flag) != 0;
}

static void check_registration(const json_t *entry, struct report *report)
{
    char name[160];
    struct registration registration = {0};
    struct tg_attestation *attestation = NULL;
    struct tg_error error = {0};
    const char *aaguid = member_text(json_object_get(entry, "parsed"), "aaguid");
    char *root = certificate_of(entry);
    struct tg_attestation_trust *trust =
        root == NULL || aaguid == NULL || strlen(aaguid) != 32 ? NULL : make_trust(root, aaguid, &error);
    bool es256 = json_integer_value(json_object_get(entry, "publicKeyAlgorithm")) == ALGORITHM_ES256;
    bool expected = es256 && (trust == NULL || !has_flag(entry, FLAG_BE));
    (void)snprintf(name, sizeof name, "registration %s", entry_name(entry));
    bool accepted =
        take_registration(entry, &registration) && verify(&registration, trust, &attestation, &error) == 0;
    const char *wrong = NULL;
    if (root != NULL && trust == NULL)
        wrong = "trust in its certificate";
    else if (accepted)
        wrong = differs(entry, attestation, trust != NULL);
    if (wrong == NULL && accepted)
        wrong = still_accepted(&registration, trust);
    if (wrong != NULL)
        report_fail(report, name, "the file has another %s: %s", wrong, error.text);
    else
        report_verdict(report, name, expected, accepted, &error);
    tg_attestation_free(attestation);
    tg_attestation_trust_free(trust);
    free_registration(&registration);
    free(root);
}

void check_registrations(const json_t *credentials, struct report *report)
{
    size_t index;
    json_t *entry;
    json_array_foreach(credentials, index, entry)
    {
        if (json_object_get(entry, "attestationObject") != NULL)
            check_registration(entry, report);
    }
}

/* An attestation file of ssh-keygen. "basic": made by a key whose certificate the test root signed. */
static void check_file(const char *folder, const json_t *entry, struct report *report)
{
    size_t length = 0, challenge_length, ignored;
    struct tg_error error = {0};
    struct tg_attestation *attestation = NULL;
    struct tg_public_key *key = NULL;
    const char *file = member_text(entry, "file");
    const char *aaguid = member_text(entry, "aaguidHex");
    const char *public_key = member_text(entry, "publicKey");
    char *blob = file == NULL ? NULL : load_file(folder, file, &length);
    char *line = public_key == NULL ? NULL : load_file(folder, public_key, &ignored);
    char *challenge = load_file(folder, "attest/challenge.bin", &challenge_length);
    char *root = load_file(folder, "attest/test-attest-root.pem", &ignored);
    struct tg_attestation_trust *trust =
        root == NULL ? NULL
                     : make_trust(root, aaguid != NULL ? aaguid : "00000000000000000000000000000000", &error);
    bool readable = blob != NULL && line != NULL && challenge != NULL && trust != NULL &&
                    tg_public_key_parse_line(line, &key, &error) == 0;
    bool accepted = readable && tg_attestation_verify_ssh(trust, tg_bytes_of(blob, length),
                                                          tg_bytes_of(challenge, challenge_length), key,
                                                          judged_at, &attestation, &error) == 0;
    json_int_t protection = json_integer_value(json_object_get(entry, "credProtect"));
    if (!readable)
        report_fail(report, entry_name(entry), "a file of the entry cannot be read: %s", error.text);
    else if (accepted && (!attestation->attested || attestation->credential_protection != protection))
        report_fail(report, entry_name(entry), "not attested, or another credProtect");
    else
        report_verdict(report, entry_name(entry), json_is_true(json_object_get(entry, "basic")), accepted,
                       &error);
    tg_attestation_free(attestation);
    tg_attestation_trust_free(trust);
    tg_public_key_free(key);
    free(root);
    free(challenge);
    free(line);
    free(blob);
}

void check_attestations(const char *folder, const json_t *entries, struct report *report)
{
    size_t index;
    json_t *entry;
    json_array_foreach(entries, index, entry)
    {
        check_file(folder, entry, report);
    }
}
