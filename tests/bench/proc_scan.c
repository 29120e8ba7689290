/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proc_scan COUNT: reads the table of processes as the agent does while it ends sessions, so many times
 * without and with the uids. Prints the number of processes, then the median processor time of each in
 * microseconds: what others take of the machine is not in it.
 */
#include "agent/process_table.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef int scanner(struct tg_process_table *table, const char *proc_root);

static int64_t processor_time(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static int by_size(const void *a, const void *b)
{
    const int64_t *left = a;
    const int64_t *right = b;
    return (*left > *right) - (*left < *right);
}

/* The median; -1 if a scan fails. */
static int64_t measure(struct tg_process_table *table, scanner *scan, int64_t *times, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t began = processor_time();
        if (scan(table, "/proc") != 0)
            return -1;
        times[i] = processor_time() - began;
    }
    qsort(times, count, sizeof times[0], by_size);
    return times[count / 2];
}

int main(int argument_count, char **arguments)
{
    struct tg_process_table table = {0};
    int64_t without_uids = -1;
    int64_t with_uids = -1;
    size_t count = argument_count == 2 ? strtoul(arguments[1], NULL, 10) : 0;
    if (count == 0 || count > 10000) {
        (void)fprintf(stderr, "Usage: proc_scan COUNT\n");
        return 2;
    }
    int64_t *times = calloc(count, sizeof *times);
    if (times != NULL) {
        without_uids = measure(&table, tg_process_table_scan_sessions, times, count);
        with_uids = measure(&table, tg_process_table_scan, times, count);
    }
    (void)printf("%zu %lld %lld\n", table.count, (long long)without_uids, (long long)with_uids);
    tg_process_table_free(&table);
    free(times);
    return without_uids < 0 || with_uids < 0;
}
