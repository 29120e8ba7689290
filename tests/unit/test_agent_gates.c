/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The small parts on which the agent's gates stand: the line for sshd, admissions, processes, the service's
 * address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/principals_line.h"
#include "agent/privileges.h"
#include "tests/unit/temporary.h"
#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_line(const char *changes, const char *expected)
{
    char line[8192];
    struct tg_ticket *ticket = world_ticket(changes);
    bool ok = tg_principals_line(ticket, 1795429800, line, sizeof line);
    assert_string_equal(line, expected == NULL ? "" : expected);
    assert_int_equal(ok, expected != NULL);
    tg_ticket_free(ticket);
}

static void test_line(void **state)
{
    (void)state;
    assert_line("options=[\"pty\"]", "restrict,pty,expiry-time=\"20261123103000Z\" alice");
    assert_line("options=[]", "restrict,expiry-time=\"20261123103000Z\" alice");
    assert_line(
        "options=[\"pty\",\"x11\",\"agent-forwarding\",\"port-forwarding\"]",
        "restrict,pty,agent-forwarding,port-forwarding,X11-forwarding,expiry-time=\"20261123103000Z\" alice");
    assert_line("options=[] source=[\"203.0.113.7\",\"2001:db8::/32\"] command=\"uptime\"",
                "restrict,expiry-time=\"20261123103000Z\",from=\"203.0.113.7,2001:db8::/"
                "32\",command=\"uptime\" alice");
}

static void test_line_forwards_only_where_the_ticket_says(void **state)
{
    (void)state;
    assert_line("options=[] permit_open=[\"10.0.0.5:5432\"]",
                "restrict,port-forwarding,expiry-time=\"20261123103000Z\",permitopen=\"10.0.0.5:5432\","
                "permitlisten=\"localhost:1\" alice");
    assert_line("options=[\"port-forwarding\"] permit_open=[\"a:1\",\"b:2\"]",
                "restrict,port-forwarding,expiry-time=\"20261123103000Z\",permitopen=\"a:1\",permitopen=\"b:"
                "2\" alice");
}

/* What a ticket could not say past its schema must still not reach sshd. */
static void test_line_refuses_what_sshd_cannot_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"a#b", "a\"b", "a\\b", "a\nb", "\x7f"};
    char line[1024];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tg_ticket *ticket = world_ticket(NULL);
        ticket->command = bad[i];
        assert_false(tg_principals_line(ticket, 1795429800, line, sizeof line));
        assert_string_equal(line, "");
        tg_ticket_free(ticket);
    }
    const char *sources[] = {"1.2.3.4\",pty,command=\"x"};
    struct tg_ticket *ticket = world_ticket(NULL);
    ticket->source = sources;
    ticket->source_count = 1;
    assert_false(tg_principals_line(ticket, 1795429800, line, sizeof line));
    ticket->source_count = 0;
    ticket->requester = "alice,root";
    assert_false(tg_principals_line(ticket, 1795429800, line, sizeof line));
    ticket->requester = "alice";
    assert_false(tg_principals_line(ticket, 1795429800, line, 20));
    assert_false(tg_principals_line(ticket, 0, line, sizeof line));
    assert_true(tg_principals_line(ticket, 1795429800, line, sizeof line));
    tg_ticket_free(ticket);
    assert_true(tg_principals_line_without_ticket("alice", line, sizeof line));
    assert_string_equal(line, "restrict alice");
    assert_false(tg_principals_line_without_ticket("alice\nroot", line, sizeof line));
}

static struct tg_known_certificate *known(const char *digest)
{
    struct tg_known_certificate *certificate = calloc(1, sizeof *certificate);
    assert_non_null(certificate);
    (void)snprintf(certificate->digest, sizeof certificate->digest, "%s", digest);
    certificate->references = 1;
    return certificate;
}

static void test_admissions(void **state)
{
    (void)state;
    struct tg_admissions admissions;
    struct tg_known_certificate *one = known("one");
    struct tg_known_certificate *two = known("two");
    struct tg_admission admission = {
        .monitor = {100, 7}, .certificate = one, .ticket = "T-1", .account = "alice"};
    const struct tg_process reused = {100, 8};
    size_t cursor = 0;
    assert_int_equal(tg_admissions_init(&admissions), 0);
    tg_admissions_add(&admissions, &admission, 1000);
    admission.certificate = two;
    tg_admissions_add(&admissions, &admission, 2000);
    assert_non_null(tg_admissions_find(&admissions, &admission.monitor, "one", 3000, &cursor));
    cursor = 0;
    assert_null(tg_admissions_find(&admissions, &admission.monitor, "three", 3000, &cursor));
    cursor = 0;
    assert_null(tg_admissions_find(&admissions, &reused, "one", 3000, &cursor));
    /* The last line given is the one that sshd enforces. */
    memcpy(admission.ticket, "T-2", 4);
    tg_admissions_add(&admissions, &admission, 3000);
    assert_int_equal(admissions.count, 2);
    cursor = 0;
    assert_string_equal(tg_admissions_find(&admissions, &admission.monitor, "two", 3000, &cursor)->ticket,
                        "T-2");
    cursor = 0;
    assert_null(tg_admissions_find(&admissions, &admission.monitor, "one", 121000, &cursor));
    tg_admissions_expire(&admissions, 121000);
    assert_int_equal(admissions.count, 1);
    tg_admissions_forget(&admissions, &admission.monitor);
    assert_int_equal(admissions.count, 0);
    assert_int_equal(one->references, 1);
    assert_int_equal(two->references, 1);
    tg_known_certificate_release(one);
    tg_known_certificate_release(two);
    tg_admissions_free(&admissions);
}

