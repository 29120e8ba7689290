/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ssh_agent.h"

#include "lib/ssh_signature.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    SIGN_REQUEST = 13,
    SIGN_RESPONSE = 14,
    FLAG_RSA_SHA2_512 = 4,
    DEADLINE_MS = 60000, /* somebody may have to touch a key */
    LENGTH_SIZE = 4,
    ANSWER_MAX = TG_SSH_SIGNATURE_MAX + 64,
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for `events`. False once the deadline has passed. */
static bool wait_for(int fd, short events, int64_t deadline)
{
    for (;;) {
        struct pollfd waiting = {.fd = fd, .events = events};
        int64_t left = deadline - now_ms();
        if (left <= 0)
            return false;
        int ready = poll(&waiting, 1, (int)left);
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

static bool send_all(int fd, struct tg_bytes bytes, int64_t deadline)
{
    while (bytes.length > 0) {
        ssize_t sent = send(fd, bytes.data, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes.data += sent;
            bytes.length -= (size_t)sent;
        } else if (sent == 0 || (errno != EINTR && errno != EAGAIN) || !wait_for(fd, POLLOUT, deadline)) {
            return false;
        }
    }
    return true;
}

static bool receive_all(int fd, uint8_t *data, size_t length, int64_t deadline)
{
    while (length > 0) {
        ssize_t received = recv(fd, data, length, MSG_DONTWAIT);
        if (received > 0) {
            data += received;
            length -= (size_t)received;
        } else if (received == 0 || (errno != EINTR && errno != EAGAIN) || !wait_for(fd, POLLIN, deadline)) {
            return false;
        }
    }
    return true;
}

static int connect_to(const char *socket_path, struct tg_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(socket_path) >= sizeof address.sun_path)
        return tg_fail(error, TG_key_unusable, "ssh-agent: the path of its socket is too long");
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    (void)tg_fail(error, TG_key_unusable, "ssh-agent at %s: %s; is SSH_AUTH_SOCK right?", socket_path,
                  strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* Makes the request, with its length before it; malloc'ed. */
static uint8_t *make_request(const struct tg_public_key *key, struct tg_bytes data, size_t *length)
{
    size_t size = key->blob.length + data.length + 32;
    uint8_t *request = malloc(size);
    if (request == NULL)
        return NULL;
    struct tg_writer writer = tg_writer_of(request + LENGTH_SIZE, size - LENGTH_SIZE);
    tg_write_u8(&writer, SIGN_REQUEST);
    tg_write_string(&writer, key->blob);
    tg_write_string(&writer, data);
    tg_write_u32(&writer, key->type == TG_KEY_RSA ? FLAG_RSA_SHA2_512 : 0);
    struct tg_writer prefix = tg_writer_of(request, LENGTH_SIZE);
    tg_write_u32(&prefix, (uint32_t)writer.used);
    *length = LENGTH_SIZE + writer.used;
    return request;
}

/* Receives one message into `answer`. */
static bool receive_answer(int fd, uint8_t answer[ANSWER_MAX], size_t *length, int64_t deadline)
{
    uint8_t prefix[LENGTH_SIZE];
    uint32_t size;
    if (!receive_all(fd, prefix, sizeof prefix, deadline))
        return false;
    struct tg_reader reader = tg_reader_of(tg_bytes_of(prefix, sizeof prefix));
    if (!tg_read_u32(&reader, &size) || size == 0 || size > ANSWER_MAX)
        return false;
    *length = size;
    return receive_all(fd, answer, size, deadline);
}

static int read_answer(struct tg_bytes answer, const struct tg_public_key *key, uint8_t **signature,
                       size_t *length, struct tg_error *error)
{
    struct tg_reader reader = tg_reader_of(answer);
    struct tg_bytes blob;
    uint8_t kind;
    if (!tg_read_u8(&reader, &kind) || kind != SIGN_RESPONSE || !tg_read_string(&reader, &blob) ||
        !tg_read_end(&reader) || blob.length == 0)
        return tg_fail(error, TG_key_unusable, "ssh-agent will not sign with %s; is it there (ssh-add -l)?",
                       key->fingerprint);
    *signature = malloc(blob.length);
    if (*signature == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    memcpy(*signature, blob.data, blob.length);
    *length = blob.length;
    return 0;
}

int tg_ssh_agent_sign(const char *socket_path, const struct tg_public_key *key, struct tg_bytes data,
                      uint8_t **signature, size_t *length, struct tg_error *error)
{
    uint8_t answer[ANSWER_MAX];
    size_t answer_length;
    size_t request_length;
    int result = -1;
    *signature = NULL;
    *length = 0;
    int fd = connect_to(socket_path, error);
    if (fd < 0)
        return -1;
    int64_t deadline = now_ms() + DEADLINE_MS;
    uint8_t *request = make_request(key, data, &request_length);
    if (request == NULL)
        (void)tg_fail(error, TG_internal_error, "out of memory");
    else if (!send_all(fd, tg_bytes_of(request, request_length), deadline) ||
             !receive_answer(fd, answer, &answer_length, deadline))
        (void)tg_fail(error, TG_key_unusable, "ssh-agent at %s does not answer", socket_path);
    else
        result = read_answer(tg_bytes_of(answer, answer_length), key, signature, length, error);
    free(request);
    (void)close(fd);
    return result;
}
