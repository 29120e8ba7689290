/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What tegata-teardown(8) and tegata-wipe(8) ask of the agent.
 */
#ifndef TEGATA_AGENT_TEARDOWN_GATE_H
#define TEGATA_AGENT_TEARDOWN_GATE_H

#include "agent/clients.h"

/* TEARDOWN: answers at once if the teardown is due, else leaves the client waiting. */
void tg_gate_teardown(struct tg_agent *agent, struct tg_client *client);

/* It is due: answers all who wait. */
void tg_teardown_answer_all(struct tg_agent *agent);

void tg_gate_accounts(struct tg_agent *agent, struct tg_agent_answer *answer);
void tg_gate_wiped(struct tg_agent *agent, struct tg_bytes text, struct tg_agent_answer *answer);

#endif
