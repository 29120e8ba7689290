/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The clock by which sessions end. The wall clock may be set, forward or back, while a session runs; a
 * session must then end neither early nor late. So its time is the steady clock (CLOCK_BOOTTIME) and, added
 * to it, what the wall clock was ahead of that when the service last agreed with the wall clock; or, with no
 * service since the start, what the last run of the agent kept on disk for this boot, or what it was at the
 * start.
 */
#ifndef TEGATA_AGENT_SESSION_CLOCK_H
#define TEGATA_AGENT_SESSION_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct tg_agent;

struct tg_session_clock {
    int64_t base; /* milliseconds to be added to the steady clock */
    bool known;   /* the service has agreed, or the base is of an earlier run in this boot */
};

/* At the agent's start, with the state directory and the boot id known. */
void tg_session_clock_start(struct tg_agent *agent);

/* Seconds since 1970. */
int64_t tg_session_now(const struct tg_agent *agent);

/* The steady millisecond at which the session clock will show `time`. */
int64_t tg_session_due(const struct tg_agent *agent, int64_t time);

/* The service has just been compared with the wall clock and they agree: takes the wall clock over. True if
 * that moved the session clock by more than 5 s: every session is then to be judged again. */
bool tg_session_clock_agree(struct tg_agent *agent);

#endif
