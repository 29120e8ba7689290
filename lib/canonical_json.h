/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The canonical form of everything that is signed: one JSON object (RFC 8259), UTF-8, keys sorted, no white
 * space, only strings, integers 0..2^53-1, arrays and objects; what jansson writes with
 * JSON_COMPACT|JSON_SORT_KEYS.
 */
#ifndef TEGATA_LIB_CANONICAL_JSON_H
#define TEGATA_LIB_CANONICAL_JSON_H

#include "lib/error.h"
#include "lib/wire.h"

#include <jansson.h>

#define TG_INTEGER_MAX INT64_C(9007199254740991) /* 2^53-1 */

/* Parses bytes that must be in canonical form: refuses duplicate keys, other types, control characters in
 * strings, nesting beyond 8, more than `max` bytes, and whatever does not come out the same when written
 * again. `what` names the document in errors ("ticket"). On 0, *out is a new reference. */
int tg_canonical_json_parse(struct tg_bytes bytes, const char *what, size_t max, enum tg_reason reason,
                            json_t **out, struct tg_error *error);

/* Writes an object in canonical form. On 0, *text is malloc'ed and *length is its length without the NUL. */
int tg_canonical_json_write(const json_t *object, char **text, size_t *length);

#endif
