/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The touch of a security key that confirms one command: the agent's challenge goes to the person's
 * ssh-agent, as a rule the one that sshd forwards, and the signature back to the agent, which verifies it.
 */
#ifndef TEGATA_PAM_MODULE_TOUCH_H
#define TEGATA_PAM_MODULE_TOUCH_H

#include "pam_module/login.h"

/* login->answer is that of STEP_UP, with a challenge. Asks the person to touch the key, and the agent to
 * verify. Returns `allowed` or why not, and a detail for the log. */
enum tg_reason tg_pam_touch(struct tg_pam_login *login, const char **detail);

#endif
