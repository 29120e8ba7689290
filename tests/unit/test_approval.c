/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Approvals as they arrive: the bytes, the signature, whose key it is, which ticket is meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>

static char *approval_by(const struct tg_ticket *ticket, const char *approver)
{
    char *text;
    size_t length;
    assert_int_equal(tg_approval_compose(ticket, approver, WORLD_TIME + 30, 600, &text, &length), 0);
    assert_int_equal(strlen(text), length);
    return text;
}

static void test_parsed(void **state)
{
    (void)state;
    struct tg_error error = {0};
    struct tg_approval *approval;
    struct tg_ticket *ticket = world_ticket(NULL);
    char *text = approval_by(ticket, "bob");
    assert_int_equal(tg_approval_parse(tg_bytes_of_text(text), &approval, &error), 0);
    assert_string_equal(approval->ticket, ticket->digest);
    assert_string_equal(approval->approver, "bob");
    assert_int_equal(approval->at, WORLD_TIME + 30);
    assert_int_equal(approval->seconds, 600);
    assert_true(tg_bytes_equal_text(approval->document, text));
    tg_approval_free(approval);
    tg_ticket_free(ticket);
    free(text);
}

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_refused(void **state)
{
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"", "1 to 4096 bytes"},
        {"{\"approver\":\"bob\",\"at\":1,\"decision\":\"deny\",\"seconds\":0,\"ticket\":\"" DIGEST
         "\",\"v\":1}",
         "'decision'"},
        {"{\"approver\":\"bob\",\"at\":1,\"decision\":\"approve\",\"seconds\":86401,\"ticket\":\"" DIGEST
         "\",\"v\":1}",
         "'seconds'"},
        {"{\"approver\":\"bob\",\"at\":1,\"decision\":\"approve\",\"seconds\":0,\"ticket\":\"" DIGEST
         "0\",\"v\":1}",
         "'ticket'"},
        {"{\"approver\":\"bob\",\"at\":1,\"decision\":\"approve\",\"seconds\":0,\"ticket\":\"" DIGEST
         "\",\"v\":2}",
         "'v'"},
        {"{\"approver\":\"Bob\",\"at\":1,\"decision\":\"approve\",\"seconds\":0,\"ticket\":\"" DIGEST
         "\",\"v\":1}",
         "'approver'"},
        {"{\"approver\":\"bob\",\"at\":\"1\",\"decision\":\"approve\",\"seconds\":0,\"ticket\":\"" DIGEST
         "\",\"v\":1}",
         "'at'"},
        {"{\"approver\":\"bob\",\"at\":1,\"decision\":\"approve\",\"ticket\":\"" DIGEST "\",\"v\":1}",
         "'seconds': is missing"},
        {"{\"approver\":\"bob\",\"at\":1,\"decision\":\"approve\",\"more\":1,\"seconds\":0,\"ticket\":"
         "\"" DIGEST "\",\"v\":1}",
         "'more': is not known"},
        {"{\"at\":1,\"approver\":\"bob\",\"decision\":\"approve\",\"seconds\":0,\"ticket\":\"" DIGEST
         "\",\"v\":1}",
         "canonical"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_error error = {0};
        struct tg_approval *approval;
        assert_int_equal(tg_approval_parse(tg_bytes_of_text(rows[i].text), &approval, &error), -1);
        assert_null(approval);
        world_assert_error(&error, TG_approval_malformed, rows[i].part);
    }
}

/* Verifies `text` with `armored`, for alice's ticket, and says how that went. */
static enum tg_reason arrive(const char *policy_changes, const char *text, const char *armored)
{
    struct tg_policy *policy = world_policy(policy_changes);
    struct tg_ticket *ticket = world_ticket(NULL);
    struct tg_held_approval held;
    struct tg_error error = {0};
    int result = tg_held_approval_verify(policy, ticket, tg_bytes_of_text(text), armored, &held, &error);
    enum tg_reason reason = held.refused;
    assert_int_equal(result, reason == TG_allowed ? 0 : -1);
    if (result == 0) {
        assert_non_null(held.approval);
        assert_string_equal(held.key, tg_policy_person(policy, "bob")->keys[0].key->fingerprint);
        assert_false(held.facts.security_key);
    } else {
        assert_int_equal(error.reason, reason);
        assert_true(error.text[0] != '\0');
    }
    tg_held_approval_clear(&held);
    assert_int_not_equal(held.refused, TG_allowed);
    tg_ticket_free(ticket);
    tg_policy_free(policy);
    return reason;
}

static void test_arrival(void **state)
{
    (void)state;
    struct tg_ticket *ticket = world_ticket(NULL), *other = world_ticket("seconds=900");
    char *text = approval_by(ticket, "bob"), *for_other = approval_by(other, "bob");
    char *good = world_sign(PRIVATE_BOB, TG_NAMESPACE_APPROVAL, text);
    char *for_other_signature = world_sign(PRIVATE_BOB, TG_NAMESPACE_APPROVAL, for_other);
    char *policy_namespace = world_sign(PRIVATE_BOB, TG_NAMESPACE_POLICY, text);
    char *by_alice = world_sign(PRIVATE_ALICE, TG_NAMESPACE_APPROVAL, text);
    char *by_stranger = world_sign(PRIVATE_ROOT_ONE, TG_NAMESPACE_APPROVAL, text);
    char *nonsense = world_sign(PRIVATE_BOB, TG_NAMESPACE_APPROVAL, "nonsense");
    assert_int_equal(arrive(NULL, text, good), TG_allowed);
    assert_int_equal(arrive(NULL, for_other, good), TG_approval_signature);
    assert_int_equal(arrive(NULL, for_other, for_other_signature), TG_approval_other_ticket);
    assert_int_equal(arrive(NULL, text, policy_namespace), TG_approval_namespace);
    assert_int_equal(arrive(NULL, text, by_alice), TG_approver_unknown);
    assert_int_equal(arrive(NULL, text, by_stranger), TG_approver_unknown);
    assert_int_equal(arrive("people/bob/keys=[]", text, good), TG_approver_unknown);
    assert_int_equal(arrive(NULL, "nonsense", nonsense), TG_approval_malformed);
    assert_int_equal(arrive(NULL, text, ""), TG_approval_malformed);
    assert_int_equal(arrive(NULL, text, "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"),
                     TG_approval_malformed);
    /* Disabling is for the verdict to see, not for the signature. */
    assert_int_equal(arrive("people/bob/disabled=1", text, good), TG_allowed);
    char *all[] = {text,     for_other,   good,    for_other_signature, policy_namespace,
                   by_alice, by_stranger, nonsense};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    tg_ticket_free(ticket);
    tg_ticket_free(other);
}

static void test_too_long(void **state)
{
    (void)state;
    char text[TG_TICKET_MAX + 2];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    char *armored = world_sign(PRIVATE_BOB, TG_NAMESPACE_APPROVAL, text);
    assert_int_equal(arrive(NULL, text, armored), TG_approval_malformed);
    free(armored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parsed),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_arrival),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
