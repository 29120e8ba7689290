/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ca_protocol.h"

#include <stdlib.h>
#include <string.h>

enum { AROUND_REQUEST = 2 + 4 * 4, AROUND_ANSWER = 1 + 4 + 4 };

/* A buffer for `size` bytes with the frame's length before them. */
static uint8_t *begin_frame(size_t size, size_t max, struct tg_writer *writer, size_t *length)
{
    *length = 0;
    uint8_t *frame = size > max ? NULL : malloc(TG_CA_LENGTH_SIZE + size);
    if (frame == NULL)
        return NULL;
    *length = TG_CA_LENGTH_SIZE + size;
    *writer = tg_writer_of(frame, *length);
    tg_write_u32(writer, (uint32_t)size);
    return frame;
}

uint8_t *tg_ca_request_encode(const struct tg_ca_request *request, size_t *length)
{
    struct tg_writer writer;
    size_t size = AROUND_REQUEST + request->policy.length + request->signatures.length +
                  request->subject.length + request->proof.length;
    uint8_t *frame = begin_frame(size, TG_CA_REQUEST_MAX, &writer, length);
    if (frame == NULL)
        return NULL;
    tg_write_u8(&writer, TG_CA_VERSION);
    tg_write_u8(&writer, (uint8_t)request->kind);
    tg_write_string(&writer, request->policy);
    tg_write_string(&writer, request->signatures);
    tg_write_string(&writer, request->subject);
    tg_write_string(&writer, request->proof);
    return frame;
}

uint8_t *tg_ca_answer_encode(enum tg_reason reason, const char *text, size_t *length)
{
    struct tg_writer writer;
    uint8_t *frame = begin_frame(AROUND_ANSWER + strlen(text), TG_CA_ANSWER_MAX, &writer, length);
    if (frame == NULL)
        return NULL;
    tg_write_u8(&writer, TG_CA_VERSION);
    tg_write_u32(&writer, (uint32_t)reason);
    tg_write_text(&writer, text);
    return frame;
}

/* A string that can become a C string. */
static bool read_plain(struct tg_reader *reader, struct tg_bytes *out)
{
    return tg_read_string(reader, out) && (out->length == 0 || memchr(out->data, '\0', out->length) == NULL);
}

bool tg_ca_request_decode(struct tg_bytes bytes, struct tg_ca_request *out)
{
    struct tg_reader reader = tg_reader_of(bytes);
    struct tg_ca_request request = {0};
    uint8_t version;
    uint8_t kind;
    *out = request;
    if (bytes.length > TG_CA_REQUEST_MAX || !tg_read_u8(&reader, &version) || version != TG_CA_VERSION ||
        !tg_read_u8(&reader, &kind) || (kind != TG_CA_USER && kind != TG_CA_HOST))
        return false;
    request.kind = (enum tg_ca_kind)kind;
    if (!read_plain(&reader, &request.policy) || !read_plain(&reader, &request.signatures) ||
        !read_plain(&reader, &request.subject) || !read_plain(&reader, &request.proof) ||
        !tg_read_end(&reader))
        return false;
    *out = request;
    return true;
}

bool tg_ca_answer_decode(struct tg_bytes bytes, enum tg_reason *reason, struct tg_bytes *text)
{
    struct tg_reader reader = tg_reader_of(bytes);
    uint8_t version;
    uint32_t number;
    if (bytes.length <= TG_CA_ANSWER_MAX && tg_read_u8(&reader, &version) && version == TG_CA_VERSION &&
        tg_read_u32(&reader, &number) && read_plain(&reader, text) && tg_read_end(&reader)) {
        *reason = tg_reason_from_number(number);
        return true;
    }
    *reason = TG_ca_unreachable;
    *text = tg_bytes_of(NULL, 0);
    return false;
}
