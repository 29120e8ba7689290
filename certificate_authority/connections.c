/* SPDX-License-Identifier: BSD-2-Clause */
#include "certificate_authority/connections.h"

#include "lib/ca_protocol.h"
#include "lib/monotonic.h"
#include "lib/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 64, PROBE_MS = 500, FIRST_SIZE = 65536, FIXED_POLLERS = 2 };

/* A connection reads its question into `bytes`, which grows as the bytes arrive, and then writes its answer
 * from there. */
struct connection {
    int fd;
    int64_t until; /* monotonic milliseconds */
    uint8_t *bytes;
    size_t size;
    size_t used; /* read so far; while writing: of the answer */
    size_t sent;
    bool writing;
};

struct tg_ca_server {
    struct tg_authority *authority;
    struct tg_ca_server_settings settings;
    char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
    int listener;
    size_t count;
    struct connection *connections; /* settings.connections of them */
    struct pollfd *pollers;
};

/* --- The socket ----------------------------------------------------------------------------------------- */

static bool is_answered(const char *path)
{
    int fd;
    bool answered = tg_stream_connect(path, tg_monotonic_ms() + PROBE_MS, &fd) == 0;
    if (answered)
        (void)close(fd);
    return answered;
}

static int bind_socket(struct tg_ca_server *server, struct tg_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = server->settings.socket;
    if (strlen(path) >= sizeof address.sun_path)
        return tg_fail(error, TG_config_bad, "[listen] socket: %s: longer than %zu bytes", path,
                       sizeof address.sun_path - 1);
    if (is_answered(path))
        return tg_fail(error, TG_config_bad, "%s: another tegata-ca answers there", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    (void)unlink(path);
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t old_mask = umask(0117);
    bool bound = server->listener >= 0 &&
                 bind(server->listener, (const struct sockaddr *)&address, sizeof address) == 0;
    int cause = errno;
    (void)umask(old_mask);
    if (bound)
        memcpy(server->path, address.sun_path, sizeof server->path);
    if (!bound || listen(server->listener, BACKLOG) != 0)
        return tg_fail(error, TG_config_bad, "%s: cannot listen: %s", path, strerror(bound ? errno : cause));
    return 0;
}

int tg_ca_server_open(struct tg_authority *authority, const struct tg_ca_server_settings *settings,
                      struct tg_ca_server **out, struct tg_error *error)
{
    *out = NULL;
    struct tg_ca_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    server->authority = authority;
    server->settings = *settings;
    server->listener = -1;
    server->connections = calloc(settings->connections, sizeof *server->connections);
    server->pollers = calloc(settings->connections + FIXED_POLLERS, sizeof *server->pollers);
    int result = server->connections == NULL || server->pollers == NULL
                     ? tg_fail(error, TG_internal_error, "out of memory")
                     : bind_socket(server, error);
    if (result != 0)
        tg_ca_server_close(server);
    else
        *out = server;
    return result;
}

/* --- Connections ---------------------------------------------------------------------------------------- */

static void close_connection(struct tg_ca_server *server, size_t index)
{
    struct connection *connection = &server->connections[index];
    (void)close(connection->fd);
    free(connection->bytes);
    *connection = server->connections[--server->count];
}

static bool is_client(const struct tg_ca_server *server, int fd)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return false;
    if (peer.uid == server->settings.client)
        return true;
    tg_log_refusal(&server->authority->log, TG_peer_refused, "uid %u, pid %d", peer.uid, peer.pid);
    return false;
}

static void accept_one(struct tg_ca_server *server)
{
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (!is_client(server, fd)) {
        (void)close(fd);
        return;
    }
    server->connections[server->count++] =
        (struct connection){.fd = fd, .until = tg_monotonic_ms() + server->settings.patience_ms};
}

/* Puts an answer in place of the question. */
static bool begin_answer(struct connection *connection, enum tg_reason reason, const char *text)
{
    size_t length;
    uint8_t *answer = tg_ca_answer_encode(reason, text, &length);
    free(connection->bytes);
    connection->bytes = answer;
    connection->used = length;
    connection->sent = 0;
    connection->writing = true;
    return answer != NULL;
}

static void postpone(struct tg_ca_server *server, int64_t milliseconds)
{
    for (size_t i = 0; i < server->count; i++)
        server->connections[i].until += milliseconds;
}

/* The whole frame is there. Waiting for a key that somebody must touch is nobody's fault: the time goes on
 * everybody's account. */
static bool answer(struct tg_ca_server *server, struct connection *connection)
{
    struct tg_ca_request request;
    struct tg_error error = {.reason = TG_internal_error};
    char *line = NULL;
    struct tg_bytes frame =
        tg_bytes_of(connection->bytes + TG_CA_LENGTH_SIZE, connection->used - TG_CA_LENGTH_SIZE);
    if (!tg_ca_request_decode(frame, &request)) {
        tg_log_refusal(&server->authority->log, TG_message_malformed, "%zu bytes", frame.length);
        return begin_answer(connection, TG_message_malformed, "not a question to tegata-ca");
    }
    struct tg_ca_moment moment = {.now = (int64_t)time(NULL), .steady_ms = tg_monotonic_ms()};
    int result = tg_authority_answer(server->authority, &request, moment, &line, &error);
    postpone(server, tg_monotonic_ms() - moment.steady_ms);
    bool begun =
        begin_answer(connection, result == 0 ? TG_allowed : error.reason, result == 0 ? line : error.text);
    free(line);
    return begun;
}

