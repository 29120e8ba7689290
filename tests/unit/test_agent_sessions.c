/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the agent knows about sessions: their files, their clock, their right to exist, and when they are
 * warned. Alice's ticket was approved 30 s after its creation, for 1,800 s; her session is 30 s old.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/ending.h"
#include "agent/process_table.h"
#include "agent/session_right.h"
#include "agent/state.h"
#include "tests/unit/crypto_help.h"
#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BEGAN = 30, OPENED = 60, ENDS = BEGAN + 1800, LIMIT = ENDS + 3600, STEADY = 5000000 };

#define TICKET    "T-0123456789ABC"
#define EXTENSION "T-11111111111AA"
#define SESSION   "0123456789abcdef0123456789abcdef"

static const struct tg_log quiet = {.program = "test", .to_stderr = true, .level = LOG_EMERG};

struct fixture {
    void *folder; /* of crypto_help.h */
    struct tg_agent *agent;
    struct tg_known_certificate *certificate;
};

/* --- Making
 * -------------------------------------------------------------------------------------------------------- */

static void set_time(struct tg_agent *agent, int64_t since)
{
    agent->now = WORLD_TIME + since;
    agent->now_ms = agent->now * 1000;
    agent->steady = STEADY + since * 1000;
}

/* Offers a ticket of the world, approved by bob at that second. */
static void take(struct tg_agent *agent, const char *changes, int64_t at, enum tg_ticket_state state)
{
    struct tg_error error;
    size_t length;
    char *text = world_ticket_text(changes);
    char *approval;
    struct tg_ticket *ticket = world_ticket(changes);
    assert_int_equal(tg_approval_compose(ticket, "bob", WORLD_TIME + at, 0, &approval, &length), 0);
    char *signature = world_sign(PRIVATE_BOB, TG_NAMESPACE_APPROVAL, approval);
    struct tg_update_approval list = {.document = tg_bytes_of_text(approval), .signature = signature};
    const struct tg_update_ticket offered = {.well_formed = true,
                                             .document = tg_bytes_of_text(text),
                                             .approvals = &list,
                                             .approval_count = 1,
                                             .state = state};
    assert_int_equal(
        tg_tickets_take(&agent->tickets, agent->policy, "ops1", INT64_MAX, &offered, NULL, NULL, &error),
        TG_INTAKE_CHANGED);
    tg_ticket_free(ticket);
    free(signature);
    free(approval);
    free(text);
}

/* Of alice's key, for an hour, by an authority that the policy is made to name. */
static struct tg_known_certificate *make_certificate(struct fixture *fixture)
{
    const char *ca = in_folder(&fixture->folder, "ca");
    const char *key = in_folder(&fixture->folder, "alice.pub");
    struct tg_certificate *parsed;
    struct tg_known_certificate *known;
    struct tg_error error;
    size_t length;
    write_file(ca, tg_bytes_of_text(PRIVATE_ROOT_ONE), 0600);
    write_file(key, tg_bytes_of_text(KEY_ALICE "\n"), 0600);
    const char *const sign[] = {"ssh-keygen", "-q",
                                "-s",         ca,
                                "-I",         "alice@laptop",
                                "-n",         "alice",
                                "-V",         "20270115080000Z:20270115090000Z",
                                key,          NULL};
    assert_int_equal(run_program(sign), 0);
    char *line = read_file(in_folder(&fixture->folder, "alice-cert.pub"), &length);
    assert_int_equal(tg_certificate_parse_line(line, &parsed, &error), 0);
    assert_int_equal(tg_known_certificate_new(parsed->blob, &known, &error), 0);
    tg_certificate_free(parsed);
    free(line);
    return known;
}

static struct tg_policy *make_policy(const char *changes)
{
    struct tg_policy *policy = world_policy(changes);
    tg_public_key_free(policy->user_ca[0]);
    policy->user_ca[0] = world_key(KEY_ROOT_ONE);
    return policy;
}

