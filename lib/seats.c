/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/seats.h"

void tg_seats_of_rule(struct tg_seats *seats, const struct tg_rule *rule)
{
    *seats = (struct tg_seats){.rule = rule};
    for (size_t group = 0; group < rule->approver_count; group++) {
        for (uint32_t i = 0; i < rule->approvers[group].count && seats->count < TG_SEATS_MAX; i++)
            seats->group[seats->count++] = group;
    }
}

/* One augmenting path. `visited` has a bit for each seat that this search has tried, so it ends. */
static bool find_seat(struct tg_seats *seats, const struct tg_person *person, uint32_t *visited)
{
    for (size_t i = 0; i < seats->count; i++) {
        uint32_t bit = UINT32_C(1) << i;
        if ((*visited & bit) != 0 ||
            !tg_person_in_group(person, seats->rule->approvers[seats->group[i]].group))
            continue;
        *visited |= bit;
        if (seats->occupant[i] == NULL || find_seat(seats, seats->occupant[i], visited)) {
            seats->occupant[i] = person;
            return true;
        }
    }
    return false;
}

bool tg_seats_add(struct tg_seats *seats, const struct tg_person *person)
{
    uint32_t visited = 0;
    if (!find_seat(seats, person, &visited))
        return false;
    seats->taken++;
    return true;
}

/* Counted against the rule, not against `count`, so that a rule of no or too many seats is never met. */
bool tg_seats_are_taken(const struct tg_seats *seats)
{
    uint64_t needed = 0;
    for (size_t group = 0; group < seats->rule->approver_count; group++)
        needed += seats->rule->approvers[group].count;
    return needed > 0 && seats->taken == needed;
}

uint32_t tg_seats_free(const struct tg_seats *seats, size_t group)
{
    uint32_t taken = 0;
    for (size_t i = 0; i < seats->count; i++)
        taken += seats->group[i] == group && seats->occupant[i] != NULL;
    return seats->rule->approvers[group].count - taken;
}
