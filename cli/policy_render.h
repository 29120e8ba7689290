/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The policy for people.
 */
#ifndef TEGATA_CLI_POLICY_RENDER_H
#define TEGATA_CLI_POLICY_RENDER_H

#include "cli/output.h"
#include "lib/policy.h"

void tg_render_policy(const struct tg_output *out, const struct tg_policy *policy, int64_t now);

/* "policy 7: 5 people, 2 rules, expires ..." and what is odd about it. */
void tg_render_policy_summary(const struct tg_output *out, const struct tg_policy *policy, int64_t now);

/* A line for each thing that is odd about it. */
void tg_render_policy_warnings(const struct tg_output *out, const struct tg_policy *policy, int64_t now);

#endif
