/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Refusals that say the same again. Certificates are public, and whoever has a copy of one can be refused as
 * often as they like without proving anything; a service in the wrong hands can send what has to be refused
 * without end: the log and the events must not grow with that. Of like
 * refusals the first few of a minute are reported one by one, the others are counted and reported as one when
 * the minute is over.
 */
#ifndef TEGATA_AGENT_REPEATS_H
#define TEGATA_AGENT_REPEATS_H

#include "agent/admissions.h"

enum {
    TG_REPEAT_MILLISECONDS = 60000,
    TG_REPEATS_SHOWN = 10, /* reported one by one */
    TG_REPEATS_MAX = 512,  /* different ones a minute; all others are counted together */
};

/* What makes two refusals alike. Not the detail, which may tell the seconds. */
struct tg_refusal {
    char kind[20]; /* of the event */
    char gate[16]; /* principals, account, session; update: what the service sent */
    enum tg_reason reason;
    char ticket[TG_TICKET_ID_SIZE];
    char person[TG_ACCOUNT_SIZE];
    char account[TG_ACCOUNT_SIZE];
    char source[TG_SOURCE_SIZE];
};

struct tg_repeat {
    struct tg_refusal refusal;
    uint64_t count;
    int64_t until; /* milliseconds of the steady clock */
};

struct tg_repeats {
    struct tg_repeat list[TG_REPEATS_MAX + 1]; /* one more for all that do not fit */
    size_t count;
};

/* Counts one refusal. True: it is to be reported by itself. */
bool tg_repeats_count(struct tg_repeats *repeats, const struct tg_refusal *refusal, int64_t now_ms);

/* Takes out one whose minute is over. False: there is none. *more is how many of it were not reported by
 * themselves, perhaps 0. If *refusal has no gate, they were of many kinds, of which it is the last. */
bool tg_repeats_take(struct tg_repeats *repeats, int64_t now_ms, struct tg_refusal *refusal, uint64_t *more);

/* When the next minute is over; INT64_MAX: nothing is being counted. */
int64_t tg_repeats_due(const struct tg_repeats *repeats);

#endif
