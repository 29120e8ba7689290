/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata-principals as sshd runs it, with a fake agent.
 */
#include "tests/unit/fake_agent.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ACCOUNT     "--account=alice"
#define KEY_TYPE    "--key-type=ssh-ed25519-cert-v01@openssh.com"
#define CERTIFICATE "--certificate=AAECAw=="

enum { ARGUMENTS_MAX = 16 };

/* What a run printed. */
static char printed[TG_AGENT_ANSWER_MAX];

/* With --stderr: the machine's log is not for tests. */
static void become_program(int output, const char *const *arguments)
{
    const char *with_stderr[ARGUMENTS_MAX] = {arguments[0], "--stderr"};
    for (size_t i = 1; arguments[i] != NULL && i + 2 < ARGUMENTS_MAX; i++)
        with_stderr[i + 1] = arguments[i];
    const char *build = getenv("TG_TEST_BUILDDIR");
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tegata-principals", build != NULL ? build : ".");
    int null = open("/dev/null", O_RDWR);
    if (dup2(null, 0) != 0 || dup2(output, 1) != 1 || dup2(null, 2) != 2)
        _exit(100);
    execv(path, (char *const *)with_stderr);
    _exit(101);
}

/* Runs the program. Returns its exit status, or -1 if a signal ended it. */
static int run(const char *const *arguments)
{
    int pipes[2];
    int status;
    size_t used = 0;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0)
        become_program(pipes[1], arguments);
    (void)close(pipes[1]);
    for (ssize_t got = 1; got > 0; used += got > 0 ? (size_t)got : 0)
        got = read(pipes[0], printed + used, sizeof printed - 1 - used);
    printed[used] = '\0';
    (void)close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run_for_alice(const struct fake_agent *agent, const char *more)
{
    const char *const arguments[] = {"tegata-principals", ACCOUNT,       KEY_TYPE, CERTIFICATE,
                                     "--socket",          agent->socket, more,     NULL};
    return run(arguments);
}

static int start(void **state)
{
    *state = fake_agent_start();
    return *state != NULL ? 0 : -1;
}

static int stop(void **state)
{
    fake_agent_stop(*state);
    return 0;
}

static void an_answer_is_printed(void **state)
{
    struct fake_agent *agent = *state;
    static const char line[] = "restrict,pty,expiry-time=\"20261123103000Z\",from=\"203.0.113.7\" alice";
    fake_agent_expect(agent, FAKE_ANSWERS, TG_allowed, "T-0123456789ABC", line);
    assert_int_equal(run_for_alice(agent, "--connection=192.0.2.1 22 203.0.113.7 5"), 0);
    assert_int_equal(strncmp(printed, line, sizeof line - 1), 0);
    assert_string_equal(printed + sizeof line - 1, "\n");
    assert_int_equal(agent->asked, 1);
    assert_true(agent->well_formed);
    assert_int_equal(agent->request.kind, TG_AGENT_PRINCIPALS);
    assert_string_equal(agent->request.account, "alice");
    assert_string_equal(agent->request.key_type, "ssh-ed25519-cert-v01@openssh.com");
    assert_string_equal(agent->request.connection, "192.0.2.1 22 203.0.113.7 5");
    assert_int_equal(agent->request.certificate.length, 4);
    assert_memory_equal(agent->request.certificate.data, "\0\1\2\3", 4);
    assert_int_equal(run_for_alice(agent, NULL), 0); /* an sshd without %C */
    assert_string_equal(agent->request.connection, "");
}

/* Never an exit status that sshd would log with the whole certificate. */
static void a_refusal_prints_nothing(void **state)
{
    struct fake_agent *agent = *state;
    fake_agent_expect(agent, FAKE_ANSWERS, TG_ticket_none, "", "restrict alice");
    assert_int_equal(run_for_alice(agent, NULL), 0);
    assert_string_equal(printed, "");
    static const enum fake_behaviour bad[] = {FAKE_HANGS, FAKE_HANGS_UP,   FAKE_GARBAGE,
                                              FAKE_CUTS,  FAKE_OTHER_KIND, FAKE_ADDS};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fake_agent_expect(agent, bad[i], TG_allowed, "", "restrict alice");
        assert_int_equal(run_for_alice(agent, NULL), 0);
        assert_string_equal(printed, "");
    }
    const char *const absent[] = {"p", ACCOUNT, KEY_TYPE, CERTIFICATE, "--socket=/nonexistent/agent.sock",
                                  NULL};
    assert_int_equal(run(absent), 0);
    assert_string_equal(printed, "");
}

