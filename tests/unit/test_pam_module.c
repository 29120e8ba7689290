/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The built module in a real PAM stack of its own (pam_start_confdir), with a fake agent. This program's own
 * pam_syslog() takes the place of libpam's, so that the log can be read.
 */
#include "tests/unit/fake_agent.h"

#include <security/pam_appl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define INFO      "publickey ssh-ed25519-cert-v01@openssh.com AAECAw==\n"
#define NOT_LOCAL "tegata-not-local"

struct world {
    struct fake_agent *agent;
    char conf[128];
    char stack[128];
    char told[2048]; /* messages to the person, one a line */
    unsigned told_count;
};

static char logged[8192];

/* Found by the module before libpam's. */
__attribute__((visibility("default"), format(printf, 3, 4))) void
pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...);
void pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
    size_t used = strlen(logged);
    va_list arguments;
    (void)pamh;
    used += (size_t)snprintf(logged + used, sizeof logged - used, "<%d>", priority);
    va_start(arguments, format);
    used += (size_t)vsnprintf(logged + used, sizeof logged - used, format, arguments);
    va_end(arguments);
    (void)snprintf(logged + used, sizeof logged - used, "\n");
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
                    void *data)
{
    struct world *world = data;
    for (int i = 0; i < count; i++) {
        size_t used = strlen(world->told);
        assert_int_equal(messages[i]->msg_style, PAM_ERROR_MSG);
        (void)snprintf(world->told + used, sizeof world->told - used, "%s\n", messages[i]->msg);
        world->told_count++;
    }
    *responses = calloc((size_t)count, sizeof **responses);
    return *responses != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static void write_conf(const struct world *world, const char *more)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "[host]\nname = ops1\n[service]\nurl = https://a:1\n[agent]\nsocket = %s\n%s",
                   world->agent->socket, more);
    write_text(world->conf, text);
}

/* The stack: the module, then one that lets everybody in, so that PAM_IGNORE is a success and a refusal is
 * none. */
static void write_stack(const struct world *world, const char *options)
{
    const char *build = getenv("TG_TEST_BUILDDIR");
    char text[2048];
    char line[512];
    static const char *const phases[] = {"auth", "account", "session", "password"};
    text[0] = '\0';
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(line, sizeof line,
                       "%s required %s/.libs/pam_tegata.so conf=%s %s\n%s required pam_permit.so\n",
                       phases[i], build != NULL ? build : ".", world->conf, options, phases[i]);
        (void)strncat(text, line, sizeof text - strlen(text) - 1);
    }
    write_text(world->stack, text);
}

static int begin(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    world->agent = fake_agent_start();
    if (world->agent == NULL)
        return -1;
    (void)snprintf(world->conf, sizeof world->conf, "%s/tegata.conf", world->agent->directory);
    (void)snprintf(world->stack, sizeof world->stack, "%s/tegata-test", world->agent->directory);
    write_conf(world, "");
    write_stack(world, "");
    *state = world;
    return 0;
}

static int end(void **state)
{
    struct world *world = *state;
    (void)unlink(world->conf);
    (void)unlink(world->stack);
    fake_agent_stop(world->agent);
    free(world);
    return 0;
}

static pam_handle_t *start_pam(struct world *world, const char *user)
{
    const struct pam_conv conversation = {.conv = converse, .appdata_ptr = world};
    pam_handle_t *pamh = NULL;
    assert_int_equal(pam_start_confdir("tegata-test", user, &conversation, world->agent->directory, &pamh),
                     PAM_SUCCESS);
    assert_int_equal(pam_set_item(pamh, PAM_RHOST, "203.0.113.7"), PAM_SUCCESS);
    assert_int_equal(pam_putenv(pamh, "SSH_CONNECTION=203.0.113.7 5 192.0.2.1 22"), PAM_SUCCESS);
    logged[0] = '\0';
    world->told[0] = '\0';
    world->told_count = 0;
    return pamh;
}

typedef int pam_call(pam_handle_t *pamh, int flags);

/* sshd's second factor, after the certificate. */
static int authenticate_second(pam_handle_t *pamh, int flags)
{
    assert_int_equal(pam_putenv(pamh, "SSH_AUTH_INFO_0=" INFO), PAM_SUCCESS);
    return pam_authenticate(pamh, flags);
}

