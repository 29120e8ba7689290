/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Attestations that are right, and for each check one that only this check can refuse.
 */
#include "lib/attestation.h"
#include "lib/base64.h"
#include "tests/unit/attestation_maker.h"
#include "tests/unit/crypto_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char origin[] = "https://approve.example.test";
static const char rp_id[] = "approve.example.test";
static const char challenge[] = "a challenge of some length";
static const char client_data[] =
    "{\"type\":\"webauthn.create\",\"challenge\":\"YSBjaGFsbGVuZ2Ugb2Ygc29tZSBsZW5n"
    "dGg\",\"origin\":\"https://approve.example.test\",\"crossOrigin\":false}";

/* A folder, the maker, and the trust that goes with it. */
struct bench {
    void *folder;
    struct maker *maker;
    struct tg_attestation_trust *trust;
};

static const char *in_trust(struct bench *bench, const char *name)
{
    static char path[1200];
    (void)snprintf(path, sizeof path, "%s/trust%s", (const char *)bench->folder, name);
    return path;
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct tg_error error = {0};
    if (bench == NULL || make_folder(&bench->folder) != 0)
        return -1;
    bench->maker = maker_new(bench->folder);
    *state = bench;
    return tg_attestation_trust_read(in_trust(bench, ""), &bench->trust, &error);
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    tg_attestation_trust_free(bench->trust);
    maker_free(bench->maker);
    int result = remove_folder(&bench->folder);
    free(bench);
    return result;
}

static int verify(struct bench *bench, const struct recipe *recipe, struct tg_attestation **out,
                  struct tg_error *error)
{
    struct tg_bytes object = make_object(bench->maker, recipe, client_data);
    *error = (struct tg_error){0};
    int result =
        tg_attestation_verify_webauthn(bench->trust, object, tg_bytes_of_text(client_data),
                                       tg_bytes_of_text(challenge), origin, rp_id, made_at, out, error);
    free((void *)(uintptr_t)object.data);
    return result;
}

static void assert_attested(struct bench *bench, const struct recipe *recipe)
{
    struct tg_attestation *attestation = NULL;
    struct tg_error error;
    if (verify(bench, recipe, &attestation, &error) != 0)
        fail_msg("%s", error.text);
    assert_true(attestation->attested);
    char *line = made_key_line(bench->maker, recipe);
    struct tg_public_key *key;
    assert_int_equal(tg_public_key_parse_line(line, &key, &error), 0);
    assert_string_equal(attestation->key->fingerprint, key->fingerprint);
    assert_string_equal(attestation->key->application, rp_id);
    assert_int_equal(attestation->credential_id_length, recipe->id_length);
    assert_int_equal(attestation->user_verified, (recipe->flags & 0x04) != 0);
    assert_int_equal(attestation->credential_protection, recipe->protection);
    tg_public_key_free(key);
    free(line);
    tg_attestation_free(attestation);
}

static void test_good(void **state)
{
    struct bench *bench = *state;
    struct recipe recipe = recipe_default();
    struct tg_attestation *attestation;
    struct tg_error error;
    assert_attested(bench, &recipe);
    assert_int_equal(verify(bench, &recipe, &attestation, &error), 0);
    assert_string_equal(attestation->device, "A key of the tests");
    assert_string_equal(attestation->aaguid, "41414755-4944-2d4f-462d-412d54455354");
    tg_attestation_free(attestation);
    recipe.protection = 3;
    assert_attested(bench, &recipe);
    recipe.extension = "hmac-secret";
    assert_attested(bench, &recipe);
    recipe.protection = 0;
    assert_attested(bench, &recipe);
    recipe = recipe_default();
    recipe.flags = 0x41;
    assert_attested(bench, &recipe);
    recipe.id_length = 1023;
    assert_attested(bench, &recipe);
    recipe.intermediate = recipe.root_in_chain = true;
    assert_attested(bench, &recipe);
}

static void test_u2f(void **state)
{
    struct recipe recipe = recipe_default();
    memset(recipe.aaguid, 0, sizeof recipe.aaguid);
    recipe.format = "fido-u2f";
    recipe.flags = 0x41;
    recipe.unit = NULL;
    recipe.extension_missing = true;
    assert_attested(*state, &recipe);
}

