/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What ssh is told: on its command line, or in ssh_config(5).
 */
#ifndef TEGATA_CLI_SSH_OPTIONS_H
#define TEGATA_CLI_SSH_OPTIONS_H

#include "cli/client_config.h"
#include "lib/policy.h"

#include <stdio.h>

/* A path as ssh_config(5) wants it, quoted, with % doubled; malloc'ed. NULL for one that cannot be written
 * there: with a double quote or a control character in it. */
char *tg_ssh_quote(const char *path);

/* The command line of one ssh; all malloc'ed. */
struct tg_ssh_options {
    char **arguments; /* NULL at the end */
    size_t count;
};

/* ssh with key, certificate, no other keys, the known_hosts of the policy's host CAs, the account, the host,
 * and then `rest`. */
int tg_ssh_options_make(const struct tg_client_config *config, const struct tg_policy *policy,
                        const char *account, const char *host, char *const *rest, int rest_count,
                        struct tg_ssh_options *out, struct tg_error *error);
void tg_ssh_options_clear(struct tg_ssh_options *options);

/* The same as lines of ssh_config(5) to `to`, each indented; without account and host. */
int tg_ssh_options_print(const struct tg_client_config *config, const struct tg_policy *policy, FILE *to,
                         struct tg_error *error);

#endif
