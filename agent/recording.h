/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Recording (docs/recording.md): while a ticket of a rule with `record` is in force for an account, the
 * roster shows the recorder shell as that account's shell. A shell belongs to the account and not to the
 * session, so every session of the account is recorded then, whatever its own ticket says: the stricter rule
 * wins.
 */
#ifndef TEGATA_AGENT_RECORDING_H
#define TEGATA_AGENT_RECORDING_H

#include "agent/agent.h"
#include "lib/agent_protocol.h"

/* The shell that the roster is to show for an account. */
const char *tg_recording_shell(const struct tg_remembered_account *account);

/* The roster was published with these users: from now on whoever looks them up is shown the recorder shell.
 */
void tg_recording_published(struct tg_accounts *accounts, const struct tg_roster_user *users,
                            size_t user_count, int64_t now_ms);

/* Can what the ticket's rule asks for be had on this host? True also where it does not ask for recording.
 * Else *answer is the refusal. For every gate. */
bool tg_recording_may_pass(const struct tg_agent *agent, const struct tg_ticket *ticket,
                           struct tg_agent_answer *answer);

/* May this ticket's session open in this sshd process? Beyond tg_recording_may_pass(): if the account is
 * recorded, the process must have started after the roster began to show the recorder shell, for sshd looks
 * the account up once and keeps what it saw. If so, answer->shell is the real shell of a recorded session, or
 * "" if it is not recorded. Else *answer is the refusal. */
bool tg_recording_may_open(const struct tg_agent *agent, const struct tg_ticket *ticket,
                           const struct tg_process *monitor, struct tg_agent_answer *answer);

#endif
