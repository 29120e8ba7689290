/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Works only on a little-endian machine, like the reader: lib/roster_check.c says so at compile time.
 */
#include <config.h>

#include "lib/roster_build.h"

#include "lib/crc32c.h"
#include "lib/roster_reader.h"

#include <stdlib.h>
#include <string.h>

/* A group of the file: one of the roster's, or a user's own. */
struct group {
    const char *name;
    uint32_t gid;
    uint32_t owner; /* as in the file */
};

struct builder {
    const struct tg_roster *roster;
    const struct tg_roster_user **users; /* by rising uid */
    struct group *groups;                /* by rising gid */
    uint32_t group_count;
    uint32_t *user_groups; /* all memberships, user by user */
    uint32_t *user_pairs;  /* how many of them each user has */
    uint32_t pairs;
    struct tg_roster_header header;
    uint8_t *bytes;
    size_t size;
    uint32_t strings_used;
};

int tg_roster_check_identity(const char *name, uint32_t id, struct tg_error *error)
{
    if (!tg_roster_name_allowed(name))
        return tg_fail(
            error, TG_policy_malformed,
            "roster: '%s' cannot be the name of an account or group: names match [a-z_][a-z0-9_-]{0,31}, "
            "and those that have power by default, such as wheel, are reserved",
            name);
    if (!tg_roster_id_allowed(id))
        return tg_fail(
            error, TG_policy_malformed,
            "roster: '%s' cannot have uid or gid %u: take one from %u to 61183 or from 65536 to 2147483647",
            name, id, (unsigned int)TG_FIRST_UID);
    return 0;
}

static int check_user(const struct tg_roster_user *user, struct tg_error *error)
{
    if (tg_roster_check_identity(user->name, user->uid, error) != 0)
        return -1;
    if (!tg_roster_text_allowed(user->gecos) || !tg_roster_text_allowed(user->home) ||
        !tg_roster_text_allowed(user->shell))
        return tg_fail(error, TG_policy_malformed,
                       "roster: user '%s': gecos, home and shell have at most 255 bytes and no colon or "
                       "control character",
                       user->name);
    if (user->home[0] != '/' || user->shell[0] != '/')
        return tg_fail(error, TG_policy_malformed, "roster: user '%s': home and shell must be absolute paths",
                       user->name);
    if (user->forgotten < user->expires)
        return tg_fail(error, TG_internal_error, "roster: user '%s' would be forgotten before it expires",
                       user->name);
    if (user->gid_count > TG_ROSTER_USER_GROUPS_MAX)
        return tg_fail(error, TG_policy_malformed, "roster: user '%s' has more than %d groups", user->name,
                       (int)TG_ROSTER_USER_GROUPS_MAX);
    return 0;
}

static int check_input(const struct tg_roster *roster, struct tg_error *error)
{
    if (roster->generation == 0)
        return tg_fail(error, TG_internal_error, "roster: the generation must be at least 1");
    if (roster->user_count > TG_ROSTER_USERS_MAX ||
        roster->group_count > TG_ROSTER_GROUPS_MAX - roster->user_count)
        return tg_fail(error, TG_policy_malformed, "roster: too many accounts or groups: at most %d and %d",
                       (int)TG_ROSTER_USERS_MAX, (int)TG_ROSTER_GROUPS_MAX);
    for (size_t i = 0; i < roster->user_count; i++) {
        if (check_user(&roster->users[i], error) != 0)
            return -1;
    }
    for (size_t i = 0; i < roster->group_count; i++) {
        if (tg_roster_check_identity(roster->groups[i].name, roster->groups[i].gid, error) != 0)
            return -1;
    }
    return 0;
}

static int compare_users(const void *a, const void *b)
{
    const struct tg_roster_user *const *first = a, *const *second = b;
    return ((*first)->uid > (*second)->uid) - ((*first)->uid < (*second)->uid);
}

static int compare_groups(const void *a, const void *b)
{
    const struct group *first = a, *second = b;
    return (first->gid > second->gid) - (first->gid < second->gid);
}

static int compare_indices(const void *a, const void *b)
{
    const uint32_t *first = a, *second = b;
    return (*first > *second) - (*first < *second);
}

