/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the sessions of confined accounts may reach, as an nftables table of our own ("inet tegata"); other
 * tables are never touched. A confined uid reaches the addresses and ports of its tickets' permit_open and
 * the name servers, and nothing else. Every such element carries the session's remaining time as its timeout,
 * so that it vanishes even if the agent is gone; that the uid is confined carries none.
 */
#ifndef TEGATA_AGENT_NETWORK_GRANTS_H
#define TEGATA_AGENT_NETWORK_GRANTS_H

#include "agent/agent.h"
#include "lib/agent_protocol.h"

struct tg_network_grants; /* NULL in the agent: no account of the policy is confined, nothing was set up */

/* Called once, when policy, tickets and sessions have been loaded: takes over the table that the last run of
 * the agent has left, without telling again what that has told. */
void tg_network_grants_start(struct tg_agent *agent);

/* Brings the table into step with the policy (who is confined) and the open sessions (what they reach), in
 * one transaction. Called at the start, with a new policy, when a session of a confined account opens, when
 * its end moves and when it has gone. Queues grant_put and grant_removed events with before and after. -1 if
 * the kernel refuses: logged; then no session of a confined account may open (grant_failed). Does nothing
 * where nobody is confined, and asks nothing of the kernel where nothing differs. */
int tg_network_grants_update(struct tg_agent *agent);

/* May a session by this ticket open, as far as the network goes? Brings the table into step first; so, with
 * the session registered, it is also what puts its grant. False: *answer says why not. */
bool tg_network_may_open(struct tg_agent *agent, const struct tg_ticket *ticket,
                         struct tg_agent_answer *answer);

/* Puts the table back if somebody else has touched the rules, or the kernel refused it before, and follows
 * the name servers of the host. Returns when to be called next, steady milliseconds. */
int64_t tg_network_grants_turn(struct tg_agent *agent);

/* Readable when somebody has changed rules; then tg_network_grants_turn() is to be called. -1: none. */
int tg_network_grants_fd(const struct tg_network_grants *grants);

/* Why the rules are not in force; "" if they are, or where nobody is confined. */
const char *tg_network_grants_problem(const struct tg_network_grants *grants);

/* Leaves the table as it is: sessions stay confined while there is no agent. */
void tg_network_grants_free(struct tg_network_grants *grants);

/* Does the policy in force (NULL: none) confine this account? */
bool tg_account_is_confined(const struct tg_policy *policy, const char *account);

#endif
