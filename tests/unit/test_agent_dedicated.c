/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who owns a one-person server, and which numbers stay reserved.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/gates.h"
#include "agent/state.h"
#include "agent/teardown_gate.h"
#include "tests/unit/temporary.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOW = 1790000000 };

struct fixture {
    struct tg_agent agent;
    struct tg_agent_answer answer;
    char folder[TEMPORARY_SIZE];
};

static int set_up(void **state)
{
    struct tg_error error;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    struct tg_agent *agent = &fixture->agent;
    agent->now = NOW;
    agent->log = (struct tg_log){.program = "test", .to_stderr = true, .level = LOG_EMERG};
    agent->events.fd = -1;
    agent->config.dedicated = true;
    (void)snprintf(agent->config.deny_in, sizeof agent->config.deny_in, "both");
    assert_non_null(mkdtemp(temporary_template(fixture->folder)));
    (void)snprintf(agent->config.state_directory, sizeof agent->config.state_directory, "%s",
                   fixture->folder);
    agent->home_root = fixture->folder;
    assert_int_equal(tg_events_open(&agent->events, fixture->folder, "ops1", &agent->log, NOW, &error), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    static const char *const files[] = {"owner", "uids", "events", "alice"};
    char path[TEMPORARY_SIZE + 16];
    tg_events_close(&fixture->agent.events);
    tg_uid_ledger_free(&fixture->agent.uid_ledger);
    tg_sessions_free(&fixture->agent.sessions);
    free(fixture->agent.accounts.list);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", fixture->folder, files[i]);
        (void)remove(path);
    }
    (void)rmdir(fixture->folder);
    free(fixture);
    return 0;
}

static bool opens(struct fixture *fixture, const char *person)
{
    struct tg_session session = {.id = "0123", .ticket = "T-1"};
    (void)snprintf(session.person, sizeof session.person, "%s", person);
    return tg_dedicated_may_open(&fixture->agent, person, "T-1", &fixture->answer) &&
           tg_dedicated_opened(&fixture->agent, &session);
}

/* What is on disk now, read as after a restart. */
static struct tg_dedicated saved_owner(const struct fixture *fixture)
{
    json_t *object;
    struct tg_error error;
    struct tg_dedicated dedicated = {0};
    assert_int_equal(tg_state_read(fixture->folder, "owner", NOW, &object, &error), 0);
    assert_true(tg_dedicated_from_json(&dedicated, object));
    json_decref(object);
    return dedicated;
}

static void test_the_first_owns_it(void **state)
{
    struct fixture *fixture = *state;
    assert_true(opens(fixture, "alice"));
    assert_true(opens(fixture, "alice"));
    assert_string_equal(saved_owner(fixture).owner, "alice");
    assert_false(opens(fixture, "bob"));
    assert_int_equal(fixture->answer.reason, TG_host_dedicated);
    assert_string_equal(fixture->answer.ticket, "T-1");
    assert_string_equal(fixture->answer.detail, "it belongs to alice");
}

static void test_while_the_teardown_is_due_nobody_opens(void **state)
{
    struct fixture *fixture = *state;
    assert_true(opens(fixture, "alice"));
    fixture->agent.dedicated.due = true;
    assert_false(opens(fixture, "alice"));
    assert_int_equal(fixture->answer.reason, TG_host_dedicated);
    assert_false(opens(fixture, "bob"));
    assert_false(tg_dedicated_wiped(&fixture->agent));
    tg_gate_accounts(&fixture->agent, &fixture->answer);
    assert_true(tg_dedicated_wiped(&fixture->agent));
    assert_string_equal(saved_owner(fixture).owner, "");
    assert_true(opens(fixture, "bob"));
    assert_string_equal(saved_owner(fixture).owner, "bob");
}

static void test_a_host_of_everybody(void **state)
{
    struct fixture *fixture = *state;
    fixture->agent.config.dedicated = false;
    assert_true(opens(fixture, "alice"));
    assert_true(opens(fixture, "bob"));
    assert_string_equal(fixture->agent.dedicated.owner, "");
}

static void test_the_first_two_gates_may_leave_it_to_the_third(void **state)
{
    struct fixture *fixture = *state;
    assert_true(opens(fixture, "alice"));
    assert_false(tg_dedicated_may_pass(&fixture->agent, "bob", "T-1", &fixture->answer));
    (void)snprintf(fixture->agent.config.deny_in, sizeof fixture->agent.config.deny_in, "session");
    assert_true(tg_dedicated_may_pass(&fixture->agent, "bob", "T-1", &fixture->answer));
    assert_false(opens(fixture, "bob"));
}

