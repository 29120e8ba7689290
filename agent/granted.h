/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The groups that an account's open sessions grant. Who starts a process by initgroups(3), as cron, at and a
 * user's systemd do, gives it those of all the account's tickets, and it keeps them for as long as it runs.
 */
#ifndef TEGATA_AGENT_GRANTED_H
#define TEGATA_AGENT_GRANTED_H

#include "agent/agent.h"

struct tg_granted {
    uint32_t *gids;
    size_t count;
    size_t size;
};

/* Collects anew what the open sessions of this uid grant by their tickets and the policy in force. Sessions
 * that are ending grant nothing any more, and neither does one whose ticket is lost, or any without a policy.
 * False without memory. */
bool tg_granted_collect(struct tg_granted *granted, struct tg_agent *agent, uint32_t uid);

/* Does this process of the account hold a supplementary group of Tegata's that is not granted, the account's
 * own aside? One of which that cannot be read does: only root gives a process more groups than
 * tg_process_groups() takes, and one of Tegata's could be hidden among them. */
bool tg_granted_is_exceeded(const struct tg_granted *granted, const char *proc_root, uint32_t uid, pid_t pid);

void tg_granted_free(struct tg_granted *granted);

#endif
