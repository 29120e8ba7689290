/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SHA-256 of a document, as approvals and requests name it.
 */
#ifndef TEGATA_LIB_DIGEST_H
#define TEGATA_LIB_DIGEST_H

#include "lib/ticket.h"

/* Lower-case hex. False, and an empty string, if OpenSSL fails. */
bool tg_digest(struct tg_bytes bytes, char out[TG_DIGEST_SIZE]);

#endif
