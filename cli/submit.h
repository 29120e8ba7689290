/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking for a ticket, or for the extension of one.
 */
#ifndef TEGATA_CLI_SUBMIT_H
#define TEGATA_CLI_SUBMIT_H

#include "cli/link.h"

#include "lib/ticket.h"

/* The argument of --wait: NULL: 0, not at all; "": UINT32_MAX, for as long as it takes. False if it is no
 * duration. */
bool tg_wait_parse(const char *text, uint32_t *seconds);

/* Composes the ticket, submits it and reports: the id alone on the first line, or JSON. With `wait` goes on
 * to wait (cli/wait.h). `before`, if not NULL, is called with the ticket before it is sent. Returns an enum
 * tg_exit, or -1 with *problem. */
typedef void tg_before_submission(struct tg_cli *cli, struct tg_link *link, const struct tg_ticket *ticket,
                                  int64_t now);
int tg_submit(struct tg_cli *cli, struct tg_link *link, const struct tg_ticket_wish *wish, int64_t now,
              uint32_t wait, tg_before_submission *before, struct tg_problem *problem);

#endif
