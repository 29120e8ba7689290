/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The roster file, byte by byte. libc only.
 *
 * All numbers are little-endian and lie at a multiple of their size. The sections follow each other without
 * gaps, in this order:
 *
 *     header         one struct tg_roster_header
 *     users          user_count   x struct tg_roster_user_record,  by rising uid
 *     groups         group_count  x struct tg_roster_group_record, by rising gid; every user has an own group
 *                    in here
 *     user names     user_buckets  x struct tg_roster_bucket: users by name
 *     user ids       user_buckets  x struct tg_roster_bucket: users by uid
 *     group names    group_buckets x struct tg_roster_bucket: groups by name
 *     group ids      group_buckets x struct tg_roster_bucket: groups by gid
 *     user groups    membership_count x uint32: for each user in turn, rising indices of groups
 *     strings        strings_size bytes: NUL-terminated strings
 *
 * and nothing follows. A hash table is open-addressed with linear probing and at least an eighth empty.
 * Positions of strings count from the start of the string section; indices count records from 0.
 *
 * Groups do not name their members: a login gets its groups from "user groups", and newgrp(1) and sg(1),
 * which look for a member's name, give nothing that the session's own ticket does not.
 *
 * The file never changes once it has its name, but for one word: the writer sets `superseded` in the old file
 * after it has put a new one in its place. So that word is outside the checksum.
 */
#ifndef TEGATA_LIB_ROSTER_FORMAT_H
#define TEGATA_LIB_ROSTER_FORMAT_H

#include <stdint.h>

#define TG_ROSTER_MAGIC "TGROSTER"

enum {
    TG_ROSTER_VERSION = 1,
    TG_ROSTER_MAGIC_SIZE = 8,
    TG_ROSTER_USERS_MAX = 200000,
    TG_ROSTER_GROUPS_MAX = 262142, /* the users' own groups included */
    TG_ROSTER_USER_GROUPS_MAX = 1024,
    TG_ROSTER_MEMBERSHIPS_MAX = 4000000,
    TG_ROSTER_NAME_MAX = 32,    /* bytes of a name without its NUL: what utmp and useradd allow */
    TG_ROSTER_STRING_MAX = 255, /* bytes of gecos, home and shell without their NUL */
    TG_ROSTER_FILE_MAX = 128 * 1024 * 1024,
};

struct tg_roster_header {
    char magic[TG_ROSTER_MAGIC_SIZE];
    uint32_t version;
    uint32_t header_size;
    uint32_t crc;        /* CRC-32C of every byte of the file but this word and the next */
    uint32_t superseded; /* not 0: another file has taken this one's place */
    uint64_t file_size;
    uint64_t generation; /* at least 1 */
    int64_t built_at;    /* seconds since 1970 */
    uint32_t user_count;
    uint32_t group_count;
    uint32_t user_buckets; /* tg_roster_buckets(user_count) */
    uint32_t group_buckets;
    uint32_t membership_count;
    uint32_t strings_size;
    uint32_t users_at; /* positions of the sections in the file; the reader computes them too, and compares */
    uint32_t groups_at;
    uint32_t user_names_at;
    uint32_t user_ids_at;
    uint32_t group_names_at;
    uint32_t group_ids_at;
    uint32_t user_groups_at;
    uint32_t strings_at;
    uint32_t reserved[6]; /* 0 */
};

/* Both kinds of record begin alike, so that one search serves both. */
struct tg_roster_key {
    uint32_t name; /* position in the strings */
    uint32_t id;
};

struct tg_roster_user_record {
    struct tg_roster_key key; /* id: uid, and gid of the own group */
    uint32_t gecos;
    uint32_t home;
    uint32_t shell;
    uint32_t groups_first; /* where its part of "user groups" begins */
    uint32_t groups_count;
    uint32_t reserved; /* 0 */
    int64_t expires;   /* seconds since 1970; from then on: shell nologin, no supplementary groups ... */
    int64_t forgotten; /* ... and from then on nothing; not before `expires` */
};

struct tg_roster_group_record {
    struct tg_roster_key key; /* id: gid */
    uint32_t owner;           /* index of the user whose own group it is, plus 1; 0 for the other groups */
    uint32_t reserved;        /* 0 */
};

/* The name's position is here as well as in the record, so that a search in a large roster can fetch both at
 * once. */
struct tg_roster_bucket {
    uint32_t entry; /* tg_roster_entry(); 0: empty, and then name is 0 too */
    uint32_t name;  /* position of the record's name in the strings */
};

_Static_assert(sizeof(struct tg_roster_header) == 128, "the header has no padding");
_Static_assert(sizeof(struct tg_roster_user_record) == 48, "a user has no padding");
_Static_assert(sizeof(struct tg_roster_group_record) == 16, "a group has no padding");
_Static_assert(sizeof(struct tg_roster_bucket) == 8, "a bucket has no padding");

/* How many buckets a hash table of `count` entries has: the lowest power of two of which they fill at most
 * seven eighths, and at least 8. */
static inline uint32_t tg_roster_buckets(uint32_t count)
{
    uint32_t buckets = 8;
    while (buckets / 8 * 7 < count)
        buckets *= 2;
    return buckets;
}

/* A bucket's entry: the record's index plus 1 in the low 18 bits, and above it the highest 14 bits of the
 * hash. */
#define TG_ROSTER_INDEX_BITS 18
#define TG_ROSTER_INDEX_MASK ((1u << TG_ROSTER_INDEX_BITS) - 1)

static inline uint32_t tg_roster_entry(uint32_t hash, uint32_t index)
{
    return (hash & ~TG_ROSTER_INDEX_MASK) | (index + 1);
}

/* FNV-1a. A search starts at hash & (buckets - 1). */
static inline uint32_t tg_roster_hash_name(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return hash;
}

/* The finaliser of MurmurHash3: ids of one site are neighbours, and linear probing wants them apart. */
static inline uint32_t tg_roster_hash_id(uint32_t id)
{
    id = (id ^ (id >> 16)) * 0x85ebca6bu;
    id = (id ^ (id >> 13)) * 0xc2b2ae35u;
    return id ^ (id >> 16);
}

#endif
