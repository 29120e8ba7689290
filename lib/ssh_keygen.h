/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Having OpenSSH's own ssh-keygen sign: it talks to security keys and asks for passphrases on the terminal.
 */
#ifndef TEGATA_LIB_SSH_KEYGEN_H
#define TEGATA_LIB_SSH_KEYGEN_H

#include "lib/error.h"
#include "lib/wire.h"

/* Runs `ssh-keygen -Y sign -f path -n name_space` from PATH on a copy of the message in a private temporary
 * folder, with our standard input, terminal and standard error. The answer is not verified. On 0, *blob is a
 * malloc'ed binary SSHSIG blob. */
int tg_ssh_keygen_sign(const char *path, const char *name_space, struct tg_bytes message, uint8_t **blob,
                       size_t *length, struct tg_error *error);

#endif
