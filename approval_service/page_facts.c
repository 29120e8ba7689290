/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a page must know of the service before anybody has signed in.
 */
#include "approval_service/service.h"

#include <config.h>

int tg_get_page(struct tg_service *service, const struct tg_http_request *request,
                struct tg_http_answer *answer, struct tg_error *error)
{
    (void)request;
    return tg_http_answer_json(answer, 200,
                               json_pack("{s:s, s:s, s:s, s:s}", "service", service->authority, "origin",
                                         service->page_origin, "rp_id", service->rp_id, "version",
                                         PACKAGE_VERSION),
                               error);
}