static int make_agent(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct tg_error error;
    assert_non_null(fixture);
    assert_int_equal(make_folder(&fixture->folder), 0);
    struct tg_agent *agent = fixture->agent = calloc(1, sizeof *agent);
    assert_non_null(agent);
    agent->log = quiet;
    agent->proc_root = "/proc";
    (void)snprintf(agent->config.state_directory, sizeof agent->config.state_directory, "%s",
                   (const char *)fixture->folder);
    (void)snprintf(agent->config.name, sizeof agent->config.name, "ops1");
    (void)snprintf(agent->boot_id, sizeof agent->boot_id, "boot");
    set_time(agent, OPENED);
    assert_int_equal(tg_tickets_init(&agent->tickets), 0);
    assert_int_equal(
        tg_events_open(&agent->events, agent->config.state_directory, "ops1", &quiet, agent->now, &error), 0);
    assert_int_equal(tg_warn_minutes_parse("10 2", &agent->warn_minutes, &error), 0);
    tg_session_clock_start(agent);
    tg_agent_load_sessions(agent);
    agent->policy = make_policy("rules/0/max_extension_seconds=3600");
    fixture->certificate = make_certificate(fixture);
    take(agent, NULL, BEGAN, TG_TICKET_ACTIVE);
    *state = fixture;
    return 0;
}

static int free_agent(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    tg_sessions_free(&agent->sessions);
    tg_endings_free(agent->endings);
    tg_accounts_free(&agent->accounts);
    tg_tickets_free(&agent->tickets);
    tg_events_close(&agent->events);
    tg_policy_free(agent->policy);
    tg_known_certificate_release(fixture->certificate);
    free(agent);
    int result = remove_folder(&fixture->folder);
    free(fixture);
    return result;
}

/* Alice's session, as the gate opens it. */
static struct tg_session *open_session(struct fixture *fixture)
{
    struct tg_session session = {.id = SESSION,
                                 .pidfd = -1,
                                 .audit_id = TG_AUDIT_UNSET,
                                 .ticket = TICKET,
                                 .carrier = TICKET,
                                 .person = "alice",
                                 .account = "alice",
                                 .uid = 20001,
                                 .certificate = fixture->certificate,
                                 .opened = WORLD_TIME + OPENED,
                                 .ends = WORLD_TIME + ENDS,
                                 .limit = WORLD_TIME + LIMIT};
    struct tg_session *added = tg_sessions_add(&fixture->agent->sessions, &session);
    assert_non_null(added);
    added->certificate->references++;
    return added;
}

static void set_state(struct tg_agent *agent, const char *id, enum tg_ticket_state state)
{
    struct tg_ticket_entry *entry = tg_tickets_find(&agent->tickets, id);
    assert_non_null(entry);
    entry->held.state = state;
}

static size_t events_of(const struct tg_agent *agent, const char *kind)
{
    char member[64];
    size_t count = 0;
    (void)snprintf(member, sizeof member, "\"kind\":\"%s\"", kind);
    for (size_t i = 0; i < agent->events.count; i++)
        count += strstr(agent->events.lines[i].text, member) != NULL;
    return count;
}

static void assert_last_event_says(const struct tg_agent *agent, const char *part)
{
    assert_true(agent->events.count > 0);
    const char *text = agent->events.lines[agent->events.count - 1].text;
    if (strstr(text, part) == NULL)
        fail_msg("%s is not in %s", part, text);
}

/* --- The clock
 * ----------------------------------------------------------------------------------------------------- */

static void test_a_wall_clock_that_is_set_moves_nothing(void **state)
{
    struct tg_agent *agent = ((struct fixture *)*state)->agent;
    assert_int_equal(tg_session_now(agent), WORLD_TIME + OPENED);
    assert_int_equal(tg_session_due(agent, WORLD_TIME + OPENED + 5), agent->steady + 5000);
    agent->now += 3600;
    agent->now_ms += 3600000;
    agent->steady += 2000;
    assert_int_equal(tg_session_now(agent), WORLD_TIME + OPENED + 2);
    agent->now -= 7200;
    agent->now_ms -= 7200000;
    assert_int_equal(tg_session_now(agent), WORLD_TIME + OPENED + 2);
}

