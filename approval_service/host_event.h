/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One event as a host sends it: docs/protocol.md, "Events".
 */
#ifndef TEGATA_APPROVAL_SERVICE_HOST_EVENT_H
#define TEGATA_APPROVAL_SERVICE_HOST_EVENT_H

#include "approval_service/store.h"

#include <jansson.h>

enum { TG_HOST_EVENT_MAX = 4096 };

/* A parsed event; the strings live in `parsed` and in the text it came from. */
struct tg_host_event {
    struct tg_stored_host_event stored;
    char digest[TG_DIGEST_SIZE];
    json_t *parsed;
};

/* Canonical form, closed schema, from this very host. `text` must outlive *out. error->reason is
 * request_malformed. On 0, clear it with tg_host_event_clear(). */
int tg_host_event_parse(const char *text, const char *host, struct tg_host_event *out,
                        struct tg_error *error);
void tg_host_event_clear(struct tg_host_event *event);

#endif
