/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/repeats.h"

#include <string.h>

static bool is_like(const struct tg_refusal *a, const struct tg_refusal *b)
{
    return a->reason == b->reason && strcmp(a->kind, b->kind) == 0 && strcmp(a->gate, b->gate) == 0 &&
           strcmp(a->ticket, b->ticket) == 0 && strcmp(a->person, b->person) == 0 &&
           strcmp(a->account, b->account) == 0 && strcmp(a->source, b->source) == 0;
}

static struct tg_repeat *find(struct tg_repeats *repeats, const struct tg_refusal *refusal)
{
    for (size_t i = 0; i < repeats->count; i++) {
        if (is_like(&repeats->list[i].refusal, refusal))
            return &repeats->list[i];
    }
    return NULL;
}

/* The one for all that do not fit: it is there as soon as the list is full. */
static bool is_of_many_kinds(const struct tg_repeat *repeat)
{
    return repeat->refusal.gate[0] == '\0';
}

static struct tg_repeat *find_of_many_kinds(struct tg_repeats *repeats)
{
    for (size_t i = 0; i < repeats->count; i++) {
        if (is_of_many_kinds(&repeats->list[i]))
            return &repeats->list[i];
    }
    return NULL;
}

static struct tg_repeat *add(struct tg_repeats *repeats, const struct tg_refusal *refusal, int64_t now_ms)
{
    struct tg_repeat *added = &repeats->list[repeats->count++];
    *added = (struct tg_repeat){.refusal = *refusal, .until = now_ms + TG_REPEAT_MILLISECONDS};
    return added;
}

bool tg_repeats_count(struct tg_repeats *repeats, const struct tg_refusal *refusal, int64_t now_ms)
{
    struct tg_repeat *repeat = find(repeats, refusal);
    if (repeat != NULL)
        return ++repeat->count <= TG_REPEATS_SHOWN;
    struct tg_repeat *many = find_of_many_kinds(repeats);
    if (many == NULL && repeats->count < TG_REPEATS_MAX) {
        add(repeats, refusal, now_ms)->count = 1;
        return true;
    }
    if (many == NULL)
        many = add(repeats, refusal, now_ms);
    many->refusal = *refusal;
    many->refusal.gate[0] = '\0';
    many->count++;
    return false;
}

bool tg_repeats_take(struct tg_repeats *repeats, int64_t now_ms, struct tg_refusal *refusal, uint64_t *more)
{
    for (size_t i = 0; i < repeats->count; i++) {
        const struct tg_repeat *repeat = &repeats->list[i];
        if (repeat->until > now_ms)
            continue;
        uint64_t shown = is_of_many_kinds(repeat) ? 0 : TG_REPEATS_SHOWN;
        *refusal = repeat->refusal;
        *more = repeat->count > shown ? repeat->count - shown : 0;
        repeats->list[i] = repeats->list[--repeats->count];
        return true;
    }
    return false;
}

int64_t tg_repeats_due(const struct tg_repeats *repeats)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < repeats->count; i++) {
        if (repeats->list[i].until < due)
            due = repeats->list[i].until;
    }
    return due;
}
