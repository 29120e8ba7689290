/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ssh_keygen.h"

#include "lib/sshsig.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ; /* POSIX declares it nowhere */

enum { ARMORED_MAX = 2 * TG_SSHSIG_MAX, PATH_SIZE = 256 };

/* The message goes through a file, not through standard input: where there is no terminal, ssh-keygen reads a
 * security key's PIN from there. */
struct workspace {
    char folder[PATH_SIZE];
    char message[PATH_SIZE + 16];
    char signature[PATH_SIZE + 32];
};

static bool open_workspace(struct workspace *workspace)
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] != '/')
        parent = "/tmp";
    int length = snprintf(workspace->folder, sizeof workspace->folder, "%s/tegata-XXXXXX", parent);
    if (length < 0 || (size_t)length >= sizeof workspace->folder || mkdtemp(workspace->folder) == NULL)
        return false;
    (void)snprintf(workspace->message, sizeof workspace->message, "%s/message", workspace->folder);
    (void)snprintf(workspace->signature, sizeof workspace->signature, "%s.sig", workspace->message);
    return true;
}

static void close_workspace(const struct workspace *workspace)
{
    (void)unlink(workspace->signature);
    (void)unlink(workspace->message);
    (void)rmdir(workspace->folder);
}

static bool write_message(const char *path, struct tg_bytes message)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (fd >= 0 && message.length > 0) {
        ssize_t written = write(fd, message.data, message.length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            (void)close(fd);
            return false;
        }
        message.data += written;
        message.length -= (size_t)written;
    }
    return fd >= 0 && close(fd) == 0;
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

static int run(const char *path, const char *name_space, const char *message, struct tg_error *error)
{
    /* posix_spawnp() has no const, but changes nothing. */
    char *const arguments[] = {(char *)"ssh-keygen", (char *)"-q", (char *)"-Y", (char *)"sign",
                               (char *)"-f",         (char *)path, (char *)"-n", (char *)name_space,
                               (char *)message,      NULL};
    pid_t child;
    int failed = posix_spawnp(&child, arguments[0], NULL, NULL, arguments, environ);
    if (failed != 0)
        return tg_fail(error, TG_key_unusable, "cannot run ssh-keygen: %s; install openssh-client",
                       strerror(failed));
    if (!ended_well(child))
        return tg_fail(error, TG_key_unusable, "ssh-keygen -Y sign -f %s did not sign; it says why above",
                       path);
    return 0;
}

static int read_signature(const char *path, uint8_t **blob, size_t *length, struct tg_error *error)
{
    char armored[ARMORED_MAX];
    FILE *stream = fopen(path, "re");
    if (stream == NULL)
        return tg_fail(error, TG_key_unusable, "ssh-keygen left no signature: %s", strerror(errno));
    size_t used = fread(armored, 1, sizeof armored - 1, stream);
    (void)fclose(stream);
    armored[used] = '\0';
    return tg_sshsig_dearmor(armored, blob, length, error);
}

int tg_ssh_keygen_sign(const char *path, const char *name_space, struct tg_bytes message, uint8_t **blob,
                       size_t *length, struct tg_error *error)
{
    struct workspace workspace;
    int result = -1;
    *blob = NULL;
    *length = 0;
    if (!open_workspace(&workspace))
        return tg_fail(error, TG_key_unusable, "cannot make a temporary folder: %s; is TMPDIR right?",
                       strerror(errno));
    if (!write_message(workspace.message, message))
        (void)tg_fail(error, TG_key_unusable, "cannot write %s: %s", workspace.message, strerror(errno));
    else if (run(path, name_space, workspace.message, error) == 0)
        result = read_signature(workspace.signature, blob, length, error);
    close_workspace(&workspace);
    return result;
}
