/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ssh_agent_ask.h"

#include "lib/monotonic.h"
#include "lib/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIGN_REQUEST = 13, SIGN_RESPONSE = 14, LENGTH_SIZE = 4, AROUND_REQUEST = 32 };

/* Makes the request, with its length before it; malloc'ed. */
static uint8_t *make_request(const struct tg_ssh_agent_question *question, size_t *length)
{
    size_t size = question->key.length + question->data.length + AROUND_REQUEST;
    uint8_t *request = malloc(size);
    *length = 0;
    if (request == NULL)
        return NULL;
    struct tg_writer writer = tg_writer_of(request + LENGTH_SIZE, size - LENGTH_SIZE);
    tg_write_u8(&writer, SIGN_REQUEST);
    tg_write_string(&writer, question->key);
    tg_write_string(&writer, question->data);
    tg_write_u32(&writer, question->flags);
    struct tg_writer prefix = tg_writer_of(request, LENGTH_SIZE);
    tg_write_u32(&prefix, (uint32_t)writer.used);
    *length = LENGTH_SIZE + writer.used;
    return request;
}

bool tg_ssh_agent_read_answer(struct tg_bytes answer, struct tg_bytes *signature)
{
    struct tg_reader reader = tg_reader_of(answer);
    uint8_t kind;
    if (tg_read_u8(&reader, &kind) && kind == SIGN_RESPONSE && tg_read_string(&reader, signature) &&
        tg_read_end(&reader) && signature->length > 0)
        return true;
    *signature = tg_bytes_of(NULL, 0);
    return false;
}

int tg_ssh_agent_ask(const struct tg_ssh_agent_question *question, uint8_t answer[TG_SSH_AGENT_ANSWER_MAX],
                     struct tg_bytes *signature)
{
    int64_t end = tg_monotonic_ms() + question->deadline_ms;
    size_t request_length;
    size_t answer_length = 0;
    *signature = tg_bytes_of(NULL, 0);
    uint8_t *request = make_request(question, &request_length);
    if (request == NULL)
        return -ENOMEM;
    int fd = -1;
    int result = tg_stream_connect(question->socket_path, end, &fd);
    if (result == 0)
        result = tg_stream_send(fd, tg_bytes_of(request, request_length), end);
    if (result == 0)
        result = tg_stream_receive_frame(fd, answer, TG_SSH_AGENT_ANSWER_MAX, &answer_length, end);
    if (result == 0 && !tg_ssh_agent_read_answer(tg_bytes_of(answer, answer_length), signature))
        result = -EPROTO;
    free(request);
    if (fd >= 0)
        (void)close(fd);
    return result;
}