static void unsafe_lines_are_not_printed(void **state)
{
    struct fake_agent *agent = *state;
    static const char *const lines[] = {"",
                                        "restrict,command=\"echo a#b\" alice",
                                        "restrict alice\nbob",
                                        "restrict alice\r",
                                        "restrict\talice",
                                        "restrict \xc3\xa4",
                                        "restrict alice\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        fake_agent_expect(agent, FAKE_ANSWERS, TG_allowed, "", lines[i]);
        assert_int_equal(run_for_alice(agent, NULL), 0);
        assert_string_equal(printed, "");
        assert_int_equal(agent->asked, 1);
    }
}

static void bad_certificates_are_not_asked_about(void **state)
{
    struct fake_agent *agent = *state;
    fake_agent_expect(agent, FAKE_ANSWERS, TG_allowed, "", "restrict alice");
    const char *const arguments[] = {
        "p", ACCOUNT, KEY_TYPE, "--certificate=AAECAw=", "--socket", agent->socket, NULL};
    assert_int_equal(run(arguments), 0);
    assert_string_equal(printed, "");
    assert_int_equal(agent->asked, 0);
}

static void wrong_usage_fails(void **state)
{
    struct fake_agent *agent = *state;
    const char *const cases[][7] = {
        {"p", NULL},
        {"p", KEY_TYPE, CERTIFICATE, "--socket", agent->socket, NULL},
        {"p", ACCOUNT, CERTIFICATE, "--socket", agent->socket, NULL},
        {"p", ACCOUNT, KEY_TYPE, "--socket", agent->socket, NULL},
        {"p", "--account=", KEY_TYPE, CERTIFICATE, "--socket", agent->socket, NULL},
        {"p", ACCOUNT, KEY_TYPE, CERTIFICATE, "--socket", agent->socket, "operand"},
        {"p", ACCOUNT, KEY_TYPE, CERTIFICATE, "--sockets", agent->socket, NULL},
    };
    fake_agent_expect(agent, FAKE_ANSWERS, TG_allowed, "", "restrict alice");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *arguments[8] = {NULL};
        memcpy(arguments, cases[i], sizeof cases[i]);
        assert_int_equal(run(arguments), 2);
        assert_string_equal(printed, "");
    }
    assert_int_equal(agent->asked, 0);
    assert_int_equal(run_for_alice(agent, "--help"), 0);
    assert_non_null(strstr(printed, "Usage: tegata-principals"));
}

static void the_socket_may_stand_in_the_configuration(void **state)
{
    struct fake_agent *agent = *state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/tegata.conf", agent->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file, "[host]\nname = a\n[service]\nurl = https://a:1\n[agent]\nsocket = %s\n",
                  agent->socket);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
    const char *const arguments[] = {"p", ACCOUNT, KEY_TYPE, CERTIFICATE, "--config", path, NULL};
    fake_agent_expect(agent, FAKE_ANSWERS, TG_allowed, "", "restrict alice");
    assert_int_equal(run(arguments), 0);
    assert_string_equal(printed, "restrict alice\n");
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(run(arguments), 0);
    assert_string_equal(printed, "");
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_is_printed, start, stop),
        cmocka_unit_test_setup_teardown(a_refusal_prints_nothing, start, stop),
        cmocka_unit_test_setup_teardown(unsafe_lines_are_not_printed, start, stop),
        cmocka_unit_test_setup_teardown(bad_certificates_are_not_asked_about, start, stop),
        cmocka_unit_test_setup_teardown(wrong_usage_fails, start, stop),
        cmocka_unit_test_setup_teardown(the_socket_may_stand_in_the_configuration, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
