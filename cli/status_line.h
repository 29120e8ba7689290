/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One line that says how a ticket stands while somebody waits for it: what is missing, who can approve, and
 * how long there is. On a terminal it is drawn anew about once a second; elsewhere it is a plain line each
 * time that something changes.
 */
#ifndef TEGATA_CLI_STATUS_LINE_H
#define TEGATA_CLI_STATUS_LINE_H

#include "cli/output.h"
#include "cli/ticket_view.h"

enum { TG_STATUS_TEXT_SIZE = 512 };

struct tg_status_line {
    const struct tg_output *out; /* NULL: nothing is shown */
    char text[TG_STATUS_TEXT_SIZE];
    int64_t until; /* when what is waited for must have happened */
    bool drawn;    /* it stands on the terminal's current line */
};

struct tg_status_line tg_status_line_on(const struct tg_output *out);

/* What it is to say from now on. */
void tg_status_line_set(struct tg_status_line *line, const struct tg_ticket_view *view);

/* On a terminal: draws it with the time that is left. */
void tg_status_line_draw(struct tg_status_line *line);

/* On a terminal: wipes it, to make room for something else. NULL-safe. */
void tg_status_line_clear(struct tg_status_line *line);

#endif