static int sort_users(struct builder *builder, struct tg_error *error)
{
    size_t count = builder->roster->user_count;
    builder->users = calloc(count + 1, sizeof *builder->users);
    if (builder->users == NULL)
        return tg_fail(error, TG_internal_error, "roster: out of memory");
    for (size_t i = 0; i < count; i++)
        builder->users[i] = &builder->roster->users[i];
    qsort(builder->users, count, sizeof *builder->users, compare_users);
    for (size_t i = 1; i < count; i++) {
        if (builder->users[i]->uid == builder->users[i - 1]->uid)
            return tg_fail(error, TG_policy_malformed, "roster: '%s' and '%s' have the same uid %u",
                           builder->users[i - 1]->name, builder->users[i]->name, builder->users[i]->uid);
    }
    return 0;
}

static int sort_groups(struct builder *builder, struct tg_error *error)
{
    const struct tg_roster *roster = builder->roster;
    uint32_t count = 0;
    builder->groups = calloc(roster->user_count + roster->group_count + 1, sizeof *builder->groups);
    if (builder->groups == NULL)
        return tg_fail(error, TG_internal_error, "roster: out of memory");
    for (size_t i = 0; i < roster->group_count; i++)
        builder->groups[count++] =
            (struct group){.name = roster->groups[i].name, .gid = roster->groups[i].gid};
    for (size_t i = 0; i < roster->user_count; i++)
        builder->groups[count++] = (struct group){
            .name = builder->users[i]->name, .gid = builder->users[i]->uid, .owner = (uint32_t)i + 1};
    builder->group_count = count;
    qsort(builder->groups, count, sizeof *builder->groups, compare_groups);
    for (uint32_t i = 1; i < count; i++) {
        if (builder->groups[i].gid == builder->groups[i - 1].gid)
            return tg_fail(error, TG_policy_malformed,
                           "roster: '%s' and '%s' have the same gid %u (an account's uid is also "
                           "the gid of its own group)",
                           builder->groups[i - 1].name, builder->groups[i].name, builder->groups[i].gid);
    }
    return 0;
}

/* Turns one user's gids into rising indices, each once. */
static int add_user_groups(struct builder *builder, size_t index, struct tg_error *error)
{
    const struct tg_roster_user *user = builder->users[index];
    uint32_t *part = builder->user_groups + builder->pairs;
    for (size_t i = 0; i < user->gid_count; i++) {
        struct group wanted = {.gid = user->gids[i]};
        struct group *group =
            bsearch(&wanted, builder->groups, builder->group_count, sizeof *builder->groups, compare_groups);
        if (group == NULL || group->owner != 0)
            return tg_fail(error, TG_internal_error,
                           "roster: user '%s' is in group %u, which the roster does not have", user->name,
                           user->gids[i]);
        part[i] = (uint32_t)(group - builder->groups);
    }
    qsort(part, user->gid_count, sizeof *part, compare_indices);
    uint32_t used = 0;
    for (size_t i = 0; i < user->gid_count; i++) {
        if (used == 0 || part[used - 1] != part[i])
            part[used++] = part[i];
    }
    builder->user_pairs[index] = used;
    builder->pairs += used;
    return 0;
}

static int collect_memberships(struct builder *builder, struct tg_error *error)
{
    size_t most = 0;
    for (size_t i = 0; i < builder->roster->user_count; i++)
        most += builder->roster->users[i].gid_count;
    if (most > TG_ROSTER_MEMBERSHIPS_MAX)
        return tg_fail(error, TG_policy_malformed, "roster: more than %d memberships",
                       (int)TG_ROSTER_MEMBERSHIPS_MAX);
    builder->user_groups = calloc(most + 1, sizeof *builder->user_groups);
    builder->user_pairs = calloc(builder->roster->user_count + 1, sizeof *builder->user_pairs);
    if (builder->user_groups == NULL || builder->user_pairs == NULL)
        return tg_fail(error, TG_internal_error, "roster: out of memory");
    for (size_t i = 0; i < builder->roster->user_count; i++) {
        if (add_user_groups(builder, i, error) != 0)
            return -1;
    }
    return 0;
}

static size_t strings_needed(const struct builder *builder)
{
    size_t needed = 0;
    for (size_t i = 0; i < builder->roster->user_count; i++) {
        const struct tg_roster_user *user = builder->users[i];
        needed += strlen(user->name) + strlen(user->gecos) + strlen(user->home) + strlen(user->shell) + 4;
    }
    for (uint32_t i = 0; i < builder->group_count; i++)
        needed += strlen(builder->groups[i].name) + 1;
    return needed;
}

