/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Multiple-precision integers of SSH (RFC 4251 section 5, "mpint"), positive ones only, in their one shortest
 * form.
 */
#ifndef TEGATA_LIB_MPINT_H
#define TEGATA_LIB_MPINT_H

#include "lib/wire.h"

/* Reads one number; *out is its big-endian magnitude without the sign byte. False for zero, negative numbers
 * and superfluous leading zeros; *out is then empty, and the caller refuses the whole. */
bool tg_read_mpint(struct tg_reader *reader, struct tg_bytes *out);

/* Writes a big-endian magnitude, with or without leading zeros. */
void tg_write_mpint(struct tg_writer *writer, struct tg_bytes magnitude);

#endif
