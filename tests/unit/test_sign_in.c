/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sign-ins as they arrive: the bytes, whose signature it is, what the key did, for whom and when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/sign_in.h"
#include "tests/unit/touch.h"
#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>

#define SERVICE "approve.example.com:8443"
#define NONCE   "AAAAAAAAAAAAAAAAAAAAAA"

/* bob has a security key, and one for the browser; both are attested. */
struct keys {
    struct touch_key plain, browser;
};

static int make_keys(void **state)
{
    struct keys *keys = calloc(1, sizeof *keys);
    assert_non_null(keys);
    touch_key_make(&keys->plain, false);
    touch_key_make(&keys->browser, true);
    *state = keys;
    return 0;
}

static int free_keys(void **state)
{
    struct keys *keys = *state;
    touch_key_free(&keys->plain);
    touch_key_free(&keys->browser);
    free(keys);
    return 0;
}

static struct tg_policy *policy_with(const struct keys *keys, const char *changes)
{
    char all[4096];
    (void)snprintf(all, sizeof all,
                   "people/bob/keys=[{\"key\":\"%s\",\"attested\":1,\"uv\":0},{\"key\":\"%s\",\"attested\":1,"
                   "\"uv\":0,\"origin\":\"" TOUCH_ORIGIN "\",\"rp_id\":\"" TOUCH_RP_ID "\"}] %s",
                   keys->plain.json_line, keys->browser.json_line, changes != NULL ? changes : "");
    return world_policy(all);
}

static struct tg_sign_in sign_in_of_bob(void)
{
    return (struct tg_sign_in){.at = WORLD_TIME,
                               .nonce = NONCE,
                               .person = "bob",
                               .service = SERVICE,
                               .key = KEY_BOB,
                               .seconds = 600};
}

static char *compose(enum tg_sign_in_kind kind, const struct tg_sign_in *sign_in)
{
    char *text;
    size_t length;
    assert_int_equal(tg_sign_in_compose(kind, sign_in, &text, &length), 0);
    assert_int_equal(strlen(text), length);
    return text;
}

static void test_composed(void **state)
{
    (void)state;
    const struct tg_sign_in sign_in = sign_in_of_bob();
    char *session = compose(TG_SIGN_IN_SESSION, &sign_in);
    char *certificate = compose(TG_SIGN_IN_CERTIFICATE, &sign_in);
    assert_string_equal(session, "{\"at\":1800000000,\"nonce\":\"" NONCE
                                 "\",\"person\":\"bob\",\"service\":\"" SERVICE "\",\"v\":1}");
    assert_string_equal(certificate,
                        "{\"at\":1800000000,\"key\":\"" KEY_BOB "\",\"nonce\":\"" NONCE
                        "\",\"person\":\"bob\",\"seconds\":600,\"service\":\"" SERVICE "\",\"v\":1}");
    struct tg_sign_in *parsed;
    struct tg_error error = {0};
    assert_int_equal(tg_sign_in_parse(TG_SIGN_IN_CERTIFICATE, tg_bytes_of_text(certificate), &parsed, &error),
                     0);
    assert_int_equal(parsed->at, WORLD_TIME);
    assert_string_equal(parsed->nonce, NONCE);
    assert_string_equal(parsed->person, "bob");
    assert_string_equal(parsed->service, SERVICE);
    assert_string_equal(parsed->key, KEY_BOB);
    assert_int_equal(parsed->seconds, 600);
    assert_true(tg_bytes_equal_text(parsed->document, certificate));
    tg_sign_in_free(parsed);
    tg_sign_in_free(NULL);
    free(session);
    free(certificate);
}

#define HEAD "{\"at\":1,\"key\":\"k\",\"nonce\":\"" NONCE "\",\"person\":\"bob\","
#define TAIL "\"service\":\"s\",\"v\":1}"

