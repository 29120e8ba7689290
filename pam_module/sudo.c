/* SPDX-License-Identifier: BSD-2-Clause */
#include "pam_module/sudo.h"

#include "pam_module/local_account.h"
#include "pam_module/touch.h"

#include <string.h>

/* A refusal, unless the host's own account asks from outside of every session: that is for the other modules
 * to judge. */
static int refuse(struct tg_pam_login *login, enum tg_reason reason, const char *detail)
{
    if (reason == TG_session_none && tg_pam_account_is_local("/etc/passwd", login->account))
        return PAM_IGNORE;
    return tg_pam_login_refuse(login, reason, detail);
}

static const char *ask(struct tg_pam_login *login, enum tg_agent_kind kind)
{
    struct tg_agent_request request = {.kind = kind, .account = login->account, .service = login->service};
    return tg_pam_login_ask(login, &request, TG_AGENT_DEADLINE_MS);
}

/* Success stands for the password of whom PAM authenticates. So it is only given where that is the caller, as
 * in sudo; su asks for somebody else's password, which no ticket stands for. Nor for one's own in su: it
 * would start a shell with the groups of all tickets of the account. Its services are named by su itself. */
static bool authenticates_caller(const struct tg_pam_login *login)
{
    const void *user = NULL;
    bool su = strcmp(login->service, "su") == 0 || strcmp(login->service, "su-l") == 0;
    return !su && pam_get_item(login->pamh, PAM_USER, &user) == PAM_SUCCESS && user != NULL &&
           strcmp(user, login->account) == 0;
}

int tg_pam_sudo_authenticate(struct tg_pam_login *login)
{
    const char *detail = ask(login, TG_AGENT_STEP_UP);
    enum tg_reason reason = login->answer.reason;
    if (reason == TG_allowed && login->answer.text[0] != '\0')
        reason = tg_pam_touch(login, &detail);
    if (reason != TG_allowed)
        return refuse(login, reason, detail);
    return authenticates_caller(login) ? PAM_SUCCESS : PAM_IGNORE;
}

int tg_pam_sudo_account(struct tg_pam_login *login)
{
    const char *detail = ask(login, TG_AGENT_SUDO);
    return login->answer.reason == TG_allowed ? PAM_SUCCESS : refuse(login, login->answer.reason, detail);
}

int tg_pam_job_account(struct tg_pam_login *login)
{
    const char *detail = ask(login, TG_AGENT_JOB);
    return login->answer.reason == TG_allowed ? PAM_SUCCESS : refuse(login, login->answer.reason, detail);
}