/* Format none, or nobody who wants to know: a key, and nothing more. */
static void test_not_attested(void **state)
{
    struct bench *bench = *state;
    struct recipe recipe = recipe_default();
    struct tg_attestation *attestation;
    struct tg_error error;
    recipe.format = "none";
    recipe.flags |= 0x18; /* BE, BS */
    assert_int_equal(verify(bench, &recipe, &attestation, &error), 0);
    assert_false(attestation->attested);
    assert_true(attestation->backup_eligible);
    assert_string_equal(attestation->device, "");
    tg_attestation_free(attestation);
    recipe = recipe_default();
    recipe.damaged = true;
    struct bench trusting_nobody = *bench;
    trusting_nobody.trust = NULL;
    assert_int_equal(verify(&trusting_nobody, &recipe, &attestation, &error), 0);
    assert_false(attestation->attested);
    tg_attestation_free(attestation);
}

/* One thing that is wrong with an otherwise good attestation. */
struct wrong {
    const char *name;
    enum tg_reason reason;
    void (*change)(struct recipe *recipe);
};

#define CHANGE(name, ...)                                                                                    \
    static void name(struct recipe *recipe)                                                                  \
    {                                                                                                        \
        __VA_ARGS__;                                                                                         \
    }
CHANGE(no_touch, recipe->flags = 0x44)
CHANGE(no_credential_flag, recipe->flags = 0x05)
CHANGE(unknown_flag, recipe->flags |= 0x02)
CHANGE(backed_up_only, recipe->flags |= 0x10)
CHANGE(synced, recipe->flags |= 0x08)
CHANGE(other_place, recipe->rp_id = "other.example.test")
CHANGE(other_model, recipe->aaguid[0] ^= 1; recipe->extension_aaguid[0] ^= 1)
CHANGE(other_extension, recipe->extension_aaguid[15] ^= 1)
CHANGE(no_extension, recipe->extension_missing = true)
CHANGE(critical_extension, recipe->extension_critical = true)
CHANGE(short_extension, recipe->extension_short = true)
CHANGE(extension_twice, recipe->extension_twice = true)
CHANGE(eddsa, recipe->ed25519 = true)
CHANGE(no_point, recipe->off_curve = true)
CHANGE(trailing, recipe->trailing = true)
CHANGE(unknown_extension, recipe->extension = "largeBlobKey")
CHANGE(protection_4, recipe->protection = 4)
CHANGE(no_id, recipe->id_length = 0)
CHANGE(long_id, recipe->id_length = 1024)
CHANGE(self, recipe->self = true)
CHANGE(damaged, recipe->damaged = true)
CHANGE(unknown_format, recipe->format = "tpm")
CHANGE(rsa, recipe->algorithm = -257)
CHANGE(more_members, recipe->member = "ecdaaKeyId")
CHANGE(member_twice, recipe->member = "sig")
CHANGE(u2f_named_packed, memset(recipe->aaguid, 0, 16); recipe->format = "fido-u2f"; recipe->flags = 0x41;
       recipe->member = "alg")
CHANGE(u2f_of_a_model, recipe->format = "fido-u2f"; recipe->flags = 0x41)
CHANGE(u2f_verified, memset(recipe->aaguid, 0, 16); recipe->format = "fido-u2f")
CHANGE(u2f_protected, memset(recipe->aaguid, 0, 16); recipe->format = "fido-u2f"; recipe->flags = 0x41;
       recipe->protection = 3)
CHANGE(version_1, recipe->version = 0)
CHANGE(version_2, recipe->version = 1)
CHANGE(no_unit, recipe->unit = NULL)
CHANGE(other_unit, recipe->unit = "Authenticator Attestation ")
CHANGE(no_country, recipe->country = false)
CHANGE(no_constraints, recipe->basic_constraints = false)
CHANGE(authority, recipe->authority = true)
CHANGE(big_curve, recipe->big_curve = true)
CHANGE(stranger, recipe->stranger = true)
CHANGE(missing_intermediate, recipe->intermediate = true)
CHANGE(expired, recipe->not_after = made_at - 1)