static int call_once(struct world *world, const char *user, pam_call *call, int flags)
{
    pam_handle_t *pamh = start_pam(world, user);
    int result = call(pamh, flags);
    assert_int_equal(pam_end(pamh, result), PAM_SUCCESS);
    return result;
}

static void assert_logged(const char *text)
{
    if (strstr(logged, text) == NULL)
        fail_msg("'%s' is not in the log '%s'", text, logged);
}

static void the_agent_learns_what_pam_knows(void **state)
{
    struct world *world = *state;
    static const struct {
        pam_call *call;
        enum tg_agent_kind kind;
    } calls[] = {{pam_acct_mgmt, TG_AGENT_ACCOUNT}, {authenticate_second, TG_AGENT_ACCOUNT}};
    assert_int_equal(setenv("SSH_CONNECTION", "from the environment", 1), 0);
    for (size_t i = 0; i < 2; i++) {
        fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "", "");
        int before = dup(0);
        assert_int_equal(call_once(world, NOT_LOCAL, calls[i].call, 0), PAM_SUCCESS);
        int after = dup(0);
        assert_int_equal(after, before + 1);
        (void)close(before);
        (void)close(after);
        assert_int_equal(world->agent->asked, 1);
        assert_true(world->agent->well_formed);
        assert_int_equal(world->agent->request.kind, calls[i].kind);
        assert_string_equal(world->agent->request.account, NOT_LOCAL);
        assert_string_equal(world->agent->request.service, "tegata-test");
        assert_string_equal(world->agent->request.rhost, "203.0.113.7");
        assert_string_equal(world->agent->request.connection, "203.0.113.7 5 192.0.2.1 22");
        assert_int_equal(world->told_count, 0);
    }
}

static void a_refusal_is_told_and_logged(void **state)
{
    struct world *world = *state;
    fake_agent_expect(world->agent, FAKE_ANSWERS, TG_ticket_late, "T-0123456789ABC", "");
    (void)strcpy(world->agent->answer.detail, "only for the log");
    assert_int_equal(call_once(world, NOT_LOCAL, pam_acct_mgmt, 0), PAM_PERM_DENIED);
    assert_string_equal(world->told,
                        "tegata: the ticket's window is over (ticket_late, ticket T-0123456789ABC)\n"
                        "tegata: request a new one\n");
    assert_logged("<3>ticket_late: the ticket's window is over: account=" NOT_LOCAL
                  " rhost=203.0.113.7 ticket=T-0123456789ABC only for the log\n");
    assert_int_equal(call_once(world, NOT_LOCAL, authenticate_second, 0), PAM_AUTH_ERR);
    assert_int_equal(call_once(world, NOT_LOCAL, pam_acct_mgmt, PAM_SILENT), PAM_PERM_DENIED);
    assert_int_equal(world->told_count, 0);
    assert_int_equal(call_once(world, "a\nb", pam_acct_mgmt, 0), PAM_PERM_DENIED);
    assert_logged("account=a\\x0ab ");
}

/* Whoever has a copy of a certificate can have it admitted without its key. */
static void an_admission_alone_authenticates_nobody(void **state)
{
    struct world *world = *state;
    fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "T-0123456789ABC", "");
    assert_int_equal(call_once(world, NOT_LOCAL, pam_authenticate, 0), PAM_AUTH_ERR);
    assert_logged("<3>certificate_missing: ");
    assert_int_equal(world->agent->asked, 0);
}

static void no_agent_no_login(void **state)
{
    struct world *world = *state;
    static const enum fake_behaviour bad[] = {FAKE_HANGS, FAKE_HANGS_UP,   FAKE_GARBAGE,
                                              FAKE_CUTS,  FAKE_OTHER_KIND, FAKE_ADDS};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fake_agent_expect(world->agent, bad[i], TG_allowed, "", "id");
        assert_int_equal(call_once(world, NOT_LOCAL, pam_acct_mgmt, 0), PAM_AUTHINFO_UNAVAIL);
        assert_logged("<3>agent_unreachable: ");
        assert_non_null(strstr(world->told, "(agent_unreachable)\n"));
    }
    fake_agent_expect(world->agent, FAKE_HANGS_UP, TG_allowed, "", "id");
    assert_int_equal(call_once(world, NOT_LOCAL, pam_open_session, 0), PAM_SESSION_ERR);
    assert_int_equal(unlink(world->agent->socket), 0);
    assert_int_equal(call_once(world, NOT_LOCAL, pam_acct_mgmt, 0), PAM_AUTHINFO_UNAVAIL);
    assert_logged("No such file");
}

