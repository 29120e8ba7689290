/* SPDX-License-Identifier: BSD-2-Clause
 *
 * "-----BEGIN X-----", base64 in lines, "-----END X-----": SSHSIG's armor and OpenSSH's private key files.
 */
#ifndef TEGATA_LIB_ARMOR_H
#define TEGATA_LIB_ARMOR_H

#include "lib/wire.h"

/* Decodes a text that is one armored thing, with or without a newline behind it. `label` is X. Line breaks
 * may stand anywhere between base64 characters. False for anything else, and above `max` bytes. On true,
 * *blob is malloc'ed, of *length bytes. */
bool tg_armor_decode(struct tg_bytes text, const char *label, size_t max, uint8_t **blob, size_t *length);

/* Encodes in lines of 70 characters. On true, *text is malloc'ed. */
bool tg_armor_encode(struct tg_bytes blob, const char *label, char **text);

#endif
