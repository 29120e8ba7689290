/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Turns the name of a key file in client.conf, or on the command line, into something that signs.
 */
#ifndef TEGATA_CLI_SIGNING_KEY_H
#define TEGATA_CLI_SIGNING_KEY_H

#include "cli/security_signer.h"

#include <stdbool.h>

/* The public half of a key: from the .pub file, or from the head of an OpenSSH private key file, which is not
 * encrypted even when the rest is. `path` is the private key file or the .pub file. *encrypted (may be NULL)
 * says whether the private key file asks for a passphrase. On 0, *key is the caller's to free. */
int tg_signing_key_public(const char *path, struct tg_public_key **key, bool *encrypted,
                          struct tg_error *error);

/* Opens the key for signing:
 *   a plain private key file without passphrase   is read;
 *   a .pub file, while SSH_AUTH_SOCK is set       is left to ssh-agent;
 *   the file of a security key, no passphrase     signs by libfido2 (cli/security_key.h), unless
 * SSH_SK_PROVIDER or SSH_SK_HELPER say that another program reaches it; any other security key or encrypted
 * file      is left to ssh-keygen, which asks on the terminal. `means` may be NULL or empty: then security
 * keys are left to ssh-keygen. `user_verification`: a security key shall verify its user; it does anyway if
 * its file says so. *interactive (may be NULL): each signature may want somebody to touch or type. `what`
 * names the key in errors ("[person] key"). */
int tg_signing_key_open(const struct tg_signing_means *means, const char *path, const char *what,
                        bool user_verification, struct tg_signer **signer, bool *interactive,
                        struct tg_error *error);

#endif
