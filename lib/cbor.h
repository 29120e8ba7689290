/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A cursor over CBOR (RFC 8949), on libcbor's streaming decoder: nothing is allocated, whatever lengths the
 * bytes claim. Only the canonical form of CTAP2 (section 6) is read: definite lengths and the shortest heads,
 * so that one value has one text of bytes. The caller counts members, and so sees duplicates.
 */
#ifndef TEGATA_LIB_CBOR_H
#define TEGATA_LIB_CBOR_H

#include "lib/wire.h"

enum tg_cbor_kind {
    TG_CBOR_OTHER, /* null, floats, tags, ...: never handed out */
    TG_CBOR_UNSIGNED,
    TG_CBOR_NEGATIVE,
    TG_CBOR_BYTES,
    TG_CBOR_TEXT,
    TG_CBOR_ARRAY,
    TG_CBOR_MAP,
    TG_CBOR_BOOLEAN,
};

/* The head of an item; of an array or a map the members follow in the reader, one by one. */
struct tg_cbor_item {
    enum tg_cbor_kind kind;
    uint64_t number;       /* the integer n (negative: the value is -1 - n), the count of members, 0 or 1 */
    struct tg_bytes bytes; /* of a byte or text string; inside the reader's bytes */
};

/* Reads one item. On false the reader stands where it stood. */
bool tg_cbor_read(struct tg_reader *reader, struct tg_cbor_item *item);

/* Reads one item that must be of this kind. */
bool tg_cbor_read_kind(struct tg_reader *reader, enum tg_cbor_kind kind, struct tg_cbor_item *item);

#endif
