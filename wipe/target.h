/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One account that is wiped, and what was found of it.
 */
#ifndef TEGATA_WIPE_TARGET_H
#define TEGATA_WIPE_TARGET_H

#include "lib/wipe_lines.h"
#include "wipe/tree.h"

struct tg_target {
    struct tg_wipe_account account;
    bool dry_run;
    size_t processes; /* that were ended; with dry_run, that would be: so all that follow */
    size_t home;      /* names removed in the home directory */
    size_t places;    /* in /tmp, mail, cron, at and the like */
    size_t ipc;       /* System V objects and POSIX queues */
    size_t keys;
    size_t failed;                          /* what should be gone and is not */
    char complaint[TG_TREE_COMPLAINT_SIZE]; /* the first of it */
};

/* Counts a failure and keeps the first. */
__attribute__((format(printf, 2, 3))) void tg_target_fail(struct tg_target *target, const char *format, ...);

/* --- processes.c: ends every process that has the uid in any role; gives up after 10 s */
void tg_target_end_processes(struct tg_target *target);

/* --- places.c: home directory, temporary files, mail, cron and at jobs, runtime directory, lingering */
void tg_target_clear_places(struct tg_target *target);

/* --- objects.c: System V IPC, POSIX queues */
void tg_target_clear_ipc(struct tg_target *target);

/* --- keyrings.c: the keys in the uid's user, user session and persistent keyrings */
void tg_target_clear_keyrings(struct tg_target *target);

#endif
