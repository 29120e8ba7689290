/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Base64 (RFC 4648 section 4) and base64url without padding (section 5). Decoding is strict: no white space,
 * exact padding, no stray low bits, so that one byte string has one text. libc only.
 */
#ifndef TEGATA_LIB_BASE64_H
#define TEGATA_LIB_BASE64_H

#include "lib/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tg_base64_form { TG_BASE64, TG_BASE64URL };

/* Bytes that a text of `length` characters decodes to at most, and characters (with the NUL) that `length`
 * bytes encode to at most. */
static inline size_t tg_base64_decoded_max(size_t length)
{
    return length / 4 * 3 + 3;
}
static inline size_t tg_base64_encoded_size(size_t length)
{
    return (length + 2) / 3 * 4 + 1;
}

/* Decodes `text` into `out` of `size` bytes and sets *used. False if the text is not exact base64 or does not
 * fit. */
bool tg_base64_decode(enum tg_base64_form form, struct tg_bytes text, uint8_t *out, size_t size,
                      size_t *used);

/* Encodes into `out` as a C string. False (and an empty string) if tg_base64_encoded_size() bytes do not fit.
 */
bool tg_base64_encode(enum tg_base64_form form, struct tg_bytes bytes, char *out, size_t size);

#endif
