/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What certificate.c, ssh_signature.c and the signers need of public_key.c beyond lib/public_key.h.
 */
#ifndef TEGATA_LIB_KEY_PARTS_H
#define TEGATA_LIB_KEY_PARTS_H

#include "lib/public_key.h"

#include <openssl/evp.h>

/* How many SSH strings follow the type in a key blob of this type. */
size_t tg_key_type_field_count(enum tg_key_type type);

/* OpenSSL's name of the curve of an ECDSA type ("P-256"), or NULL. */
const char *tg_key_type_group(enum tg_key_type type);

/* The type with this name; false if there is none. */
bool tg_key_type_from_name(struct tg_bytes name, enum tg_key_type *type);

/* The key for OpenSSL, for the caller to free with EVP_PKEY_free(); NULL if OpenSSL refuses it. */
EVP_PKEY *tg_public_key_to_evp(const struct tg_public_key *key);

/* Decodes "TYPE BASE64 [COMMENT]", with or without a newline at its end, of at most `max` decoded bytes. TYPE
 * must be the first string inside. `reason` is the reason of a refusal and `what` names the thing in its
 * text. On 0, *blob is malloc'ed. */
int tg_key_line_decode(const char *line, size_t max, enum tg_reason reason, const char *what, uint8_t **blob,
                       size_t *length, struct tg_error *error);

#endif
