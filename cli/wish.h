/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What somebody asks for on the command line: the options of cli/options/request.def, for tegata request and
 * for the commands that request a ticket on the way.
 */
#ifndef TEGATA_CLI_WISH_H
#define TEGATA_CLI_WISH_H

#include "cli/command.h"
#include "lib/ticket.h"

enum { TG_WISH_HOSTS_MAX = 32 };

/* The wish and the arrays that it points into. */
struct tg_request_wish {
    struct tg_ticket_wish ticket;
    char *host_text;
    const char *hosts[TG_WISH_HOSTS_MAX];
    const char *groups[TG_GIVEN_MAX];
    const char *sudo[TG_GIVEN_MAX];
    const char *options[TG_GIVEN_MAX];
    const char *permit_open[TG_GIVEN_MAX];
    const char *source[TG_GIVEN_MAX];
    uint32_t wait; /* as of tg_wait_parse() */
};

/* Reads HOST[,HOST]... and the options; without --for, ticket.seconds stays 0, and without --reason
 * ticket.reason NULL. `command` names the command in errors. Returns TG_EXIT_OK, or TG_EXIT_USAGE once the
 * mistake has been told. The caller clears *wish in any case. */
int tg_request_wish_read(struct tg_cli *cli, const char *command, const char *hosts,
                         const struct tg_arguments *arguments, int64_t now, struct tg_request_wish *wish);
void tg_request_wish_clear(struct tg_request_wish *wish);

#endif
