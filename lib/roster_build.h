/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bytes of a roster file, in memory. Between lib/roster_build.c, which makes them, and lib/roster.c,
 * which stores them.
 */
#ifndef TEGATA_LIB_ROSTER_BUILD_H
#define TEGATA_LIB_ROSTER_BUILD_H

#include "lib/roster.h"

/* Returns 0 with *bytes for the caller to free(), or -1 with *error naming what cannot stand in a roster. */
int tg_roster_build(const struct tg_roster *roster, uint8_t **bytes, size_t *size, struct tg_error *error);

#endif
