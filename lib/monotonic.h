/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The clock for waiting: it only goes forward, whatever is done to the time of day.
 */
#ifndef TEGATA_LIB_MONOTONIC_H
#define TEGATA_LIB_MONOTONIC_H

#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds. */
int64_t tg_monotonic_ms(void);

/* CLOCK_BOOTTIME in milliseconds: it also goes on while the machine sleeps. */
int64_t tg_boottime_ms(void);

#endif
