/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The one place where the content of a roster is judged. After this, nothing in it is checked again.
 */
#include "lib/crc32c.h"
#include "lib/roster_reader.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#if __BYTE_ORDER != __LITTLE_ENDIAN
#error "lib/roster_*.c read the little-endian roster in place; a big-endian machine needs conversions there"
#endif

/* Where the sections of a file with these counts must be. */
struct layout {
    uint64_t users, groups, user_names, user_ids, group_names, group_ids, user_groups, strings, end;
};

static bool refuse(const char **problem, const char *text)
{
    *problem = text;
    return false;
}

static struct layout layout_of(const struct tg_roster_header *header)
{
    struct layout layout;
    uint64_t user_table = (uint64_t)header->user_buckets * sizeof(struct tg_roster_bucket);
    uint64_t group_table = (uint64_t)header->group_buckets * sizeof(struct tg_roster_bucket);
    uint64_t pairs = (uint64_t)header->membership_count * sizeof(uint32_t);
    layout.users = sizeof *header;
    layout.groups = layout.users + (uint64_t)header->user_count * sizeof(struct tg_roster_user_record);
    layout.user_names = layout.groups + (uint64_t)header->group_count * sizeof(struct tg_roster_group_record);
    layout.user_ids = layout.user_names + user_table;
    layout.group_names = layout.user_ids + user_table;
    layout.group_ids = layout.group_names + group_table;
    layout.user_groups = layout.group_ids + group_table;
    layout.strings = layout.user_groups + pairs;
    layout.end = layout.strings + header->strings_size;
    return layout;
}

static bool check_sections(const struct tg_roster_header *header, const struct layout *layout, size_t size)
{
    static const uint32_t zero[sizeof header->reserved / sizeof header->reserved[0]];
    return header->users_at == layout->users && header->groups_at == layout->groups &&
           header->user_names_at == layout->user_names && header->user_ids_at == layout->user_ids &&
           header->group_names_at == layout->group_names && header->group_ids_at == layout->group_ids &&
           header->user_groups_at == layout->user_groups && header->strings_at == layout->strings &&
           header->file_size == layout->end && size == layout->end &&
           memcmp(header->reserved, zero, sizeof zero) == 0;
}

/* Everything that can be said before a section is looked at. */
static bool check_header(const uint8_t *bytes, size_t size, struct tg_roster_header *header,
                         struct layout *layout, const char **problem)
{
    if (size < sizeof *header || size > TG_ROSTER_FILE_MAX)
        return refuse(problem, "its size is not that of a roster");
    memcpy(header, bytes, sizeof *header);
    if (memcmp(header->magic, TG_ROSTER_MAGIC, TG_ROSTER_MAGIC_SIZE) != 0)
        return refuse(problem, "it does not begin like a roster");
    if (header->version != TG_ROSTER_VERSION || header->header_size != sizeof *header)
        return refuse(problem, "it has a format that this program does not know");
    size_t summed = offsetof(struct tg_roster_header, crc);
    size_t rest = offsetof(struct tg_roster_header, file_size);
    if (tg_crc32c(tg_crc32c(0, bytes, summed), bytes + rest, size - rest) != header->crc)
        return refuse(problem, "its checksum is wrong");
    if (header->generation == 0)
        return refuse(problem, "its generation is 0");
    if (header->user_count > TG_ROSTER_USERS_MAX || header->group_count > TG_ROSTER_GROUPS_MAX ||
        header->membership_count > TG_ROSTER_MEMBERSHIPS_MAX)
        return refuse(problem, "it holds more than the limits allow");
    if (header->user_buckets != tg_roster_buckets(header->user_count) ||
        header->group_buckets != tg_roster_buckets(header->group_count))
        return refuse(problem, "a hash table has the wrong size");
    *layout = layout_of(header);
    return check_sections(header, layout, size) || refuse(problem, "its sections are not where they belong");
}

