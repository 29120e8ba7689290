/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What tegata-ca needs root for, and how it gives up everything it does not need.
 */
#ifndef TEGATA_CERTIFICATE_AUTHORITY_PRIVILEGES_H
#define TEGATA_CERTIFICATE_AUTHORITY_PRIVILEGES_H

#include "lib/error.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

/* The uid of a user of the system; `key` is the configuration's key that names it. */
int tg_ca_user_find(const char *name, const char *key, uid_t *uid, struct tg_error *error);

/* Started as root: makes the state directory (0700) and the socket's (0755) if they are missing, for `user`,
 * and becomes `user`, unless that is root. Then, as whoever it is: no new privileges, no core dumps,
 * no tracing, `descriptors` files at most, and no further processes unless `may_fork`, because modules of
 * tokens may need threads. */
int tg_ca_privileges_drop(const char *user, const char *state, const char *socket, rlim_t descriptors,
                          bool may_fork, struct tg_error *error);

#endif
