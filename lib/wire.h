/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The one cursor for bytes from outside, and its writing twin. The encoding is that of RFC 4251 section 5:
 * big-endian integers, and strings with a 32-bit length. libc only.
 *
 * A reader shrinks as it is read. Every read can fail; after a failure the reader stands where it stood, and
 * the caller refuses the whole. A parser is done only when tg_read_end() says so.
 */
#ifndef TEGATA_LIB_WIRE_H
#define TEGATA_LIB_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that somebody else owns. */
struct tg_bytes {
    const uint8_t *data;
    size_t length;
};

struct tg_reader {
    const uint8_t *at;
    size_t left;
};

static inline struct tg_bytes tg_bytes_of(const void *data, size_t length)
{
    return (struct tg_bytes){.data = data, .length = length};
}

/* The bytes of a C string, without its NUL. */
struct tg_bytes tg_bytes_of_text(const char *text);
bool tg_bytes_equal(struct tg_bytes a, struct tg_bytes b);
bool tg_bytes_equal_text(struct tg_bytes bytes, const char *text);

struct tg_reader tg_reader_of(struct tg_bytes bytes);

/* Each returns true and advances, or returns false, leaves the reader alone and zeroes *out. */
bool tg_read_u8(struct tg_reader *reader, uint8_t *out);
bool tg_read_u32(struct tg_reader *reader, uint32_t *out);
bool tg_read_u64(struct tg_reader *reader, uint64_t *out);
bool tg_read_bytes(struct tg_reader *reader, size_t length, struct tg_bytes *out);

/* A string: *out points into the reader's bytes. */
bool tg_read_string(struct tg_reader *reader, struct tg_bytes *out);

/* A string copied into `out` as a C string. Refuses a NUL inside and whatever does not fit into `size` bytes
 * with its terminator. */
bool tg_read_text(struct tg_reader *reader, char *out, size_t size);

/* True if nothing is left. */
bool tg_read_end(const struct tg_reader *reader);

/* A writer fills a buffer that the caller owns. Once something did not fit, `failed` stays set and nothing
 * more is written; check it once at the end. */
struct tg_writer {
    uint8_t *data;
    size_t size;
    size_t used;
    bool failed;
};

struct tg_writer tg_writer_of(void *data, size_t size);
void tg_write_u8(struct tg_writer *writer, uint8_t value);
void tg_write_u32(struct tg_writer *writer, uint32_t value);
void tg_write_u64(struct tg_writer *writer, uint64_t value);
void tg_write_bytes(struct tg_writer *writer, struct tg_bytes bytes);
void tg_write_string(struct tg_writer *writer, struct tg_bytes bytes);
void tg_write_text(struct tg_writer *writer, const char *text);

#endif
