/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/render.h"
#include "tests/unit/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TUESDAY_NOON = 1800000000 / 86400 * 86400 + 4 * 86400 + 12 * 3600 };

/* A ticket view as the service would send it, with the ticket changed. */
static json_t *view_json(const char *changes, const char *state)
{
    char *text = world_ticket_text(changes);
    json_t *json = json_pack("{s:s, s:s, s:[]}", "ticket", text, "state", state, "approvals");
    free(text);
    return json;
}

static bool warned(const char *changes, const char *policy_changes, const char *approver, const char *part)
{
    char warnings[TG_WARNINGS_MAX][TG_WARNING_SIZE];
    struct tg_ticket_view view;
    struct tg_problem problem = {0};
    struct tg_policy *policy = world_policy(policy_changes);
    json_t *json = view_json(changes, "pending");
    if (tg_ticket_view_read(json, policy, TUESDAY_NOON, &view, &problem) != 0)
        fail_msg("%s", problem.detail);
    size_t count = tg_ticket_warnings(policy, &view, approver, TUESDAY_NOON, warnings);
    bool found = false;
    for (size_t i = 0; i < count; i++)
        found = found || strstr(warnings[i], part) != NULL;
    tg_ticket_view_clear(&view);
    json_decref(json);
    tg_policy_free(policy);
    return found;
}

static void warns_about_the_unusual(void **state)
{
    static const struct {
        const char *ticket;
        const char *policy;
        const char *part;
    } rows[] = {
        {"account=\"root\" uid=0", NULL, "as root"},
        {"account=\"deploy\" uid=20100 rule=\"shared\"", NULL, "share"},
        {"emergency=1", NULL, "emergency"},
        {"hosts=[\"ops1\",\"ops2\",\"ops3\",\"ops4\",\"ops5\"]", NULL, "5 hosts"},
        {"options=[\"agent-forwarding\"]", NULL, "agent forwarding"},
        {"options=[\"port-forwarding\"]", NULL, "any address"},
        {"seconds=28800", NULL, "window is long"},
        {"not_before=1800900000", NULL, "begins only"},
        {"command=\"reboot\"", NULL, "reboot"},
        {"sudo=[\"operator\"]", NULL, "sudo"},
        {NULL, "rules/0/max_seconds=60", "no host will accept"},
        {NULL, "people/alice/disabled=1", "disabled"},
        {NULL, NULL, "software key"},
        {"key=\"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", NULL, "not in the policy"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!warned(rows[i].ticket, rows[i].policy, "bob", rows[i].part))
            print_error("row %zu: no warning with \"%s\"\n", i, rows[i].part);
        assert_true(warned(rows[i].ticket, rows[i].policy, "bob", rows[i].part));
    }
    assert_true(warned(NULL, NULL, "alice", "you are the requester"));
    assert_false(warned(NULL, NULL, "bob", "requester:"));
    assert_false(warned("key=\"@alice_sk\"", NULL, "bob", "software key"));
    assert_false(warned(NULL, NULL, "bob", "office hours"));
    assert_true(warned("not_before=1800705600", NULL, "bob", "office hours")); /* a Saturday */
    assert_true(warned("not_before=1800399600", NULL, "bob", "office hours")); /* 23:00 */
}

static void refuses_what_is_no_ticket(void **state)
{
    struct tg_ticket_view view;
    struct tg_problem problem = {0};
    struct tg_policy *policy = world_policy(NULL);
    (void)state;
    json_t *json = view_json(NULL, "unheard-of");
    assert_int_equal(tg_ticket_view_read(json, policy, TUESDAY_NOON, &view, &problem), -1);
    assert_string_equal(problem.code, "ticket_malformed");
    json_decref(json);
    json = view_json(NULL, "pending");
    json_object_set_new(json, "digest", json_string("00"));
    assert_int_equal(tg_ticket_view_read(json, policy, TUESDAY_NOON, &view, &problem), -1);
    assert_string_equal(problem.code, "ticket_malformed");
    json_decref(json);
    json = view_json("extra=1", "pending");
    assert_int_equal(tg_ticket_view_read(json, policy, TUESDAY_NOON, &view, &problem), -1);
    json_decref(json);
    tg_policy_free(policy);
}

/* An approval that the service invented is shown as one that does not count. */
static void shows_forged_approvals_as_such(void **state)
{
    struct tg_ticket_view view;
    struct tg_problem problem = {0};
    struct tg_policy *policy = world_policy(NULL);
    struct tg_ticket *ticket = world_ticket(NULL);
    char *document = NULL;
    char *text = NULL;
    size_t size = 0;
    (void)state;
    assert_int_equal(tg_approval_compose(ticket, "bob", WORLD_TIME + 60, 0, &document, &size), 0);
    char *signature = world_sign(PRIVATE_ALICE, TG_NAMESPACE_APPROVAL, document);
    json_t *json = view_json(NULL, "approved");
    json_array_append_new(json_object_get(json, "approvals"),
                          json_pack("{s:s, s:s}", "document", document, "signature", signature));
    assert_int_equal(tg_ticket_view_read(json, policy, WORLD_TIME + 90, &view, &problem), 0);
    assert_int_not_equal(view.approvals, TG_allowed);
    FILE *stream = open_memstream(&text, &size);
    struct tg_output out = {.stream = stream};
    tg_render_standing(&out, &view, WORLD_TIME + 90);
    assert_int_equal(fclose(stream), 0);
    assert_non_null(strstr(text, "DOES NOT COUNT"));
    assert_null(strstr(text, "signature verified"));
    free(text);
    free(signature);
    free(document);
    tg_ticket_view_clear(&view);
    json_decref(json);
    tg_ticket_free(ticket);
    tg_policy_free(policy);
}

/* A detail that is cut inside a character is still told, also as JSON. */
static void problems_are_always_json(void **state)
{
    struct tg_problem problem;
    char detail[2000];
    (void)state;
    for (size_t i = 0; i + 1 < sizeof detail; i++)
        detail[i] = "\xe6\x89\x8b"[i % 3];
    detail[sizeof detail - 2] = '\0';
    json_t *body = json_pack("{s:s%, s:s}", "detail", detail, (size_t)1998, "code", "request_malformed");
    assert_int_equal(tg_problem_from_answer(&problem, 400, body), -1);
    json_t *told = tg_problem_json(&problem);
    assert_string_equal(json_string_value(json_object_get(told, "code")), "request_malformed");
    assert_true(json_string_length(json_object_get(told, "detail")) > 0);
    json_decref(told);
    memset(problem.detail, 0, sizeof problem.detail);
    memcpy(problem.detail, "cut \xe6\x89", 6);
    told = tg_problem_json(&problem);
    assert_string_equal(json_string_value(json_object_get(told, "detail")), "cut \\xe6\\x89");
    json_decref(told);
    json_decref(body);
}

int main(void)
{
    (void)setenv("TZ", "UTC", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warns_about_the_unusual),
        cmocka_unit_test(refuses_what_is_no_ticket),
        cmocka_unit_test(shows_forged_approvals_as_such),
        cmocka_unit_test(problems_are_always_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
