/* SPDX-License-Identifier: BSD-2-Clause
 *
 * OpenSSH's private key files (OpenSSH PROTOCOL.key), unencrypted ones.
 */
#ifndef TEGATA_LIB_OPENSSH_PRIVATE_KEY_H
#define TEGATA_LIB_OPENSSH_PRIVATE_KEY_H

#include "lib/public_key.h"

#include <openssl/evp.h>

enum { TG_PRIVATE_KEY_FILE_MAX = 65536 };

/* Reads one key. Encrypted files and security keys are refused; the text says which. `name` stands for the
 * file in the text. Does not check that the two halves belong together: whoever signs checks what came out.
 * On 0, *private_key is to be freed with EVP_PKEY_free() and *public_key with tg_public_key_free(). */
int tg_openssh_private_key_parse(struct tg_bytes pem, const char *name, EVP_PKEY **private_key,
                                 struct tg_public_key **public_key, struct tg_error *error);

#endif
