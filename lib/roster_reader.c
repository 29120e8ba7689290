/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Searching a view. lib/roster_check.c has seen every byte of it before, so nothing is checked here.
 */
#include "lib/roster_reader.h"

#include <string.h>

static const struct tg_roster_key *key_of(const struct tg_roster_set *set, uint32_t index)
{
    return (const void *)(set->records + (size_t)index * set->record_size);
}

static const struct tg_roster_user_record *user_of(const struct tg_roster_view *view, uint32_t index)
{
    return (const void *)key_of(&view->users, index);
}

static const struct tg_roster_group_record *group_of(const struct tg_roster_view *view, uint32_t index)
{
    return (const void *)key_of(&view->groups, index);
}

static bool is_hidden(const struct tg_roster_set *set, uint32_t index)
{
    return set->hidden != NULL && (set->hidden[index / 8] & (1u << (index % 8))) != 0;
}

static bool user_is_served(const struct tg_roster_view *view, uint32_t index, int64_t now)
{
    return !is_hidden(&view->users, index) && now < user_of(view, index)->forgotten;
}

static bool group_is_served(const struct tg_roster_view *view, uint32_t index, int64_t now)
{
    uint32_t owner = group_of(view, index)->owner;
    return !is_hidden(&view->groups, index) && (owner == 0 || user_is_served(view, owner - 1, now));
}

/* Begins to fetch what an answer is made of, the record and the strings beside its name, so that in a large
 * roster their cache misses do not wait for each other. These are reads whose value nobody waits for: a
 * prefetch instruction may be dropped where the address is not in the TLB, and was when it was measured. */
static void fetch(const struct tg_roster_view *view, const struct tg_roster_set *set,
                  const struct tg_roster_bucket *bucket)
{
    const volatile uint8_t *strings = (const volatile uint8_t *)view->strings + bucket->name;
    const volatile uint8_t *record = (const void *)key_of(set, (bucket->entry & TG_ROSTER_INDEX_MASK) - 1);
    (void)strings[0];
    (void)record[0];
    (void)record[set->record_size - 1];
}

static bool has_tag(const struct tg_roster_bucket *bucket, uint32_t hash)
{
    return ((bucket->entry ^ hash) & ~TG_ROSTER_INDEX_MASK) == 0;
}

static uint32_t find_name(const struct tg_roster_view *view, const struct tg_roster_set *set,
                          const char *name)
{
    uint32_t mask = set->buckets - 1;
    uint32_t hash = tg_roster_hash_name(name);
    for (uint32_t at = hash & mask; set->names[at].entry != 0; at = (at + 1) & mask) {
        const struct tg_roster_bucket *bucket = &set->names[at];
        if (!has_tag(bucket, hash))
            continue;
        fetch(view, set, bucket);
        if (strcmp(view->strings + bucket->name, name) == 0)
            return (bucket->entry & TG_ROSTER_INDEX_MASK) - 1;
    }
    return TG_ROSTER_NONE;
}

static uint32_t find_id(const struct tg_roster_view *view, const struct tg_roster_set *set, uint32_t id)
{
    uint32_t mask = set->buckets - 1;
    uint32_t hash = tg_roster_hash_id(id);
    for (uint32_t at = hash & mask; set->ids[at].entry != 0; at = (at + 1) & mask) {
        const struct tg_roster_bucket *bucket = &set->ids[at];
        if (!has_tag(bucket, hash))
            continue;
        fetch(view, set, bucket);
        uint32_t index = (bucket->entry & TG_ROSTER_INDEX_MASK) - 1;
        if (key_of(set, index)->id == id)
            return index;
    }
    return TG_ROSTER_NONE;
}

/* The first record with an id above `id`, or set->count. */
static uint32_t first_above(const struct tg_roster_set *set, uint32_t id)
{
    uint32_t low = 0, high = set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (key_of(set, middle)->id <= id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t tg_roster_user_by_name(const struct tg_roster_view *view, const char *name, int64_t now)
{
    uint32_t index = find_name(view, &view->users, name);
    return index != TG_ROSTER_NONE && user_is_served(view, index, now) ? index : TG_ROSTER_NONE;
}

uint32_t tg_roster_user_by_uid(const struct tg_roster_view *view, uint32_t uid, int64_t now)
{
    uint32_t index = find_id(view, &view->users, uid);
    return index != TG_ROSTER_NONE && user_is_served(view, index, now) ? index : TG_ROSTER_NONE;
}

uint32_t tg_roster_group_by_name(const struct tg_roster_view *view, const char *name, int64_t now)
{
    uint32_t index = find_name(view, &view->groups, name);
    return index != TG_ROSTER_NONE && group_is_served(view, index, now) ? index : TG_ROSTER_NONE;
}

uint32_t tg_roster_group_by_gid(const struct tg_roster_view *view, uint32_t gid, int64_t now)
{
    uint32_t index = find_id(view, &view->groups, gid);
    return index != TG_ROSTER_NONE && group_is_served(view, index, now) ? index : TG_ROSTER_NONE;
}

uint32_t tg_roster_user_after(const struct tg_roster_view *view, uint32_t id, int64_t now)
{
    for (uint32_t index = first_above(&view->users, id); index < view->users.count; index++) {
        if (user_is_served(view, index, now))
            return index;
    }
    return TG_ROSTER_NONE;
}

uint32_t tg_roster_group_after(const struct tg_roster_view *view, uint32_t id, int64_t now)
{
    for (uint32_t index = first_above(&view->groups, id); index < view->groups.count; index++) {
        if (group_is_served(view, index, now))
            return index;
    }
    return TG_ROSTER_NONE;
}

void tg_roster_account(const struct tg_roster_view *view, uint32_t user, int64_t now,
                       struct tg_roster_account *account)
{
    const struct tg_roster_user_record *record = user_of(view, user);
    account->expired = now >= record->expires;
    account->name = view->strings + record->key.name;
    account->uid = record->key.id;
    account->gecos = view->strings + record->gecos;
    account->home = view->strings + record->home;
    account->shell = account->expired ? TG_ROSTER_NOLOGIN : view->strings + record->shell;
}

const char *tg_roster_group_name(const struct tg_roster_view *view, uint32_t group)
{
    return view->strings + key_of(&view->groups, group)->name;
}

uint32_t tg_roster_group_gid(const struct tg_roster_view *view, uint32_t group)
{
    return key_of(&view->groups, group)->id;
}

uint32_t tg_roster_next_gid(const struct tg_roster_view *view, uint32_t user, int64_t now, uint32_t *position)
{
    const struct tg_roster_user_record *record = user_of(view, user);
    if (now >= record->expires)
        return 0;
    while (*position < record->groups_count) {
        uint32_t group = view->user_groups[record->groups_first + (*position)++];
        if (group_is_served(view, group, now))
            return tg_roster_group_gid(view, group);
    }
    return 0;
}