static const struct wrong wrongs[] = {
    {"no touch", TG_attestation_no_touch, no_touch},
    {"no credential flag", TG_attestation_malformed, no_credential_flag},
    {"an unknown flag", TG_attestation_malformed, unknown_flag},
    {"BS without BE", TG_attestation_malformed, backed_up_only},
    {"BE", TG_attestation_synced, synced},
    {"another rpId", TG_attestation_origin, other_place},
    {"another model", TG_attestation_device, other_model},
    {"a certificate of another model", TG_attestation_device, other_extension},
    {"a certificate of no model", TG_attestation_device, no_extension},
    {"a critical extension", TG_attestation_certificate, critical_extension},
    {"a short extension", TG_attestation_certificate, short_extension},
    {"the extension twice", TG_attestation_certificate, extension_twice},
    {"Ed25519 in a browser", TG_attestation_key, eddsa},
    {"a point off its curve", TG_attestation_key, no_point},
    {"a trailing byte", TG_attestation_malformed, trailing},
    {"an extension that nobody asked for", TG_attestation_malformed, unknown_extension},
    {"credProtect 4", TG_attestation_malformed, protection_4},
    {"no credential id", TG_attestation_malformed, no_id},
    {"a long credential id", TG_attestation_malformed, long_id},
    {"self attestation", TG_attestation_self, self},
    {"a damaged signature", TG_attestation_signature, damaged},
    {"an unknown format", TG_attestation_malformed, unknown_format},
    {"an RSA statement", TG_attestation_malformed, rsa},
    {"an unknown member", TG_attestation_malformed, more_members},
    {"a member twice", TG_attestation_malformed, member_twice},
    {"alg in fido-u2f", TG_attestation_malformed, u2f_named_packed},
    {"fido-u2f that claims a model", TG_attestation_malformed, u2f_of_a_model},
    {"fido-u2f that claims UV", TG_attestation_malformed, u2f_verified},
    {"fido-u2f that claims credProtect", TG_attestation_malformed, u2f_protected},
    {"an X.509 v1 certificate", TG_attestation_certificate, version_1},
    {"an X.509 v2 certificate", TG_attestation_certificate, version_2},
    {"no OU", TG_attestation_certificate, no_unit},
    {"another OU", TG_attestation_certificate, other_unit},
    {"no C", TG_attestation_certificate, no_country},
    {"no CA:FALSE", TG_attestation_certificate, no_constraints},
    {"CA:TRUE", TG_attestation_certificate, authority},
    {"a P-384 certificate", TG_attestation_certificate, big_curve},
    {"another root of the same name", TG_attestation_untrusted, stranger},
    {"a missing intermediate", TG_attestation_untrusted, missing_intermediate},
    {"an expired certificate", TG_attestation_untrusted, expired},
};

static void test_wrong(void **state)
{
    struct tg_error error;
    struct tg_attestation *attestation;
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        struct recipe recipe = recipe_default();
        wrongs[i].change(&recipe);
        if (verify(*state, &recipe, &attestation, &error) == 0)
            fail_msg("%s: accepted", wrongs[i].name);
        assert_null(attestation);
        if (error.reason != wrongs[i].reason)
            fail_msg("%s: refused with %d: %s", wrongs[i].name, error.reason, error.text);
    }
}

/* What is told to the browser is what must come back. */
static void test_client_data(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *text;
        enum tg_reason reason;
    } cases[] = {
        {"{\"type\":\"webauthn.get\",\"challenge\":\"YSBjaGFsbGVuZ2Ugb2Ygc29tZSBsZW5ndGg\",\"origin\":"
         "\"https://approve.example.test\",\"crossOrigin\":false}",
         TG_attestation_malformed},
        {"{\"type\":\"webauthn.create\",\"challenge\":\"YSBjaGFsbGVuZ2Ugb2Ygc29tZSBsZW5ndGh\",\"origin\":"
         "\"https://approve.example.test\",\"crossOrigin\":false}",
         TG_attestation_challenge},
        {"{\"type\":\"webauthn.create\",\"challenge\":\"YSBjaGFsbGVuZ2Ugb2Ygc29tZSBsZW5ndGg\",\"origin\":"
         "\"https://approve.example.test:444\",\"crossOrigin\":false}",
         TG_attestation_origin},
        {"{\"type\":\"webauthn.create\",\"challenge\":\"YSBjaGFsbGVuZ2Ugb2Ygc29tZSBsZW5ndGg\",\"origin\":"
         "\"https://approve.example.test\",\"crossOrigin\":true}",
         TG_attestation_origin},
        {"{\"type\":\"webauthn.create\",\"challenge\":\"YSBjaGFsbGVuZ2Ugb2Ygc29tZSBsZW5ndGg\",\"origin\":"
         "\"https://approve.example.test\",\"crossOrigin\":false,\"crossOrigin\":false}",
         TG_attestation_malformed},
        {"{\"type\":\"webauthn.create\",\"challenge\":\"YSBjaGFsbGVuZ2Ugb2Ygc29tZSBsZW5ndGg\",\"origin\":"
         "\"https://approve.example.test\",\"crossOrigin\":false} ",
         TG_attestation_malformed},
    };
    struct recipe recipe = recipe_default();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tg_error error = {0};
        struct tg_attestation *attestation;
        struct tg_bytes object = make_object(bench->maker, &recipe, cases[i].text);
        int result = tg_attestation_verify_webauthn(bench->trust, object, tg_bytes_of_text(cases[i].text),
                                                    tg_bytes_of_text(challenge), origin, rp_id, made_at,
                                                    &attestation, &error);
        assert_refused(result, &error, cases[i].reason);
        free((void *)(uintptr_t)object.data);
    }
}

