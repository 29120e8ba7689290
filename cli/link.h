/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What most commands begin with: the configuration, the service, and the policy in force, verified.
 */
#ifndef TEGATA_CLI_LINK_H
#define TEGATA_CLI_LINK_H

#include "cli/client.h"
#include "cli/command.h"
#include "cli/trust.h"

struct tg_link {
    struct tg_client *client;
    struct tg_trusted_policy trusted;
};

enum tg_link_needs { TG_LINK_SERVICE, TG_LINK_POLICY, TG_LINK_PERSON };

/* PERSON: the policy too, and [person] name and key must be set and belong to somebody in the policy. On -1
 * nothing is left open. */
int tg_link_open(struct tg_cli *cli, enum tg_link_needs needs, struct tg_link *link,
                 struct tg_problem *problem);
void tg_link_close(struct tg_link *link);

#endif