static void a_bad_line_in_pam_d_denies(void **state)
{
    struct world *world = *state;
    static const char *const options[] = {"nullok",  "for=", "for=su", "conf=relative",
                                          "debug=1", "conf", "Debug",  "exempt"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "", "id");
        write_stack(world, options[i]);
        assert_int_equal(call_once(world, NOT_LOCAL, pam_acct_mgmt, 0), PAM_PERM_DENIED);
        assert_logged("<3>config_bad: ");
        assert_logged(options[i]);
        assert_int_equal(call_once(world, NOT_LOCAL, pam_open_session, 0), PAM_SESSION_ERR);
        assert_int_equal(world->agent->asked, 0);
    }
}

static void a_bad_configuration_denies(void **state)
{
    struct world *world = *state;
    fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "", "id");
    write_conf(world, "[login]\ndeny_in = never\n");
    assert_int_equal(call_once(world, NOT_LOCAL, pam_acct_mgmt, 0), PAM_PERM_DENIED);
    assert_logged("<3>config_bad: ");
    assert_logged("/tegata.conf:8: key 'deny_in' in [login]: must be one of: both session");
    write_conf(world, "");
    assert_int_equal(chmod(world->conf, 0666), 0);
    assert_int_equal(call_once(world, NOT_LOCAL, pam_acct_mgmt, 0), PAM_PERM_DENIED);
    assert_int_equal(unlink(world->conf), 0);
    assert_int_equal(call_once(world, NOT_LOCAL, pam_acct_mgmt, 0), PAM_PERM_DENIED);
    assert_int_equal(call_once(world, NOT_LOCAL, pam_open_session, 0), PAM_SESSION_ERR);
    assert_int_equal(world->agent->asked, 0);
}

static void exempt_accounts_must_be_local(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *option, *conf, *user;
        bool exempt;
    } cases[] = {
        {"exempt=root", "", "root", true},
        {"exempt=daemon,root", "", "root", true},
        {"", "[login]\nexempt_accounts = daemon root\n", "root", true},
        {"", "", "root", false},
        {"exempt=roo,oot,roots", "", "root", false},
        {"exempt=" NOT_LOCAL, "", NOT_LOCAL, false},
        {"", "[login]\nexempt_accounts = " NOT_LOCAL "\n", NOT_LOCAL, false},
        {"exempt=+", "", "+", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_agent_expect(world->agent, FAKE_ANSWERS, TG_ticket_none, "", "");
        write_stack(world, cases[i].option);
        write_conf(world, cases[i].conf);
        assert_int_equal(call_once(world, cases[i].user, pam_acct_mgmt, 0),
                         cases[i].exempt ? PAM_SUCCESS : PAM_PERM_DENIED);
        assert_true(world->agent->well_formed);
        assert_int_equal(world->agent->request.kind, cases[i].exempt ? TG_AGENT_EXEMPT : TG_AGENT_ACCOUNT);
        assert_string_equal(world->agent->request.account, cases[i].user);
        assert_string_equal(world->agent->request.rhost, "203.0.113.7");
        if (cases[i].exempt)
            assert_logged("<5>exempt account: account=root rhost=203.0.113.7\n");
    }
}

static void exempt_accounts_need_neither_agent_nor_session(void **state)
{
    struct world *world = *state;
    fake_agent_expect(world->agent, FAKE_HANGS_UP, TG_allowed, "", "id");
    write_stack(world, "exempt=root");
    assert_int_equal(call_once(world, "root", pam_acct_mgmt, 0), PAM_SUCCESS);
    assert_logged("(the agent could not be told)");
    assert_int_equal(call_once(world, "root", pam_open_session, 0), PAM_SUCCESS);
    assert_int_equal(call_once(world, "root", pam_close_session, 0), PAM_SUCCESS);
    assert_int_equal(world->agent->asked, 1);
    write_conf(world, "nonsense\n");
    assert_int_equal(call_once(world, "root", pam_open_session, 0), PAM_SUCCESS);
    assert_int_equal(call_once(world, NOT_LOCAL, pam_open_session, 0), PAM_SESSION_ERR);
}

