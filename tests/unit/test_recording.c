/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a host needs to record, and which sessions may open on one that does.
 */
#include "agent/recording.h"
#include "lib/recording.h"
#include "tests/unit/temporary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder with a recorder, both shells, a file for recordings and a journal's socket. */
struct place {
    char folder[TEMPORARY_SIZE];
    char recorder_shell[96];
    char recorded_shell[96];
    char recordings[96];
    char journal[96];
    struct tg_host_config config;
    struct tg_recording_paths paths;
};

static void make_file(char *path, size_t size, const char *folder, const char *name, mode_t mode)
{
    (void)snprintf(path, size, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void make_socket(char *path, size_t size, const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(path, size, "%s/journal", folder);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(close(fd), 0);
}

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    assert_non_null(mkdtemp(temporary_template(place->folder)));
    make_file(place->config.recorder, 96, place->folder, "recorder", 0755);
    make_file(place->recorder_shell, sizeof place->recorder_shell, place->folder, "record", 0755);
    make_file(place->recorded_shell, sizeof place->recorded_shell, place->folder, "recorded-shell", 0755);
    make_file(place->recordings, sizeof place->recordings, place->folder, "recordings", 0622);
    make_socket(place->journal, sizeof place->journal, place->folder);
    (void)snprintf(place->config.recordings, sizeof place->config.recordings, "journal");
    place->paths = (struct tg_recording_paths){.recorder_shell = place->recorder_shell,
                                               .recorded_shell = place->recorded_shell,
                                               .journal_socket = place->journal};
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    const char *const files[] = {place->config.recorder, place->recorder_shell, place->recorded_shell,
                                 place->recordings, place->journal};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        (void)unlink(files[i]);
    (void)rmdir(place->folder);
    free(place);
    return 0;
}

static void assert_refused(const struct place *place, const char *says)
{
    struct tg_error error = {0};
    assert_int_equal(tg_recording_check(&place->config, &place->paths, &error), -1);
    assert_int_equal(error.reason, TG_recording_unavailable);
    if (strstr(error.text, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, says);
}

static void assert_possible(const struct place *place)
{
    struct tg_error error = {0};
    if (tg_recording_check(&place->config, &place->paths, &error) != 0)
        fail_msg("refused: %s", error.text);
}

static void test_journal_and_file(void **state)
{
    struct place *place = *state;
    assert_possible(place);
    memcpy(place->config.recordings, place->recordings, sizeof place->recordings);
    assert_possible(place);
    assert_int_equal(unlink(place->journal), 0);
    assert_possible(place);
    (void)snprintf(place->config.recordings, sizeof place->config.recordings, "journal");
    assert_refused(place, "no journal takes the recordings");
    make_file(place->journal, sizeof place->journal, place->folder, "journal", 0666);
    assert_refused(place, "no journal takes the recordings");
}

static void test_a_file_that_cannot_take_recordings(void **state)
{
    struct place *place = *state;
    static const char *const odd[] = {"syslog", "/tmp/with\"quote", "/tmp/with\\backslash", "/tmp/a b", ""};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        (void)snprintf(place->config.recordings, sizeof place->config.recordings, "%s", odd[i]);
        assert_refused(place, "nor a plain absolute path");
    }
    memcpy(place->config.recordings, place->recordings, sizeof place->recordings);
    assert_int_equal(chmod(place->recordings, 0644), 0);
    assert_refused(place, "can write to");
    assert_int_equal(unlink(place->recordings), 0);
    assert_refused(place, "No such file");
    memcpy(place->config.recordings, place->folder, sizeof place->folder);
    assert_int_equal(chmod(place->folder, 0777), 0);
    assert_refused(place, "can write to");
}

static void test_programs_that_are_missing_or_not_for_everybody(void **state)
{
    struct place *place = *state;
    const char *const programs[] = {place->config.recorder, place->recorder_shell, place->recorded_shell};
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        assert_int_equal(chmod(programs[i], 0750), 0);
        assert_refused(place, "no program that anybody can run");
        assert_int_equal(chmod(programs[i], 0755), 0);
    }
    assert_possible(place);
    assert_int_equal(unlink(place->recorder_shell), 0);
    assert_refused(place, "No such file");
    make_file(place->recorder_shell, sizeof place->recorder_shell, place->folder, "record", 0755);
    (void)snprintf(place->config.recorder, sizeof place->config.recorder, "tlog-rec-session");
    assert_refused(place, "no absolute path");
    (void)snprintf(place->config.recorder, sizeof place->config.recorder, "%s/recorder", place->folder);
}

