/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What changes from one policy to another, for people.
 */
#ifndef TEGATA_CLI_POLICY_DIFF_H
#define TEGATA_CLI_POLICY_DIFF_H

#include "cli/output.h"

#include <jansson.h>

/* Writes a line for every difference of two JSON values: "+ people bob keys: ..." for what is only in the
 * new one, "- " for what is only in the old one, "~ " for what has another value. Members of arrays are told
 * apart by their key, id or group, or by what they are; public keys are shown as type and fingerprint.
 * Returns how many lines. */
size_t tg_policy_diff(const struct tg_output *out, const json_t *old, const json_t *now);

#endif