static void a_session_opens_and_closes(void **state)
{
    struct world *world = *state;
    pam_handle_t *pamh = start_pam(world, NOT_LOCAL);
    assert_int_equal(pam_putenv(pamh, "SSH_AUTH_INFO_0=" INFO "keyboard-interactive/pam\n"), PAM_SUCCESS);
    fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "T-0123456789ABC",
                      "0123456789abcdef0123456789abcdef");
    assert_int_equal(pam_open_session(pamh, 0), PAM_SUCCESS);
    assert_true(world->agent->well_formed);
    const struct tg_agent_request *request = &world->agent->request;
    assert_int_equal(request->kind, TG_AGENT_SESSION_OPEN);
    assert_string_equal(request->account, NOT_LOCAL);
    assert_string_equal(request->service, "tegata-test");
    assert_string_equal(request->rhost, "203.0.113.7");
    assert_string_equal(request->connection, "203.0.113.7 5 192.0.2.1 22");
    assert_string_equal(request->key_type, "ssh-ed25519-cert-v01@openssh.com");
    assert_int_equal(request->certificate.length, 4);
    assert_memory_equal(request->certificate.data, "\0\1\2\3", 4);
    fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "", "");
    pid_t child = fork(); /* sshd's user process: it ends its copy of the handle */
    if (child == 0)
        _exit(pam_end(pamh, PAM_SUCCESS | PAM_DATA_SILENT));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(world->agent->asked, 0);
    assert_int_equal(pam_close_session(pamh, PAM_SILENT), PAM_SUCCESS);
    assert_int_equal(request->kind, TG_AGENT_SESSION_CLOSE);
    assert_true(tg_bytes_equal_text(request->text, "0123456789abcdef0123456789abcdef"));
    assert_int_equal(pam_close_session(pamh, PAM_SILENT), PAM_SUCCESS);
    assert_int_equal(world->agent->asked, 1); /* closed once */
    assert_int_equal(pam_end(pamh, PAM_SUCCESS), PAM_SUCCESS);
}

/* Opens a session with this SSH_AUTH_INFO_0, which must be refused with `code`, and closes it, which must ask
 * nothing. */
static void session_is_refused(struct world *world, const char *info, const char *code)
{
    char variable[512];
    pam_handle_t *pamh = start_pam(world, NOT_LOCAL);
    (void)snprintf(variable, sizeof variable, "SSH_AUTH_INFO_0=%s", info);
    assert_int_equal(pam_putenv(pamh, variable), PAM_SUCCESS);
    assert_int_equal(pam_open_session(pamh, 0), PAM_SESSION_ERR);
    assert_logged(code);
    assert_non_null(strstr(world->told, code));
    assert_int_equal(world->agent->asked, 1);
    (void)pam_close_session(pamh, 0); /* libpam repeats the failure by itself */
    assert_int_equal(world->agent->asked, 1);
    assert_int_equal(pam_end(pamh, PAM_SESSION_ERR), PAM_SUCCESS);
}

/* Whatever the agent says. */
static void a_session_needs_a_certificate(void **state)
{
    struct world *world = *state;
    static const char *const missing[] = {"", "password\n", "publickey ssh-ed25519 AAECAw==\n",
                                          INFO "publickey ssh-ed25519 AA==\n"};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "", "id");
        session_is_refused(world, missing[i], "certificate_missing");
        assert_int_equal(world->agent->request.certificate.length, 0);
    }
    fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "", "id");
    session_is_refused(world, "publickey ssh-ed25519-cert-v01@openssh.com A*==\n", "certificate_malformed");
    assert_int_equal(world->agent->request.certificate.length, 0);
}

static void a_session_needs_the_agents_word_and_an_id(void **state)
{
    struct world *world = *state;
    fake_agent_expect(world->agent, FAKE_ANSWERS, TG_ticket_used_up, "T-0123456789ABC", "id");
    session_is_refused(world, INFO, "ticket_used_up");
    fake_agent_expect(world->agent, FAKE_ANSWERS, (enum tg_reason)9999, "", "id");
    session_is_refused(world, INFO, "internal_error");
    fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "", "");
    session_is_refused(world, INFO, "internal_error");
}