/* Fills in the header, but for the checksum, and reserves the file. */
static int lay_out(struct builder *builder, struct tg_error *error)
{
    struct tg_roster_header *header = &builder->header;
    uint32_t users = (uint32_t)builder->roster->user_count;
    size_t strings = strings_needed(builder);
    memcpy(header->magic, TG_ROSTER_MAGIC, TG_ROSTER_MAGIC_SIZE);
    header->version = TG_ROSTER_VERSION;
    header->header_size = sizeof *header;
    header->generation = builder->roster->generation;
    header->built_at = builder->roster->built_at;
    header->user_count = users;
    header->group_count = builder->group_count;
    header->user_buckets = tg_roster_buckets(users);
    header->group_buckets = tg_roster_buckets(builder->group_count);
    header->membership_count = builder->pairs;
    header->users_at = sizeof *header;
    header->groups_at = header->users_at + users * (uint32_t)sizeof(struct tg_roster_user_record);
    header->user_names_at =
        header->groups_at + builder->group_count * (uint32_t)sizeof(struct tg_roster_group_record);
    header->user_ids_at =
        header->user_names_at + header->user_buckets * (uint32_t)sizeof(struct tg_roster_bucket);
    header->group_names_at =
        header->user_ids_at + header->user_buckets * (uint32_t)sizeof(struct tg_roster_bucket);
    header->group_ids_at =
        header->group_names_at + header->group_buckets * (uint32_t)sizeof(struct tg_roster_bucket);
    header->user_groups_at =
        header->group_ids_at + header->group_buckets * (uint32_t)sizeof(struct tg_roster_bucket);
    header->strings_at = header->user_groups_at + builder->pairs * (uint32_t)sizeof(uint32_t);
    if (strings > TG_ROSTER_FILE_MAX || header->strings_at + strings > TG_ROSTER_FILE_MAX)
        return tg_fail(error, TG_policy_malformed, "roster: it would be larger than %d bytes",
                       (int)TG_ROSTER_FILE_MAX);
    header->strings_size = (uint32_t)strings;
    builder->size = header->strings_at + strings;
    header->file_size = builder->size;
    builder->bytes = calloc(1, builder->size);
    return builder->bytes != NULL ? 0 : tg_fail(error, TG_internal_error, "roster: out of memory");
}

static void *section(const struct builder *builder, uint32_t position)
{
    return builder->bytes + position;
}

static uint32_t put_string(struct builder *builder, const char *text)
{
    uint32_t position = builder->strings_used;
    size_t size = strlen(text) + 1;
    memcpy((char *)section(builder, builder->header.strings_at) + position, text, size);
    builder->strings_used += (uint32_t)size;
    return position;
}

/* The strings of one user stand side by side, so that one lookup touches few cache lines. */
static void put_users(struct builder *builder)
{
    struct tg_roster_user_record *records = section(builder, builder->header.users_at);
    uint32_t pairs = 0;
    for (size_t i = 0; i < builder->roster->user_count; i++) {
        const struct tg_roster_user *user = builder->users[i];
        records[i].key.name = put_string(builder, user->name);
        records[i].key.id = user->uid;
        records[i].gecos = put_string(builder, user->gecos);
        records[i].home = put_string(builder, user->home);
        records[i].shell = put_string(builder, user->shell);
        records[i].groups_first = pairs;
        records[i].groups_count = builder->user_pairs[i];
        records[i].expires = user->expires;
        records[i].forgotten = user->forgotten;
        pairs += builder->user_pairs[i];
    }
    if (pairs > 0)
        memcpy(section(builder, builder->header.user_groups_at), builder->user_groups,
               pairs * sizeof(uint32_t));
}

static void put_groups(struct builder *builder)
{
    struct tg_roster_group_record *records = section(builder, builder->header.groups_at);
    for (uint32_t i = 0; i < builder->group_count; i++) {
        const struct group *group = &builder->groups[i];
        records[i].key.name = put_string(builder, group->name);
        records[i].key.id = group->gid;
        records[i].owner = group->owner;
    }
}

