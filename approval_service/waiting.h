/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The long polls that wait: hosts for something new, followers for a ticket's next event or for any change
 * of a session. A change wakes
 * exactly those concerned; the others stay asleep until their time is up.
 */
#ifndef TEGATA_APPROVAL_SERVICE_WAITING_H
#define TEGATA_APPROVAL_SERVICE_WAITING_H

#include "approval_service/http.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* One that waits. It is part of somebody else's structure; `wake` is called at most once, after it has been
 * taken off the list. */
struct tg_waiter {
    enum tg_wait_kind kind;
    char name[TG_HTTP_CAPTURE_SIZE]; /* host or ticket */
    int64_t deadline_ms;             /* on a monotonic clock */
    bool listed;
    void (*wake)(struct tg_waiter *waiter);
    TAILQ_ENTRY(tg_waiter) link;
};

TAILQ_HEAD(tg_waiters, tg_waiter);

struct tg_waiting {
    struct tg_waiters list;
    size_t count;
};

void tg_waiting_init(struct tg_waiting *waiting);
void tg_waiting_add(struct tg_waiting *waiting, struct tg_waiter *waiter);
/* Without waking it; does nothing if it is not on the list. */
void tg_waiting_remove(struct tg_waiting *waiting, struct tg_waiter *waiter);

/* Wakes those who wait for this host or ticket; name NULL: for any. */
void tg_waiting_wake(struct tg_waiting *waiting, enum tg_wait_kind kind, const char *name);

/* Wakes those whose time is up and returns how many milliseconds the next one has, -1 for none. */
int64_t tg_waiting_expire(struct tg_waiting *waiting, int64_t now_ms);

#endif
