/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEGATA_PAM_MODULE_LOCAL_ACCOUNT_H
#define TEGATA_PAM_MODULE_LOCAL_ACCOUNT_H

#include <stdbool.h>

/* Does the passwd file at `path` itself, not NSS, hold an account with exactly this name? False if it cannot
 * be read. */
bool tg_pam_account_is_local(const char *path, const char *name);

/* Does it, and is its uid 0? */
bool tg_pam_account_is_root(const char *path, const char *name);

#endif
