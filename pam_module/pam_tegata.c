/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The six entry points of pam_tegata(8). They run inside sshd and other programs: nothing here starts a
 * thread or a process, ends the program, writes to its descriptors, keeps one, or waits without an end.
 */
#include "pam_module/login.h"
#include "pam_module/session.h"
#include "pam_module/sudo.h"

#include <security/pam_ext.h>
#include <stdlib.h>
#include <syslog.h>

#define EXPORTED __attribute__((visibility("default")))

/* Asks about the admission. An admission alone proves nothing: certificates are public, and sshd has one
 * checked before the client shows that it holds the key. So where this module's word would stand for a
 * factor, sshd must have said that the certificate's key was used. In the account phase it has not said so
 * yet. */
static int ask_admission(struct tg_pam_login *login)
{
    struct tg_agent_request request = {.kind = TG_AGENT_ACCOUNT,
                                       .account = login->account,
                                       .service = login->service,
                                       .rhost = login->rhost,
                                       .connection = login->connection};
    if (login->phase == TG_PAM_AUTH && !tg_pam_certificate_was_used(login->pamh))
        return tg_pam_login_refuse(login, TG_certificate_missing, "in SSH_AUTH_INFO_0");
    const char *detail = tg_pam_login_ask(login, &request, TG_AGENT_DEADLINE_MS);
    return login->answer.reason == TG_allowed ? PAM_SUCCESS
                                              : tg_pam_login_refuse(login, login->answer.reason, detail);
}

static int authenticate(struct tg_pam_login *login)
{
    switch (login->settings.purpose) {
    case TG_PAM_FOR_LOGIN:
        return ask_admission(login);
    case TG_PAM_FOR_SUDO:
        return tg_pam_sudo_authenticate(login);
    case TG_PAM_FOR_JOB:
        break;
    }
    /* Nobody is there to be authenticated. */
    return PAM_IGNORE;
}

static int check_account(struct tg_pam_login *login)
{
    switch (login->settings.purpose) {
    case TG_PAM_FOR_LOGIN:
        return ask_admission(login);
    case TG_PAM_FOR_SUDO:
        return tg_pam_sudo_account(login);
    case TG_PAM_FOR_JOB:
        return tg_pam_job_account(login);
    }
    return PAM_PERM_DENIED;
}

/* Only a login opens a session. Success, because PAM_IGNORE would fail a stack that has only this module. */
static int open_session(struct tg_pam_login *login)
{
    return login->settings.purpose == TG_PAM_FOR_LOGIN ? tg_pam_session_open(login) : PAM_SUCCESS;
}

struct call {
    pam_handle_t *pamh;
    int flags;
    int argc;
    const char **argv;
};

static int run(const struct call *call, enum tg_pam_phase phase, int (*judge)(struct tg_pam_login *login))
{
    enum tg_pam_standing standing;
    int result;
    struct tg_pam_login *login =
        tg_pam_login_begin(call->pamh, call->flags, phase, call->argc, call->argv, &standing, &result);
    if (standing == TG_PAM_EXEMPT)
        result = PAM_IGNORE;
    if (standing == TG_PAM_OURS)
        result = judge(login);
    free(login);
    return result;
}

EXPORTED int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    return run(&(struct call){pamh, flags, argc, argv}, TG_PAM_AUTH, authenticate);
}

/* Success where there is nothing to set: PAM_IGNORE would fail a stack that has only this module in its auth
 * phase. */
EXPORTED int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    const unsigned not_giving = PAM_DELETE_CRED | PAM_REFRESH_CRED;
    (void)argc;
    (void)argv;
    return ((unsigned)flags & not_giving) != 0 ? PAM_SUCCESS : tg_pam_session_credentials(pamh);
}

EXPORTED int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    return run(&(struct call){pamh, flags, argc, argv}, TG_PAM_ACCOUNT, check_account);
}

EXPORTED int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    return run(&(struct call){pamh, flags, argc, argv}, TG_PAM_SESSION, open_session);
}

/* Without a session of ours (an exempt account, or one that was refused) there is nothing to close. */
EXPORTED int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    enum tg_pam_standing standing;
    int result;
    if (!tg_pam_session_is_open(pamh))
        return PAM_IGNORE;
    struct tg_pam_login *login =
        tg_pam_login_begin(pamh, flags, TG_PAM_SESSION, argc, argv, &standing, &result);
    if (standing != TG_PAM_REFUSED)
        result = tg_pam_session_close(login);
    free(login);
    return result;
}

/* Tegata has no passwords: the module does not belong into this stack. */
EXPORTED int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    (void)argc;
    (void)argv;
    pam_syslog(pamh, LOG_ERR, "%s: Tegata has no passwords; remove pam_tegata from the password stack",
               tg_reason_name(TG_config_bad));
    return PAM_PERM_DENIED;
}
