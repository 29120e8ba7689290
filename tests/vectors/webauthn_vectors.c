/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/webauthn.h"
#include "tests/vectors/vectors.h"

#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>

enum { FLAGS_AT = 32, FLAG_UV = 0x04, FLAG_BE = 0x08, FLAG_EXTENSIONS = 0x80 };

/* An entry with its bytes decoded. */
struct material {
    struct tg_assertion assertion;
    uint8_t *public_key;
    uint8_t *authenticator_data;
    uint8_t *client_data;
    uint8_t *signature;
    uint8_t *challenge;
    size_t challenge_length;
    const char *rp_id;
    const char *origin;
};

static void free_material(struct material *material)
{
    free(material->public_key);
    free(material->authenticator_data);
    free(material->client_data);
    free(material->signature);
    free(material->challenge);
}

/* Appends a hex member to `key`, on the right of `size` bytes. */
static bool append_number(const json_t *cose, const char *name, size_t size, uint8_t *key, size_t *used)
{
    uint8_t *bytes;
    size_t length;
    bool ok = member_hex(cose, name, &bytes, &length) && length <= size;
    if (ok) {
        memset(key + *used, 0, size - length);
        memcpy(key + *used + size - length, bytes, length);
        *used += size;
    }
    free(bytes);
    return ok;
}

/* Appends a hex member as long as it is. */
static bool append_bytes(const json_t *cose, const char *name, uint8_t *key, size_t max, size_t *used)
{
    uint8_t *bytes;
    size_t length;
    bool ok = member_hex(cose, name, &bytes, &length) && length <= max;
    if (ok) {
        memcpy(key + *used, bytes, length);
        *used += length;
    }
    free(bytes);
    return ok;
}

enum { KEY_MAX = 2048 };

static bool take_public_key(const json_t *cose, struct material *material)
{
    size_t used = 0;
    bool ok = false;
    json_int_t algorithm = json_integer_value(json_object_get(cose, "alg"));
    uint8_t *key = material->public_key = malloc(KEY_MAX);
    if (key == NULL)
        return false;
    if (algorithm == TG_COSE_ES256)
        ok = append_number(cose, "x", 32, key, &used) && append_number(cose, "y", 32, key, &used);
    else if (algorithm == TG_COSE_EDDSA)
        ok = append_bytes(cose, "x", key, KEY_MAX, &used);
    else if (algorithm == TG_COSE_RS256)
        ok = append_bytes(cose, "n", key, KEY_MAX - 8, &used) && append_number(cose, "e", 3, key, &used);
    material->assertion.algorithm = (enum tg_cose_algorithm)algorithm;
    material->assertion.public_key = tg_bytes_of(key, used);
    return ok;
}

/* The challenge that the verifier expects: the one of the entry, which must be the digest of its preimage. */
static bool take_challenge(const json_t *entry, struct material *material)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    const json_t *preimage = json_object_get(entry, "challengePreimage");
    if (!member_base64url(entry, "challenge", &material->challenge, &material->challenge_length))
        return false;
    if (!json_is_string(preimage))
        return true;
    (void)SHA256((const uint8_t *)json_string_value(preimage), json_string_length(preimage), digest);
    return tg_bytes_equal(tg_bytes_of(material->challenge, material->challenge_length),
                          tg_bytes_of(digest, sizeof digest));
}

static bool take_bytes(const json_t *entry, const char *name, uint8_t **bytes, struct tg_bytes *out)
{
    size_t length;
    if (!member_base64url(entry, name, bytes, &length))
        return false;
    *out = tg_bytes_of(*bytes, length);
    return true;
}

/* True unless both are there and differ. */
static bool members_agree(const json_t *entry, const json_t *credential, const char *name)
{
    const char *one = member_text(entry, name);
    const char *other = member_text(credential, name);
    return one == NULL || other == NULL || strcmp(one, other) == 0;
}

static const json_t *find_credential(const json_t *credentials, const json_t *entry)
{
    const char *name = member_text(entry, "credential");
    size_t index;
    json_t *credential;
    json_array_foreach(credentials, index, credential)
    {
        const char *candidate = member_text(credential, "name");
        if (name != NULL && candidate != NULL && strcmp(candidate, name) == 0)
            return credential;
    }
    return NULL;
}

/* Reads an entry as a verifier would that has the credential on file: key, rpId and origin are the
 * credential's. */
