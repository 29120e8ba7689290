/* SPDX-License-Identifier: BSD-2-Clause
 *
 * CRC-32C (Castagnoli; RFC 3720 appendix B.4), which finds torn writes and flipped bits. It is no protection
 * against an attacker. libc only.
 */
#ifndef TEGATA_LIB_CRC32C_H
#define TEGATA_LIB_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `data`, going on from `crc`: that of the bytes before, or 0. */
uint32_t tg_crc32c(uint32_t crc, const void *data, size_t length);

#endif