/* The statement is over the client data that came with it. */
static void test_other_client_data(void **state)
{
    struct bench *bench = *state;
    struct recipe recipe = recipe_default();
    struct tg_error error = {0};
    struct tg_attestation *attestation;
    struct tg_bytes object = make_object(bench->maker, &recipe, "{}");
    int result = tg_attestation_verify_webauthn(bench->trust, object, tg_bytes_of_text(client_data),
                                                tg_bytes_of_text(challenge), origin, rp_id, made_at,
                                                &attestation, &error);
    assert_refused(result, &error, TG_attestation_signature);
    free((void *)(uintptr_t)object.data);
}

static int verify_bytes(struct bench *bench, struct tg_bytes object, struct tg_error *error)
{
    struct tg_attestation *attestation;
    int result = tg_attestation_verify_webauthn(bench->trust, object, tg_bytes_of_text(client_data),
                                                tg_bytes_of_text(challenge), origin, rp_id, made_at,
                                                &attestation, error);
    tg_attestation_free(attestation);
    return result;
}

/* Cut anywhere, longer, or with a longer head for the same length. */
static void test_envelope(void **state)
{
    struct bench *bench = *state;
    struct recipe recipe = recipe_default();
    struct tg_error error = {0};
    struct tg_bytes object = make_object(bench->maker, &recipe, client_data);
    uint8_t *changed = malloc(object.length + 8);
    assert_non_null(changed);
    assert_int_equal(verify_bytes(bench, object, &error), 0);
    for (size_t length = 0; length < object.length; length++)
        assert_refused(verify_bytes(bench, tg_bytes_of(object.data, length), &error), &error,
                       TG_attestation_malformed);
    memcpy(changed, object.data, object.length);
    changed[object.length] = 0;
    assert_refused(verify_bytes(bench, tg_bytes_of(changed, object.length + 1), &error), &error,
                   TG_attestation_malformed);
    /* a3 63 "fmt": 78 03 says the same three bytes. */
    changed[1] = 0x78;
    changed[2] = 0x03;
    memcpy(changed + 3, object.data + 2, object.length - 2);
    assert_refused(verify_bytes(bench, tg_bytes_of(changed, object.length + 1), &error), &error,
                   TG_attestation_malformed);
    /* bf ... ff: a map of no definite length. */
    memcpy(changed, object.data, object.length);
    changed[0] = 0xbf;
    changed[object.length] = 0xff;
    assert_refused(verify_bytes(bench, tg_bytes_of(changed, object.length + 1), &error), &error,
                   TG_attestation_malformed);
    free(changed);
    free((void *)(uintptr_t)object.data);
}

/* --- ssh-keygen's file ---------------------------------------------------- */

static int verify_ssh(struct bench *bench, const struct recipe *recipe, const char *key_of,
                      const char *expected_challenge, struct tg_attestation **out, struct tg_error *error)
{
    struct tg_public_key *key = NULL;
    struct tg_bytes file = make_ssh_file(bench->maker, recipe, tg_bytes_of_text(challenge));
    char *line = key_of != NULL ? strdup(key_of) : made_key_line(bench->maker, recipe);
    assert_int_equal(tg_public_key_parse_line(line, &key, error), 0);
    int result = tg_attestation_verify_ssh(bench->trust, file, tg_bytes_of_text(expected_challenge), key,
                                           made_at, out, error);
    tg_public_key_free(key);
    free(line);
    free((void *)(uintptr_t)file.data);
    return result;
}

