/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What must not be forgotten about tickets even if the tickets themselves are lost: which are over for good,
 * and how many sessions of a limited one were opened here. Kept in a file of its own beside the tickets, so
 * that one damaged file does not lose both, and laid on a ticket when it comes in again.
 */
#ifndef TEGATA_AGENT_MARKS_H
#define TEGATA_AGENT_MARKS_H

#include "lib/ticket.h"

#include <jansson.h>

struct tg_mark {
    char ticket[TG_TICKET_ID_SIZE];
    enum tg_ticket_state state; /* final, or one that says nothing */
    uint32_t opened;
    int64_t until; /* seconds since 1970; the ticket cannot be valid any more then, whatever anybody says */
};

struct tg_marks {
    struct tg_mark *list; /* by ticket, once sorted */
    size_t count;
    size_t size;
};

void tg_marks_free(struct tg_marks *marks);

/* Adds one at the end. False without memory. */
bool tg_marks_add(struct tg_marks *marks, const struct tg_mark *mark);
void tg_marks_sort(struct tg_marks *marks);
bool tg_marks_same(const struct tg_marks *a, const struct tg_marks *b);

/* In sorted marks. NULL: there is none. */
const struct tg_mark *tg_marks_find(const struct tg_marks *marks, const char *ticket);

/* To and from the state file. Loading leaves out what is not a mark, and returns false. */
json_t *tg_marks_to_json(const struct tg_marks *marks);
bool tg_marks_from_json(struct tg_marks *marks, const json_t *array);

#endif
