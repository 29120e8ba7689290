/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ssh_agent_ask.h"

#include "lib/monotonic.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { SIGN_REQUEST = 13, SIGN_RESPONSE = 14, LENGTH_SIZE = 4, AROUND_REQUEST = 32 };

/* Waits for `events`. 0, or -errno; -ETIMEDOUT once the end has come. */
static int wait_for(int fd, short events, int64_t end)
{
    for (;;) {
        struct pollfd waiting = {.fd = fd, .events = events};
        int64_t left = end - tg_monotonic_ms();
        int ready = left > 0 ? poll(&waiting, 1, (int)left) : 0;
        if (ready > 0)
            return 0;
        if (ready == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

static int send_all(int fd, struct tg_bytes bytes, int64_t end)
{
    while (bytes.length > 0) {
        ssize_t sent = send(fd, bytes.data, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes.data += sent;
            bytes.length -= (size_t)sent;
            continue;
        }
        if (sent < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        int result = wait_for(fd, POLLOUT, end);
        if (result != 0)
            return result;
    }
    return 0;
}

static int receive_all(int fd, uint8_t *data, size_t length, int64_t end)
{
    while (length > 0) {
        ssize_t received = recv(fd, data, length, MSG_DONTWAIT);
        if (received > 0) {
            data += received;
            length -= (size_t)received;
            continue;
        }
        if (received == 0)
            return -ECONNRESET;
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
        int result = wait_for(fd, POLLIN, end);
        if (result != 0)
            return result;
    }
    return 0;
}

/* connect() waits in the kernel while the listener's queue is full, and poll() cannot wait for that: so the
 * socket itself is told for how long. */
static int connect_until(int fd, const char *path, int64_t end)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path) + 1);
    for (;;) {
        int64_t left = end - tg_monotonic_ms();
        struct timeval wait = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
        if (left <= 0)
            return -ETIMEDOUT;
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0)
            return -errno;
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
            return 0;
        if (errno != EINTR)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
    }
}

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

/* Receives one message into `answer`. */
static int receive_answer(int fd, uint8_t answer[TG_SSH_AGENT_ANSWER_MAX], size_t *length, int64_t end)
{
    uint8_t prefix[LENGTH_SIZE];
    uint32_t size;
    int result = receive_all(fd, prefix, sizeof prefix, end);
    if (result != 0)
        return result;
    struct tg_reader reader = tg_reader_of(tg_bytes_of(prefix, sizeof prefix));
    if (!tg_read_u32(&reader, &size) || size == 0 || size > TG_SSH_AGENT_ANSWER_MAX)
        return -EPROTO;
    *length = size;
    return receive_all(fd, answer, size, end);
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
    int result = -ENOMEM;
    *signature = tg_bytes_of(NULL, 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    uint8_t *request = make_request(question, &request_length);
    if (request == NULL)
        goto out;
    result = connect_until(fd, question->socket_path, end);
    if (result == 0)
        result = send_all(fd, tg_bytes_of(request, request_length), end);
    if (result == 0)
        result = receive_answer(fd, answer, &answer_length, end);
    if (result == 0 && !tg_ssh_agent_read_answer(tg_bytes_of(answer, answer_length), signature))
        result = -EPROTO;
out:
    free(request);
    (void)close(fd);
    return result;
}
