/* SPDX-License-Identifier: BSD-2-Clause
 *
 * HTTPS, with libmicrohttpd in its external event loop: the caller polls the descriptor and calls
 * tg_server_run(), so that every handler runs in the caller's thread.
 */
#ifndef TEGATA_APPROVAL_SERVICE_SERVER_H
#define TEGATA_APPROVAL_SERVICE_SERVER_H

#include "approval_service/service.h"

struct tg_server;

struct tg_server_settings {
    int listener;            /* a listening socket; the server closes it */
    const char *certificate; /* PEM texts */
    const char *key;
    unsigned connections;
    unsigned connections_per_address;
};

/* TLS 1.3 only. `service` must outlive the server. */
int tg_server_start(struct tg_service *service, const struct tg_server_settings *settings,
                    struct tg_server **out, struct tg_error *error);

/* Readable when there is something to do. */
int tg_server_descriptor(const struct tg_server *server);

/* After how many milliseconds tg_server_run() must be called at the latest; -1: when the descriptor is
 * readable. Wakes long polls whose time is up. */
int tg_server_timeout(struct tg_server *server);
void tg_server_run(struct tg_server *server);

/* Accepts nothing more, answers the long polls with what there is, gives the answers up to `patience_ms` to
 * leave, and closes. NULL-safe. */
void tg_server_stop(struct tg_server *server, int patience_ms);

#endif
