/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The long poll for a ticket's events, and patience with a service that is away for a moment.
 */
#ifndef TEGATA_CLI_FOLLOW_H
#define TEGATA_CLI_FOLLOW_H

#include "cli/link.h"
#include "cli/status_line.h"
#include "lib/ticket.h"

enum { TG_FOLLOW_SECONDS = 25 }; /* of one long poll; the service holds an answer back for at most 30 */

struct tg_follower {
    const struct tg_cli *cli;
    struct tg_link *link;
    const char *id;                /* of the ticket */
    json_int_t after;              /* the last event seen */
    int64_t last_answer;           /* monotonic seconds */
    enum tg_ticket_state state;    /* as of the last answer */
    struct tg_status_line *status; /* makes room for events; NULL: there is none */
};

/* Seconds on the monotonic clock. */
int64_t tg_monotonic_seconds(void);

/* One line: when, what, by whom, where, why. Everything comes from the service and is escaped. */
void tg_render_event(const struct tg_output *out, const json_t *event);

/* One long poll; new events are told to `out`, one line or one JSON value each; NULL: told to nobody. */
int tg_follow(struct tg_follower *follower, long wait, const struct tg_output *out,
              struct tg_problem *problem);

/* After a call that failed: true, after a short pause, if it may be tried again, because the service is
 * merely out of reach, and has been for less than a minute. */
bool tg_follow_again(int64_t last_answer, const struct tg_problem *problem);

#endif
