/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Routing, problem documents, bodies, queries, rates, long polls and the clock, without a socket.
 */
#include "approval_service/body.h"
#include "approval_service/problem.h"
#include "approval_service/rate.h"
#include "approval_service/route.h"
#include "approval_service/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t fake_now(void *context)
{
    return *(int64_t *)context;
}

static int64_t now = 1500;

static int set_up(void **state)
{
    struct tg_service *service = calloc(1, sizeof *service);
    struct tg_error error;
    service->log = (struct tg_log){.program = "test", .to_stderr = true, .level = LOG_EMERG};
    service->clock = (struct tg_clock){.now = fake_now, .context = &now};
    service->requests_per_minute = 60;
    tg_waiting_init(&service->waiting);
    *state = service;
    return tg_store_open(":memory:", &service->store, &error);
}

static int tear_down(void **state)
{
    tg_service_clear(*state);
    free(*state);
    return 0;
}

static void assert_answer(struct tg_service *service, const char *method, const char *path, unsigned status,
                          const char *code)
{
    struct tg_http_request request = {
        .method = method, .path = path, .target = path, .query = "", .address = "192.0.2.1"};
    struct tg_http_answer answer;
    tg_service_answer(service, &request, &answer);
    assert_int_equal(answer.status, status);
    const char *got = json_string_value(json_object_get(answer.json, "code"));
    assert_string_equal(got == NULL ? "" : got, code);
    tg_http_answer_clear(&answer);
    json_decref(request.parsed);
}

static void routes(void **state)
{
    assert_answer(*state, "GET", "/healthz", 200, "");
    assert_answer(*state, "POST", "/healthz", 405, "method_not_allowed");
    assert_answer(*state, "GET", "/healthz/", 404, "not_found");
    assert_answer(*state, "GET", "", 404, "not_found");
    assert_answer(*state, "get", "/healthz", 405, "method_not_allowed");
    assert_answer(*state, "POST", "/v1/tickets/T-1/T-2/deny", 404, "not_found");
    assert_answer(*state, "POST", "/v1/tickets//deny", 404, "not_found");
    assert_answer(*state, "GET", "/v1/tickets", 503, "policy_missing");
    assert_answer(*state, "GET", "/v1/host/tickets", 401, "request_unsigned");
    assert_answer(*state, "DELETE", "/v1/hosts/ops1", 401, "request_unsigned");
    assert_answer(*state, "GET", "/metrics", 403, "request_forbidden");
    char methods[64];
    assert_true(tg_route_methods("/v1/tickets", methods, sizeof methods));
    assert_string_equal(methods, "POST, GET");
    assert_false(tg_route_methods("/v2", methods, sizeof methods));
    assert_int_equal(tg_route_body_limit("PUT", "/v1/policy"), TG_HTTP_POLICY_BODY_MAX);
    assert_int_equal(tg_route_body_limit("POST", "/v1/tickets"), TG_HTTP_BODY_MAX);
}

static void problems(void **state)
{
    (void)state;
    struct tg_http_answer answer = {0};
    struct tg_error error;
    (void)tg_fail(&error, TG_not_found, "no \"%s\" \033[31m", "thing");
    tg_problem_answer(&error, &answer);
    assert_int_equal(answer.status, 404);
    assert_true(answer.problem);
    assert_string_equal(json_string_value(json_object_get(answer.json, "detail")), "no \"thing\" ?[31m");
    assert_string_equal(json_string_value(json_object_get(answer.json, "title")),
                        tg_reason_text(TG_not_found));
    /* What the database says stays in the log. */
    (void)tg_fail(&error, TG_store_failed, "disk I/O error in /secret/place");
    tg_problem_answer(&error, &answer);
    assert_int_equal(answer.status, 503);
    assert_null(strstr(json_string_value(json_object_get(answer.json, "detail")), "secret"));
    tg_http_answer_clear(&answer);
}