static void test_the_service_agreeing_moves_it(void **state)
{
    struct tg_agent *agent = ((struct fixture *)*state)->agent;
    assert_false(agent->session_clock.known);
    assert_false(tg_session_clock_agree(agent));
    assert_true(agent->session_clock.known);
    /* Less than a second is how the two were read, and no step. */
    agent->now_ms += 999;
    assert_false(tg_session_clock_agree(agent));
    assert_int_equal(tg_session_due(agent, WORLD_TIME + OPENED), agent->steady);
    agent->now_ms += 4001;
    assert_false(tg_session_clock_agree(agent));
    assert_int_equal(tg_session_now(agent), WORLD_TIME + OPENED + 5);
    agent->now_ms -= 5001;
    assert_true(tg_session_clock_agree(agent));
    assert_int_equal(tg_session_due(agent, WORLD_TIME + OPENED), agent->steady + 1);
}

static void test_the_clock_outlives_the_agent_but_not_the_boot(void **state)
{
    struct tg_agent *agent = ((struct fixture *)*state)->agent;
    (void)tg_session_clock_agree(agent);
    agent->now += 3600;
    agent->now_ms += 3600000;
    agent->session_clock = (struct tg_session_clock){0};
    tg_session_clock_start(agent);
    assert_true(agent->session_clock.known);
    assert_int_equal(tg_session_now(agent), WORLD_TIME + OPENED);
    (void)snprintf(agent->boot_id, sizeof agent->boot_id, "another");
    tg_session_clock_start(agent);
    assert_false(agent->session_clock.known);
    assert_int_equal(tg_session_now(agent), WORLD_TIME + OPENED + 3600);
}

/* --- The right
 * ----------------------------------------------------------------------------------------------------- */

static enum tg_reason reason_of(struct tg_agent *agent, const struct tg_session *session)
{
    struct tg_right right;
    tg_session_right(agent, session, &right);
    return right.reason;
}

static void test_right(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_right right;
    struct tg_session *session = open_session(fixture);
    session->limit = 0;
    tg_session_right(agent, session, &right);
    assert_int_equal(right.reason, TG_allowed);
    assert_int_equal(right.ends, WORLD_TIME + ENDS);
    assert_int_equal(right.limit, WORLD_TIME + LIMIT);
    assert_string_equal(right.ticket->ticket->id, TICKET);
    set_state(agent, TICKET, TG_TICKET_REVOKED);
    assert_int_equal(reason_of(agent, session), TG_ticket_revoked);
}

static void test_a_session_without_its_certificate_has_no_right(void **state)
{
    struct fixture *fixture = *state;
    struct tg_session *session = open_session(fixture);
    tg_known_certificate_release(session->certificate);
    session->certificate = NULL;
    tg_sessions_judge(fixture->agent);
    assert_int_equal(session->ending.phase, TG_ENDING_BEGUN);
    assert_int_equal(session->ending.reason, TG_certificate_missing);
}

/* What the host lacks ends no session, but what it does know counts. */
static void test_without_policy_or_ticket_it_lives_to_its_end(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_session *session = open_session(fixture);
    struct tg_policy *policy = agent->policy;
    agent->policy = NULL;
    assert_int_equal(reason_of(agent, session), TG_policy_missing);
    set_state(agent, TICKET, TG_TICKET_RELEASED);
    assert_int_equal(reason_of(agent, session), TG_ticket_released);
    set_state(agent, TICKET, TG_TICKET_ACTIVE);
    tg_sessions_judge(agent);
    assert_int_equal(session->ending.phase, TG_ENDING_NOT);
    set_time(agent, ENDS - 1);
    assert_int_equal(tg_sessions_turn(agent), agent->steady + 1000);
    assert_int_equal(session->ending.phase, TG_ENDING_NOT);
    set_time(agent, ENDS);
    (void)tg_sessions_turn(agent);
    assert_int_equal(session->ending.phase, TG_ENDING_BEGUN);
    assert_int_equal(session->ending.reason, TG_ticket_late);
    agent->policy = policy;
}

