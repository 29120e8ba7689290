/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How long somebody who failed to sign in has to wait. Counted by the person's name as it was typed, known or
 * not, and the network of the caller: whoever guesses from elsewhere never makes the person wait.
 */
#ifndef TEGATA_APPROVAL_SERVICE_BACKOFF_H
#define TEGATA_APPROVAL_SERVICE_BACKOFF_H

#include <stdint.h>

enum {
    TG_BACKOFF_FREE = 5,               /* failures before the first wait, of a second */
    TG_BACKOFF_SECONDS_MAX = 900,      /* each further failure doubles it, up to this */
    TG_BACKOFF_FORGET_SECONDS = 86400, /* after the last failure */
    TG_BACKOFF_SETS = 2048,
    TG_BACKOFF_WAYS = 4,
    TG_BACKOFF_NAME_SIZE = 72,
    TG_NETWORK_SIZE = 48,
};

struct tg_backoff_entry {
    char name[TG_BACKOFF_NAME_SIZE];
    char network[TG_NETWORK_SIZE];
    uint32_t failures; /* 0: the entry is free */
    int64_t last_ms;   /* of the last failure, on a monotonic clock */
};

/* A table of fixed size. Where a set is full, the entry with the fewest failures gives way: to drive out one
 * with many, one must fail as often under as many other names, waiting each time. */
struct tg_backoff {
    uint64_t secret; /* which set a name falls on must not be known; from the kernel, at start */
    struct tg_backoff_entry entries[TG_BACKOFF_SETS][TG_BACKOFF_WAYS];
};

/* The network of a numeric address: IPv4 itself, also when it is mapped into IPv6; of IPv6 the first 64 bits.
 * What is no address is taken as it is. */
void tg_network_of(const char *address, char network[TG_NETWORK_SIZE]);

/* The /48 of an IPv6 address, which one customer may have whole; else as tg_network_of(). */
void tg_site_of(const char *address, char site[TG_NETWORK_SIZE]);

/* 0: may try now; and the attempt is counted as a failure until tg_backoff_succeeded() takes it back, so that
 * many at once count as many, and so do those whose caller hangs up. Else: the milliseconds to wait. */
int64_t tg_backoff_attempt(struct tg_backoff *backoff, const char *name, const char *network, int64_t now_ms);
void tg_backoff_succeeded(struct tg_backoff *backoff, const char *name, const char *network);

#endif