static void the_rest_of_the_six(void **state)
{
    struct world *world = *state;
    assert_int_equal(call_once(world, NOT_LOCAL, pam_setcred, PAM_ESTABLISH_CRED), PAM_SUCCESS);
    assert_int_equal(call_once(world, NOT_LOCAL, pam_chauthtok, 0), PAM_PERM_DENIED);
    assert_int_equal(world->agent->asked, 0);
    fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "", "");
    assert_int_equal(call_once(world, NULL, pam_acct_mgmt, 0), PAM_PERM_DENIED);
    assert_logged("account_unknown");
    assert_int_equal(world->agent->asked, 0);
}

/* One call in the stack of sudo, by `caller`, to become root. */
static int call_as(struct world *world, const char *caller, pam_call *call, int flags)
{
    pam_handle_t *pamh = start_pam(world, "root");
    if (caller != NULL)
        assert_int_equal(pam_set_item(pamh, PAM_RUSER, caller), PAM_SUCCESS);
    int result = call(pamh, flags);
    assert_int_equal(pam_end(pamh, result), PAM_SUCCESS);
    return result;
}

static void sudo_is_asked_about_its_caller(void **state)
{
    struct world *world = *state;
    static const struct {
        pam_call *call;
        enum tg_agent_kind kind;
        int denied;
    } calls[] = {{pam_authenticate, TG_AGENT_STEP_UP, PAM_CRED_INSUFFICIENT},
                 {pam_acct_mgmt, TG_AGENT_SUDO, PAM_PERM_DENIED}};
    write_stack(world, "for=sudo");
    for (size_t i = 0; i < 2; i++) {
        fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "T-0123456789ABC", "");
        assert_int_equal(call_as(world, NOT_LOCAL, calls[i].call, 0), PAM_SUCCESS);
        assert_int_equal(world->agent->request.kind, calls[i].kind);
        assert_string_equal(world->agent->request.account, NOT_LOCAL);
        fake_agent_expect(world->agent, FAKE_ANSWERS, TG_sudo_not_granted, "T-0123456789ABC", "");
        assert_int_equal(call_as(world, NOT_LOCAL, calls[i].call, PAM_SILENT), calls[i].denied);
        assert_non_null(strstr(world->told, "(sudo_not_granted, ticket T-0123456789ABC)"));
        assert_int_equal(call_as(world, "daemon", calls[i].call, 0), calls[i].denied);
        fake_agent_expect(world->agent, FAKE_HANGS_UP, TG_allowed, "", "");
        assert_int_not_equal(call_as(world, NOT_LOCAL, calls[i].call, 0), PAM_SUCCESS);
        assert_int_not_equal(call_as(world, "daemon", calls[i].call, 0), PAM_SUCCESS);
    }
}

/* This test is root: a caller that is not named is not root for that. */
static void only_local_callers_outside_of_sessions_are_ignored(void **state)
{
    struct world *world = *state;
    static const char *const stacks[] = {"for=sudo", "for=sudo exempt=daemon"};
    for (size_t i = 0; i < 2; i++) {
        write_stack(world, stacks[i]);
        fake_agent_expect(world->agent, FAKE_ANSWERS, TG_session_none, "", "");
        assert_int_equal(call_as(world, NOT_LOCAL, pam_acct_mgmt, 0), PAM_PERM_DENIED);
        assert_int_equal(call_as(world, "daemon", pam_acct_mgmt, 0), PAM_SUCCESS);
        assert_int_equal(world->agent->asked, i == 0 ? 2 : 1);
        assert_int_equal(call_as(world, "root", pam_acct_mgmt, 0), PAM_SUCCESS);
        assert_int_equal(world->agent->asked, i == 0 ? 2 : 1);
        if (getuid() == 0) {
            assert_int_equal(call_as(world, NULL, pam_acct_mgmt, 0), PAM_PERM_DENIED);
            assert_logged("PAM_RUSER");
        }
    }
}

static void a_challenge_that_cannot_be_answered_denies(void **state)
{
    struct world *world = *state;
    static const char *const challenges[] = {"AAAA", "AAAA !", "A AAAA", " ", "AAAA AAAA"};
    write_stack(world, "for=sudo");
    for (size_t i = 0; i < sizeof challenges / sizeof challenges[0]; i++) {
        fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "T-0123456789ABC", challenges[i]);
        assert_int_equal(call_as(world, NOT_LOCAL, pam_authenticate, 0), PAM_CRED_INSUFFICIENT);
        assert_non_null(strstr(world->told, "step_up_"));
        assert_int_equal(world->agent->asked, 1);
    }
}

