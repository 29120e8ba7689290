/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Enrolling a key.
 */
#ifndef TEGATA_APPROVAL_SERVICE_ENROLMENT_H
#define TEGATA_APPROVAL_SERVICE_ENROLMENT_H

#include "approval_service/service.h"

enum {
    TG_ENROLMENT_SECONDS = 600, /* that a challenge is good for: somebody may have to find the key first */
    TG_KEY_LINE_SIZE = TG_PUBLIC_KEY_BLOB_MAX / 3 * 4 + 64,
};

/* "TYPE BASE64". False if it does not fit. */
bool tg_key_line(const struct tg_public_key *key, char *line, size_t size);

#endif
