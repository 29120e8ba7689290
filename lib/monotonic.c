/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/monotonic.h"

#include <time.h>

static int64_t read_ms(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t tg_monotonic_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

int64_t tg_boottime_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}
