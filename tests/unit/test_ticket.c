/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>

static void test_parsed(void **state)
{
    (void)state;
    char *text = world_ticket_text("command=\"/bin/true\" source=[\"192.0.2.0/24\"] emergency=1 sessions=3");
    struct tg_error error = {0};
    struct tg_ticket *ticket;
    assert_int_equal(tg_ticket_parse(tg_bytes_of_text(text), &ticket, &error), 0);
    assert_string_equal(ticket->id, "T-0123456789ABC");
    assert_int_equal(strlen(ticket->digest), 64);
    assert_int_equal(ticket->created, WORLD_TIME);
    assert_string_equal(ticket->requester, "alice");
    assert_int_equal(ticket->host_count, 2);
    assert_string_equal(ticket->hosts[1], "ops2");
    assert_int_equal(ticket->uid, 20001);
    assert_string_equal(ticket->options[0], "pty");
    assert_int_equal(ticket->group_count, 0);
    assert_string_equal(ticket->command, "/bin/true");
    assert_string_equal(ticket->source[0], "192.0.2.0/24");
    assert_int_equal(ticket->seconds, 1800);
    assert_int_equal(ticket->sessions, 3);
    assert_int_equal(ticket->policy, 7);
    assert_true(ticket->emergency);
    assert_true(tg_bytes_equal_text(ticket->document, text));
    assert_ptr_not_equal(ticket->document.data, text);
    assert_string_equal(ticket->extends, "");
    tg_ticket_free(ticket);
    free(text);
}

