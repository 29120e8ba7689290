/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STAT_SIZE = 1024, PATH_SIZE = 256 };

int tg_process_file(int directory, const char *name, char *text, size_t size)
{
    text[0] = '\0';
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t length = read(fd, text, size - 1);
    int result = length < 0 ? -errno : 0;
    text[length < 0 ? 0 : length] = '\0';
    (void)close(fd);
    return result;
}

bool tg_process_same(const struct tg_process *a, const struct tg_process *b)
{
    return a->pid == b->pid && a->start == b->start;
}

int tg_process_parse_stat(const char *text, struct tg_process_stat *out)
{
    *out = (struct tg_process_stat){0};
    int pid;
    int parent;
    int terminal;
    long threads;
    char state;
    unsigned long long start;
    /* The command's name, in parentheses, may itself hold parentheses and blanks: the last one ends it. */
    const char *behind_name = strrchr(text, ')');
    if (behind_name == NULL || sscanf(text, "%d (", &pid) != 1)
        return -EPROTO;
    if (sscanf(behind_name, ") %c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu",
               &state, &parent, &terminal, &threads, &start) != 5)
        return -EPROTO;
    *out = (struct tg_process_stat){.process = {.pid = pid, .start = start},
                                    .parent = parent,
                                    .terminal = (unsigned int)terminal,
                                    /* A process whose first thread has ended shows as a zombie while its
                                     * other threads run on. */
                                    .dead = (state == 'Z' || state == 'X') && threads <= 1};
    return 0;
}

int tg_process_read(const char *proc_root, pid_t pid, struct tg_process *process, pid_t *parent)
{
    char path[PATH_SIZE];
    char text[STAT_SIZE];
    *process = (struct tg_process){0};
    if (pid <= 0)
        return -ESRCH;
    (void)snprintf(path, sizeof path, "%s/%d/stat", proc_root, (int)pid);
    struct tg_process_stat stat;
    int result = tg_process_file(AT_FDCWD, path, text, sizeof text);
    if (result == 0)
        result = tg_process_parse_stat(text, &stat);
    if (result == 0 && stat.process.pid != pid)
        result = -EPROTO;
    if (result != 0)
        return result;
    *process = stat.process;
    if (parent != NULL)
        *parent = stat.parent;
    return 0;
}

int tg_process_open(const char *proc_root, const struct tg_process *process)
{
    struct tg_process now;
    int pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0U);
    if (pidfd < 0)
        return -errno;
    /* Compared after opening: from here on the descriptor names one process whatever becomes of the pid. */
    if (tg_process_read(proc_root, process->pid, &now, NULL) == 0 && tg_process_same(&now, process))
        return pidfd;
    (void)close(pidfd);
    return -ESRCH;
}

int tg_process_signal(int pidfd, int signal_number)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0U) == 0 ? 0 : -errno;
}

int tg_boot_id(const char *proc_root, char out[TG_BOOT_ID_SIZE])
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/sys/kernel/random/boot_id", proc_root);
    int result = tg_process_file(AT_FDCWD, path, out, TG_BOOT_ID_SIZE);
    out[strcspn(out, "\n")] = '\0';
    return result;
}