static int take_material(const json_t *credentials, const json_t *entry, struct material *material,
                         struct tg_error *error)
{
    const json_t *credential = find_credential(credentials, entry);
    const json_t *cose = json_object_get(entry, "publicKeyCose");
    material->rp_id = member_text(credential, "rpId");
    material->origin = member_text(credential, "origin");
    if (material->rp_id == NULL)
        material->rp_id = member_text(entry, "rpId");
    if (material->origin == NULL)
        material->origin = member_text(entry, "origin");
    if (material->rp_id == NULL || material->origin == NULL)
        return tg_fail(error, TG_request_malformed, "no credential, rpId or origin for the entry");
    if (!members_agree(entry, credential, "credentialId") || !members_agree(entry, credential, "rpId"))
        return tg_fail(error, TG_approver_unknown, "another credentialId or rpId than the credential's");
    if (!take_public_key(cose == NULL ? json_object_get(credential, "publicKeyCose") : cose, material))
        return tg_fail(error, TG_approver_unknown, "no public key of ES256, EdDSA or RS256");
    if (!take_challenge(entry, material))
        return tg_fail(error, TG_request_malformed, "no challenge, or not that of its preimage");
    if (!take_bytes(entry, "authenticatorData", &material->authenticator_data,
                    &material->assertion.authenticator_data) ||
        !take_bytes(entry, "clientDataJSON", &material->client_data, &material->assertion.client_data) ||
        !take_bytes(entry, "signature", &material->signature, &material->assertion.signature))
        return tg_fail(error, TG_request_malformed, "not base64url, or missing");
    return 0;
}

static int verify(const struct material *material, const struct tg_sshsig_demands *demands,
                  struct tg_error *error)
{
    struct tg_sshsig_facts facts;
    if (tg_client_data_check(material->assertion.client_data,
                             tg_bytes_of(material->challenge, material->challenge_length), material->origin,
                             error) != 0)
        return -1;
    return tg_assertion_verify(&material->assertion, material->rp_id, demands, &facts, error);
}

static uint8_t flags_of(const struct material *material)
{
    struct tg_bytes data = material->assertion.authenticator_data;
    return data.length > FLAGS_AT ? data.data[FLAGS_AT] : 0;
}

/* A good assertion must fail where UV is demanded exactly if it lacks UV, and where a device-bound key is
 * demanded exactly if it has BE. */
static const char *stricter_demands_differ(const struct material *material)
{
    struct tg_error error;
    struct tg_sshsig_demands verified = {.user_verification = true};
    struct tg_sshsig_demands bound = {.device_bound = true};
    uint8_t flags = flags_of(material);
    if ((verify(material, &verified, &error) == 0) != ((flags & FLAG_UV) != 0))
        return "UV";
    if ((verify(material, &bound, &error) == 0) != ((flags & FLAG_BE) == 0))
        return "a device-bound key";
    return NULL;
}

static void check_entry(const json_t *credentials, const json_t *entry, struct report *report)
{
    struct tg_error error = {0};
    struct material material = {0};
    struct tg_sshsig_demands demands = {0};
    const char *name = entry_name(entry);
    const json_t *valid = json_object_get(json_object_get(entry, "expect"), "valid");
    if (!json_is_boolean(valid)) {
        report_fail(report, name, "the file lacks expect.valid");
        return;
    }
    apply_policy(json_object_get(entry, "policy"), &demands);
    bool accepted =
        take_material(credentials, entry, &material, &error) == 0 && verify(&material, &demands, &error) == 0;
    /* We ask for no extension, so an assertion with extension data is refused though its signature is right.
     */
    bool expected = json_is_true(valid) && (flags_of(&material) & FLAG_EXTENSIONS) == 0;
    const char *differs = expected && accepted ? stricter_demands_differ(&material) : NULL;
    if (differs != NULL)
        report_fail(report, name, "wrong answer where %s is demanded", differs);
    else
        report_verdict(report, name, expected, accepted, &error);
    free_material(&material);
}

/* The array itself, or the member of that name. */
static const json_t *array_of(const json_t *document, const char *name)
{
    return json_is_array(document) ? document : json_object_get(document, name);
}

bool check_webauthn_folder(const char *folder, struct report *report)
{
    static const char *const names[][2] = {{"assertions.json", "assertions"},
                                           {"negatives.json", "negatives"}};
    json_t *credentials = load_json(folder, "credentials.json");
    bool known = false;
    for (size_t i = 0; credentials != NULL && i < sizeof names / sizeof names[0]; i++) {
        json_t *document = load_json(folder, names[i][0]);
        size_t index;
        json_t *entry;
        known = known || document != NULL;
        json_array_foreach(array_of(document, names[i][1]), index, entry)
        {
            check_entry(array_of(credentials, "credentials"), entry, report);
        }
        json_decref(document);
    }
    if (known)
        check_registrations(array_of(credentials, "credentials"), report);
    json_decref(credentials);
    return known;
}
