/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The asking side of the agent's socket. It runs inside sshd and sudo: every wait has an end on the monotonic
 * clock, SIGPIPE cannot be raised, and the one descriptor is gone when the function returns.
 */
#include "lib/agent_protocol.h"

#include "lib/monotonic.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Milliseconds until `end`; 0 if it has passed. */
static int left_until(int64_t end)
{
    int64_t left = end - tg_monotonic_ms();
    return left > 0 ? (int)left : 0;
}

/* Bounds the next connect() or send() on the socket, which wait in the kernel while the agent's queue is
 * full: poll() cannot wait for that. */
static int bound_next_wait(int fd, int64_t end)
{
    int left = left_until(end);
    struct timeval wait = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
    if (left == 0)
        return -ETIMEDOUT;
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0 ? 0 : -errno;
}

/* The errno of a wait that bound_next_wait() ended is EAGAIN. */
static int error_of_wait(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK ? -ETIMEDOUT : -errno;
}

static int connect_until(int fd, const struct sockaddr_un *address, int64_t end)
{
    for (;;) {
        int result = bound_next_wait(fd, end);
        if (result != 0)
            return result;
        if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
            return 0;
        if (errno != EINTR)
            return error_of_wait();
    }
}

/* Who listens must be root (socket activation) or the user whom the socket's directory belongs to. */
static int check_server(int fd, const struct sockaddr_un *address)
{
    struct ucred server;
    struct stat directory;
    socklen_t size = sizeof server;
    char path[sizeof address->sun_path];
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &server, &size) != 0)
        return -errno;
    if (server.uid == 0)
        return 0;
    memcpy(path, address->sun_path, sizeof path);
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return -EPERM;
    slash[slash == path ? 1 : 0] = '\0';
    if (stat(path, &directory) != 0)
        return -errno;
    return directory.st_uid == server.uid ? 0 : -EPERM;
}

static int send_until(int fd, const uint8_t *packet, size_t length, int64_t end)
{
    for (;;) {
        int result = bound_next_wait(fd, end);
        if (result != 0)
            return result;
        ssize_t sent = send(fd, packet, length, MSG_NOSIGNAL);
        if (sent >= 0)
            return (size_t)sent == length ? 0 : -EPROTO;
        if (errno != EINTR)
            return error_of_wait();
    }
}

/* Receives one packet. *used is its length, which may be more than `size` (then it was cut). */
static int receive_until(int fd, uint8_t *packet, size_t size, int64_t end, size_t *used)
{
    *used = 0;
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int left = left_until(end);
        int ready = left > 0 ? poll(&wait, 1, left) : 0;
        if (ready == 0)
            return -ETIMEDOUT;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return -errno;
        ssize_t got = recv(fd, packet, size, MSG_DONTWAIT | MSG_TRUNC);
        if (got >= 0) {
            *used = (size_t)got;
            return 0;
        }
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
}

static int open_socket(const char *path, struct sockaddr_un *address)
{
    int send_buffer = TG_AGENT_REQUEST_MAX;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    memcpy(address->sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* The largest request must fit even where the system's default is small; if it does not, send() says so.
     */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    return fd;
}

static int exchange(int fd, const struct sockaddr_un *address, const struct tg_bytes *request, int64_t end,
                    uint8_t *packet, size_t *used)
{
    int result = connect_until(fd, address, end);
    if (result == 0)
        result = check_server(fd, address);
    if (result == 0)
        result = send_until(fd, request->data, request->length, end);
    if (result == 0)
        result = receive_until(fd, packet, TG_AGENT_ANSWER_MAX, end, used);
    return result;
}

int tg_agent_ask(const char *socket_path, const struct tg_agent_request *request, int deadline_ms,
                 struct tg_agent_answer *answer)
{
    int64_t end = tg_monotonic_ms() + deadline_ms;
    int result = -ENOMEM;
    int fd = -1;
    size_t used = 0;
    struct sockaddr_un address;
    *answer = (struct tg_agent_answer){.reason = TG_agent_unreachable};
    uint8_t *sent = malloc(TG_AGENT_REQUEST_MAX);
    uint8_t *received = malloc(TG_AGENT_ANSWER_MAX);
    if (sent == NULL || received == NULL)
        goto out;
    struct tg_bytes packet = tg_bytes_of(sent, tg_agent_request_encode(request, sent, TG_AGENT_REQUEST_MAX));
    if (packet.length == 0) {
        result = -EMSGSIZE;
        answer->reason = TG_message_malformed;
        goto out;
    }
    fd = open_socket(socket_path, &address);
    result = fd < 0 ? fd : exchange(fd, &address, &packet, end, received, &used);
    if (result == 0 && !tg_agent_answer_decode(tg_bytes_of(received, used), request->kind, answer)) {
        result = -EPROTO;
        *answer = (struct tg_agent_answer){.reason = TG_agent_unreachable};
    }
out:
    if (fd >= 0)
        (void)close(fd);
    free(sent);
    free(received);
    return result;
}
