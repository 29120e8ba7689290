/* SPDX-License-Identifier: BSD-2-Clause */
#include "pam_module/login.h"

#include "lib/log.h"
#include "pam_module/local_account.h"
#include "pam_module/person.h"

#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* How long the report of an exempt login may hold it up: who breaks the glass is in a hurry, and the log has
 * the line anyway. */
enum { REPORT_DEADLINE_MS = 500 };

static const char *text_item(pam_handle_t *pamh, int item)
{
    const void *value = NULL;
    if (pam_get_item(pamh, item, &value) != PAM_SUCCESS || value == NULL)
        return "";
    return value;
}

/* What PAM is told about a refusal. It is never PAM_IGNORE and never success. sudo takes PAM_AUTH_ERR for a
 * wrong password and asks again, three times in all; with PAM_CRED_INSUFFICIENT it is content. */
static int result_of_refusal(const struct tg_pam_login *login, enum tg_reason reason)
{
    enum tg_pam_phase phase = login->phase;
    if (phase == TG_PAM_SESSION)
        return PAM_SESSION_ERR;
    if (phase == TG_PAM_AUTH && login->settings.purpose == TG_PAM_FOR_SUDO)
        return PAM_CRED_INSUFFICIENT;
    if (reason == TG_agent_unreachable)
        return PAM_AUTHINFO_UNAVAIL;
    return phase == TG_PAM_AUTH ? PAM_AUTH_ERR : PAM_PERM_DENIED;
}

int tg_pam_login_refuse(struct tg_pam_login *login, enum tg_reason reason, const char *detail)
{
    struct tg_pam_refusal refusal = {.reason = reason,
                                     .account = login->account,
                                     .rhost = login->rhost,
                                     .ticket = login->answer.ticket,
                                     .detail = detail};
    /* sudo is silent always (later versions: unless they are told otherwise), which would hide the reason
     * from the one person whom it helps. */
    unsigned flags = (unsigned)login->flags;
    if (login->settings.purpose == TG_PAM_FOR_SUDO)
        flags &= ~PAM_SILENT;
    tg_pam_tell_refusal(login->pamh, (int)flags, &refusal);
    return result_of_refusal(login, reason);
}

/* Writes the line and, once for a login (in the account phase), tells the agent. Jobs and sudo of such an
 * account are only in the log: cron may have one each minute. */
static void report_exempt(struct tg_pam_login *login)
{
    struct tg_agent_request request = {
        .kind = TG_AGENT_EXEMPT, .account = login->account, .service = login->service, .rhost = login->rhost};
    char account[256];
    char rhost[256];
    int reported = 0;
    if (login->phase == TG_PAM_ACCOUNT && login->settings.purpose == TG_PAM_FOR_LOGIN)
        reported = tg_agent_ask(login->settings.host.socket, &request, REPORT_DEADLINE_MS, &login->answer);
    pam_syslog(login->pamh, LOG_NOTICE, "exempt account: account=%s rhost=%s%s",
               tg_escape(login->account, account, sizeof account),
               tg_escape(login->rhost, rhost, sizeof rhost),
               reported == 0 ? "" : " (the agent could not be told)");
}

static bool is_exempt(const struct tg_pam_login *login)
{
    return (tg_pam_exempt_option_has(login->settings.exempt, login->account) ||
            tg_config_list_has(login->settings.host.exempt_accounts, login->account)) &&
           tg_pam_account_is_local("/etc/passwd", login->account);
}

/* Who uses sudo or su: PAM_RUSER, which both set from the real uid that they were started with. Without it,
 * the real uid itself, but not root's: a program that has made itself root does not say who started it. */
static const char *caller(pam_handle_t *pamh)
{
    const char *name = text_item(pamh, PAM_RUSER);
    if (name[0] != '\0' || getuid() == 0)
        return name;
    const struct passwd *entry = pam_modutil_getpwuid(pamh, getuid());
    return entry != NULL ? entry->pw_name : "";
}

/* Root needs no ticket to become somebody else, nor to run a job. */
static bool is_root_already(const struct tg_pam_login *login)
{
    return login->settings.purpose != TG_PAM_FOR_LOGIN &&
           tg_pam_account_is_root("/etc/passwd", login->account);
}

/* An exempt account of the module's own line passes even if the configuration is broken: that is when it is
 * needed. */
static enum tg_pam_standing judge(struct tg_pam_login *login, int argc, const char **argv, int *result)
{
    struct tg_error error = {.reason = TG_internal_error};
    if (tg_pam_settings_options(&login->settings, argc, argv, &error) != 0) {
        *result = tg_pam_login_refuse(login, error.reason, error.text);
        return TG_PAM_REFUSED;
    }
    if (login->settings.purpose == TG_PAM_FOR_SUDO)
        login->account = caller(login->pamh);
    if (is_root_already(login))
        return TG_PAM_EXEMPT;
    int read = tg_pam_settings_file(&login->settings, &error);
    if (is_exempt(login)) {
        report_exempt(login);
        return TG_PAM_EXEMPT;
    }
    if (read != 0) {
        *result = tg_pam_login_refuse(login, error.reason, error.text);
        return TG_PAM_REFUSED;
    }
    if (login->account[0] == '\0') {
        *result = tg_pam_login_refuse(login, TG_account_unknown,
                                      login->settings.purpose == TG_PAM_FOR_SUDO
                                          ? "PAM does not say who asks (PAM_RUSER)"
                                          : "PAM names no user");
        return TG_PAM_REFUSED;
    }
    return TG_PAM_OURS;
}

struct tg_pam_login *tg_pam_login_begin(pam_handle_t *pamh, int flags, enum tg_pam_phase phase, int argc,
                                        const char **argv, enum tg_pam_standing *standing, int *result)
{
    struct tg_pam_login *login = calloc(1, sizeof *login);
    *standing = TG_PAM_REFUSED;
    *result = phase == TG_PAM_SESSION ? PAM_SESSION_ERR : PAM_BUF_ERR;
    if (login == NULL) {
        pam_syslog(pamh, LOG_ERR, "%s: out of memory", tg_reason_name(TG_internal_error));
        return NULL;
    }
    login->pamh = pamh;
    login->flags = flags;
    login->phase = phase;
    login->account = text_item(pamh, PAM_USER);
    login->service = text_item(pamh, PAM_SERVICE);
    login->rhost = text_item(pamh, PAM_RHOST);
    /* PAM's environment, which sshd fills in; never the process's own. */
    const char *connection = pam_getenv(pamh, "SSH_CONNECTION");
    login->connection = connection != NULL ? connection : "";
    *standing = judge(login, argc, argv, result);
    return login;
}

static void log_answer(const struct tg_pam_login *login, int result)
{
    char account[256];
    if (login->settings.debug)
        pam_syslog(login->pamh, LOG_DEBUG, "account=%s socket=%s result=%d reason=%s ticket=%s",
                   tg_escape(login->account, account, sizeof account), login->settings.host.socket, result,
                   tg_reason_name(login->answer.reason), login->answer.ticket);
}

const char *tg_pam_login_ask(struct tg_pam_login *login, const struct tg_agent_request *request,
                             int deadline_ms)
{
    int result = tg_agent_ask(login->settings.host.socket, request, deadline_ms, &login->answer);
    log_answer(login, result);
    if (result < 0 && login->answer.reason == TG_allowed)
        login->answer.reason = TG_internal_error;
    return result < 0 ? strerror(-result) : login->answer.detail;
}
