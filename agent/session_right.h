/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether the open sessions still have the right to exist (tg_verdict_running()), and until when. Asked after
 * every update, after every change of policy, when a session's time has come, and when the clock was set.
 */
#ifndef TEGATA_AGENT_SESSION_RIGHT_H
#define TEGATA_AGENT_SESSION_RIGHT_H

#include "agent/agent.h"
#include "lib/agent_protocol.h"

/* The right of one session now; reason internal_error without memory. The pointers in *right live until
 * tickets are next taken in or purged. A host without a policy in hand knows no right, and neither does one
 * that has lost the ticket: reasons policy_missing and ticket_none, unless the ticket is known to be revoked
 * or released. These end no session before its time, but give nothing either. */
void tg_session_right(struct tg_agent *agent, const struct tg_session *session, struct tg_right *right);

/* The gids of what a ticket grants: its groups and its sudo roles, as far as the policy has them. False if
 * they are more than an answer can carry. */
bool tg_ticket_gids(const struct tg_policy *policy, const struct tg_ticket *ticket,
                    uint32_t gids[TG_AGENT_GIDS_MAX], size_t *count);

/* Judges every open session: those without a right begin to end (ending.h); where the end has moved, that is
 * recorded, told as an event and passed on to the network grants. */
void tg_sessions_judge(struct tg_agent *agent);

/* Judges them if something has changed (agent->sessions_unjudged) or the time of one has come, and warns
 * (telling.h) those whose end is near. Returns when to be called next, steady milliseconds. */
int64_t tg_sessions_turn(struct tg_agent *agent);

/* The least number of minutes at which a session is to be warned that has been reached; 0: none yet. */
int64_t tg_session_warning(const struct tg_agent *agent, const struct tg_session *session);

/* [sessions] warn_minutes. -1 with config_bad, which names the key. */
int tg_warn_minutes_parse(const char *list, struct tg_warn_minutes *out, struct tg_error *error);

#endif