static void test_what_cannot_be_recorded_is_not_owned(void **state)
{
    struct fixture *fixture = *state;
    (void)snprintf(fixture->agent.config.state_directory, sizeof fixture->agent.config.state_directory,
                   "%s/none", fixture->folder);
    assert_false(opens(fixture, "alice"));
    assert_string_equal(fixture->agent.dedicated.owner, "");
}

static void test_an_open_session_keeps_the_host(void **state)
{
    struct fixture *fixture = *state;
    struct tg_known_certificate certificate = {.references = 1000};
    const struct tg_session session = {
        .id = "0123", .person = "alice", .account = "alice", .pidfd = -1, .certificate = &certificate};
    assert_true(opens(fixture, "alice"));
    assert_non_null(tg_sessions_add(&fixture->agent.sessions, &session));
    assert_false(tg_dedicated_wiped(&fixture->agent));
    assert_string_equal(fixture->agent.dedicated.owner, "alice");
    assert_int_equal(tg_dedicated_turn(&fixture->agent), INT64_MAX);
    assert_false(fixture->agent.dedicated.due);
    fixture->agent.dedicated.owner[0] = '\0';
    /* As after dedicated = yes was set while she was here. */
    (void)tg_dedicated_turn(&fixture->agent);
    assert_string_equal(fixture->agent.dedicated.owner, "alice");
}

static void test_owner_files(void **state)
{
    (void)state;
    static const char *const wrong[] = {"{}", "{\"owner\":\"alice\"}", "{\"owner\":7,\"due\":0}",
                                        "{\"owner\":\"alice\",\"due\":2}", "{\"owner\":\"\",\"due\":1}"};
    struct tg_dedicated dedicated;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *object = json_loads(wrong[i], 0, NULL);
        assert_false(tg_dedicated_from_json(&dedicated, object));
        assert_string_equal(dedicated.owner, "");
        json_decref(object);
    }
}

/* --- Numbers ---------------------------------------------------------------------------------------------
 */

static const struct tg_remembered_account alice = {.name = "alice", .uid = 20001, .expires = NOW + 60};
static const struct tg_remembered_account renamed = {.name = "alicia", .uid = 20001, .expires = NOW + 60};
static const struct tg_remembered_account renumbered = {.name = "alice", .uid = 20009, .expires = NOW + 60};

/* Publishes one account: NULL, or why not. */
static const char *publish(struct fixture *fixture, const struct tg_remembered_account *account)
{
    struct tg_accounts *accounts = &fixture->agent.accounts;
    if (accounts->list == NULL)
        accounts->list = calloc(1, sizeof *accounts->list);
    assert_non_null(accounts->list);
    accounts->list[0] = *account;
    accounts->count = 1;
    tg_uid_ledger_take(&fixture->agent);
    return tg_uid_ledger_clash(&fixture->agent, account);
}

/* As tegata-wipe does: asks what there is, and tells what became of it. */
static void wiped(struct fixture *fixture, const char *text)
{
    tg_gate_accounts(&fixture->agent, &fixture->answer);
    tg_gate_wiped(&fixture->agent, tg_bytes_of_text(text), &fixture->answer);
}

static void test_a_number_stays_with_its_name(void **state)
{
    struct fixture *fixture = *state;
    assert_null(publish(fixture, &alice));
    assert_null(publish(fixture, &alice));
    assert_non_null(publish(fixture, &renamed));
    size_t told = fixture->agent.events.count;
    assert_non_null(publish(fixture, &renamed));
    assert_int_equal(fixture->agent.events.count, told);
    assert_non_null(publish(fixture, &renumbered));
    assert_string_equal(tg_uid_ledger_holder(&fixture->agent.uid_ledger, 20001), "alice");
    assert_null(tg_uid_ledger_holder(&fixture->agent.uid_ledger, 20009));
}

