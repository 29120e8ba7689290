/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/base64.h"
#include "lib/policy_change.h"
#include "tests/unit/attestation_maker.h"
#include "tests/unit/crypto_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char origin[] = "https://approve.example.test";

/* Evidence that is right, with all that it points to. */
struct bench {
    void *folder;
    struct maker *maker;
    struct tg_attestation_trust *trust;
    char *challenge;
    char client_data[2048];
    struct tg_bytes attestation;
    char *line;
    struct tg_enrolment_evidence evidence;
};

static int setup(void **state)
{
    char path[1024];
    size_t length;
    struct tg_error error = {0};
    struct bench *bench = calloc(1, sizeof *bench);
    if (bench == NULL || make_folder(&bench->folder) != 0)
        return -1;
    bench->maker = maker_new(bench->folder);
    (void)snprintf(path, sizeof path, "%s/trust", (const char *)bench->folder);
    *state = bench;
    if (tg_enrolment_compose("bob", "approve.example.test:8443", made_at, &bench->challenge, &length,
                             &error) != 0)
        return -1;
    bench->evidence = (struct tg_enrolment_evidence){
        .person = "bob", .label = "the blue one", .challenge = tg_bytes_of(bench->challenge, length)};
    return tg_attestation_trust_read(path, &bench->trust, &error);
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    tg_attestation_trust_free(bench->trust);
    maker_free(bench->maker);
    free(bench->challenge);
    free((void *)(uintptr_t)bench->attestation.data);
    free(bench->line);
    int result = remove_folder(&bench->folder);
    free(bench);
    return result;
}

static void use_webauthn(struct bench *bench, const struct recipe *recipe)
{
    char encoded[1024];
    assert_true(tg_base64_encode(TG_BASE64URL, bench->evidence.challenge, encoded, sizeof encoded));
    (void)snprintf(
        bench->client_data, sizeof bench->client_data,
        "{\"type\":\"webauthn.create\",\"challenge\":\"%s\",\"origin\":\"%s\",\"crossOrigin\":false}",
        encoded, origin);
    free((void *)(uintptr_t)bench->attestation.data);
    bench->attestation = make_object(bench->maker, recipe, bench->client_data);
    bench->evidence.webauthn = true;
    bench->evidence.attestation = bench->attestation;
    bench->evidence.client_data = tg_bytes_of_text(bench->client_data);
    bench->evidence.origin = origin;
    bench->evidence.rp_id = "approve.example.test";
}

static void use_ssh(struct bench *bench, const struct recipe *recipe)
{
    bench->attestation = make_ssh_file(bench->maker, recipe, bench->evidence.challenge);
    bench->line = made_key_line(bench->maker, recipe);
    bench->evidence.attestation = bench->attestation;
    bench->evidence.key = bench->line;
}

/* The change of the evidence, as a document. */
static char *compose(struct bench *bench, const struct tg_attestation_trust *trust, size_t *length)
{
    struct tg_attestation *attestation;
    struct tg_error error = {0};
    char *document = NULL;
    if (tg_enrolment_verify(&bench->evidence, trust, made_at, &attestation, &error) != 0 ||
        tg_policy_change_compose(&bench->evidence, attestation, &document, length, &error) != 0)
        fail_msg("%s", error.text);
    tg_attestation_free(attestation);
    return document;
}

static int judge(const struct bench *bench, const char *document, const struct tg_attestation_trust *trust,
                 bool *attested, struct tg_error *error)
{
    struct tg_policy_change *change;
    struct tg_attestation *attestation = NULL;
    (void)bench;
    *error = (struct tg_error){0};
    if (tg_policy_change_parse(tg_bytes_of_text(document), &change, error) != 0)
        return -1;
    int result = tg_policy_change_verify(change, trust, made_at, &attestation, error);
    if (result == 0)
        *attested = attestation->attested;
    else
        assert_null(attestation);
    tg_attestation_free(attestation);
    tg_policy_change_free(change);
    return result;
}

