/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ~/.config/tegata/known_hosts: the host CAs of the verified policy as @cert-authority lines (sshd(8)), so
 * that nobody is asked whether a host's key is right.
 */
#ifndef TEGATA_CLI_KNOWN_HOSTS_H
#define TEGATA_CLI_KNOWN_HOSTS_H

#include "lib/policy.h"

/* A file of that directory ($XDG_CONFIG_HOME/tegata or ~/.config/tegata), malloc'ed; NULL: there is no home.
 */
char *tg_person_file(const char *name);

/* Writes the file, mode 0644. If the policy has no host CA, an old file is emptied and none is made. */
int tg_known_hosts_write(const struct tg_policy *policy, struct tg_error *error);

#endif
