/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The roster that the tests of the roster and of the NSS module begin with.
 */
#ifndef TEGATA_TESTS_UNIT_ROSTER_SAMPLE_H
#define TEGATA_TESTS_UNIT_ROSTER_SAMPLE_H

#include "lib/roster.h"

enum {
    ALICE = 20001,
    BOB = 20002,
    EXPIRED = 20003,
    FORGOTTEN = 20004,
    OPS = 30000,
    DATABASE = 30001,
};

static const uint32_t sample_both_groups[] = {DATABASE, OPS, OPS};
static const uint32_t sample_one_group[] = {OPS};
static const struct tg_roster_group sample_groups[] = {{"ops", OPS}, {"database", DATABASE}};

/* Four users as they are at the time `now`: not in the order in which the file has them. */
static inline struct tg_roster sample_roster(struct tg_roster_user users[4], uint64_t generation, int64_t now)
{
    users[0] = (struct tg_roster_user){
        "bob", BOB, "Bob", "/home/bob", "/bin/sh", now + 100, now + 1000, sample_one_group, 1};
    users[1] = (struct tg_roster_user){"alice",
                                       ALICE,
                                       "Alice \xc3\x84",
                                       "/home/alice",
                                       "/bin/bash",
                                       now + 100,
                                       now + 1000,
                                       sample_both_groups,
                                       3};
    users[2] = (struct tg_roster_user){"old",     EXPIRED,          "", "/home/old", "/bin/bash", now,
                                       now + 900, sample_one_group, 1};
    users[3] = (struct tg_roster_user){"gone", FORGOTTEN,        "", "/home/gone", "/bin/bash", now - 5,
                                       now,    sample_one_group, 1};
    return (struct tg_roster){.generation = generation,
                              .built_at = now,
                              .users = users,
                              .user_count = 4,
                              .groups = sample_groups,
                              .group_count = 2};
}

#endif
