/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a login needs: a certificate, and a ticket that the host has.
 */
#ifndef TEGATA_CLI_ENTER_H
#define TEGATA_CLI_ENTER_H

#include "cli/link.h"
#include "cli/wish.h"

/* Gets a certificate if there is none that is good for two more minutes; looks for a ticket of one's own for
 * the host and account of `wish`, else requests one and asks on the terminal for the reason and the time that
 * `wish` lacks; and waits until the host has it. An enum tg_exit, or -1 with *problem. */
int tg_enter(struct tg_cli *cli, struct tg_link *link, struct tg_request_wish *wish,
             struct tg_problem *problem);

#endif