static void a_job_is_asked_about_its_account(void **state)
{
    struct world *world = *state;
    write_stack(world, "for=job");
    fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "", "");
    assert_int_equal(call_once(world, NOT_LOCAL, pam_acct_mgmt, 0), PAM_SUCCESS);
    assert_int_equal(world->agent->request.kind, TG_AGENT_JOB);
    assert_string_equal(world->agent->request.account, NOT_LOCAL);
    fake_agent_expect(world->agent, FAKE_ANSWERS, TG_session_none, "", "");
    assert_int_equal(call_once(world, NOT_LOCAL, pam_acct_mgmt, 0), PAM_PERM_DENIED);
    assert_int_equal(call_once(world, "daemon", pam_acct_mgmt, 0), PAM_SUCCESS);
    fake_agent_expect(world->agent, FAKE_HANGS_UP, TG_allowed, "", "");
    assert_int_equal(call_once(world, "root", pam_acct_mgmt, 0), PAM_SUCCESS);
    assert_int_equal(call_once(world, "daemon", pam_acct_mgmt, 0), PAM_AUTHINFO_UNAVAIL);
    assert_int_equal(call_once(world, NOT_LOCAL, pam_open_session, 0), PAM_SUCCESS);
    assert_int_equal(world->agent->asked, 1);
}

static void a_session_has_its_environment(void **state)
{
    struct world *world = *state;
    pam_handle_t *pamh = start_pam(world, NOT_LOCAL);
    assert_int_equal(pam_putenv(pamh, "SSH_AUTH_INFO_0=" INFO), PAM_SUCCESS);
    fake_agent_expect(world->agent, FAKE_ANSWERS, TG_allowed, "T-0123456789ABC", "0123456789abcdef");
    (void)strcpy(world->agent->answer.person, "alice");
    assert_int_equal(pam_open_session(pamh, 0), PAM_SUCCESS);
    assert_string_equal(pam_getenv(pamh, "TEGATA_TICKET"), "T-0123456789ABC");
    assert_string_equal(pam_getenv(pamh, "TEGATA_PERSON"), "alice");
    assert_string_equal(pam_getenv(pamh, "TEGATA_SESSION"), "0123456789abcdef");
    assert_null(pam_getenv(pamh, "TEGATA_SHELL"));
    assert_int_equal(pam_end(pamh, PAM_SUCCESS), PAM_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_agent_learns_what_pam_knows, begin, end),
        cmocka_unit_test_setup_teardown(a_refusal_is_told_and_logged, begin, end),
        cmocka_unit_test_setup_teardown(an_admission_alone_authenticates_nobody, begin, end),
        cmocka_unit_test_setup_teardown(no_agent_no_login, begin, end),
        cmocka_unit_test_setup_teardown(a_bad_line_in_pam_d_denies, begin, end),
        cmocka_unit_test_setup_teardown(a_bad_configuration_denies, begin, end),
        cmocka_unit_test_setup_teardown(exempt_accounts_must_be_local, begin, end),
        cmocka_unit_test_setup_teardown(exempt_accounts_need_neither_agent_nor_session, begin, end),
        cmocka_unit_test_setup_teardown(a_session_opens_and_closes, begin, end),
        cmocka_unit_test_setup_teardown(a_session_needs_a_certificate, begin, end),
        cmocka_unit_test_setup_teardown(a_session_needs_the_agents_word_and_an_id, begin, end),
        cmocka_unit_test_setup_teardown(the_rest_of_the_six, begin, end),
        cmocka_unit_test_setup_teardown(sudo_is_asked_about_its_caller, begin, end),
        cmocka_unit_test_setup_teardown(only_local_callers_outside_of_sessions_are_ignored, begin, end),
        cmocka_unit_test_setup_teardown(a_challenge_that_cannot_be_answered_denies, begin, end),
        cmocka_unit_test_setup_teardown(a_job_is_asked_about_its_account, begin, end),
        cmocka_unit_test_setup_teardown(a_session_has_its_environment, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
