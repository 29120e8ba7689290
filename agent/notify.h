/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The three things that a service manager says and hears, without a library: sd_notify(3), sd_listen_fds(3),
 * sd_watchdog_enabled(3).
 */
#ifndef TEGATA_AGENT_NOTIFY_H
#define TEGATA_AGENT_NOTIFY_H

#include <stdint.h>

/* Sends "READY=1" and the like to $NOTIFY_SOCKET; without one, does nothing. */
void tg_notify(const char *state);

/* The one socket that was handed over, or -1 if none was. It is made close-on-exec. */
int tg_notify_listener(void);

/* How often "WATCHDOG=1" is to be said, in milliseconds: half of what the manager allows. 0: not at all. */
int64_t tg_notify_watchdog_interval(void);

#endif
