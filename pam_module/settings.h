/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the PAM module was told: the options of its line in pam.d and, from the host's tegata.conf, what
 * concerns it.
 */
#ifndef TEGATA_PAM_MODULE_SETTINGS_H
#define TEGATA_PAM_MODULE_SETTINGS_H

#include "lib/config.h"

#include <security/pam_modules.h>
#include <stdbool.h>

/* Which programs' stack the module's line stands in. Never guessed from PAM's service name, which every
 * administrator may change. */
enum tg_pam_purpose {
    TG_PAM_FOR_LOGIN, /* sshd */
    TG_PAM_FOR_SUDO,  /* sudo, su */
    TG_PAM_FOR_JOB,   /* cron, at */
};

struct tg_pam_settings {
    enum tg_pam_purpose purpose;
    const char *conf_path;
    const char *exempt; /* "alice,bob" of the module's line, or "" */
    bool debug;
    struct tg_host_config host;
};

/* Reads the options conf=PATH, debug, exempt=NAME,NAME and for=login, for=sudo or for=job. -1 and *error for
 * anything else. They point into argv. */
int tg_pam_settings_options(struct tg_pam_settings *settings, int argc, const char **argv,
                            struct tg_error *error);

/* Reads the configuration file. -1 and *error if it cannot be used; host.socket is then the built-in one, for
 * reports only. */
int tg_pam_settings_file(struct tg_pam_settings *settings, struct tg_error *error);

/* Is `name` one of the words of a list like "alice,bob"? */
bool tg_pam_exempt_option_has(const char *exempt, const char *name);

#endif