static void test_what_frees_a_number(void **state)
{
    struct fixture *fixture = *state;
    assert_null(publish(fixture, &alice));
    wiped(fixture, "left alice 3\naccount alice\n");
    assert_non_null(publish(fixture, &renamed));
    wiped(fixture, "report alice: nothing\n");
    assert_non_null(publish(fixture, &renamed));
    wiped(fixture, "host\n");
    assert_non_null(publish(fixture, &renamed));
    wiped(fixture, "account alice\nnonsense\n");
    assert_int_equal(fixture->answer.reason, TG_message_malformed);
    assert_non_null(publish(fixture, &renamed));
    wiped(fixture, "account alice\n");
    assert_int_equal(fixture->answer.reason, TG_allowed);
    assert_null(publish(fixture, &renamed));
    assert_non_null(publish(fixture, &alice));
}

static void test_a_session_that_opens_during_the_wipe(void **state)
{
    struct fixture *fixture = *state;
    struct tg_session session = {.id = "0123", .ticket = "T-1", .person = "alice", .account = "alice"};
    assert_null(publish(fixture, &alice));
    tg_gate_accounts(&fixture->agent, &fixture->answer);
    assert_true(tg_dedicated_opened(&fixture->agent, &session));
    tg_gate_wiped(&fixture->agent, tg_bytes_of_text("account alice\nhost\n"), &fixture->answer);
    assert_int_equal(fixture->answer.reason, TG_internal_error);
    assert_string_equal(fixture->agent.dedicated.owner, "alice");
    assert_non_null(publish(fixture, &renamed));
}

static void test_a_number_that_cannot_be_recorded_is_not_published(void **state)
{
    struct fixture *fixture = *state;
    (void)snprintf(fixture->agent.config.state_directory, sizeof fixture->agent.config.state_directory,
                   "%s/none", fixture->folder);
    assert_non_null(publish(fixture, &alice));
    (void)snprintf(fixture->agent.config.state_directory, sizeof fixture->agent.config.state_directory, "%s",
                   fixture->folder);
    assert_null(publish(fixture, &alice));
}

static void test_who_never_had_a_ticket_reserves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct tg_remembered_account named = alice;
    named.expires = 0;
    assert_null(publish(fixture, &named));
    assert_null(publish(fixture, &renamed));
    assert_non_null(publish(fixture, &named));
}

static void test_the_ledger_outlives_the_agent(void **state)
{
    struct fixture *fixture = *state;
    json_t *object;
    struct tg_error error;
    assert_null(publish(fixture, &alice));
    tg_uid_ledger_free(&fixture->agent.uid_ledger);
    assert_int_equal(tg_state_read(fixture->folder, "uids", NOW, &object, &error), 0);
    assert_true(tg_uid_ledger_from_json(&fixture->agent.uid_ledger, object));
    json_decref(object);
    assert_non_null(publish(fixture, &renamed));
    tg_gate_accounts(&fixture->agent, &fixture->answer);
    char expected[TEMPORARY_SIZE + 64];
    (void)snprintf(expected, sizeof expected, "alice 20001 %.24s/alice 0\n", fixture->folder);
    assert_string_equal(fixture->answer.text, expected);
}

static void test_homes(void **state)
{
    struct fixture *fixture = *state;
    char path[TEMPORARY_SIZE + 16];
    (void)snprintf(path, sizeof path, "%s/alice", fixture->folder);
    assert_true(tg_home_may_open(&fixture->agent, "alice", getuid() + 1, "T-1", &fixture->answer));
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(tg_home_may_open(&fixture->agent, "alice", getuid() + 1, "T-1", &fixture->answer));
    assert_int_equal(fixture->answer.reason, TG_uid_in_use);
    /* An account of the host's own is the host's business. */
    assert_true(tg_home_may_open(&fixture->agent, "alice", 0, "T-1", &fixture->answer));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("/", path), 0);
    assert_false(tg_home_may_open(&fixture->agent, "alice", getuid() + 1, "T-1", &fixture->answer));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_first_owns_it),
        TEST(test_while_the_teardown_is_due_nobody_opens),
        TEST(test_a_host_of_everybody),
        TEST(test_the_first_two_gates_may_leave_it_to_the_third),
        TEST(test_what_cannot_be_recorded_is_not_owned),
        TEST(test_an_open_session_keeps_the_host),
        TEST(test_owner_files),
        TEST(test_a_number_stays_with_its_name),
        TEST(test_what_frees_a_number),
        TEST(test_a_session_that_opens_during_the_wipe),
        TEST(test_a_number_that_cannot_be_recorded_is_not_published),
        TEST(test_who_never_had_a_ticket_reserves_nothing),
        TEST(test_the_ledger_outlives_the_agent),
        TEST(test_homes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