static void assert_body(enum tg_body_kind kind, const char *text, bool good)
{
    json_t *body = NULL;
    struct tg_error error = {0};
    assert_int_equal(tg_body_parse(kind, tg_bytes_of_text(text), &body, &error), good ? 0 : -1);
    if (!good)
        assert_int_equal(error.reason, TG_request_malformed);
    json_decref(body);
}

static void bodies(void **state)
{
    (void)state;
    assert_body(TG_BODY_EMPTY, "{}", true);
    assert_body(TG_BODY_EMPTY, "{\"a\":1}", false);
    assert_body(TG_BODY_EMPTY, "", false);
    assert_body(TG_BODY_EMPTY, "[]", false);
    assert_body(TG_BODY_NONE, "", true);
    assert_body(TG_BODY_NONE, "{}", false);
    assert_body(TG_BODY_REASON, "{\"reason\":\"no\"}", true);
    assert_body(TG_BODY_REASON, "{\"reason\":\"no\",\"reason\":\"no\"}", false);
    assert_body(TG_BODY_REASON, "{\"reason\":\"a\\nb\"}", false);
    assert_body(TG_BODY_REASON, "{\"reason\":\"a\\u0000b\"}", false);
    assert_body(TG_BODY_REASON, "{\"reason\":1}", false);
    assert_body(TG_BODY_APPROVAL, "{\"document\":\"{}\",\"signature\":\"a\\nb\"}", true);
    assert_body(TG_BODY_SESSION_END, "{\"ended\":1}", true);
    assert_body(TG_BODY_SESSION_END, "{\"ended\":-1}", false);
    assert_body(TG_BODY_SESSION_END, "{\"ended\":1.5}", false);
    assert_body(TG_BODY_EVENTS, "{\"events\":[]}", true);
    assert_body(TG_BODY_EVENTS, "{\"events\":[1]}", false);
}

static void queries(void **state)
{
    (void)state;
    static const char *const keys[] = {"after", "wait", NULL};
    struct tg_error error;
    int64_t number = 7;
    char word[8] = "x";
    assert_int_equal(tg_query_check("after=1&wait=2", keys, &error), 0);
    assert_int_equal(tg_query_check("", keys, &error), 0);
    assert_int_equal(tg_query_check("after=1&after=2", keys, &error), -1);
    assert_int_equal(tg_query_check("other=1", keys, &error), -1);
    assert_int_equal(tg_query_number("wait=2", "after", 9, &number, &error), 0);
    assert_int_equal(number, 7);
    assert_int_equal(tg_query_number("wait=2&after=9", "after", 9, &number, &error), 0);
    assert_int_equal(number, 9);
    assert_int_equal(tg_query_number("after=10", "after", 9, &number, &error), -1);
    assert_int_equal(tg_query_number("after=", "after", 9, &number, &error), -1);
    assert_int_equal(tg_query_number("after=-1", "after", 9, &number, &error), -1);
    assert_int_equal(tg_query_number("after=99999999999999999999", "after", INT64_MAX, &number, &error), -1);
    assert_int_equal(tg_query_word("role=mine", "role", word, sizeof word, &error), 0);
    assert_string_equal(word, "mine");
    assert_int_equal(tg_query_word("role=a%20b", "role", word, sizeof word, &error), -1);
    assert_int_equal(tg_query_word("role=toolongforit", "role", word, sizeof word, &error), -1);
}

static void rates(void **state)
{
    (void)state;
    struct tg_rates *rates = calloc(1, sizeof *rates);
    for (int i = 0; i < 60; i++)
        assert_true(tg_rate_take(rates, "bob", 60, 1000));
    assert_false(tg_rate_take(rates, "bob", 60, 1000));
    assert_true(tg_rate_take(rates, "carol", 60, 1000));
    assert_true(tg_rate_take(rates, "bob", 60, 2000));
    assert_false(tg_rate_take(rates, "bob", 60, 2000));
    free(rates);
}

static int woken;

static void count_wake(struct tg_waiter *waiter)
{
    (void)waiter;
    woken++;
}

