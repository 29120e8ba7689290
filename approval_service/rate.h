/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How many requests each signer may make: a bucket that holds a minute's worth and fills evenly.
 */
#ifndef TEGATA_APPROVAL_SERVICE_RATE_H
#define TEGATA_APPROVAL_SERVICE_RATE_H

#include <stdbool.h>
#include <stdint.h>

enum { TG_RATE_SLOTS = 8192, TG_RATE_NAME_SIZE = 88 };

struct tg_rate_slot {
    char name[TG_RATE_NAME_SIZE];
    int64_t at; /* when `tokens` was right, milliseconds on a monotonic clock */
    double tokens;
};

/* A fixed table: only known signers (people, hosts, roots) get here, so it is never full of strangers. Where
 * two names fall on one slot, the later one takes it over with a full bucket. */
struct tg_rates {
    struct tg_rate_slot slots[TG_RATE_SLOTS];
};

/* Takes one request out of the bucket of `name`. False if it is empty. */
bool tg_rate_take(struct tg_rates *rates, const char *name, int64_t per_minute, int64_t now_ms);

#endif
