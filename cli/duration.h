/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Durations and times as people write and read them.
 */
#ifndef TEGATA_CLI_DURATION_H
#define TEGATA_CLI_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TG_DURATION_TEXT_SIZE = 32, TG_TIME_TEXT_SIZE = 48 };

/* "90s", "30m", "2h", "1d", "1h30m", or plain seconds: units in falling order, each once. False for anything
 * else, for 0 and for more than a year. */
bool tg_duration_parse(const char *text, uint32_t *seconds);

/* "1h30m" */
const char *tg_duration_text(int64_t seconds, char out[TG_DURATION_TEXT_SIZE]);

/* A point in time: "2026-11-23 18:30[:00]" (also with T) in local time, with a final Z in UTC; "18:30" the
 * next time the local clock shows it; "+2h" from now; "@1790000000" seconds since 1970. */
bool tg_time_parse(const char *text, int64_t now, int64_t *time);

/* "2026-11-23 18:30:00 JST", local time. */
const char *tg_time_text(int64_t time, char out[TG_TIME_TEXT_SIZE]);

/* "in 5m", "3h ago", "now" */
const char *tg_time_relative(int64_t time, int64_t now, char out[TG_DURATION_TEXT_SIZE]);

#endif
