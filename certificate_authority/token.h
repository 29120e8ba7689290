/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A key in a PKCS#11 token, through libp11: ECDSA (P-256, P-384, P-521) and RSA. libp11 cannot use Ed25519
 * keys of tokens: those are reached through ssh-agent (ssh-add -s MODULE), or not at all.
 */
#ifndef TEGATA_CERTIFICATE_AUTHORITY_TOKEN_H
#define TEGATA_CERTIFICATE_AUTHORITY_TOKEN_H

#include "lib/public_key.h"

#include <openssl/types.h>

struct tg_token;

/* Loads `module`, logs in with `pin` (NULL: no login) to the token with this label ("": each in turn), and
 * finds the private key whose public half is `key`; the token must hold that half, too. On 0, *token is to be
 * closed after *private_key has been freed. error->reason is config_bad or key_unusable. */
int tg_token_open(const char *module, const char *label, const char *pin, const struct tg_public_key *key,
                  struct tg_token **token, EVP_PKEY **private_key, struct tg_error *error);

/* NULL-safe. */
void tg_token_close(struct tg_token *token);

#endif
