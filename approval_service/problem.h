/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Refusals as problem documents (RFC 9457): title, status, detail, code.
 */
#ifndef TEGATA_APPROVAL_SERVICE_PROBLEM_H
#define TEGATA_APPROVAL_SERVICE_PROBLEM_H

#include "approval_service/http.h"

/* The HTTP status of a reason. */
unsigned tg_problem_status(enum tg_reason reason);

/* Makes the answer a problem document. An internal error's or the store's own words stay in the log. If even
 * that runs out of memory, the answer has a status and no body. */
void tg_problem_answer(const struct tg_error *error, struct tg_http_answer *answer);

#endif
