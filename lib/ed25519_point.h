/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Is an Ed25519 public key (RFC 8032 section 5.1.2) one that a signature can be trusted under? OpenSSL and
 * libfido2 take any 32 bytes; under a small-order point one fixed signature verifies for every message.
 */
#ifndef TEGATA_LIB_ED25519_POINT_H
#define TEGATA_LIB_ED25519_POINT_H

#include "lib/wire.h"

enum { TG_ED25519_POINT_SIZE = 32, TG_ED25519_SIGNATURE_SIZE = 64 };

/* True for 32 bytes that encode, in the one canonical way, a point of the curve whose order is not 1, 2, 4
 * or 8. */
bool tg_ed25519_point_is_sound(struct tg_bytes point);

#endif
