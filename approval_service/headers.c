/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/headers.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    size_t offset;
} places[] = {
    {"Authorization", offsetof(struct tg_headers, authorization)},
    {"Content-Type", offsetof(struct tg_headers, content_type)},
    {"Origin", offsetof(struct tg_headers, origin)},
    {"Access-Control-Request-Method", offsetof(struct tg_headers, preflight_method)},
    {"If-None-Match", offsetof(struct tg_headers, if_none_match)},
    {"Content-Length", offsetof(struct tg_headers, content_length)},
    {"Transfer-Encoding", offsetof(struct tg_headers, transfer_encoding)},
    {"Host", offsetof(struct tg_headers, host)},
};

void tg_headers_take(struct tg_headers *headers, const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (strcasecmp(places[i].name, name) != 0)
            continue;
        const char **place = (const char **)((char *)headers + places[i].offset);
        headers->twice = headers->twice || *place != NULL;
        *place = value == NULL ? "" : value;
    }
}

bool tg_headers_ambiguous(const struct tg_headers *headers)
{
    const char *length = headers->content_length;
    const char *encoding = headers->transfer_encoding;
    if (headers->twice || (length != NULL && encoding != NULL))
        return true;
    if (length != NULL &&
        (*length == '\0' || strlen(length) > 15 || length[strspn(length, "0123456789")] != '\0'))
        return true;
    return encoding != NULL && strcasecmp(encoding, "chunked") != 0;
}
