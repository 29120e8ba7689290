/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEGATA_PAM_MODULE_SESSION_H
#define TEGATA_PAM_MODULE_SESSION_H

#include "pam_module/login.h"

/* Does sshd say that this login has already proved to hold a certificate's key? */
bool tg_pam_certificate_was_used(pam_handle_t *pamh);

/* Asks the agent for the session, with the certificate that sshd says was used, and keeps the session's id in
 * the PAM handle. Returns what to return to PAM. */
int tg_pam_session_open(struct tg_pam_login *login);

/* Does the handle keep the id of a session? */
bool tg_pam_session_is_open(pam_handle_t *pamh);

/* Reports the end of the session to the agent and forgets its id. Returns what to return to PAM. */
int tg_pam_session_close(struct tg_pam_login *login);

/* Gives the process that calls it the credentials of the session that is open: sshd's child, which becomes
 * the user. In the process that opened the session, which has to stay root, and without a session it changes
 * nothing. Returns what to return to PAM. */
int tg_pam_session_credentials(pam_handle_t *pamh);

#endif
