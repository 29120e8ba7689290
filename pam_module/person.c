/* SPDX-License-Identifier: BSD-2-Clause */
#include "pam_module/person.h"

#include "lib/log.h"

#include <security/pam_ext.h>
#include <syslog.h>

enum { SHOWN_SIZE = 1024 };

static void log_refusal(pam_handle_t *pamh, const struct tg_pam_refusal *refusal)
{
    char account[SHOWN_SIZE];
    char rhost[SHOWN_SIZE];
    char detail[SHOWN_SIZE];
    pam_syslog(pamh, LOG_ERR, "%s: %s: account=%s rhost=%s ticket=%s %s", tg_reason_name(refusal->reason),
               tg_reason_text(refusal->reason), tg_escape(refusal->account, account, sizeof account),
               tg_escape(refusal->rhost, rhost, sizeof rhost), refusal->ticket,
               tg_escape(refusal->detail, detail, sizeof detail));
}

/* A person who is not told loses a hint, not a right: results of the conversation do not matter. */
static void tell_person(pam_handle_t *pamh, const struct tg_pam_refusal *refusal)
{
    const char *advice = tg_reason_advice(refusal->reason);
    if (refusal->ticket[0] != '\0')
        (void)pam_error(pamh, "tegata: %s (%s, ticket %s)", tg_reason_text(refusal->reason),
                        tg_reason_name(refusal->reason), refusal->ticket);
    else
        (void)pam_error(pamh, "tegata: %s (%s)", tg_reason_text(refusal->reason),
                        tg_reason_name(refusal->reason));
    if (advice[0] != '\0')
        (void)pam_error(pamh, "tegata: %s", advice);
}

void tg_pam_tell_refusal(pam_handle_t *pamh, int flags, const struct tg_pam_refusal *refusal)
{
    log_refusal(pamh, refusal);
    if (((unsigned)flags & PAM_SILENT) == 0)
        tell_person(pamh, refusal);
}
