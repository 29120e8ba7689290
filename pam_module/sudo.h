/* SPDX-License-Identifier: BSD-2-Clause
 *
 * for=sudo and for=job: what the module does in the stacks of sudo and su, and of cron and at.
 */
#ifndef TEGATA_PAM_MODULE_SUDO_H
#define TEGATA_PAM_MODULE_SUDO_H

#include "pam_module/login.h"

/* Each returns what to return to PAM. PAM_IGNORE for a local account that is in no session of Tegata's. */
int tg_pam_sudo_authenticate(struct tg_pam_login *login);
int tg_pam_sudo_account(struct tg_pam_login *login);
int tg_pam_job_account(struct tg_pam_login *login);

#endif