static void test_a_lost_ticket_that_was_revoked_is_remembered(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_session *session = open_session(fixture);
    memcpy(session->ticket, "T-22222222222BB", sizeof session->ticket);
    assert_int_equal(reason_of(agent, session), TG_ticket_none);
    tg_sessions_judge(agent);
    assert_int_equal(session->ending.phase, TG_ENDING_NOT);
    const struct tg_mark mark = {
        .ticket = "T-22222222222BB", .state = TG_TICKET_REVOKED, .until = WORLD_TIME + 90000};
    assert_true(tg_marks_add(&agent->tickets.marks, &mark));
    tg_sessions_judge(agent);
    assert_int_equal(session->ending.reason, TG_ticket_revoked);
}

static void test_a_policy_that_narrows_ends(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_session *session = open_session(fixture);
    tg_sessions_judge(agent);
    assert_int_equal(session->ending.phase, TG_ENDING_NOT);
    tg_policy_free(agent->policy);
    agent->policy = make_policy("people/alice/disabled=1");
    agent->sessions_unjudged = true;
    (void)tg_sessions_turn(agent);
    assert_int_equal(session->ending.reason, TG_requester_disabled);
    assert_false(agent->sessions_unjudged);
}

/* --- Its end
 * ------------------------------------------------------------------------------------------------------- */

static void take_extension(struct tg_agent *agent)
{
    take(agent, "id=\"" EXTENSION "\" extends=\"" TICKET "\" created=1800000040 seconds=3000", OPENED,
         TG_TICKET_APPROVED);
}

static void test_an_extension_moves_the_end(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_session *session = open_session(fixture);
    session->warned = 10;
    take_extension(agent);
    tg_sessions_judge(agent);
    assert_int_equal(session->ends, WORLD_TIME + OPENED + 3000);
    assert_int_equal(session->limit, WORLD_TIME + LIMIT);
    assert_int_equal(session->warned, 0);
    assert_string_equal(session->carrier, EXTENSION);
    assert_string_equal(session->ticket, TICKET);
    assert_int_equal(events_of(agent, "session_extended"), 1);
    assert_last_event_says(agent, "\"detail\":\"from 2027-01-15T08:30:30Z by " EXTENSION "\"");
    assert_last_event_says(agent, "\"ends\":1800003060");
    assert_last_event_says(agent, "\"ticket\":\"" TICKET "\"");
    /* Nothing new: nothing is said. */
    tg_sessions_judge(agent);
    assert_int_equal(events_of(agent, "session_extended"), 1);
    set_time(agent, ENDS + 1);
    (void)tg_sessions_turn(agent);
    assert_int_equal(session->ending.phase, TG_ENDING_NOT);
}

static void test_an_end_that_is_cut_back_is_told_and_warned_of(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_session *session = open_session(fixture);
    take_extension(agent);
    tg_sessions_judge(agent);
    session->warned = 2;
    set_state(agent, EXTENSION, TG_TICKET_REVOKED);
    tg_sessions_judge(agent);
    assert_int_equal(session->ends, WORLD_TIME + ENDS);
    assert_int_equal(session->warned, 0);
    assert_string_equal(session->carrier, TICKET);
    assert_last_event_says(agent, "\"detail\":\"cut back from ");
}

