/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/waiting.h"

#include <string.h>

void tg_waiting_init(struct tg_waiting *waiting)
{
    TAILQ_INIT(&waiting->list);
    waiting->count = 0;
}

void tg_waiting_add(struct tg_waiting *waiting, struct tg_waiter *waiter)
{
    TAILQ_INSERT_TAIL(&waiting->list, waiter, link);
    waiter->listed = true;
    waiting->count++;
}

void tg_waiting_remove(struct tg_waiting *waiting, struct tg_waiter *waiter)
{
    if (!waiter->listed)
        return;
    TAILQ_REMOVE(&waiting->list, waiter, link);
    waiter->listed = false;
    waiting->count--;
}

static void wake(struct tg_waiting *waiting, struct tg_waiter *waiter)
{
    tg_waiting_remove(waiting, waiter);
    waiter->wake(waiter);
}

void tg_waiting_wake(struct tg_waiting *waiting, enum tg_wait_kind kind, const char *name)
{
    struct tg_waiter *next;
    for (struct tg_waiter *waiter = TAILQ_FIRST(&waiting->list); waiter != NULL; waiter = next) {
        next = TAILQ_NEXT(waiter, link);
        if (waiter->kind == kind && (name == NULL || strcmp(waiter->name, name) == 0))
            wake(waiting, waiter);
    }
}

int64_t tg_waiting_expire(struct tg_waiting *waiting, int64_t now_ms)
{
    int64_t left = -1;
    struct tg_waiter *next;
    for (struct tg_waiter *waiter = TAILQ_FIRST(&waiting->list); waiter != NULL; waiter = next) {
        next = TAILQ_NEXT(waiter, link);
        int64_t remaining = waiter->deadline_ms - now_ms;
        if (remaining <= 0)
            wake(waiting, waiter);
        else if (left < 0 || remaining < left)
            left = remaining;
    }
    return left;
}