/* The document with one text in it put in another's place. */
static char *with(const char *document, const char *old, const char *now)
{
    char *changed = NULL;
    const char *at = strstr(document, old);
    assert_non_null(at);
    assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - document), document, now, at + strlen(old)) > 0);
    return changed;
}

static void assert_change_refused(struct bench *bench, const char *document, const char *old, const char *now,
                                  enum tg_reason reason)
{
    struct tg_error error;
    bool attested;
    char *changed = with(document, old, now);
    int result = judge(bench, changed, bench->trust, &attested, &error);
    if (result == 0 || error.reason != reason)
        fail_msg("'%s' for '%s': %s", now, old, result == 0 ? "accepted" : error.text);
    free(changed);
}

static void test_webauthn(void **state)
{
    struct bench *bench = *state;
    struct recipe recipe = recipe_default();
    struct tg_error error;
    size_t length;
    bool attested = false;
    use_webauthn(bench, &recipe);
    char *document = compose(bench, bench->trust, &length);
    assert_int_equal(judge(bench, document, bench->trust, &attested, &error), 0);
    assert_true(attested);
    assert_non_null(
        strstr(document, "\"key\":{\"attested\":1,\"key\":\"sk-ecdsa-sha2-nistp256@openssh.com "));
    assert_non_null(
        strstr(document,
               "\"origin\":\"https://approve.example.test\",\"rp_id\":\"approve.example.test\",\"uv\":1}"));
    /* Whoever does not look sees nothing attested, whatever the file says. */
    assert_int_equal(judge(bench, document, NULL, &attested, &error), 0);
    assert_false(attested);
    assert_change_refused(bench, document, "\"uv\":1", "\"uv\":0", TG_policy_change_contradicts);
    assert_change_refused(bench, document, "\"person\":\"bob\",\"v\"", "\"person\":\"carol\",\"v\"",
                          TG_attestation_challenge);
    assert_change_refused(bench, document, "\"credential\":\"", "\"credential\":\"AAAA",
                          TG_policy_change_contradicts);
    assert_change_refused(bench, document, "\"origin\":\"https://approve.example.test\"",
                          "\"origin\":\"https://other.example.test\"", TG_attestation_origin);
    assert_change_refused(bench, document, "\"rp_id\":\"approve.example.test\"", "\"rp_id\":\"example.test\"",
                          TG_attestation_origin);
    assert_change_refused(bench, document, "\"format\":\"webauthn\"", "\"format\":\"ssh\"",
                          TG_policy_change_malformed);
    assert_change_refused(bench, document, "\"label\":\"the blue one\"", "\"label\":\"\\u001b[31m\"",
                          TG_policy_change_malformed);
    assert_change_refused(bench, document, "\"label\"", "\"labels\"", TG_policy_change_malformed);
    assert_change_refused(bench, document, ",\"v\":1}", ",\"v\":1} ", TG_policy_change_malformed);
    free(document);
}

/* A service that says more than the evidence gains nothing. */
static void test_lies(void **state)
{
    struct bench *bench = *state;
    struct recipe recipe = recipe_default();
    struct tg_error error;
    size_t length;
    bool attested = true;
    recipe.format = "none";
    use_webauthn(bench, &recipe);
    char *document = compose(bench, bench->trust, &length);
    assert_int_equal(judge(bench, document, bench->trust, &attested, &error), 0);
    assert_false(attested);
    assert_change_refused(bench, document, "\"attested\":0", "\"attested\":1", TG_policy_change_contradicts);
    /* Another key under good evidence. */
    recipe = recipe_default();
    use_webauthn(bench, &recipe);
    char *other = compose(bench, bench->trust, &length);
    char *theirs = strstr(document, "\"key\":\"") + 7;
    char *ours = strstr(other, "\"key\":\"") + 7;
    assert_true(strcspn(theirs, "\"") == strcspn(ours, "\""));
    memcpy(ours, theirs, strcspn(theirs, "\""));
    assert_int_equal(judge(bench, other, bench->trust, &attested, &error), -1);
    assert_int_equal(error.reason, TG_policy_change_contradicts);
    free(other);
    free(document);
}

