/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Gets one ticket by its id.
 */
#ifndef TEGATA_CLI_FETCH_H
#define TEGATA_CLI_FETCH_H

#include "cli/link.h"
#include "cli/ticket_view.h"

/* GET /v1/tickets/ID, checked, and refused if it is another ticket than the one asked for. On 0, the caller
 * clears *view. */
int tg_fetch_ticket(struct tg_link *link, const char *id, struct tg_ticket_view *view,
                    struct tg_problem *problem);

#endif
