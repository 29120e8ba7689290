/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sessions on the hosts, as the service has them from the hosts' events (docs/protocol.md, "Host
 * sessions"). All of it is the hosts' and the service's word.
 */
#ifndef TEGATA_CLI_HOST_SESSION_H
#define TEGATA_CLI_HOST_SESSION_H

#include "cli/link.h"

/* A session out of the answer's list; the strings live as long as the JSON and are "" where it has none. */
struct tg_host_session {
    const char *host;
    const char *ticket;
    const char *person;
    const char *account;
    const char *source;
    const char *code;
    const char *how;
    int64_t opened;
    int64_t ends;
    int64_t ended;
    int64_t seen;
};

struct tg_host_session tg_host_session_read(const json_t *json);

/* The sessions of one ticket: {sessions: [...]}. */
int tg_host_sessions_of(struct tg_link *link, const char *ticket, bool open_only, json_t **answer,
                        struct tg_problem *problem);

enum { TG_HOST_SESSION_STANDING_SIZE = 256 };

/* "in 12m", "3m ago (ops1 was last in touch 4m ago)", "ended 5m ago: ticket_revoked"; not escaped. */
const char *tg_host_session_standing(const struct tg_host_session *session, int64_t now,
                                     char out[TG_HOST_SESSION_STANDING_SIZE]);

#endif
