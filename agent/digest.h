/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SHA-256 as text, and random names.
 */
#ifndef TEGATA_AGENT_DIGEST_H
#define TEGATA_AGENT_DIGEST_H

#include "lib/ticket.h"

/* Lower-case hex SHA-256. False (and an empty string) only if OpenSSL fails. */
bool tg_hex_sha256(struct tg_bytes bytes, char out[TG_DIGEST_SIZE]);

enum { TG_SESSION_ID_SIZE = 33 };

/* 32 random hex characters. */
bool tg_new_session_id(char out[TG_SESSION_ID_SIZE]);

#endif
