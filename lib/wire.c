/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/wire.h"

#include <string.h>

struct tg_bytes tg_bytes_of_text(const char *text)
{
    return tg_bytes_of(text, strlen(text));
}

bool tg_bytes_equal(struct tg_bytes a, struct tg_bytes b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

bool tg_bytes_equal_text(struct tg_bytes bytes, const char *text)
{
    return tg_bytes_equal(bytes, tg_bytes_of_text(text));
}

struct tg_reader tg_reader_of(struct tg_bytes bytes)
{
    return (struct tg_reader){.at = bytes.data, .left = bytes.length};
}

bool tg_read_bytes(struct tg_reader *reader, size_t length, struct tg_bytes *out)
{
    *out = (struct tg_bytes){0};
    if (length > reader->left)
        return false;
    *out = tg_bytes_of(reader->at, length);
    reader->at += length;
    reader->left -= length;
    return true;
}

/* Reads `length` bytes, at most 8, as one big-endian number. */
static bool read_number(struct tg_reader *reader, size_t length, uint64_t *out)
{
    struct tg_bytes bytes;
    *out = 0;
    if (!tg_read_bytes(reader, length, &bytes))
        return false;
    for (size_t i = 0; i < length; i++)
        *out = *out << 8 | bytes.data[i];
    return true;
}

bool tg_read_u8(struct tg_reader *reader, uint8_t *out)
{
    uint64_t number;
    bool ok = read_number(reader, 1, &number);
    *out = (uint8_t)number;
    return ok;
}

bool tg_read_u32(struct tg_reader *reader, uint32_t *out)
{
    uint64_t number;
    bool ok = read_number(reader, 4, &number);
    *out = (uint32_t)number;
    return ok;
}

bool tg_read_u64(struct tg_reader *reader, uint64_t *out)
{
    return read_number(reader, 8, out);
}

bool tg_read_string(struct tg_reader *reader, struct tg_bytes *out)
{
    struct tg_reader start = *reader;
    uint32_t length;
    *out = (struct tg_bytes){0};
    if (tg_read_u32(reader, &length) && tg_read_bytes(reader, length, out))
        return true;
    *reader = start;
    return false;
}

bool tg_read_text(struct tg_reader *reader, char *out, size_t size)
{
    struct tg_reader start = *reader;
    struct tg_bytes text;
    out[0] = '\0';
    if (!tg_read_string(reader, &text))
        return false;
    if (text.length >= size || (text.length > 0 && memchr(text.data, '\0', text.length) != NULL)) {
        *reader = start;
        return false;
    }
    if (text.length > 0)
        memcpy(out, text.data, text.length);
    out[text.length] = '\0';
    return true;
}

bool tg_read_end(const struct tg_reader *reader)
{
    return reader->left == 0;
}

struct tg_writer tg_writer_of(void *data, size_t size)
{
    return (struct tg_writer){.data = data, .size = size};
}

void tg_write_bytes(struct tg_writer *writer, struct tg_bytes bytes)
{
    if (writer->failed || bytes.length > writer->size - writer->used) {
        writer->failed = true;
        return;
    }
    if (bytes.length > 0)
        memcpy(writer->data + writer->used, bytes.data, bytes.length);
    writer->used += bytes.length;
}

/* Writes the low `length` bytes of a number, big-endian. */
static void write_number(struct tg_writer *writer, size_t length, uint64_t number)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(number >> (8 * (length - 1 - i)));
    tg_write_bytes(writer, tg_bytes_of(bytes, length));
}

void tg_write_u8(struct tg_writer *writer, uint8_t value)
{
    write_number(writer, 1, value);
}

void tg_write_u32(struct tg_writer *writer, uint32_t value)
{
    write_number(writer, 4, value);
}

void tg_write_u64(struct tg_writer *writer, uint64_t value)
{
    write_number(writer, 8, value);
}

void tg_write_string(struct tg_writer *writer, struct tg_bytes bytes)
{
    if (bytes.length > UINT32_MAX) {
        writer->failed = true;
        return;
    }
    tg_write_u32(writer, (uint32_t)bytes.length);
    tg_write_bytes(writer, bytes);
}

void tg_write_text(struct tg_writer *writer, const char *text)
{
    tg_write_string(writer, tg_bytes_of_text(text));
}
