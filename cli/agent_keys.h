/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The person's ssh-agent, by way of ssh-add(1).
 */
#ifndef TEGATA_CLI_AGENT_KEYS_H
#define TEGATA_CLI_AGENT_KEYS_H

#include "lib/public_key.h"

#include <stdint.h>

/* Is there an ssh-agent that holds this key? */
bool tg_agent_has_key(const struct tg_public_key *key);

/* Adds the key file `path` and the certificate beside it, for so many seconds. `keep_key`: the key was there
 * before, and stays when the certificate goes. */
int tg_agent_add_certificate(const char *path, int64_t seconds, bool keep_key, struct tg_error *error);

#endif
