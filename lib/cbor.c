/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/cbor.h"

#include <cbor.h>

/* libcbor tells integers by width; all widths end here. */
static void set_number(void *context, enum tg_cbor_kind kind, uint64_t number)
{
    *(struct tg_cbor_item *)context = (struct tg_cbor_item){.kind = kind, .number = number};
}

static void on_uint8(void *context, uint8_t value)
{
    set_number(context, TG_CBOR_UNSIGNED, value);
}

static void on_uint16(void *context, uint16_t value)
{
    set_number(context, TG_CBOR_UNSIGNED, value);
}

static void on_uint32(void *context, uint32_t value)
{
    set_number(context, TG_CBOR_UNSIGNED, value);
}

static void on_uint64(void *context, uint64_t value)
{
    set_number(context, TG_CBOR_UNSIGNED, value);
}

static void on_negative8(void *context, uint8_t value)
{
    set_number(context, TG_CBOR_NEGATIVE, value);
}

static void on_negative16(void *context, uint16_t value)
{
    set_number(context, TG_CBOR_NEGATIVE, value);
}

static void on_negative32(void *context, uint32_t value)
{
    set_number(context, TG_CBOR_NEGATIVE, value);
}

static void on_negative64(void *context, uint64_t value)
{
    set_number(context, TG_CBOR_NEGATIVE, value);
}

static void on_array(void *context, size_t count)
{
    set_number(context, TG_CBOR_ARRAY, count);
}

static void on_map(void *context, size_t count)
{
    set_number(context, TG_CBOR_MAP, count);
}

static void on_boolean(void *context, bool value)
{
    set_number(context, TG_CBOR_BOOLEAN, value);
}

static void set_bytes(void *context, enum tg_cbor_kind kind, cbor_data data, size_t length)
{
    *(struct tg_cbor_item *)context = (struct tg_cbor_item){.kind = kind, .bytes = {data, length}};
}

static void on_bytes(void *context, cbor_data data, size_t length)
{
    set_bytes(context, TG_CBOR_BYTES, data, length);
}

static void on_text(void *context, cbor_data data, size_t length)
{
    set_bytes(context, TG_CBOR_TEXT, data, length);
}

/* Bytes of the shortest head with this number (RFC 8949 section 4.2.1). */
static size_t shortest_head(uint64_t number)
{
    if (number < 24)
        return 1;
    if (number <= UINT8_MAX)
        return 2;
    if (number <= UINT16_MAX)
        return 3;
    return number <= UINT32_MAX ? 5 : 9;
}

bool tg_cbor_read(struct tg_reader *reader, struct tg_cbor_item *item)
{
    /* Whatever is not set here (indefinite lengths, tags, floats, null) leaves `kind` alone. */
    struct cbor_callbacks callbacks = cbor_empty_callbacks;
    callbacks.uint8 = on_uint8;
    callbacks.uint16 = on_uint16;
    callbacks.uint32 = on_uint32;
    callbacks.uint64 = on_uint64;
    callbacks.negint8 = on_negative8;
    callbacks.negint16 = on_negative16;
    callbacks.negint32 = on_negative32;
    callbacks.negint64 = on_negative64;
    callbacks.byte_string = on_bytes;
    callbacks.string = on_text;
    callbacks.array_start = on_array;
    callbacks.map_start = on_map;
    callbacks.boolean = on_boolean;
    struct tg_cbor_item found = {.kind = TG_CBOR_OTHER};
    struct tg_bytes taken;
    *item = found;
    if (reader->left == 0)
        return false;
    struct cbor_decoder_result result = cbor_stream_decode(reader->at, reader->left, &callbacks, &found);
    bool string = found.kind == TG_CBOR_BYTES || found.kind == TG_CBOR_TEXT;
    uint64_t number = string ? found.bytes.length : found.number;
    size_t head = found.kind == TG_CBOR_BOOLEAN ? 1 : shortest_head(number);
    if (result.status != CBOR_DECODER_FINISHED || found.kind == TG_CBOR_OTHER ||
        result.read != head + found.bytes.length || !tg_read_bytes(reader, result.read, &taken))
        return false;
    *item = found;
    return true;
}

bool tg_cbor_read_kind(struct tg_reader *reader, enum tg_cbor_kind kind, struct tg_cbor_item *item)
{
    struct tg_reader start = *reader;
    if (tg_cbor_read(reader, item) && item->kind == kind)
        return true;
    *reader = start;
    *item = (struct tg_cbor_item){.kind = TG_CBOR_OTHER};
    return false;
}
