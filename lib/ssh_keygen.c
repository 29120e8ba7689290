/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ssh_keygen.h"

#include "lib/sshsig.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ; /* POSIX declares it nowhere */

enum { ARMORED_MAX = 2 * TG_SSHSIG_MAX };

/* A descriptor from which the message can be read; a file, so that nobody has to feed a pipe. */
static int message_file(struct tg_bytes message)
{
    int fd = memfd_create("message", MFD_CLOEXEC);
    while (fd >= 0 && message.length > 0) {
        ssize_t written = write(fd, message.data, message.length);
        if (written <= 0) {
            (void)close(fd);
            return -1;
        }
        message.data += written;
        message.length -= (size_t)written;
    }
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Starts ssh-keygen. Returns 0 or an errno. */
static int start(const char *path, const char *name_space, int input, int output, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    /* posix_spawnp() has no const, but changes nothing. */
    char *const arguments[] = {(char *)"ssh-keygen", (char *)"-q",       (char *)"-Y",
                               (char *)"sign",       (char *)"-f",       (char *)path,
                               (char *)"-n",         (char *)name_space, NULL};
    int result = posix_spawn_file_actions_init(&actions);
    if (result != 0)
        return result;
    result = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    if (result == 0)
        result = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (result == 0)
        result = posix_spawnp(child, arguments[0], &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return result;
}

/* Reads up to the end of the pipe. False if it is more than fits. */
static bool read_all(int fd, char *text, size_t size)
{
    size_t used = 0;
    for (;;) {
        ssize_t count = read(fd, text + used, size - 1 - used);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 || used + (size_t)count == size - 1)
            return false;
        used += (size_t)count;
        text[used] = '\0';
        if (count == 0)
            return true;
    }
}

static bool ended_well(pid_t child)
{
    int status;
    pid_t ended;
    do {
        ended = waitpid(child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    return ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Runs it to its end, with its output in `armored`. */
static int run(const char *path, const char *name_space, int input, char armored[ARMORED_MAX],
               struct tg_error *error)
{
    int ends[2];
    pid_t child;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return tg_fail(error, TG_internal_error, "pipe: %s", strerror(errno));
    int failed = start(path, name_space, input, ends[1], &child);
    (void)close(ends[1]);
    if (failed != 0) {
        (void)close(ends[0]);
        return tg_fail(error, TG_key_unusable, "cannot run ssh-keygen: %s; install openssh-client",
                       strerror(failed));
    }
    bool complete = read_all(ends[0], armored, ARMORED_MAX);
    (void)close(ends[0]);
    if (!ended_well(child) || !complete)
        return tg_fail(error, TG_key_unusable, "ssh-keygen -Y sign -f %s did not sign; it says why above",
                       path);
    return 0;
}

int tg_ssh_keygen_sign(const char *path, const char *name_space, struct tg_bytes message, uint8_t **blob,
                       size_t *length, struct tg_error *error)
{
    char armored[ARMORED_MAX] = "";
    *blob = NULL;
    *length = 0;
    int input = message_file(message);
    if (input < 0)
        return tg_fail(error, TG_internal_error, "cannot keep the message in memory: %s", strerror(errno));
    int result = run(path, name_space, input, armored, error);
    (void)close(input);
    return result == 0 ? tg_sshsig_dearmor(armored, blob, length, error) : -1;
}
