/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* posix_spawn() wants pointers to characters it could write, and does not write. */
static int spawn(pid_t *pid, const char *const *arguments, const posix_spawn_file_actions_t *actions)
{
    return posix_spawnp(pid, arguments[0], actions, NULL, (char *const *)(uintptr_t)arguments, environ);
}

static int wait_for(pid_t pid, const char *name, struct tg_error *error)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return tg_fail(error, TG_internal_error, "%s: %s", name, strerror(errno));
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status))
        return tg_fail(error, TG_internal_error, "%s ended with exit status %d", name, WEXITSTATUS(status));
    return tg_fail(error, TG_internal_error, "%s was ended by a signal", name);
}

int tg_run(const char *const *arguments, struct tg_error *error)
{
    pid_t pid = 0;
    int failed = spawn(&pid, arguments, NULL);
    if (failed != 0)
        return tg_fail(error, TG_internal_error, "%s cannot be run: %s", arguments[0], strerror(failed));
    return wait_for(pid, arguments[0], error);
}

/* Reads to the end, so that the program never waits for us; keeps at most `max` bytes. */
static char *read_all(int fd, size_t max, bool *too_much)
{
    char *text = malloc(max + 1);
    char rest[4096] = {0}; /* read and forgotten */
    size_t used = 0;
    *too_much = false;
    for (;;) {
        bool room = text != NULL && used < max;
        ssize_t got = read(fd, room ? text + used : rest, room ? max - used : sizeof rest);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        if (room)
            used += (size_t)got;
        else
            *too_much = true;
    }
    if (text != NULL)
        text[used] = '\0';
    return text;
}

int tg_run_output(const char *const *arguments, size_t max, char **output, struct tg_error *error)
{
    int ends[2] = {-1, -1};
    pid_t pid = 0;
    bool too_much = false;
    posix_spawn_file_actions_t actions;
    *output = NULL;
    if (pipe2(ends, O_CLOEXEC) != 0 || posix_spawn_file_actions_init(&actions) != 0)
        return tg_fail(error, TG_internal_error, "%s cannot be run: %s", arguments[0], strerror(errno));
    int failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failed == 0)
        failed = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    if (failed == 0)
        failed = posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    if (failed == 0)
        failed = spawn(&pid, arguments, &actions);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    int result = -1;
    if (failed != 0) {
        (void)tg_fail(error, TG_internal_error, "%s cannot be run: %s", arguments[0], strerror(failed));
    } else {
        *output = read_all(ends[0], max, &too_much);
        result = wait_for(pid, arguments[0], error);
    }
    (void)close(ends[0]);
    if (result == 0 && (too_much || *output == NULL))
        result = tg_fail(error, TG_internal_error, "%s wrote more than %zu bytes", arguments[0], max);
    return result;
}
