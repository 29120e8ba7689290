/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What tegata tells of an extension, and of whom its advice speaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/extension.h"
#include "cli/host_session.h"
#include "tests/unit/world.h"

#include <string.h>

enum { RUNNING_ENDS = 10000, LIMIT = RUNNING_ENDS + 3600 };

/* The extension of the world's ticket, changed, would end its session at ... if it were approved at `now`. */
static int64_t end_of(const char *changes, const char *policy_changes, uint32_t seconds, int64_t now)
{
    char all[256];
    struct tg_policy *policy = world_policy(policy_changes);
    struct tg_ticket *running = world_ticket(NULL);
    (void)snprintf(all, sizeof all, "id=\"T-00000000000ZZ\" extends=\"%s\" %s", running->id, changes);
    struct tg_ticket *extension = world_ticket(all);
    const struct tg_ticket_view running_view = {
        .held.ticket = running, .rule = tg_policy_rule(policy, running->rule), .ends = RUNNING_ENDS};
    const struct tg_ticket_view view = {.held.ticket = extension, .rule = running_view.rule};
    int64_t ends = tg_extension_end(&view, &running_view, seconds, now);
    tg_ticket_free(extension);
    tg_ticket_free(running);
    tg_policy_free(policy);
    return ends;
}

static void an_extension_ends_where_it_must(void **state)
{
    static const char policy[] = "rules/0/max_extension_seconds=3600";
    (void)state;
    assert_int_equal(end_of("seconds=600", policy, 0, 9900), 10500);
    assert_int_equal(end_of("seconds=600", policy, 300, 9900), 10200);
    assert_int_equal(end_of("seconds=600", policy, 900, 9900), 10500); /* an approval only shortens */
    assert_int_equal(end_of("seconds=600 not_before=9950", policy, 0, 9900), 10550);
    assert_int_equal(end_of("seconds=7200", policy, 0, 9900), LIMIT);
    assert_int_equal(end_of("seconds=600", NULL, 0, 9900), RUNNING_ENDS);
    assert_int_equal(end_of("seconds=600 command=\"uptime\"", policy, 0, 9900), 0);
}

static void the_standing_of_a_session(void **state)
{
    char text[TG_HOST_SESSION_STANDING_SIZE];
    struct tg_host_session session = {.host = "ops1", .code = "", .how = "", .ends = 1300, .seen = 990};
    (void)state;
    assert_string_equal(tg_host_session_standing(&session, 1000, text), "in 5m");
    session.seen = 900;
    assert_string_equal(tg_host_session_standing(&session, 1000, text),
                        "in 5m (ops1 was last in touch 1m40s ago)");
    session.seen = 0;
    assert_string_equal(tg_host_session_standing(&session, 1000, text),
                        "in 5m (ops1 is not enrolled any more)");
    session.ended = 940;
    session.code = "ticket_revoked";
    assert_string_equal(tg_host_session_standing(&session, 1000, text), "ended 1m ago: ticket_revoked");
    session.code = "allowed";
    assert_string_equal(tg_host_session_standing(&session, 1000, text), "ended 1m ago");
}

static void answers_of_any_shape_are_read(void **state)
{
    (void)state;
    json_t *json = json_pack("{s:i, s:[], s:s}", "host", 7, "ticket", "ends", "soon");
    struct tg_host_session session = tg_host_session_read(json);
    assert_string_equal(session.host, "");
    assert_string_equal(session.ticket, "");
    assert_int_equal(session.ends, 0);
    json_decref(json);
    session = tg_host_session_read(NULL);
    assert_string_equal(session.account, "");
}

static void advice_names_the_ticket(void **state)
{
    char out[128];
    (void)state;
    assert_string_equal(
        tg_advice_for("look at it: tegata show TICKET", "ticket T-00000000000ZZ is denied", out, sizeof out),
        "look at it: tegata show T-00000000000ZZ");
    assert_string_equal(
        tg_advice_for("ask: tegata show TICKET now", "T-x then T-00000000000ZZ", out, sizeof out),
        "ask: tegata show T-00000000000ZZ now");
    assert_string_equal(tg_advice_for("tegata show TICKET", "T-00000", out, sizeof out),
                        "tegata show TICKET");
    assert_string_equal(tg_advice_for("set the clock", "T-00000000000ZZ", out, sizeof out), "set the clock");
    assert_string_equal(tg_advice_for("tegata show TICKET", "T-00000000000ZZ", out, 8), "tegata ");
}

static void one_is_not_several(void **state)
{
    (void)state;
    assert_string_equal(tg_plural(1, "person", "people"), "person");
    assert_string_equal(tg_plural(0, "person", "people"), "people");
    assert_string_equal(tg_plural(2, "person", "people"), "people");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_extension_ends_where_it_must),
        cmocka_unit_test(the_standing_of_a_session),
        cmocka_unit_test(answers_of_any_shape_are_read),
        cmocka_unit_test(advice_names_the_ticket),
        cmocka_unit_test(one_is_not_several),
    };
    return cmocka_run_group_tests_name("extension", tests, NULL, NULL);
}
