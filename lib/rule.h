/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Does a rule cover a ticket? tg_rule_covers() of lib/verdict.h, and how near it came.
 */
#ifndef TEGATA_LIB_RULE_H
#define TEGATA_LIB_RULE_H

#include "lib/verdict.h"

/* Returns NULL if the rule covers the ticket; else the key of the ticket that it does not cover, what about
 * it in `detail`, and in *depth how many questions it passed before: the rule that gets furthest is the
 * nearest. */
const char *tg_rule_gap(const struct tg_policy *policy, const struct tg_rule *rule,
                        const struct tg_ticket *ticket, char *detail, size_t detail_size, size_t *depth);

#endif
