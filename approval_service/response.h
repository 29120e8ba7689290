/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An answer as libmicrohttpd sends it, with the headers that belong to it.
 */
#ifndef TEGATA_APPROVAL_SERVICE_RESPONSE_H
#define TEGATA_APPROVAL_SERVICE_RESPONSE_H

#include "approval_service/http.h"

#include <microhttpd.h>

/* NULL without memory. An answer that should have a body and has none becomes a 500. `close`: the connection
 * ends with it. */
struct MHD_Response *tg_response_new(const struct tg_http_request *request, struct tg_http_answer *answer,
                                     bool close);

#endif
