/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The headers of a request that mean something here. One that may come once and comes twice, and whatever
 * leaves in doubt where the body ends, is refused (RFC 9112, section 6.3): a proxy in front might have
 * decided otherwise.
 */
#ifndef TEGATA_APPROVAL_SERVICE_HEADERS_H
#define TEGATA_APPROVAL_SERVICE_HEADERS_H

#include <stdbool.h>

struct tg_headers {
    const char *authorization; /* NULL where there is none */
    const char *content_type;
    const char *origin;
    const char *preflight_method; /* Access-Control-Request-Method */
    const char *if_none_match;
    const char *content_length;
    const char *transfer_encoding;
    const char *host;
    bool twice; /* one of these came more than once */
};

/* `value` may be NULL, which is an empty one. The strings must outlive *headers. */
void tg_headers_take(struct tg_headers *headers, const char *name, const char *value);

/* Does a header come twice, is the length no plain number, is it given in two ways, or is the encoding not
 * exactly `chunked`? */
bool tg_headers_ambiguous(const struct tg_headers *headers);

#endif
