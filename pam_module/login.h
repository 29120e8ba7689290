/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One call of the module: what PAM says about the login, the module's settings, and the agent's answer.
 */
#ifndef TEGATA_PAM_MODULE_LOGIN_H
#define TEGATA_PAM_MODULE_LOGIN_H

#include "lib/agent_protocol.h"
#include "pam_module/settings.h"

#include <security/pam_modules.h>

enum tg_pam_phase { TG_PAM_AUTH, TG_PAM_ACCOUNT, TG_PAM_SESSION };

struct tg_pam_login {
    pam_handle_t *pamh;
    int flags;
    enum tg_pam_phase phase;
    const char *account; /* PAM_USER; for sudo and su who asks. Never NULL; these four point into PAM's own
                            memory */
    const char *service;
    const char *rhost;
    const char *connection;
    struct tg_pam_settings settings;
    struct tg_agent_answer answer;
};

enum tg_pam_standing {
    TG_PAM_REFUSED, /* already told and logged; *result is what to return to PAM */
    TG_PAM_EXEMPT,  /* a local break-glass account, or root in the stack of sudo or cron: not ours to judge */
    TG_PAM_OURS,
};

/* Reads items, options and configuration. Returns NULL if there is no memory; otherwise free() it. */
struct tg_pam_login *tg_pam_login_begin(pam_handle_t *pamh, int flags, enum tg_pam_phase phase, int argc,
                                        const char **argv, enum tg_pam_standing *standing, int *result);

/* Asks the agent. login->answer.reason is `allowed` only if the agent answered so in time. Returns a detail
 * for the log. */
const char *tg_pam_login_ask(struct tg_pam_login *login, const struct tg_agent_request *request,
                             int deadline_ms);

/* Logs the refusal, tells the person, and returns what to return to PAM: never PAM_SUCCESS or PAM_IGNORE. */
int tg_pam_login_refuse(struct tg_pam_login *login, enum tg_reason reason, const char *detail);

#endif
