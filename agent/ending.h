/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ending sessions: all processes of a session, and only those.
 *
 * A process belongs to a session if it has the session's kernel audit session id, or is in the scope that
 * systemd made for it, or descends from its monitor. They are found in one scan of /proc for all sessions
 * that are ending (process_table.h), and signalled by pidfd: first the last line on the terminals, then
 * SIGHUP, SIGTERM, SIGKILL, each with its pause (tegata.conf, [sessions]), the last again and again until a
 * scan finds none. sshd's own two processes, the monitor and its child, are spared SIGHUP, so that what was
 * written still reaches the person.
 *
 * When the last open session of one of Tegata's accounts has gone, every other process of that uid goes the
 * same way: what cron, at or a user's systemd started for it has nobody's right. While others are open, those
 * of them go that hold a group of Tegata's which none of the open sessions grants: they were given the groups
 * of all the account's tickets.
 */
#ifndef TEGATA_AGENT_ENDING_H
#define TEGATA_AGENT_ENDING_H

#include "agent/agent.h"

struct tg_endings; /* what is under way beside the sessions' own state; NULL in the agent: nothing ever was */

/* Begins to end an open session; does nothing to one that is ending. Nothing is signalled and the table of
 * sessions does not change before tg_ending_turn(). `reason` allowed: it was closed from the
 * other side (`detail` says how, or ""), and nothing is written to its terminals. */
void tg_session_end(struct tg_agent *agent, struct tg_session *session, enum tg_reason reason,
                    const char *detail);

/* The monitor of a session has ended: watches it no longer, and begins to end the session if it is open. */
void tg_session_monitor_ended(struct tg_agent *agent, struct tg_session *session);

/* Goes on with all that are ending, and with the sweep of accounts that have no session. Returns when to be
 * called next, steady milliseconds. When a session's last process has gone: the event session_ended (or
 * session_closed), its grants are removed, and it is dropped, or kept for the service's count. */
int64_t tg_ending_turn(struct tg_agent *agent);

/* Begins a sweep of the processes of this uid that no session claims, unless local files hold the uid: of all
 * of them, or, if one of its sessions is open or ending, of those with a group that no open one grants.
 * Called when one of its sessions has gone, and for every remembered account at the start and once a minute.
 * A session that opens meanwhile ends a sweep of all. */
void tg_sweep(struct tg_agent *agent, uint32_t uid);

void tg_endings_free(struct tg_endings *endings);

#endif