/* Made with Python's json and hashlib. */
static void test_digest(void **state)
{
    (void)state;
    struct tg_ticket *ticket = world_ticket("key=\"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"");
    assert_string_equal(ticket->digest, "3e55ffab70518fc26c10ca285eb6828efd672863744dac04f9a26e464cc350e6");
    tg_ticket_free(ticket);
}

static void test_refused(void **state)
{
    static const struct {
        const char *changes, *key;
    } rows[] = {
        {"v=2", "'v'"},
        {"v=\"1\"", "'v'"},
        {"v", "'v': is missing"},
        {"surprise=1", "'surprise': is not known"},
        {"id=\"T-0123456789ABI\"", "'id'"},
        {"id=\"T-0123456789ABCD\"", "'id'"},
        {"id=\"t-0123456789ABC\"", "'id'"},
        {"requester=\"Alice\"", "'requester'"},
        {"requester=7", "'requester': must be text"},
        {"requester=\"0alice\"", "'requester'"},
        {"key=\"MD5:aa\"", "'key'"},
        {"hosts=[]", "'hosts'"},
        {"hosts=\"ops1\"", "'hosts': must be an array"},
        {"hosts/0=\"OPS1\"", "'hosts'"},
        {"hosts/0=\"-ops1\"", "'hosts'"},
        {"hosts/0=1", "'hosts'"},
        {"hosts/0=\"ops2\"", "'hosts': 'ops2' stands there twice"},
        {"account=\"\"", "'account'"},
        {"uid=2147483648", "'uid'"},
        {"shell=\"bash\"", "'shell'"},
        {"shell=\"/bin/ba:sh\"", "'shell'"},
        {"groups+=\"*\"", "'groups'"},
        {"sudo+=\"\"", "'sudo'"},
        {"options+=\"user-rc\"", "'options'"},
        {"permit_open+=\"db1\"", "'permit_open'"},
        {"permit_open+=\"db1:0\"", "'permit_open'"},
        {"permit_open+=\"db1:65536\"", "'permit_open'"},
        {"permit_open+=\"db1:*\"", "'permit_open'"},
        {"permit_open+=\"a,b:1\"", "'permit_open'"},
        {"permit_open+=\"::1:22\"", "'permit_open'"},
        {"permit_open+=\"[::g]:22\"", "'permit_open'"},
        {"source+=\"192.0.2.1/24\"", "'source'"},
        {"source+=\"example.com\"", "'source'"},
        {"seconds=0", "'seconds': must be 1 to 86400"},
        {"seconds=86401", "'seconds'"},
        {"seconds=\"60\"", "'seconds': must be an integer"},
        {"approve_by=1799999999", "'approve_by'"},
        {"sessions=1000001", "'sessions'"},
        {"reason=\"\"", "'reason'"},
        {"rule=\"ONE\"", "'rule'"},
        {"policy=0", "'policy'"},
        {"emergency=2", "'emergency': must be 0 or 1"},
        {"sudo+=\"/bin/sh\"", "'sudo'"},
        {"extends=\"\"", "'extends'"},
        {"extends=\"T-1\"", "'extends'"},
        {"extends=1", "'extends': must be text"},
        {"extends=\"T-0123456789ABC\"", "'extends': must be another ticket"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_error error = {0};
        struct tg_ticket *ticket;
        char *text = world_ticket_text(rows[i].changes);
        if (tg_ticket_parse(tg_bytes_of_text(text), &ticket, &error) == 0)
            fail_msg("%s", rows[i].changes);
        assert_null(ticket);
        world_assert_error(&error, TG_ticket_malformed, rows[i].key);
        free(text);
    }
}

static void test_command(void **state)
{
    static const char *const commands[] = {"command=\"a#b\"", "command=\"a\\\"b\"", "command=\"a\\\\b\""};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct tg_error error = {0};
        struct tg_ticket *ticket;
        char *text = world_ticket_text(commands[i]);
        assert_int_equal(tg_ticket_parse(tg_bytes_of_text(text), &ticket, &error), -1);
        world_assert_error(&error, TG_ticket_command, "'command'");
        free(text);
    }
}

/* Characters are counted, not bytes. */
static void test_reason_length(void **state)
{
    (void)state;
    char changes[2048] = "reason=\"";
    for (int i = 0; i < 500; i++)
        strcat(changes, "\xe6\x89\x8b");
    strcat(changes, "\"");
    tg_ticket_free(world_ticket(changes));
    changes[strlen(changes) - 1] = '\0';
    strcat(changes, "x\"");
    struct tg_error error = {0};
    struct tg_ticket *ticket;
    char *text = world_ticket_text(changes);
    assert_int_equal(tg_ticket_parse(tg_bytes_of_text(text), &ticket, &error), -1);
    world_assert_error(&error, TG_ticket_malformed, "'reason': must be 1 to 500 characters");
    free(text);
}

static void test_new_id(void **state)
{
    (void)state;
    char first[TG_TICKET_ID_SIZE], second[TG_TICKET_ID_SIZE], changes[64];
    struct tg_error error = {0};
    assert_int_equal(tg_ticket_new_id(first, &error), 0);
    assert_int_equal(tg_ticket_new_id(second, &error), 0);
    assert_string_not_equal(first, second);
    (void)snprintf(changes, sizeof changes, "id=\"%s\"", first);
    tg_ticket_free(world_ticket(changes));
}

static void test_states(void **state)
{
    (void)state;
    for (int i = TG_TICKET_PENDING; i <= TG_TICKET_EXHAUSTED; i++) {
        enum tg_ticket_state found;
        assert_true(tg_ticket_state_from_name(tg_ticket_state_name((enum tg_ticket_state)i), &found));
        assert_int_equal(found, i);
        assert_int_equal(tg_ticket_state_is_final(found), i > TG_TICKET_ACTIVE);
    }
    enum tg_ticket_state found;
    assert_false(tg_ticket_state_from_name("open", &found));
    assert_true(tg_ticket_state_is_final(found));
}

static void test_what_a_state_may_become(void **state)
{
    (void)state;
    for (int from = TG_TICKET_PENDING; from <= TG_TICKET_EXHAUSTED; from++) {
        for (int to = TG_TICKET_PENDING; to <= TG_TICKET_EXHAUSTED; to++) {
            bool may = from <= TG_TICKET_ACTIVE ||
                       (from == TG_TICKET_EXHAUSTED && (to == TG_TICKET_RELEASED || to == TG_TICKET_REVOKED));
            if (tg_ticket_state_may_become((enum tg_ticket_state)from, (enum tg_ticket_state)to) != may)
                fail_msg("%s to %s", tg_ticket_state_name((enum tg_ticket_state)from),
                         tg_ticket_state_name((enum tg_ticket_state)to));
        }
    }
}

/* --- What a person asks for
 * ---------------------------------------------------------------------------------------- */

static const char *const one_host[] = {"ops1"};

static struct tg_ticket_wish wish_of(const struct tg_policy *policy, const char *person)
{
    return (struct tg_ticket_wish){.requester = person,
                                   .key = tg_policy_person(policy, person)->keys[0].key->fingerprint,
                                   .hosts = one_host,
                                   .host_count = 1,
                                   .seconds = 600,
                                   .reason = "look at the logs"};
}

static struct tg_ticket *compose(const struct tg_policy *policy, const struct tg_ticket_wish *wish)
{
    char *text;
    size_t length;
    struct tg_error error = {0};
    struct tg_ticket *ticket;
    if (tg_ticket_compose(policy, wish, WORLD_TIME, &text, &length, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(tg_ticket_parse(tg_bytes_of(text, length), &ticket, &error), 0);
    free(text);
    return ticket;
}

static void assert_refused(const struct tg_policy *policy, const struct tg_ticket_wish *wish,
                           enum tg_reason reason, const char *part)
{
    char *text;
    size_t length;
    struct tg_error error = {0};
    assert_int_equal(tg_ticket_compose(policy, wish, WORLD_TIME, &text, &length, &error), -1);
    assert_null(text);
    world_assert_error(&error, reason, part);
}

static void test_composed(void **state)
{
    (void)state;
    struct tg_policy *policy = world_policy("rules/0/sessions=5 rules/0/sources=[\"192.0.2.0/24\"]");
    struct tg_ticket_wish wish = wish_of(policy, "alice");
    wish.extends = ""; /* none, like NULL */
    struct tg_ticket *ticket = compose(policy, &wish);
    assert_string_equal(ticket->rule, "one");
    assert_string_equal(ticket->account, "alice");
    assert_string_equal(ticket->extends, "");
    assert_int_equal(ticket->uid, 20001);
    assert_string_equal(ticket->shell, "/bin/bash");
    assert_int_equal(ticket->option_count, 2);
    assert_string_equal(ticket->sudo[0], "operator");
    assert_int_equal(ticket->approve_by, WORLD_TIME + 7200);
    assert_int_equal(ticket->sessions, 5);
    assert_string_equal(ticket->source[0], "192.0.2.0/24");
    assert_int_equal(ticket->policy, 7);
    tg_ticket_free(ticket);
    tg_policy_free(policy);
}

static void test_composed_for_another_rule(void **state)
{
    static const char *const none[] = {NULL};
    (void)state;
    struct tg_policy *policy = world_policy("rules/0/hardware_key=1");
    struct tg_ticket_wish wish = wish_of(policy, "alice");
    struct tg_ticket *ticket = compose(policy, &wish);
    assert_string_equal(ticket->rule, "two"); /* rule one would not take the key */
    tg_ticket_free(ticket);
    wish.account = "deploy";
    wish.options = none;
    ticket = compose(policy, &wish);
    assert_string_equal(ticket->rule, "shared");
    assert_int_equal(ticket->uid, 20100);
    assert_int_equal(ticket->option_count, 0);
    tg_ticket_free(ticket);
    wish.account = NULL;
    wish.rule = "both";
    ticket = compose(policy, &wish);
    assert_string_equal(ticket->rule, "both");
    tg_ticket_free(ticket);
    tg_policy_free(policy);
}

/* Where a rule names destinations, forwarding is granted to those who name theirs. */
static void test_composed_forwarding(void **state)
{
    static const char *const destinations[] = {"db1:5432"};
    (void)state;
    struct tg_policy *policy =
        world_policy("rules/0/options=[\"pty\",\"port-forwarding\"] rules/0/permit_open=[\"db*:5432\"]");
    struct tg_ticket_wish wish = wish_of(policy, "alice");
    wish.rule = "one";
    struct tg_ticket *ticket = compose(policy, &wish);
    assert_int_equal(ticket->option_count, 1);
    tg_ticket_free(ticket);
    wish.permit_open = destinations;
    wish.permit_open_count = 1;
    ticket = compose(policy, &wish);
    assert_int_equal(ticket->option_count, 2);
    tg_ticket_free(ticket);
    tg_policy_free(policy);
}

static void test_composed_extension(void **state)
{
    (void)state;
    struct tg_policy *policy = world_policy(
        "rules/0/max_extension_seconds=1800 rules/0/groups=[\"docker\"] rules/0/emergency=1 "
        "rules/0/sessions=4 rules/0/sources=[\"192.0.2.0/24\"] rules/0/permit_open=[\"*:5432\"]");
    struct tg_ticket *running =
        world_ticket("groups=[\"docker\"] sudo=[\"operator\"] options=[\"pty\"] sessions=2 command=\"id\" "
                     "source=[\"192.0.2.1\"] permit_open=[\"db1:5432\"] shell=\"/bin/sh\" emergency=1");
    struct tg_ticket_wish wish;
    tg_ticket_wish_extension(running, 1800, NULL, &wish);
    struct tg_ticket *extension = compose(policy, &wish);
    assert_string_equal(extension->extends, running->id);
    assert_string_not_equal(extension->id, running->id);
    assert_null(tg_ticket_extension_gap(extension, running));
    assert_string_equal(extension->rule, "one");
    assert_string_equal(extension->reason, running->reason);
    assert_int_equal(extension->seconds, 1800);
    assert_int_equal(extension->not_before, 0);
    assert_true(extension->emergency);
    tg_ticket_free(extension);
    tg_ticket_wish_extension(running, 1801, "it takes longer", &wish);
    assert_string_equal(wish.reason, "it takes longer");
    assert_refused(policy, &wish, TG_ticket_no_rule, "'extends': by 1801 seconds, at most 1800");
    tg_ticket_free(running);
    tg_policy_free(policy);
}

/* A ticket that granted nothing is not extended by what its rule would grant. */
static void test_composed_extension_of_little(void **state)
{
    (void)state;
    struct tg_policy *policy = world_policy("rules/0/max_extension_seconds=600 rules/0/groups=[\"docker\"]");
    struct tg_ticket *running = world_ticket("options=[]");
    struct tg_ticket_wish wish;
    tg_ticket_wish_extension(running, 600, NULL, &wish);
    struct tg_ticket *extension = compose(policy, &wish);
    assert_null(tg_ticket_extension_gap(extension, running));
    tg_ticket_free(extension);
    tg_ticket_free(running);
    tg_policy_free(policy);
}

static void test_compose_refuses(void **state)
{
    (void)state;
    struct tg_policy *policy = world_policy("people/mallory/disabled=1 people/bob/groups+=\"dev\"");
    const struct tg_ticket_wish good = wish_of(policy, "alice");
    struct tg_ticket_wish wish = good;
    wish.seconds = 3601;
    assert_refused(policy, &wish, TG_ticket_no_rule, "rule 'one' does not cover 'seconds': 3601");
    wish = good;
    wish.extends = "T-00000000000ZZ";
    assert_refused(policy, &wish, TG_ticket_no_rule, "cannot be extended");
    wish = good;
    wish.rule = "no_such_rule";
    assert_refused(policy, &wish, TG_ticket_no_rule, "no such rule");
    wish = good;
    wish.account = "root";
    assert_refused(policy, &wish, TG_ticket_no_rule, "root");
    wish = wish_of(policy, "dave");
    assert_refused(policy, &wish, TG_ticket_no_rule, "'requester'");
    wish = wish_of(policy, "mallory");
    assert_refused(policy, &wish, TG_requester_disabled, "mallory");
    wish = good;
    wish.requester = "zoe";
    assert_refused(policy, &wish, TG_requester_unknown, "zoe");
    wish = good;
    wish.requester = "bob";
    assert_refused(policy, &wish, TG_certificate_key_unknown, "SHA256:");
    wish = good;
    wish.reason = NULL;
    assert_refused(policy, &wish, TG_request_malformed, "'reason'");
    wish.reason = "two\nlines";
    assert_refused(policy, &wish, TG_request_malformed, "control character");
    wish = good;
    wish.command = "echo # x";
    assert_refused(policy, &wish, TG_ticket_command, "'command'");
    wish = good;
    wish.host_count = 0;
    assert_refused(policy, &wish, TG_request_malformed, "'hosts'");
    tg_policy_free(policy);
    policy = world_policy("rules/0/hardware_key=1");
    wish = wish_of(policy, "alice");
    wish.rule = "one";
    wish.key = tg_policy_person(policy, "alice")->keys[1].key->fingerprint;
    assert_refused(policy, &wish, TG_ticket_no_rule, "attested security key");
    tg_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parsed),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_reason_length),
        cmocka_unit_test(test_new_id),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_what_a_state_may_become),
        cmocka_unit_test(test_composed),
        cmocka_unit_test(test_composed_for_another_rule),
        cmocka_unit_test(test_composed_forwarding),
        cmocka_unit_test(test_composed_extension),
        cmocka_unit_test(test_composed_extension_of_little),
        cmocka_unit_test(test_compose_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