/* It would leave every further terminal of a connection unrecorded. */
static void test_a_set_user_id_recorder(void **state)
{
    struct place *place = *state;
    assert_int_equal(chmod(place->config.recorder, 04755), 0);
    assert_refused(place, "set-user-id");
    assert_int_equal(chmod(place->config.recorder, 02755), 0);
    assert_refused(place, "set-user-id");
}

/* --- Sessions
 * ----------------------------------------------------------------------------------------------------- */

struct host {
    struct tg_agent agent;
    struct tg_rule rule;
    struct tg_policy policy;
    struct tg_remembered_account account;
    struct tg_ticket ticket;
    struct tg_agent_answer answer;
};

static struct host *make_host(void)
{
    struct host *host = calloc(1, sizeof *host);
    assert_non_null(host);
    host->rule.id = "plain";
    host->policy.rules = &host->rule;
    host->policy.rule_count = 1;
    host->account = (struct tg_remembered_account){.name = "alice", .uid = 20001, .shell = "/bin/zsh"};
    host->agent.policy = &host->policy;
    host->agent.accounts = (struct tg_accounts){.list = &host->account, .count = 1, .size = 1};
    host->ticket =
        (struct tg_ticket){.account = "alice", .uid = 20001, .shell = "/bin/dash", .rule = "plain"};
    return host;
}

static bool may_open(struct host *host, int64_t started_ms)
{
    const struct tg_process monitor = {.pid = 77,
                                       .start = (uint64_t)started_ms * (uint64_t)sysconf(_SC_CLK_TCK) / 1000};
    host->answer = (struct tg_agent_answer){.reason = TG_allowed};
    return tg_recording_may_open(&host->agent, &host->ticket, &monitor, &host->answer);
}

static void test_sessions_that_nobody_wants_recorded(void **state)
{
    (void)state;
    struct host *host = make_host();
    assert_true(may_open(host, 1000));
    assert_string_equal(host->answer.shell, "");
    assert_string_equal(tg_recording_shell(&host->account), "/bin/zsh");
    host->agent.accounts.count = 0;
    assert_true(may_open(host, 1000));
    free(host);
}

static void test_only_connections_younger_than_the_recorder_shell(void **state)
{
    (void)state;
    struct host *host = make_host();
    host->account.recorded = true;
    assert_string_equal(tg_recording_shell(&host->account), TG_RECORDER_SHELL);
    assert_false(may_open(host, 900000));
    assert_int_equal(host->answer.reason, TG_recording_unavailable);
    const struct tg_roster_user users[] = {{.name = "bob", .uid = 20002}, {.name = "alice", .uid = 20001}};
    tg_recording_published(&host->agent.accounts, users, 1, 50000);
    assert_false(may_open(host, 900000));
    tg_recording_published(&host->agent.accounts, users, 2, 60000);
    tg_recording_published(&host->agent.accounts, users, 2, 70000);
    assert_false(may_open(host, 59990));
    assert_false(may_open(host, 60000));
    assert_true(may_open(host, 60010));
    assert_string_equal(host->answer.shell, "/bin/dash");
    /* A local file holds the name now: the roster does not show the account any more. */
    tg_recording_published(&host->agent.accounts, users, 1, 80000);
    assert_false(may_open(host, 90000));
    free(host);
}

static void test_what_the_rule_demands_and_the_host_cannot_give(void **state)
{
    (void)state;
    struct host *host = make_host();
    host->rule.record = true;
    host->account.recorded = true;
    host->account.recorded_since = 1;
    (void)snprintf(host->agent.config.recorder, sizeof host->agent.config.recorder, "/nonexistent/recorder");
    assert_false(tg_recording_may_pass(&host->agent, &host->ticket, &host->answer));
    assert_int_equal(host->answer.reason, TG_recording_unavailable);
    assert_false(may_open(host, 900000));
    host->ticket.uid = 0;
    assert_false(tg_recording_may_pass(&host->agent, &host->ticket, &host->answer));
    assert_non_null(strstr(host->answer.detail, "the host's own"));
    free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_journal_and_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_that_cannot_take_recordings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_programs_that_are_missing_or_not_for_everybody, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_set_user_id_recorder, set_up, tear_down),
        cmocka_unit_test(test_sessions_that_nobody_wants_recorded),
        cmocka_unit_test(test_only_connections_younger_than_the_recorder_shell),
        cmocka_unit_test(test_what_the_rule_demands_and_the_host_cannot_give),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
