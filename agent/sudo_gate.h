/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The gates inside a session: SUDO, STEP_UP and STEP_UP_PROOF, for sudo and su, and JOB, for cron and at.
 */
#ifndef TEGATA_AGENT_SUDO_GATE_H
#define TEGATA_AGENT_SUDO_GATE_H

#include "agent/gates.h"

void tg_gate_sudo(struct tg_agent *agent, const struct tg_client *client, struct tg_agent_answer *answer);
void tg_gate_step_up(struct tg_agent *agent, const struct tg_client *client, struct tg_agent_answer *answer);
void tg_gate_step_up_proof(struct tg_agent *agent, const struct tg_client *client,
                           struct tg_agent_answer *answer);

/* job_gate.c */
void tg_gate_job(struct tg_agent *agent, const struct tg_client *client, struct tg_agent_answer *answer);

/* Is this account one that Tegata published here? Of others a question without a session is no refusal worth
 * an event: the host's own accounts use sudo and cron, too. */
bool tg_account_is_ours(const struct tg_agent *agent, const char *account);

/* The command line of a process for people and for signing: its arguments separated by blanks; whatever in an
 * argument is a blank, a percent sign or not printable ASCII stands as %NN, so that nothing in it can look
 * like something else or be pushed out of sight. Ends in "..." if it was cut. "" if it cannot be read.
 */
void tg_command_line(const char *proc_root, pid_t pid, char *out, size_t size);

#endif