static void point_into(const uint8_t *bytes, const struct layout *layout, struct tg_roster_view *view)
{
    view->users = (struct tg_roster_set){
        .records = bytes + layout->users,
        .record_size = sizeof(struct tg_roster_user_record),
        .count = view->header.user_count,
        .buckets = view->header.user_buckets,
        .names = (const struct tg_roster_bucket *)(const void *)(bytes + layout->user_names),
        .ids = (const struct tg_roster_bucket *)(const void *)(bytes + layout->user_ids),
    };
    view->groups = (struct tg_roster_set){
        .records = bytes + layout->groups,
        .record_size = sizeof(struct tg_roster_group_record),
        .count = view->header.group_count,
        .buckets = view->header.group_buckets,
        .names = (const struct tg_roster_bucket *)(const void *)(bytes + layout->group_names),
        .ids = (const struct tg_roster_bucket *)(const void *)(bytes + layout->group_ids),
    };
    view->user_groups = (const uint32_t *)(const void *)(bytes + layout->user_groups);
    view->strings = (const char *)bytes + layout->strings;
}

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

/* A string of at most `longest` bytes lies at `position`, with its NUL inside the section. */
static bool check_string(const struct tg_roster_view *view, uint32_t position, size_t longest)
{
    size_t size = view->header.strings_size;
    if (position >= size)
        return false;
    size_t room = size - position;
    return memchr(view->strings + position, '\0', room < longest + 1 ? room : longest + 1) != NULL;
}

/* Names and ids are allowed, and ids rise, so none is there twice. */
static bool check_keys(const struct tg_roster_view *view, const struct tg_roster_set *set,
                       const char **problem)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct tg_roster_key *key = key_of(set, i);
        if (!check_string(view, key->name, TG_ROSTER_NAME_MAX) ||
            !tg_roster_name_allowed(view->strings + key->name))
            return refuse(problem, "it has a name that is not allowed");
        if (!tg_roster_id_allowed(key->id))
            return refuse(problem, "it has a uid or gid that is not allowed");
        if (key->id <= before)
            return refuse(problem, "its uids or gids do not rise");
        before = key->id;
    }
    return true;
}

static bool check_user(const struct tg_roster_view *view, const struct tg_roster_user_record *user,
                       uint32_t *pairs)
{
    bool strings = check_string(view, user->gecos, TG_ROSTER_STRING_MAX) &&
                   check_string(view, user->home, TG_ROSTER_STRING_MAX) &&
                   check_string(view, user->shell, TG_ROSTER_STRING_MAX);
    if (!strings || !tg_roster_text_allowed(view->strings + user->gecos) ||
        !tg_roster_text_allowed(view->strings + user->home) ||
        !tg_roster_text_allowed(view->strings + user->shell))
        return false;
    if (view->strings[user->home] != '/' || view->strings[user->shell] != '/')
        return false;
    if (user->reserved != 0 || user->forgotten < user->expires)
        return false;
    if (user->groups_first != *pairs || user->groups_count > TG_ROSTER_USER_GROUPS_MAX ||
        user->groups_count > view->header.membership_count - *pairs)
        return false;
    *pairs += user->groups_count;
    return true;
}

static bool check_users(const struct tg_roster_view *view, const char **problem)
{
    uint32_t pairs = 0;
    for (uint32_t i = 0; i < view->users.count; i++) {
        if (!check_user(view, user_of(view, i), &pairs))
            return refuse(problem, "it has a user that is not well-formed");
    }
    return pairs == view->header.membership_count ||
           refuse(problem, "it has memberships that belong to nobody");
}

/* An own group has its owner's name and uid. */
static bool check_own_group(const struct tg_roster_view *view, const struct tg_roster_group_record *group)
{
    if (group->owner > view->users.count)
        return false;
    const struct tg_roster_key *owner = key_of(&view->users, group->owner - 1);
    return owner->id == group->key.id &&
           strcmp(view->strings + owner->name, view->strings + group->key.name) == 0;
}

static bool check_groups(const struct tg_roster_view *view, const char **problem)
{
    uint32_t owned = 0;
    for (uint32_t i = 0; i < view->groups.count; i++) {
        const struct tg_roster_group_record *group = group_of(view, i);
        if (group->reserved != 0)
            return refuse(problem, "it has a group that is not well-formed");
        if (group->owner != 0 && !check_own_group(view, group))
            return refuse(problem, "it has an own group that is not its owner's");
        owned += group->owner != 0;
    }
    /* Gids differ and an own group has its owner's uid, so as many of them as users means one for each. */
    return owned == view->users.count || refuse(problem, "it has a user without an own group");
}

