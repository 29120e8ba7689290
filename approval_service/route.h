/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEGATA_APPROVAL_SERVICE_ROUTE_H
#define TEGATA_APPROVAL_SERVICE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

/* How large the body of this request may be. */
size_t tg_route_body_limit(const char *method, const char *path);

/* The methods that a path takes, "GET, POST". False if it takes none or they do not fit. */
bool tg_route_methods(const char *path, char *methods, size_t size);

#endif