static void exactly_those_concerned_wake(void **state)
{
    (void)state;
    struct tg_waiting waiting;
    struct tg_waiter ops1 = {.kind = TG_WAIT_HOST, .name = "ops1", .deadline_ms = 500, .wake = count_wake};
    struct tg_waiter ops2 = {.kind = TG_WAIT_HOST, .name = "ops2", .deadline_ms = 900, .wake = count_wake};
    struct tg_waiter follower = {
        .kind = TG_WAIT_TICKET, .name = "ops1", .deadline_ms = 700, .wake = count_wake};
    tg_waiting_init(&waiting);
    assert_int_equal(tg_waiting_expire(&waiting, 0), -1);
    tg_waiting_add(&waiting, &ops1);
    tg_waiting_add(&waiting, &ops2);
    tg_waiting_add(&waiting, &follower);
    woken = 0;
    tg_waiting_wake(&waiting, TG_WAIT_HOST, "ops1");
    assert_int_equal(woken, 1);
    assert_false(ops1.listed);
    assert_int_equal(tg_waiting_expire(&waiting, 600), 100);
    assert_int_equal(tg_waiting_expire(&waiting, 700), 200);
    assert_int_equal(woken, 2);
    tg_waiting_wake(&waiting, TG_WAIT_HOST, NULL);
    assert_int_equal(woken, 3);
    tg_waiting_remove(&waiting, &ops2);
    assert_int_equal(waiting.count, 0);
}

static const char pending_ticket[] =
    "{\"account\":\"alice\",\"approve_by\":2000,\"command\":\"\",\"created\":1000,\"emergency\":0,\"groups\":"
    "[],"
    "\"hosts\":[\"ops1\"],\"id\":\"T-0000000000001\",\"key\":\"SHA256:"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
    "\"not_before\":0,\"options\":[],\"permit_open\":[],\"policy\":1,\"reason\":\"why\",\"reference\":\"\","
    "\"requester\":\"alice\",\"rule\":\"r\",\"seconds\":600,\"sessions\":0,\"shell\":\"/bin/"
    "bash\",\"source\":[],"
    "\"sudo\":[],\"uid\":20001,\"v\":1}";

static int take_state(void *context, const struct tg_stored_ticket *ticket)
{
    *(enum tg_ticket_state *)context = ticket->state;
    return 0;
}

static void a_pending_ticket_lapses(void **state)
{
    struct tg_service *service = *state;
    struct tg_error error;
    struct tg_ticket *ticket = NULL;
    enum tg_ticket_state ticket_state;
    struct tg_waiter host = {
        .kind = TG_WAIT_HOST, .name = "ops1", .deadline_ms = INT64_MAX, .wake = count_wake};
    assert_int_equal(tg_ticket_parse(tg_bytes_of_text(pending_ticket), &ticket, &error), 0);
    assert_int_equal(tg_store_ticket_add(service->store, ticket, 0, 1000, &error), 0);
    tg_waiting_add(&service->waiting, &host);
    woken = 0;
    now = 2000;
    assert_int_equal(tg_expire(service, &error), 0);
    assert_int_equal(service->next_due, 2001);
    assert_int_equal(woken, 0);
    now = 2001;
    assert_int_equal(tg_expire(service, &error), 0);
    assert_int_equal(service->next_due, 0);
    assert_int_equal(woken, 1);
    assert_int_equal(tg_store_ticket(service->store, ticket->id, take_state, &ticket_state, &error), 0);
    assert_int_equal(ticket_state, TG_TICKET_LAPSED);
    tg_ticket_free(ticket);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(routes, set_up, tear_down),
        cmocka_unit_test(problems),
        cmocka_unit_test(bodies),
        cmocka_unit_test(queries),
        cmocka_unit_test(rates),
        cmocka_unit_test(exactly_those_concerned_wake),
        cmocka_unit_test_setup_teardown(a_pending_ticket_lapses, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("service parts", tests, NULL, NULL);
}
