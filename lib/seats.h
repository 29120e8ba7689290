/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A rule's approvers as seats: `count` seats for each of its groups, each to be taken by another person. Who
 * sits where is bipartite matching, by augmenting paths: a newcomer may move those who sit.
 */
#ifndef TEGATA_LIB_SEATS_H
#define TEGATA_LIB_SEATS_H

#include "lib/policy.h"

enum { TG_SEATS_MAX = 16 };

struct tg_seats {
    const struct tg_rule *rule;
    size_t count;
    size_t taken;
    size_t group[TG_SEATS_MAX]; /* index into rule->approvers */
    const struct tg_person *occupant[TG_SEATS_MAX];
};

/* The empty seats of a rule. A rule that asks for more than TG_SEATS_MAX people keeps seats that cannot be
 * taken. */
void tg_seats_of_rule(struct tg_seats *seats, const struct tg_rule *rule);

/* Seats one more person. Returns false, and leaves all as it was, if that does not fill another seat. Added
 * one by one, people always fill as many seats as they can fill at all. */
bool tg_seats_add(struct tg_seats *seats, const struct tg_person *person);

bool tg_seats_are_taken(const struct tg_seats *seats);

/* Seats of approver group `group` that are still free. */
uint32_t tg_seats_free(const struct tg_seats *seats, size_t group);

#endif
