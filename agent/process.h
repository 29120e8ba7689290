/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Processes, by what names one for ever on a running kernel: the pid and the time at which it started.
 */
#ifndef TEGATA_AGENT_PROCESS_H
#define TEGATA_AGENT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tg_process {
    pid_t pid;
    uint64_t start; /* clock ticks since boot: field 22 of /proc/PID/stat, proc(5) */
};

enum { TG_BOOT_ID_SIZE = 37 };

/* Reads the beginning of a file of /proc, in one read, as a C string: `name` is below `directory`, or a path
 * with AT_FDCWD. 0 or -errno, with *text empty. */
int tg_process_file(int directory, const char *name, char *text, size_t size);

bool tg_process_same(const struct tg_process *a, const struct tg_process *b);

/* Reads who `pid` is and, if `parent` is not NULL, its parent's pid. `proc_root` is "/proc". 0 or -errno;
 * -EPROTO if the kernel's line is not understood. */
int tg_process_read(const char *proc_root, pid_t pid, struct tg_process *process, pid_t *parent);

/* What the text of a stat file says; 0 or -EPROTO. */
struct tg_process_stat {
    struct tg_process process;
    pid_t parent;
    unsigned int terminal; /* tty_nr: dev_t as the kernel encodes it; 0: none */
    bool dead;             /* no thread of it runs any more: a zombie that waits for its parent */
};
int tg_process_parse_stat(const char *text, struct tg_process_stat *out);

/* A pidfd (CLOEXEC) for exactly this process, or -errno; -ESRCH if it has ended, even if its pid is in use
 * again. */
int tg_process_open(const char *proc_root, const struct tg_process *process);

/* Sends a signal by pidfd. 0 or -errno. */
int tg_process_signal(int pidfd, int signal_number);

/* The kernel's boot id, so that start times of before a reboot are not mistaken for today's. 0 or -errno. */
int tg_boot_id(const char *proc_root, char out[TG_BOOT_ID_SIZE]);

#endif
