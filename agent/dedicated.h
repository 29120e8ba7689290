/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The one-person server ([host] dedicated): the person of the first session that opens owns the host, and
 * nobody else is let in until it has been wiped. The owner outlives restarts.
 *
 * The teardown is due when no session is open and no ticket of the owner's for this host is allowed or will
 * be. From then on nobody is let in, the owner neither, until tegata-wipe(8) has said that the host is wiped.
 * Where no teardown is configured it never becomes due: the host stays its owner's until root wipes it.
 */
#ifndef TEGATA_AGENT_DEDICATED_H
#define TEGATA_AGENT_DEDICATED_H

#include "agent/admissions.h"

#include <jansson.h>

struct tg_agent;
struct tg_agent_answer;
struct tg_session;

struct tg_dedicated {
    char owner[TG_ACCOUNT_SIZE]; /* "": nobody */
    bool due;                    /* the teardown is due or under way */
    bool listed;                 /* tegata-wipe has asked for the accounts, and no session has opened since */
    int64_t look_at;             /* when to ask again whether it is, steady milliseconds */
};

/* May this person be let in now? False: *answer is a refusal about the ticket. */
bool tg_dedicated_may_open(const struct tg_agent *agent, const char *person, const char *ticket,
                           struct tg_agent_answer *answer);

/* The same at the gates before the session's, where deny_in may leave the refusal to that. */
bool tg_dedicated_may_pass(const struct tg_agent *agent, const char *person, const char *ticket,
                           struct tg_agent_answer *answer);

/* A session of this person is about to be answered. Whoever is the first becomes the owner, on disk. False:
 * that could not be recorded, and the session may not open. */
bool tg_dedicated_opened(struct tg_agent *agent, const struct tg_session *session);

/* A session has gone. */
void tg_dedicated_session_gone(struct tg_agent *agent);

/* Looks whether the teardown is due; if so, answers those who wait for it. Returns when to be called next,
 * steady milliseconds. */
int64_t tg_dedicated_turn(struct tg_agent *agent);

/* The host was wiped: it is nobody's. False: a session is open or was since the accounts were asked for, or
 * the disk refuses; then nothing changes. */
bool tg_dedicated_wiped(struct tg_agent *agent);

json_t *tg_dedicated_to_json(const struct tg_dedicated *dedicated);
bool tg_dedicated_from_json(struct tg_dedicated *dedicated, const json_t *object);

#endif
