/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Does a policy that is well-formed also make sense? Part of tg_policy_parse().
 */
#ifndef TEGATA_LIB_POLICY_CHECK_H
#define TEGATA_LIB_POLICY_CHECK_H

#include "lib/policy.h"

/* 0, or -1 with policy_malformed and what does not fit. `policy` is filled in and sorted. */
int tg_policy_check(const struct tg_policy *policy, struct tg_error *error);

#endif