static void test_ssh(void **state)
{
    struct bench *bench = *state;
    struct recipe recipe = recipe_default();
    struct tg_error error;
    size_t length;
    bool attested = false;
    recipe.rp_id = "ssh:";
    recipe.ed25519 = true;
    recipe.protection = 3;
    use_ssh(bench, &recipe);
    char *document = compose(bench, bench->trust, &length);
    assert_int_equal(judge(bench, document, bench->trust, &attested, &error), 0);
    assert_true(attested);
    assert_null(strstr(document, "origin"));
    free(document);
    /* The key alone, without a proof of anything. */
    bench->evidence.attestation = (struct tg_bytes){0};
    document = compose(bench, bench->trust, &length);
    assert_int_equal(judge(bench, document, bench->trust, &attested, &error), 0);
    assert_false(attested);
    assert_change_refused(bench, document, "\"attested\":0", "\"attested\":1", TG_policy_change_contradicts);
    assert_change_refused(bench, document, "\"credential\":\"\"", "\"credential\":\"AAAA\"",
                          TG_policy_change_malformed);
    assert_change_refused(bench, document, "\"client_data\":\"\"", "\"client_data\":\"AAAA\"",
                          TG_policy_change_malformed);
    free(document);
}

static void assert_challenge(const char *text, bool good)
{
    struct tg_enrolment *enrolment;
    struct tg_error error = {0};
    int result = tg_enrolment_parse(tg_bytes_of_text(text), &enrolment, &error);
    if (good)
        assert_int_equal(result, 0);
    else
        assert_refused(result, &error, TG_attestation_challenge);
    tg_enrolment_free(enrolment);
}

static void test_enrolment(void **state)
{
    struct bench *bench = *state;
    struct tg_enrolment *enrolment;
    struct tg_error error = {0};
    char *again = NULL;
    size_t length;
    assert_int_equal(tg_enrolment_parse(bench->evidence.challenge, &enrolment, &error), 0);
    assert_int_equal(enrolment->at, made_at);
    assert_string_equal(enrolment->person, "bob");
    assert_string_equal(enrolment->service, "approve.example.test:8443");
    tg_enrolment_free(enrolment);
    assert_int_equal(tg_enrolment_compose("bob", "offline", made_at, &again, &length, &error), 0);
    assert_null(strstr(again, strstr(bench->challenge, "nonce")));
    free(again);
    assert_challenge(
        "{\"at\":1,\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"person\":\"bob\",\"service\":\"a\",\"v\":1}", true);
    assert_challenge(
        "{\"at\":1,\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAB\",\"person\":\"bob\",\"service\":\"a\",\"v\":1}",
        false);
    assert_challenge(
        "{\"at\":1,\"nonce\":\"AAAAAAAAAAAAAAAAAAAA\",\"person\":\"bob\",\"service\":\"a\",\"v\":1}", false);
    assert_challenge(
        "{\"at\":1,\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"person\":\"BOB\",\"service\":\"a\",\"v\":1}",
        false);
    assert_challenge(
        "{\"at\":1,\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"person\":\"bob\",\"service\":\"a b\",\"v\":1}",
        false);
    assert_challenge(
        "{\"at\":1,\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"person\":\"bob\",\"service\":\"a\",\"v\":2}",
        false);
    assert_refused(tg_enrolment_compose("nobody at all", "offline", made_at, &again, &length, &error), &error,
                   TG_attestation_challenge);
    assert_null(again);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_webauthn), TEST(test_lies), TEST(test_ssh),
                                       TEST(test_enrolment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