static void test_the_turn_comes_when_it_is_due(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_session *session = open_session(fixture);
    const int64_t end = STEADY + (int64_t)ENDS * 1000;
    assert_int_equal(tg_sessions_turn(agent), end - 600000);
    set_time(agent, ENDS - 600);
    assert_int_equal(tg_sessions_turn(agent), end - 120000);
    assert_int_equal(session->warned, 10);
    set_time(agent, ENDS - 120);
    assert_int_equal(tg_sessions_turn(agent), end);
    assert_int_equal(session->warned, 2);
    assert_int_equal(session->ending.phase, TG_ENDING_NOT);
    set_time(agent, ENDS);
    assert_int_equal(tg_sessions_turn(agent), INT64_MAX);
    assert_int_equal(session->ending.reason, TG_ticket_late);
    assert_int_equal(events_of(agent, "session_warned"), 2);
}

/* --- Warnings
 * ------------------------------------------------------------------------------------------------------ */

static void test_each_threshold_is_warned_of_once(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_session *session = open_session(fixture);
    set_time(agent, ENDS - 599);
    for (int i = 0; i < 3; i++)
        (void)tg_sessions_turn(agent);
    assert_int_equal(events_of(agent, "session_warned"), 1);
    assert_last_event_says(agent, "\"detail\":\"10 minutes before the end, on 0 terminals\"");
    /* An agent that was away for both says the nearer one. */
    session->warned = 0;
    set_time(agent, ENDS - 60);
    (void)tg_sessions_turn(agent);
    assert_int_equal(session->warned, 2);
    assert_last_event_says(agent, "\"detail\":\"1 minute before the end, ");
}

static void test_warn_minutes(void **state)
{
    (void)state;
    static const char *const bad[] = {"ten",  "-1",
                                      "1.5",  "5x",
                                      "1441", "99999999999999999999",
                                      "1,2",  "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"};
    struct tg_warn_minutes minutes;
    struct tg_error error;
    assert_int_equal(tg_warn_minutes_parse("30 5 1", &minutes, &error), 0);
    assert_int_equal(minutes.count, 3);
    assert_int_equal(minutes.list[1], 5);
    assert_int_equal(tg_warn_minutes_parse("0", &minutes, &error), 0);
    assert_int_equal(minutes.count, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(tg_warn_minutes_parse(bad[i], &minutes, &error), -1);
        world_assert_error(&error, TG_config_bad, "[sessions] warn_minutes: ");
    }
}

/* --- Files
 * ---------------------------------------------------------------------------------------------------------
 */

static bool file_exists(const struct tg_agent *agent, const char *name)
{
    char path[1400];
    (void)snprintf(path, sizeof path, "%s/%s", agent->config.state_directory, name);
    return access(path, F_OK) == 0;
}

static void load_again(struct tg_agent *agent)
{
    tg_sessions_free(&agent->sessions);
    tg_agent_load_sessions(agent);
}

static void test_a_session_outlives_the_agent(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_session *session = open_session(fixture);
    assert_int_equal(tg_process_read("/proc", getpid(), &session->monitor, NULL), 0);
    assert_true(tg_session_save(agent, session));
    assert_true(file_exists(agent, "sessions/" SESSION));
    load_again(agent);
    assert_int_equal(agent->sessions.count, 1);
    session = &agent->sessions.list[0];
    assert_true(session->pidfd >= 0);
    assert_string_equal(session->certificate->digest, fixture->certificate->digest);
    assert_int_equal(reason_of(agent, session), TG_allowed);
    assert_int_equal(session->ending.phase, TG_ENDING_NOT);
    tg_session_drop(agent, session);
    assert_int_equal(agent->sessions.count, 0);
    assert_false(file_exists(agent, "sessions/" SESSION));
    load_again(agent);
    assert_int_equal(agent->sessions.count, 0);
}

static void test_a_session_whose_monitor_has_gone_begins_to_end(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_session *session = open_session(fixture);
    assert_int_equal(tg_process_read("/proc", getpid(), &session->monitor, NULL), 0);
    session->monitor.start++;
    tg_session_note(agent, session);
    load_again(agent);
    assert_int_equal(agent->sessions.count, 1);
    assert_int_not_equal(agent->sessions.list[0].ending.phase, TG_ENDING_NOT);
    assert_int_equal(agent->sessions.list[0].ending.reason, TG_allowed);
}

