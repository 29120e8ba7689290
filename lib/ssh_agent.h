/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking an ssh-agent (draft-miller-ssh-agent) for a signature. Not to be confused with tegatad.
 */
#ifndef TEGATA_LIB_SSH_AGENT_H
#define TEGATA_LIB_SSH_AGENT_H

#include "lib/public_key.h"

/* Has the agent at `socket_path` sign `data`; RSA with rsa-sha2-512. Waits at most 60 s. The answer is not
 * verified. On 0, *signature is a malloc'ed SSH signature blob. */
int tg_ssh_agent_sign(const char *socket_path, const struct tg_public_key *key, struct tg_bytes data,
                      uint8_t **signature, size_t *length, struct tg_error *error);

#endif
