/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The revocation list (lib/krl.h) as a host has it: from the service, kept in the state directory, judged by,
 * and written where sshd's RevokedKeys reads it.
 */
#ifndef TEGATA_AGENT_REVOCATIONS_H
#define TEGATA_AGENT_REVOCATIONS_H

#include "agent/agent.h"

/* Takes in the list of an update, in base64. True if it is new, sound and newer than the one in hand: then it
 * is in force. What is refused is reported, and the one in hand stays. */
bool tg_revocations_take(struct tg_agent *agent, const char *text);

/* The list as it was kept. True if `text` (base64) is one, in force from now on. At start. */
bool tg_revocations_restore(struct tg_agent *agent, const char *text);

/* Writes the file for sshd, if it is not what was written last. Returns when to be called next, in steady
 * milliseconds. sshd lets nobody in by key without the file, so there is one even if nothing is revoked. */
int64_t tg_revocations_turn(struct tg_agent *agent);

void tg_revocations_free(struct tg_revocations *revocations);

#endif