static void test_admissions_are_bounded(void **state)
{
    (void)state;
    struct tg_admissions admissions;
    struct tg_known_certificate *one = known("one");
    struct tg_remembered_refusal refusal = {.reason = TG_ticket_none};
    assert_int_equal(tg_admissions_init(&admissions), 0);
    for (int i = 0; i < TG_ADMISSIONS_MAX + 10; i++) {
        struct tg_admission admission = {.monitor = {i + 2, 1}, .certificate = one};
        refusal.monitor = admission.monitor;
        tg_admissions_add(&admissions, &admission, i);
        tg_admissions_refuse(&admissions, &refusal, i);
    }
    assert_int_equal(admissions.count, TG_ADMISSIONS_MAX);
    assert_int_equal(admissions.refusal_count, TG_REFUSALS_MAX);
    assert_non_null(tg_admissions_refusal(&admissions, &refusal.monitor, 2000));
    assert_null(tg_admissions_refusal(&admissions, &refusal.monitor, 200000));
    tg_admissions_free(&admissions);
    tg_known_certificate_release(one);
}

static struct tg_refusal refusal_from(const char *source)
{
    struct tg_refusal refusal = {.kind = "login_refused", .gate = "principals", .reason = TG_ticket_none};
    (void)snprintf(refusal.source, sizeof refusal.source, "%s", source);
    return refusal;
}

/* The first are reported, the others are counted: none is lost. */
static void test_repeats(void **state)
{
    (void)state;
    struct tg_repeats repeats = {0};
    struct tg_refusal refusal = refusal_from("192.0.2.1");
    uint64_t more;
    assert_int_equal(tg_repeats_due(&repeats), INT64_MAX);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(tg_repeats_count(&repeats, &refusal, 5), i < TG_REPEATS_SHOWN);
    refusal.reason = TG_ticket_late;
    assert_true(tg_repeats_count(&repeats, &refusal, 5));
    assert_int_equal(tg_repeats_due(&repeats), 5 + TG_REPEAT_MILLISECONDS);
    assert_false(tg_repeats_take(&repeats, 4 + TG_REPEAT_MILLISECONDS, &refusal, &more));
    assert_true(tg_repeats_take(&repeats, 5 + TG_REPEAT_MILLISECONDS, &refusal, &more));
    assert_int_equal(refusal.reason, TG_ticket_none);
    assert_int_equal(more, 1000 - TG_REPEATS_SHOWN);
    assert_true(tg_repeats_take(&repeats, 5 + TG_REPEAT_MILLISECONDS, &refusal, &more));
    assert_int_equal(more, 0);
    assert_false(tg_repeats_take(&repeats, INT64_MAX, &refusal, &more));
    assert_true(tg_repeats_count(&repeats, &refusal, 5 + TG_REPEAT_MILLISECONDS));
}

/* Whoever comes from many addresses does not get a line for each. */
static void test_repeats_are_bounded(void **state)
{
    (void)state;
    struct tg_repeats repeats = {0};
    struct tg_refusal refusal;
    uint64_t more;
    uint64_t shown = 0;
    uint64_t hidden = 0;
    for (int i = 0; i < 10000; i++) {
        char source[TG_SOURCE_SIZE];
        (void)snprintf(source, sizeof source, "2001:db8::%d", i);
        refusal = refusal_from(source);
        shown += tg_repeats_count(&repeats, &refusal, 1000 + i % 7);
    }
    assert_int_equal(shown, TG_REPEATS_MAX);
    while (tg_repeats_take(&repeats, INT64_MAX, &refusal, &more)) {
        hidden += more;
        if (more > 0)
            assert_string_equal(refusal.gate, "");
    }
    assert_int_equal(shown + hidden, 10000);
}

/* The service's time was right a minute ago; what our clock was set by since shows against the steady one. */
static void test_a_clock_that_is_set_is_noticed(void **state)
{
    (void)state;
    struct tg_agent *agent = calloc(1, sizeof *agent);
    assert_non_null(agent);
    agent->now = 1800000000;
    agent->steady = 5500;
    assert_false(tg_service_clock_is_wrong(agent));
    agent->service.clock_known = true;
    agent->service.clock_offset = -20;
    agent->service.clock_base = agent->now * 1000 - agent->steady;
    assert_false(tg_service_clock_is_wrong(agent));
    agent->steady += 60000;
    agent->now += 60;
    assert_int_equal(tg_service_clock_offset(agent), -20);
    agent->now -= 11;
    assert_true(tg_service_clock_is_wrong(agent));
    agent->now += 31;
    assert_int_equal(tg_service_clock_offset(agent), 0);
    agent->now += 3600;
    assert_true(tg_service_clock_is_wrong(agent));
    free(agent);
}

