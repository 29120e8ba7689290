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

/* What the file of a security key holds (OpenSSH PROTOCOL.u2f): nothing in it is secret. */
struct tg_security_key_file {
    struct tg_public_key *key;
    uint8_t flags;   /* with which it was made; TG_SECURITY_KEY_USER_VERIFICATION: it always wants its PIN */
    uint8_t *handle; /* the credential id */
    size_t handle_length;
};

enum { TG_SECURITY_KEY_USER_VERIFICATION = 0x04 };

/* Reads the file of a security key without passphrase. Refuses one whose private part names another public
 * key than its head. On 0, the caller clears *file. */
int tg_openssh_security_key_parse(struct tg_bytes pem, const char *name, struct tg_security_key_file *file,
                                  struct tg_error *error);
void tg_security_key_file_clear(struct tg_security_key_file *file);

#endif
