/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The one line that sshd gets from AuthorizedPrincipalsCommand: sshd(8), "AUTHORIZED_KEYS FILE FORMAT".
 * sshd's parser cuts a line at
 * '#' even inside quotes and knows only \" as an escape, so text with '#', '"', '\' or a control character is
 * refused, not escaped.
 */
#ifndef TEGATA_AGENT_PRINCIPALS_LINE_H
#define TEGATA_AGENT_PRINCIPALS_LINE_H

#include "lib/ticket.h"

/* restrict, what the ticket's options give back, expiry-time, from, permitopen, command, and the requester's
 * name.
 *
 * A ticket with permit_open but without the option port-forwarding gets forwarding to just those
 * destinations, and none from the host back to the client. False, and an empty line, if anything cannot be
 * carried or does not fit. */
bool tg_principals_line(const struct tg_ticket *ticket, int64_t ends, char *line, size_t size);

/* "restrict NAME": for a known person without a ticket, where the refusal is left to the session (deny_in =
 * session). */
bool tg_principals_line_without_ticket(const char *person, char *line, size_t size);

#endif