/* A user's part of the memberships: rising indices below `limit`. */
static bool check_rising(const uint32_t *part, uint32_t count, uint32_t limit)
{
    for (uint32_t i = 0; i < count; i++) {
        if (part[i] >= limit || (i > 0 && part[i] <= part[i - 1]))
            return false;
    }
    return true;
}

/* Nobody is in somebody else's own group. */
static bool check_memberships(const struct tg_roster_view *view, const char **problem)
{
    for (uint32_t i = 0; i < view->users.count; i++) {
        const struct tg_roster_user_record *user = user_of(view, i);
        const uint32_t *part = view->user_groups + user->groups_first;
        if (!check_rising(part, user->groups_count, view->groups.count))
            return refuse(problem, "a user's groups are not well-formed");
        for (uint32_t j = 0; j < user->groups_count; j++) {
            if (group_of(view, part[j])->owner != 0)
                return refuse(problem, "a user is in another user's own group");
        }
    }
    return true;
}

/* Is record `index` the first that a search for its own name or id comes to? The search stops at an empty
 * bucket, which there is. */
static bool finds_itself(const struct tg_roster_view *view, const struct tg_roster_set *set, bool by_name,
                         uint32_t index)
{
    const struct tg_roster_bucket *table = by_name ? set->names : set->ids;
    const struct tg_roster_key *key = key_of(set, index);
    const char *name = view->strings + key->name;
    uint32_t mask = set->buckets - 1;
    uint32_t hash = by_name ? tg_roster_hash_name(name) : tg_roster_hash_id(key->id);
    uint32_t wanted = tg_roster_entry(hash, index);
    for (uint32_t at = hash & mask; table[at].entry != 0; at = (at + 1) & mask) {
        if (table[at].entry == wanted)
            return table[at].name == key->name;
        bool same_tag = ((table[at].entry ^ wanted) & ~TG_ROSTER_INDEX_MASK) == 0;
        if (by_name && same_tag && check_string(view, table[at].name, TG_ROSTER_NAME_MAX) &&
            strcmp(view->strings + table[at].name, name) == 0)
            return false;
    }
    return false;
}

/* As many buckets are used as there are records, and every record is found under its own key. So each used
 * bucket is that of one record, no name is there twice, and, as an eighth of the buckets is empty, every
 * search ends. */
static bool check_table(const struct tg_roster_view *view, const struct tg_roster_set *set, bool by_name)
{
    const struct tg_roster_bucket *table = by_name ? set->names : set->ids;
    uint32_t used = 0;
    for (uint32_t i = 0; i < set->buckets; i++) {
        used += table[i].entry != 0;
        if (table[i].entry == 0 && table[i].name != 0)
            return false;
    }
    if (used != set->count)
        return false;
    for (uint32_t i = 0; i < set->count; i++) {
        if (!finds_itself(view, set, by_name, i))
            return false;
    }
    return true;
}

static bool check_tables(const struct tg_roster_view *view, const char **problem)
{
    bool sound = check_table(view, &view->users, true) && check_table(view, &view->users, false) &&
                 check_table(view, &view->groups, true) && check_table(view, &view->groups, false);
    return sound || refuse(problem, "a hash table is wrong, or a name is there twice");
}

int tg_roster_view_of_bytes(const void *bytes, size_t size, struct tg_roster_view *view, const char **problem)
{
    struct layout layout;
    memset(view, 0, sizeof *view);
    *problem = NULL;
    if (!check_header(bytes, size, &view->header, &layout, problem))
        return -EBADMSG;
    point_into(bytes, &layout, view);
    bool sound = check_keys(view, &view->users, problem) && check_keys(view, &view->groups, problem) &&
                 check_users(view, problem) && check_groups(view, problem) &&
                 check_memberships(view, problem) && check_tables(view, problem);
    return sound ? 0 : -EBADMSG;
}
