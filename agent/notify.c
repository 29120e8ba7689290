/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_LISTEN_FD = 3 };

void tg_notify(const char *state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path == NULL ? 0 : strlen(path);
    if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0'; /* the abstract namespace */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    /* A manager that does not listen is no reason to stop. */
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    (void)close(fd);
}

/* A variable that the manager set for this process, as a number; -1 if it did not. */
static int64_t number_for_us(const char *name, const char *pid_name)
{
    const char *pid = getenv(pid_name);
    const char *value = getenv(name);
    if (value == NULL || (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid()))
        return -1;
    return strtoll(value, NULL, 10);
}

int tg_notify_listener(void)
{
    if (getenv("LISTEN_PID") == NULL || number_for_us("LISTEN_FDS", "LISTEN_PID") != 1 ||
        fcntl(FIRST_LISTEN_FD, F_SETFD, FD_CLOEXEC) != 0 || fcntl(FIRST_LISTEN_FD, F_SETFL, O_NONBLOCK) != 0)
        return -1;
    return FIRST_LISTEN_FD;
}

int64_t tg_notify_watchdog_interval(void)
{
    int64_t microseconds = number_for_us("WATCHDOG_USEC", "WATCHDOG_PID");
    return microseconds <= 0 ? 0 : microseconds / 2000 + 1;
}