static void test_ssh(void **state)
{
    struct tg_error error = {0};
    struct tg_attestation *attestation;
    struct recipe recipe = recipe_default();
    recipe.rp_id = "ssh:";
    for (int ed25519 = 0; ed25519 < 2; ed25519++) {
        recipe.ed25519 = ed25519 != 0;
        recipe.protection = 3;
        assert_int_equal(verify_ssh(*state, &recipe, NULL, challenge, &attestation, &error), 0);
        assert_true(attestation->attested);
        assert_int_equal(attestation->credential_protection, 3);
        tg_attestation_free(attestation);
    }
    assert_refused(verify_ssh(*state, &recipe, NULL, "another challenge", &attestation, &error), &error,
                   TG_attestation_signature);
    recipe.self = true;
    assert_refused(verify_ssh(*state, &recipe, NULL, challenge, &attestation, &error), &error,
                   TG_attestation_self);
    recipe.self = false;
    struct recipe earlier = recipe;
    struct tg_bytes file = make_ssh_file(((struct bench *)*state)->maker, &earlier, tg_bytes_of_text("x"));
    char *line = made_key_line(((struct bench *)*state)->maker, &earlier);
    assert_refused(verify_ssh(*state, &recipe, line, challenge, &attestation, &error), &error,
                   TG_attestation_key);
    free(line);
    free((void *)(uintptr_t)file.data);
}

/* The same key under another application is another key. */
static void test_ssh_application(void **state)
{
    struct bench *bench = *state;
    struct tg_error error = {0};
    struct tg_attestation *attestation;
    struct tg_public_key *key;
    struct recipe recipe = recipe_default();
    recipe.rp_id = "ssh:";
    struct tg_bytes file = make_ssh_file(bench->maker, &recipe, tg_bytes_of_text(challenge));
    recipe.rp_id = "ssh:other";
    char *line = made_key_line(bench->maker, &recipe);
    assert_int_equal(tg_public_key_parse_line(line, &key, &error), 0);
    assert_refused(tg_attestation_verify_ssh(bench->trust, file, tg_bytes_of_text(challenge), key, made_at,
                                             &attestation, &error),
                   &error, TG_attestation_origin);
    tg_public_key_free(key);
    free(line);
    free((void *)(uintptr_t)file.data);
}

static void test_ssh_envelope(void **state)
{
    struct bench *bench = *state;
    struct tg_error error = {0};
    struct tg_attestation *attestation;
    struct tg_public_key *key;
    struct recipe recipe = recipe_default();
    struct tg_bytes file = make_ssh_file(bench->maker, &recipe, tg_bytes_of_text(challenge));
    char *line = made_key_line(bench->maker, &recipe);
    uint8_t *changed = malloc(file.length + 1);
    assert_non_null(changed);
    assert_int_equal(tg_public_key_parse_line(line, &key, &error), 0);
    memcpy(changed, file.data, file.length);
    changed[file.length] = 0;
    for (size_t length = 0; length <= file.length + 1; length++) {
        int result =
            tg_attestation_verify_ssh(bench->trust, tg_bytes_of(changed, length), tg_bytes_of_text(challenge),
                                      key, made_at, &attestation, &error);
        if (length == file.length) {
            assert_int_equal(result, 0);
            tg_attestation_free(attestation);
        } else {
            assert_refused(result, &error, TG_attestation_malformed);
        }
    }
    changed[file.length - 5] = 1; /* the reserved number */
    assert_refused(tg_attestation_verify_ssh(bench->trust, tg_bytes_of(changed, file.length),
                                             tg_bytes_of_text(challenge), key, made_at, &attestation, &error),
                   &error, TG_attestation_malformed);
    free(changed);
    free(line);
    tg_public_key_free(key);
    free((void *)(uintptr_t)file.data);
}

/* --- The trust directory --------------------------------------------------- */

static void assert_no_trust(struct bench *bench)
{
    struct tg_attestation_trust *trust;
    struct tg_error error = {0};
    assert_refused(tg_attestation_trust_read(in_trust(bench, ""), &trust, &error), &error,
                   TG_attestation_trust);
    assert_null(trust);
}

static void write_models(struct bench *bench, const char *text)
{
    write_file(in_trust(bench, "/aaguids"), tg_bytes_of_text(text), 0644);
}

static void test_models(void **state)
{
    static const char *const wrong[] = {
        "",
        "# nothing\n",
        "41414755-4944-2d4f-462d-412d54455354\n",
        "41414755-4944-2d4f-462d-412d54455354 \n",
        "41414755-4944-2d4f-462d-412d5445535 short\n",
        "41414755-4944-2D4F-462d-412d54455354 upper case\n",
        "414147554944-2d4f-462d-412d544553540 dashes\n",
        "41414755-4944-2d4f-462d-412d54455354 \x1b[31mred\n",
        "41414755-4944-2d4f-462d-412d54455354 one\n41414755-4944-2d4f-462d-412d54455354 two\n",
        ("41414755-4944-2d4f-462d-412d54455354 012345678901234567890123456789012345678901234567890123456789"
         "01234\n"),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        write_models(*state, wrong[i]);
        assert_no_trust(*state);
    }
}

