/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/stream.h"

#include "lib/monotonic.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { LENGTH_SIZE = 4 };

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

int tg_stream_send(int fd, struct tg_bytes bytes, int64_t end)
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

int tg_stream_connect(const char *path, int64_t end, int *fd)
{
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return -errno;
    int result = connect_until(*fd, path, end);
    if (result != 0) {
        (void)close(*fd);
        *fd = -1;
    }
    return result;
}

int tg_stream_receive_frame(int fd, uint8_t *data, size_t size, size_t *length, int64_t end)
{
    uint8_t prefix[LENGTH_SIZE];
    uint32_t announced;
    *length = 0;
    int result = receive_all(fd, prefix, sizeof prefix, end);
    if (result != 0)
        return result;
    struct tg_reader reader = tg_reader_of(tg_bytes_of(prefix, sizeof prefix));
    if (!tg_read_u32(&reader, &announced) || announced == 0 || announced > size)
        return -EPROTO;
    *length = announced;
    return receive_all(fd, data, announced, end);
}
