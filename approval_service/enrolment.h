/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Enrolling a key.
 */
#ifndef TEGATA_APPROVAL_SERVICE_ENROLMENT_H
#define TEGATA_APPROVAL_SERVICE_ENROLMENT_H

#include "approval_service/service.h"

/* That a challenge is good for: somebody may have to find the key first. */
enum { TG_ENROLMENT_SECONDS = 600 };

#endif