/* A model whose certificates do not name it, as long as the list says so; and then another name still counts.
 */
static void test_without_extension(void **state)
{
    struct bench *bench = *state;
    struct tg_error error = {0};
    struct tg_attestation *attestation;
    struct recipe recipe = recipe_default();
    tg_attestation_trust_free(bench->trust);
    write_models(bench, "41414755-4944-2d4f-462d-412d54455354 without-extension An old key\n");
    assert_int_equal(tg_attestation_trust_read(in_trust(bench, ""), &bench->trust, &error), 0);
    recipe.extension_missing = true;
    assert_int_equal(verify(bench, &recipe, &attestation, &error), 0);
    assert_string_equal(attestation->device, "An old key");
    tg_attestation_free(attestation);
    recipe = recipe_default();
    recipe.extension_aaguid[3] ^= 1;
    assert_refused(verify(bench, &recipe, &attestation, &error), &error, TG_attestation_device);
}

static void test_directory(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(chmod(in_trust(bench, "/roots/root.pem"), 0664), 0);
    assert_no_trust(bench);
    assert_int_equal(chmod(in_trust(bench, "/roots/root.pem"), 0644), 0);
    assert_int_equal(chmod(in_trust(bench, "/aaguids"), 0646), 0);
    assert_no_trust(bench);
    assert_int_equal(chmod(in_trust(bench, "/aaguids"), 0644), 0);
    write_file(in_trust(bench, "/roots/other.pem"), tg_bytes_of_text("no certificate\n"), 0644);
    assert_no_trust(bench);
    write_file(in_trust(bench, "/roots/other.pem"),
               tg_bytes_of_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0644);
    assert_no_trust(bench);
    /* A damaged one behind a good one must not be overlooked. */
    size_t length;
    char *both = NULL;
    char *good = read_file(in_trust(bench, "/roots/root.pem"), &length);
    assert_true(asprintf(&both, "%s-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", good) >
                0);
    write_file(in_trust(bench, "/roots/other.pem"), tg_bytes_of_text(both), 0644);
    assert_no_trust(bench);
    free(both);
    free(good);
    assert_int_equal(unlink(in_trust(bench, "/roots/other.pem")), 0);
    assert_int_equal(unlink(in_trust(bench, "/roots/root.pem")), 0);
    assert_no_trust(bench);
}

/* A device's own certificate in place of a root, as some vendors publish nothing else; and an intermediate
 * from the directory. */
static void test_other_anchors(void **state)
{
    struct bench *bench = *state;
    struct tg_error error = {0};
    struct recipe recipe = recipe_default();
    recipe.intermediate = true;
    struct tg_bytes object = make_object(bench->maker, &recipe, client_data);
    assert_refused(verify_bytes(bench, object, &error), &error, TG_attestation_untrusted);
    write_made_certificate(bench->maker, in_trust(bench, "/roots/device.pem"));
    tg_attestation_trust_free(bench->trust);
    assert_int_equal(tg_attestation_trust_read(in_trust(bench, ""), &bench->trust, &error), 0);
    assert_int_equal(verify_bytes(bench, object, &error), 0);
    assert_int_equal(unlink(in_trust(bench, "/roots/device.pem")), 0);
    assert_int_equal(mkdir(in_trust(bench, "/intermediates"), 0700), 0);
    write_made_intermediate(bench->maker, in_trust(bench, "/intermediates/between.pem"));
    tg_attestation_trust_free(bench->trust);
    assert_int_equal(tg_attestation_trust_read(in_trust(bench, ""), &bench->trust, &error), 0);
    assert_int_equal(verify_bytes(bench, object, &error), 0);
    free((void *)(uintptr_t)object.data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_good),         TEST(test_u2f),           TEST(test_not_attested),
        TEST(test_wrong),        TEST(test_client_data),   TEST(test_other_client_data),
        TEST(test_envelope),     TEST(test_ssh),           TEST(test_ssh_application),
        TEST(test_ssh_envelope), TEST(test_models),        TEST(test_without_extension),
        TEST(test_directory),    TEST(test_other_anchors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