/* Bytes that the frame has in all, as far as is known; 0: it is longer than any question, or empty. */
static size_t frame_size(const struct connection *connection)
{
    uint32_t length;
    struct tg_reader reader = tg_reader_of(tg_bytes_of(connection->bytes, connection->used));
    if (connection->used < TG_CA_LENGTH_SIZE)
        return TG_CA_LENGTH_SIZE;
    (void)tg_read_u32(&reader, &length);
    return length == 0 || length > TG_CA_REQUEST_MAX ? 0 : TG_CA_LENGTH_SIZE + (size_t)length;
}

/* Makes room for at least one more byte, by doubling: a length that is only announced takes no memory. */
static bool make_room(struct connection *connection)
{
    if (connection->used < connection->size)
        return true;
    size_t size = connection->size == 0 ? FIRST_SIZE : 2 * connection->size;
    uint8_t *bytes = realloc(connection->bytes, size);
    if (bytes == NULL)
        return false;
    connection->bytes = bytes;
    connection->size = size;
    return true;
}

/* Reads what is there, up to the end of the frame. False: the connection is over. */
static bool read_some(struct tg_ca_server *server, struct connection *connection)
{
    if (!make_room(connection))
        return false;
    size_t wanted = frame_size(connection);
    size_t room = connection->size < wanted ? connection->size : wanted;
    ssize_t count = recv(connection->fd, connection->bytes + connection->used, room - connection->used, 0);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR;
    connection->used += (size_t)count;
    wanted = frame_size(connection);
    if (count == 0)
        return false;
    if (wanted == 0) {
        tg_log_refusal(&server->authority->log, TG_message_malformed,
                       "a frame longer than %d bytes, or empty", TG_CA_REQUEST_MAX);
        return begin_answer(connection, TG_message_malformed, "not a question to tegata-ca");
    }
    return wanted == TG_CA_LENGTH_SIZE || connection->used < wanted || answer(server, connection);
}

/* Writes what can be written. False: done, or nobody is there any more. */
static bool write_some(struct connection *connection)
{
    ssize_t count = send(connection->fd, connection->bytes + connection->sent,
                         connection->used - connection->sent, MSG_NOSIGNAL);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR;
    connection->sent += (size_t)count;
    return connection->sent < connection->used;
}

/* --- The loop ------------------------------------------------------------------------------------------- */

/* Waits for the signal, the listener if there is room, and every connection. False: the signal. */
static bool wait_for_all(struct tg_ca_server *server, int signals)
{
    int64_t until = INT64_MAX;
    bool full = server->count == server->settings.connections;
    server->pollers[0] = (struct pollfd){.fd = signals, .events = POLLIN};
    server->pollers[1] = (struct pollfd){.fd = full ? -1 : server->listener, .events = POLLIN};
    for (size_t i = 0; i < server->count; i++) {
        const struct connection *connection = &server->connections[i];
        short events = connection->writing ? POLLOUT : POLLIN;
        server->pollers[FIXED_POLLERS + i] = (struct pollfd){.fd = connection->fd, .events = events};
        if (connection->until < until)
            until = connection->until;
    }
    int64_t left = until - tg_monotonic_ms();
    int timeout = server->count == 0 ? -1 : left > 0 ? (int)left : 0;
    (void)poll(server->pollers, FIXED_POLLERS + server->count, timeout);
    return (server->pollers[0].revents & POLLIN) == 0;
}

/* From the last to the first, because one that is closed is replaced by the last. */
static void serve_connections(struct tg_ca_server *server)
{
    for (size_t i = server->count; i-- > 0;) {
        struct connection *connection = &server->connections[i];
        bool ready = server->pollers[FIXED_POLLERS + i].revents != 0;
        bool goes_on = connection->until > tg_monotonic_ms();
        if (goes_on && ready)
            goes_on = connection->writing ? write_some(connection) : read_some(server, connection);
        if (!goes_on)
            close_connection(server, i);
    }
}

void tg_ca_server_run(struct tg_ca_server *server, int signals)
{
    while (wait_for_all(server, signals)) {
        bool more = server->pollers[1].revents != 0;
        serve_connections(server);
        if (more)
            accept_one(server);
    }
}

void tg_ca_server_close(struct tg_ca_server *server)
{
    if (server == NULL)
        return;
    while (server->count > 0)
        close_connection(server, server->count - 1);
    if (server->path[0] != '\0')
        (void)unlink(server->path);
    if (server->listener >= 0)
        (void)close(server->listener);
    free(server->connections);
    free(server->pollers);
    free(server);
}
