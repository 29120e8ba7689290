/* SPDX-License-Identifier: BSD-2-Clause */
#include "wipe/target.h"

#include "agent/process_table.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { GIVE_UP_MS = 10000, PASS_MS = 20 };

static bool has_uid(const struct tg_process_entry *entry, uint32_t uid)
{
    for (size_t i = 0; i < sizeof entry->uids / sizeof entry->uids[0]; i++) {
        if (entry->uids[i] == uid)
            return true;
    }
    return false;
}

static void end(const struct tg_process *process)
{
    int pidfd = tg_process_open("/proc", process);
    /* The agent gave them SIGHUP and SIGTERM when the last session was over. */
    if (pidfd < 0)
        return;
    (void)tg_process_signal(pidfd, SIGKILL);
    (void)close(pidfd);
}

/* One pass. Returns how many there are, or -1. */
static int pass(struct tg_target *target, struct tg_process_table *table)
{
    int count = 0;
    if (tg_process_table_scan(table, "/proc") != 0)
        return -1;
    for (size_t i = 0; i < table->count; i++) {
        const struct tg_process_entry *entry = &table->list[i];
        if (entry->dead || !has_uid(entry, target->account.uid))
            continue;
        count++;
        if (!target->dry_run)
            end(&entry->process);
    }
    /* Where the scan may have missed somebody, it is made again. */
    return count == 0 && !table->settled && !target->dry_run ? 1 : count;
}

void tg_target_end_processes(struct tg_target *target)
{
    const struct timespec pause = {.tv_nsec = PASS_MS * 1000000L};
    struct tg_process_table table = {0};
    int count = pass(target, &table);
    target->processes = count > 0 ? (size_t)count : 0;
    for (int waited = 0; !target->dry_run && count > 0 && waited < GIVE_UP_MS; waited += PASS_MS) {
        (void)nanosleep(&pause, NULL);
        count = pass(target, &table);
    }
    if (count < 0)
        tg_target_fail(target, "/proc cannot be read");
    else if (count > 0 && !target->dry_run)
        tg_target_fail(target, "%d processes do not end", count);
    tg_process_table_free(&table);
}