static void test_an_agent_that_died_while_it_ended_one_remembers_why(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_session *session = open_session(fixture);
    assert_int_equal(tg_process_read("/proc", getpid(), &session->monitor, NULL), 0);
    session->monitor.start++;
    tg_session_end(agent, session, TG_ticket_revoked, "by bob");
    tg_session_note(agent, session);
    load_again(agent);
    assert_int_equal(agent->sessions.list[0].ending.phase, TG_ENDING_BEGUN);
    assert_int_equal(agent->sessions.list[0].ending.reason, TG_ticket_revoked);
    assert_string_equal(agent->sessions.list[0].ending.detail, "by bob");
}

static void test_a_damaged_file_is_set_aside_and_the_others_stay(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_error error;
    char folder[1400];
    struct tg_session *session = open_session(fixture);
    (void)snprintf(folder, sizeof folder, "%s/sessions", agent->config.state_directory);
    assert_true(tg_session_save(agent, session));
    memset(session->id, 'a', TG_SESSION_ID_SIZE - 1);
    assert_true(tg_session_save(agent, session));
    assert_int_equal(tg_file_replace(folder, session->id, tg_bytes_of_text("half a fi"), &error), 0);
    /* Whole, but under another session's name. */
    memset(session->id, 'b', TG_SESSION_ID_SIZE - 1);
    json_t *object = tg_session_to_json(session, "boot");
    assert_int_equal(tg_state_write(folder, "cccccccccccccccccccccccccccccccc", object, &error), 0);
    json_decref(object);
    assert_int_equal(tg_file_replace(folder, "README", tg_bytes_of_text("not ours"), &error), 0);
    load_again(agent);
    assert_int_equal(agent->sessions.count, 1);
    assert_string_equal(agent->sessions.list[0].id, SESSION);
    assert_false(file_exists(agent, "sessions/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    assert_false(file_exists(agent, "sessions/cccccccccccccccccccccccccccccccc"));
    assert_true(file_exists(agent, "sessions/README"));
}

static void test_a_file_in_place_of_the_folder_is_set_aside(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_error error;
    char folder[1400];
    (void)snprintf(folder, sizeof folder, "%s/sessions", agent->config.state_directory);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(tg_file_replace(agent->config.state_directory, "sessions",
                                     tg_bytes_of_text("of an older version"), &error),
                     0);
    struct tg_session *session = open_session(fixture);
    assert_false(tg_session_save(agent, session));
    tg_agent_load_sessions(agent);
    assert_true(tg_session_save(agent, session));
}

/* --- What sessions need of the rest
 * ---------------------------------------------------------------------------------- */

static void test_extensions_are_found(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    const struct tg_held_ticket *const *extensions;
    size_t count;
    const struct tg_ticket *ticket = tg_tickets_find(&agent->tickets, TICKET)->held.ticket;
    assert_true(tg_tickets_extensions(&agent->tickets, ticket, &extensions, &count));
    assert_int_equal(count, 0);
    take_extension(agent);
    take(agent, "id=\"T-22222222222BB\" extends=\"T-33333333333CC\"", OPENED, TG_TICKET_APPROVED);
    assert_true(tg_tickets_extensions(&agent->tickets, ticket, &extensions, &count));
    assert_int_equal(count, 1);
    assert_string_equal(extensions[0]->ticket->id, EXTENSION);
}

/* However far the clock is set, the tickets of an open session stay. */
static void test_tickets_of_open_sessions_stay(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    take(agent, "id=\"T-22222222222BB\"", BEGAN, TG_TICKET_APPROVED);
    struct tg_session *session = open_session(fixture);
    take_extension(agent);
    agent->now += INT64_C(10) * 365 * 86400;
    assert_int_equal(tg_agent_purge(agent), 1);
    assert_non_null(tg_tickets_find(&agent->tickets, TICKET));
    /* Though it carries nothing by itself: others may have begun in its window. */
    assert_non_null(tg_tickets_find(&agent->tickets, EXTENSION));
    session->ended = agent->now;
    assert_int_equal(tg_agent_purge(agent), 2);
    assert_null(tg_tickets_find(&agent->tickets, TICKET));
}

static void test_the_account_of_an_open_session_stays(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    const struct tg_accounts_wish wish = {.host = "ops1",
                                          .linger_seconds = 3600,
                                          .sessions = &agent->sessions,
                                          .session_now = WORLD_TIME + OPENED + 10};
    struct tg_session *session = open_session(fixture);
    /* By the clock of the wall, which was set, the window is over; the session has 1,760 s left. */
    int64_t wall = WORLD_TIME + 86400;
    assert_int_equal(tg_accounts_update(&agent->accounts, agent->policy, &agent->tickets, &wish, wall), 0);
    assert_int_equal(agent->accounts.count, 1);
    assert_int_equal(agent->accounts.list[0].expires, wall + 1760);
    assert_string_equal(agent->accounts.list[0].shell, "/bin/bash");
    session->ending.phase = TG_ENDING_BEGUN;
    assert_int_equal(tg_accounts_update(&agent->accounts, agent->policy, &agent->tickets, &wish, wall), 0);
    assert_int_equal(agent->accounts.list[0].expires, wall);
}

static void test_an_event_says_the_end_only_where_there_is_one(void **state)
{
    struct tg_agent *agent = ((struct fixture *)*state)->agent;
    const struct tg_event with = {.kind = "session_opened", .ends = 77};
    const struct tg_event without = {.kind = "started"};
    assert_true(tg_events_add(&agent->events, &with, agent->now));
    assert_last_event_says(agent, "\"ends\":77,");
    assert_true(tg_events_add(&agent->events, &without, agent->now));
    assert_null(strstr(agent->events.lines[agent->events.count - 1].text, "ends"));
}

int main(void)
{
#define WITH_AGENT(test) cmocka_unit_test_setup_teardown(test, make_agent, free_agent)
    const struct CMUnitTest tests[] = {
        WITH_AGENT(test_a_wall_clock_that_is_set_moves_nothing),
        WITH_AGENT(test_the_service_agreeing_moves_it),
        WITH_AGENT(test_the_clock_outlives_the_agent_but_not_the_boot),
        WITH_AGENT(test_right),
        WITH_AGENT(test_a_session_without_its_certificate_has_no_right),
        WITH_AGENT(test_without_policy_or_ticket_it_lives_to_its_end),
        WITH_AGENT(test_a_lost_ticket_that_was_revoked_is_remembered),
        WITH_AGENT(test_a_policy_that_narrows_ends),
        WITH_AGENT(test_an_extension_moves_the_end),
        WITH_AGENT(test_an_end_that_is_cut_back_is_told_and_warned_of),
        WITH_AGENT(test_the_turn_comes_when_it_is_due),
        WITH_AGENT(test_each_threshold_is_warned_of_once),
        cmocka_unit_test(test_warn_minutes),
        WITH_AGENT(test_a_session_outlives_the_agent),
        WITH_AGENT(test_a_session_whose_monitor_has_gone_begins_to_end),
        WITH_AGENT(test_an_agent_that_died_while_it_ended_one_remembers_why),
        WITH_AGENT(test_a_damaged_file_is_set_aside_and_the_others_stay),
        WITH_AGENT(test_a_file_in_place_of_the_folder_is_set_aside),
        WITH_AGENT(test_extensions_are_found),
        WITH_AGENT(test_tickets_of_open_sessions_stay),
        WITH_AGENT(test_the_account_of_an_open_session_stays),
        WITH_AGENT(test_an_event_says_the_end_only_where_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
