/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata request --wait: follows one ticket's events.
 */
#ifndef TEGATA_CLI_WAIT_H
#define TEGATA_CLI_WAIT_H

#include "cli/link.h"

/* Waits until every host of the ticket has acknowledged it as approved (TG_EXIT_OK), until it has ended
 * (TG_EXIT_REFUSED), until `seconds` are over (TG_EXIT_TIMED_OUT; UINT32_MAX: never), or until Ctrl-C, which
 * leaves the ticket as it is (TG_EXIT_TIMED_OUT). A service that goes away for a while is asked again. -1:
 * *problem says what cannot be waited out. */
int tg_wait_for_ticket(struct tg_cli *cli, struct tg_link *link, const char *id, uint32_t seconds,
                       struct tg_problem *problem);

#endif
