/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What tegata-wipe tells people, and the agent.
 */
#ifndef TEGATA_WIPE_REPORT_H
#define TEGATA_WIPE_REPORT_H

#include "wipe/search.h"
#include "wipe/target.h"

#include <stdio.h>

/* "alice: ended 2 processes; removed 14 in its home, ...", for the report. */
void tg_report_line(const struct tg_target *target, char *out, size_t size);

/* Is nothing of it left where accounts leave things? Files elsewhere are another matter. */
bool tg_target_is_wiped(const struct tg_target *target);

/* Shows everything about the targets and what the search found of them (one each, in the same order). */
void tg_report_show(const struct tg_target *targets, const struct tg_search *search, FILE *stream);

/* The text for the agent, malloc'ed; NULL without memory. `host`: every account of the host was wiped. */
char *tg_report_text(const struct tg_target *targets, const struct tg_search *search, bool host);

#endif