static void test_not_well_formed(void **state)
{
    static const struct {
        enum tg_sign_in_kind kind;
        const char *text, *part;
    } rows[] = {
        {TG_SIGN_IN_CERTIFICATE, "", "1 to 8192 bytes"},
        {TG_SIGN_IN_SESSION, HEAD "\"seconds\":1," TAIL, "is not known"},
        {TG_SIGN_IN_CERTIFICATE, HEAD TAIL, "'seconds': is missing"},
        {TG_SIGN_IN_CERTIFICATE, HEAD "\"seconds\":31536001," TAIL, "'seconds'"},
        {TG_SIGN_IN_CERTIFICATE, HEAD "\"principals\":[],\"seconds\":1," TAIL, "'principals': is not known"},
        {TG_SIGN_IN_SESSION,
         "{\"at\":1,\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAB\",\"person\":\"bob\",\"service\":\"s\",\"v\":1}",
         "'nonce'"},
        {TG_SIGN_IN_SESSION,
         "{\"at\":1,\"nonce\":\"" NONCE "A\",\"person\":\"bob\",\"service\":\"s\",\"v\":1}", "'nonce'"},
        {TG_SIGN_IN_SESSION,
         "{\"at\":1,\"nonce\":\"" NONCE "\",\"person\":\"Bob\",\"service\":\"s\",\"v\":1}", "'person'"},
        {TG_SIGN_IN_SESSION,
         "{\"at\":1,\"nonce\":\"" NONCE "\",\"person\":\"bob\",\"service\":\"s t\",\"v\":1}", "'service'"},
        {TG_SIGN_IN_SESSION,
         "{\"at\":1,\"nonce\":\"" NONCE "\",\"person\":\"bob\",\"service\":\"s\",\"v\":2}", "'v'"},
        {TG_SIGN_IN_SESSION,
         "{\"at\":1, \"nonce\":\"" NONCE "\",\"person\":\"bob\",\"service\":\"s\",\"v\":1}", "canonical"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_error error = {0};
        struct tg_sign_in *parsed;
        assert_int_equal(tg_sign_in_parse(rows[i].kind, tg_bytes_of_text(rows[i].text), &parsed, &error), -1);
        assert_null(parsed);
        world_assert_error(&error, TG_sign_in_malformed, rows[i].part);
    }
}

/* What one sign-in is made of, and what comes of it. Zeroed: a good one by OpenSSH. */
struct row {
    bool browser;
    uint8_t flags; /* beside a touch */
    bool untouched;
    const char *changes; /* of the policy */
    const char *name_space, *person, *service, *origin, *key;
    int64_t late; /* seconds between the document and its arrival */
    enum tg_reason reason;
};

static enum tg_reason arrive(const struct keys *keys, const struct row *row)
{
    struct tg_sign_in sign_in = sign_in_of_bob();
    struct tg_policy *policy = policy_with(keys, row->changes);
    struct tg_signed_in out;
    struct tg_error error = {0};
    if (row->person != NULL)
        sign_in.person = row->person;
    if (row->service != NULL)
        sign_in.service = row->service;
    if (row->key != NULL)
        sign_in.key = row->key;
    const char *origin = row->origin != NULL ? row->origin : row->browser ? TOUCH_ORIGIN : NULL;
    uint8_t flags = (uint8_t)(row->flags | (row->untouched ? 0 : TOUCHED));
    char *text = compose(TG_SIGN_IN_CERTIFICATE, &sign_in);
    char *armored =
        touch_sign(row->browser ? &keys->browser : &keys->plain,
                   row->name_space != NULL ? row->name_space : TG_NAMESPACE_CERTIFICATE, text, flags, origin);
    int result = tg_sign_in_verify(policy, TG_SIGN_IN_CERTIFICATE, tg_bytes_of_text(text), armored, SERVICE,
                                   WORLD_TIME + row->late, &out, &error);
    if (result == 0) {
        assert_string_equal(out.person->name, "bob");
        assert_ptr_equal(out.entry, &out.person->keys[row->browser ? 1 : 0]);
        assert_true(out.facts.security_key);
        assert_int_equal(out.facts.webauthn, row->browser);
        struct tg_public_key *certified = world_key(KEY_BOB);
        assert_true(tg_bytes_equal(out.key->blob, certified->blob));
        tg_public_key_free(certified);
    } else {
        assert_null(out.sign_in);
        assert_true(error.text[0] != '\0');
    }
    tg_signed_in_clear(&out);
    tg_signed_in_clear(NULL);
    tg_policy_free(policy);
    free(armored);
    free(text);
    return result == 0 ? TG_allowed : error.reason;
}

static void test_arrival(void **state)
{
    const struct keys *keys = *state;
    char revoked[256];
    (void)snprintf(revoked, sizeof revoked, "revoked/keys+=\"%s\"", keys->plain.key->fingerprint);
    const struct row rows[] = {
        {.reason = TG_allowed},
        {.browser = true, .flags = VERIFIED, .reason = TG_allowed},
        {.late = 120, .reason = TG_allowed},
        {.late = -120, .reason = TG_allowed},
        {.late = 121, .reason = TG_sign_in_time},
        {.late = -121, .reason = TG_sign_in_time},
        {.untouched = true, .reason = TG_sign_in_no_touch},
        {.browser = true, .untouched = true, .flags = VERIFIED, .reason = TG_sign_in_no_touch},
        {.browser = true, .reason = TG_sign_in_no_touch}, /* a browser must verify its user */
        {.changes = "people/bob/keys/0/uv=1", .reason = TG_sign_in_no_touch},
        {.changes = "people/bob/keys/0/uv=1", .flags = VERIFIED, .reason = TG_allowed},
        {.browser = true, .flags = VERIFIED | BACKUP_ELIGIBLE, .reason = TG_sign_in_software_key},
        {.browser = true,
         .flags = VERIFIED | BACKUP_ELIGIBLE,
         .changes = "people/bob/keys/1/attested=0",
         .reason = TG_allowed},
        {.browser = true,
         .flags = VERIFIED,
         .origin = "https://approve.example.org",
         .reason = TG_sign_in_signature},
        {.name_space = TG_NAMESPACE_SESSION, .reason = TG_sign_in_signature},
        {.person = "alice", .reason = TG_sign_in_key},
        {.person = "nobody", .reason = TG_sign_in_key},
        {.changes = revoked, .reason = TG_sign_in_key},
        {.changes = "people/bob/keys=[]", .reason = TG_sign_in_key},
        {.changes = "people/bob/disabled=1", .reason = TG_requester_disabled},
        {.service = "approve.example.com", .reason = TG_sign_in_service},
        {.key = "ssh-ed25519", .reason = TG_sign_in_malformed},
        {.key = KEY_BOB " bob", .reason = TG_sign_in_malformed},
        {.key = "ssh-ed25519 AAAA", .reason = TG_sign_in_malformed},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum tg_reason reason = arrive(keys, &rows[i]);
        if (reason != rows[i].reason)
            fail_msg("row %zu: %s, not %s", i, tg_reason_name(reason), tg_reason_name(rows[i].reason));
    }
}

static enum tg_reason arrive_as(const struct keys *keys, const char *text, const char *armored)
{
    struct tg_policy *policy = policy_with(keys, "people/alice/keys/0/attested=0");
    struct tg_signed_in out;
    struct tg_error error = {0};
    int result = tg_sign_in_verify(policy, TG_SIGN_IN_SESSION, tg_bytes_of_text(text), armored, SERVICE,
                                   WORLD_TIME, &out, &error);
    if (result == 0)
        assert_null(out.key);
    tg_signed_in_clear(&out);
    tg_policy_free(policy);
    return result == 0 ? TG_allowed : error.reason;
}

static void test_session(void **state)
{
    const struct keys *keys = *state;
    struct tg_sign_in sign_in = sign_in_of_bob();
    char *text = compose(TG_SIGN_IN_SESSION, &sign_in);
    sign_in.at++;
    char *other = compose(TG_SIGN_IN_SESSION, &sign_in);
    sign_in.person = "alice";
    char *of_alice = compose(TG_SIGN_IN_SESSION, &sign_in);
    char *armored = touch_sign(&keys->plain, TG_NAMESPACE_SESSION, text, TOUCHED, NULL);
    char *software = world_sign(PRIVATE_ALICE, TG_NAMESPACE_SESSION, of_alice);
    char *stranger = world_sign(PRIVATE_ROOT_ONE, TG_NAMESPACE_SESSION, text);
    assert_int_equal(arrive_as(keys, text, armored), TG_allowed);
    assert_int_equal(arrive_as(keys, other, armored), TG_sign_in_signature);
    assert_int_equal(arrive_as(keys, of_alice, software), TG_sign_in_software_key);
    assert_int_equal(arrive_as(keys, text, stranger), TG_sign_in_key);
    assert_int_equal(arrive_as(keys, text, ""), TG_sign_in_malformed);
    char long_text[TG_SIGN_IN_MAX + 2];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(arrive_as(keys, long_text, armored), TG_sign_in_malformed);
    char *all[] = {text, other, of_alice, armored, software, stranger};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_composed),
        cmocka_unit_test(test_not_well_formed),
        cmocka_unit_test(test_arrival),
        cmocka_unit_test(test_session),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
