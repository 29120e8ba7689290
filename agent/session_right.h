/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether the open sessions still have the right to exist (tg_verdict_running()), and until when. Asked after
 * every update, after every change of policy, when a session's time has come, and when the clock was set.
 */
#ifndef TEGATA_AGENT_SESSION_RIGHT_H
#define TEGATA_AGENT_SESSION_RIGHT_H

#include "agent/agent.h"

/* The right of one session now; reason internal_error without memory. The pointers in *right live until
 * tickets are next taken in or purged. A host without a policy in hand knows no right and ends no session:
 * reason policy_missing. */
void tg_session_right(struct tg_agent *agent, const struct tg_session *session, struct tg_right *right);

/* Judges every open session: those without a right begin to end (ending.h); where the end has moved, that is
 * recorded, told as an event and passed on to the network grants. */
void tg_sessions_judge(struct tg_agent *agent);

/* Judges those whose time has come, and warns (telling.h) those whose end is near. Returns when to be called
 * next, steady milliseconds. */
int64_t tg_sessions_turn(struct tg_agent *agent);

#endif
