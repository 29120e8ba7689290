/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the module says: to the person through the PAM conversation, only in words of lib/reason.def; to the
 * administrator through pam_syslog(), whose lines begin with pam_tegata(SERVICE:PHASE).
 */
#ifndef TEGATA_PAM_MODULE_PERSON_H
#define TEGATA_PAM_MODULE_PERSON_H

#include "lib/reason.h"

#include <security/pam_modules.h>

struct tg_pam_refusal {
    enum tg_reason reason;
    const char *account; /* as PAM has it; escaped before it is written */
    const char *rhost;
    const char *ticket; /* "" if no ticket is concerned */
    const char *detail; /* for the log only */
};

/* Logs the refusal at LOG_ERR, and tells the person unless `flags` has PAM_SILENT. */
void tg_pam_tell_refusal(pam_handle_t *pamh, int flags, const struct tg_pam_refusal *refusal);

#endif
