/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A public key in six words, for two people to compare.
 */
#ifndef TEGATA_CLI_KEY_WORDS_H
#define TEGATA_CLI_KEY_WORDS_H

#include "lib/code_words.h"
#include "lib/public_key.h"

enum { TG_KEY_WORDS_SIZE = TG_CODE_WORDS_SIZE };

/* The words of the SHA-256 of the key's blob, which is what its fingerprint is of. Returns `out`; "?" if
 * OpenSSL fails. */
const char *tg_key_words(const struct tg_public_key *key, char out[TG_KEY_WORDS_SIZE]);

#endif
