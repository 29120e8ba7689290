/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/cross_origin.h"

#include "lib/config.h"

#include <string.h>
#include <strings.h>

static bool is_own(const struct tg_service *service, const char *origin)
{
    static const char scheme[] = "https://";
    if (strncmp(origin, scheme, sizeof scheme - 1) == 0 &&
        strcmp(origin + sizeof scheme - 1, service->authority) == 0)
        return true;
    return service->page_origin[0] != '\0' && strcmp(origin, service->page_origin) == 0 &&
           tg_page_find(service->page, "/") != NULL;
}

int tg_origin_check(const struct tg_service *service, struct tg_http_request *request, struct tg_error *error)
{
    const char *origin = request->origin;
    if (origin == NULL)
        return 0;
    request->cross_origin = tg_config_list_has(service->origins, origin);
    bool harmless = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    if (harmless || request->cross_origin || is_own(service, origin))
        return 0;
    return tg_fail(error, TG_origin_refused,
                   "a page of %s may not call this: [page] origins does not list it", origin);
}

int tg_body_type_check(const struct tg_http_request *request, struct tg_error *error)
{
    static const char wanted[] = "application/json";
    const char *type = request->content_type;
    if (request->body.length == 0)
        return 0;
    if (type == NULL)
        return tg_fail(error, TG_body_type, "the body has no Content-Type: send application/json");
    size_t length = strcspn(type, "; ");
    if (length == sizeof wanted - 1 && strncasecmp(type, wanted, length) == 0)
        return 0;
    return tg_fail(error, TG_body_type, "the body's Content-Type must be application/json, not '%s'", type);
}
