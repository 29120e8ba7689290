/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a browser may do on behalf of a web page (the Fetch standard, section 3.2). There are no cookies: a
 * page needs a token that it was given. This is the second line: a page of another origin changes nothing,
 * reads nothing, and cannot send a body that a form could send.
 */
#ifndef TEGATA_APPROVAL_SERVICE_CROSS_ORIGIN_H
#define TEGATA_APPROVAL_SERVICE_CROSS_ORIGIN_H

#include "approval_service/service.h"

/* Sets request->cross_origin if the Origin is one of [page] origins. origin_refused if the request could
 * change something, or is a preflight, and its Origin is neither listed nor the service's own. A request
 * without an Origin is no browser's. */
int tg_origin_check(const struct tg_service *service, struct tg_http_request *request,
                    struct tg_error *error);

/* body_type for a body whose Content-Type is not application/json. */
int tg_body_type_check(const struct tg_http_request *request, struct tg_error *error);

#endif