/* A service that lies about the time can keep people out while it is there, and not when it has gone. */
static void test_a_wrong_time_lapses_with_the_lease(void **state)
{
    (void)state;
    struct tg_agent *agent = calloc(1, sizeof *agent);
    assert_non_null(agent);
    agent->now = 1800000000;
    agent->steady = 5500;
    agent->config.lease_seconds = 15;
    agent->service.clock_known = true;
    agent->service.clock_offset = 3600;
    agent->service.clock_base = agent->now * 1000 - agent->steady;
    agent->service.clock_compared = agent->steady;
    assert_true(tg_service_clock_is_wrong(agent));
    agent->steady += 15000;
    agent->now += 15;
    assert_true(tg_service_clock_is_wrong(agent));
    agent->steady += 1000;
    agent->now += 1;
    assert_false(tg_service_clock_is_wrong(agent));
    assert_int_equal(tg_service_clock_offset(agent), 3600);
    free(agent);
}

static void test_socket(void **state)
{
    (void)state;
    char directory[TEMPORARY_SIZE];
    char path[TEMPORARY_SIZE + 16];
    int fd;
    struct stat status;
    struct tg_error error;
    const struct tg_user user = {.uid = geteuid(), .gid = geteuid() == 0 ? 12345 : getegid()};
    assert_non_null(mkdtemp(temporary_template(directory)));
    (void)snprintf(path, sizeof path, "%s/agent.sock", directory);
    assert_int_equal(tg_socket_bind(path, &user, &fd, &error), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode, S_IFSOCK | 0660);
    assert_int_equal(status.st_uid, geteuid());
    assert_int_equal(status.st_gid, user.gid);
    assert_int_not_equal(getegid(), 12345);
    int second;
    assert_int_equal(tg_socket_bind(path, &user, &second, &error), -1);
    world_assert_error(&error, TG_config_bad, "another tegatad answers there");
    assert_int_equal(close(fd), 0);
    assert_int_equal(tg_socket_bind(path, &user, &fd, &error), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

static void test_descriptors(void **state)
{
    (void)state;
    struct rlimit before;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    tg_descriptors_allow(200);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 200);
    tg_descriptors_allow(50);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 200);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_process(void **state)
{
    (void)state;
    struct tg_process process;
    struct tg_process_stat stat;
    pid_t parent;
    const char *text = "42 (a) R (b) S 41 42 42 34819 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 10 20";
    assert_int_equal(tg_process_parse_stat(text, &stat), 0);
    assert_int_equal(stat.process.pid, 42);
    assert_int_equal(stat.parent, 41);
    assert_int_equal(stat.process.start, 987654);
    assert_int_equal(stat.terminal, 34819);
    assert_false(stat.dead);
    assert_int_not_equal(tg_process_parse_stat("42 (a) S 41", &stat), 0);
    assert_int_not_equal(tg_process_parse_stat("", &stat), 0);
    const char *zombie = "42 (a) Z 41 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 10 20";
    assert_int_equal(tg_process_parse_stat(zombie, &stat), 0);
    assert_true(stat.dead);
    const char *threads = "42 (a) Z 41 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 987654 10 20";
    assert_int_equal(tg_process_parse_stat(threads, &stat), 0);
    assert_false(stat.dead);
    assert_int_equal(tg_process_read("/proc", getpid(), &process, &parent), 0);
    assert_int_equal(parent, getppid());
    int pidfd = tg_process_open("/proc", &process);
    assert_true(pidfd >= 0);
    (void)close(pidfd);
    process.start++;
    assert_true(tg_process_open("/proc", &process) < 0);
}

static void test_authority(void **state)
{
    (void)state;
    static const char *const bad[] = {"http://a", "https://a/path", "https://u@a", "https://a?q", "a:1", ""};
    char authority[TG_AUTHORITY_SIZE];
    struct tg_error error;
    assert_int_equal(tg_service_authority("https://a.example:8443", authority, &error), 0);
    assert_string_equal(authority, "a.example:8443");
    assert_int_equal(tg_service_authority("https://a.example:443/", authority, &error), 0);
    assert_string_equal(authority, "a.example");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(tg_service_authority(bad[i], authority, &error), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_line_forwards_only_where_the_ticket_says),
        cmocka_unit_test(test_line_refuses_what_sshd_cannot_read),
        cmocka_unit_test(test_admissions),
        cmocka_unit_test(test_admissions_are_bounded),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_repeats_are_bounded),
        cmocka_unit_test(test_a_clock_that_is_set_is_noticed),
        cmocka_unit_test(test_a_wrong_time_lapses_with_the_lease),
        cmocka_unit_test(test_socket),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_authority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