static void put_bucket(const struct builder *builder, uint32_t table_at, uint32_t buckets, uint32_t hash,
                       uint32_t index, uint32_t name)
{
    struct tg_roster_bucket *table = section(builder, table_at);
    uint32_t at = hash & (buckets - 1);
    while (table[at].entry != 0)
        at = (at + 1) & (buckets - 1);
    table[at] = (struct tg_roster_bucket){.entry = tg_roster_entry(hash, index), .name = name};
}

static void put_tables(struct builder *builder)
{
    const struct tg_roster_header *header = &builder->header;
    const struct tg_roster_user_record *users = section(builder, header->users_at);
    const struct tg_roster_group_record *groups = section(builder, header->groups_at);
    for (uint32_t i = 0; i < header->user_count; i++) {
        uint32_t name = tg_roster_hash_name(builder->users[i]->name), id = tg_roster_hash_id(users[i].key.id);
        put_bucket(builder, header->user_names_at, header->user_buckets, name, i, users[i].key.name);
        put_bucket(builder, header->user_ids_at, header->user_buckets, id, i, users[i].key.name);
    }
    for (uint32_t i = 0; i < header->group_count; i++) {
        uint32_t name = tg_roster_hash_name(builder->groups[i].name),
                 id = tg_roster_hash_id(groups[i].key.id);
        put_bucket(builder, header->group_names_at, header->group_buckets, name, i, groups[i].key.name);
        put_bucket(builder, header->group_ids_at, header->group_buckets, id, i, groups[i].key.name);
    }
}

static int compare_names(const void *a, const void *b)
{
    const char *const *first = a, *const *second = b;
    return strcmp(*first, *second);
}

/* All names of groups, the users' own included, so all names there are. */
static int check_names_differ(const struct builder *builder, struct tg_error *error)
{
    int status = 0;
    const char **names = calloc(builder->group_count + 1, sizeof *names);
    if (names == NULL)
        return tg_fail(error, TG_internal_error, "roster: out of memory");
    for (uint32_t i = 0; i < builder->group_count; i++)
        names[i] = builder->groups[i].name;
    qsort(names, builder->group_count, sizeof *names, compare_names);
    for (uint32_t i = 1; i < builder->group_count && status == 0; i++) {
        if (strcmp(names[i], names[i - 1]) == 0)
            status = tg_fail(
                error, TG_policy_malformed,
                "roster: the name '%s' is there twice (an account's own group has the account's name)",
                names[i]);
    }
    free(names);
    return status;
}

static int put_everything(struct builder *builder, struct tg_error *error)
{
    struct tg_roster_view view;
    const char *problem = NULL;
    put_users(builder);
    put_groups(builder);
    put_tables(builder);
    memcpy(builder->bytes, &builder->header, sizeof builder->header);
    size_t summed = offsetof(struct tg_roster_header, crc);
    size_t rest = offsetof(struct tg_roster_header, file_size);
    builder->header.crc =
        tg_crc32c(tg_crc32c(0, builder->bytes, summed), builder->bytes + rest, builder->size - rest);
    memcpy(builder->bytes, &builder->header, sizeof builder->header);
    /* The reader is the judge: never publish what it would refuse. */
    if (tg_roster_view_of_bytes(builder->bytes, builder->size, &view, &problem) != 0)
        return tg_fail(error, TG_internal_error, "roster: the reader would refuse it: %s", problem);
    return 0;
}

int tg_roster_build(const struct tg_roster *roster, uint8_t **bytes, size_t *size, struct tg_error *error)
{
    struct builder builder = {.roster = roster};
    *bytes = NULL;
    *size = 0;
    int status = check_input(roster, error);
    if (status == 0)
        status = sort_users(&builder, error);
    if (status == 0)
        status = sort_groups(&builder, error);
    if (status == 0)
        status = check_names_differ(&builder, error);
    if (status == 0)
        status = collect_memberships(&builder, error);
    if (status == 0)
        status = lay_out(&builder, error);
    if (status == 0)
        status = put_everything(&builder, error);
    if (status == 0) {
        *bytes = builder.bytes;
        *size = builder.size;
        builder.bytes = NULL;
    }
    free(builder.bytes);
    free(builder.user_pairs);
    free(builder.user_groups);
    free(builder.groups);
    free(builder.users);
    return status;
}
