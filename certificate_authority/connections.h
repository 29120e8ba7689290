/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The socket and its connections: one question, one answer each, all of it in one loop.
 */
#ifndef TEGATA_CERTIFICATE_AUTHORITY_CONNECTIONS_H
#define TEGATA_CERTIFICATE_AUTHORITY_CONNECTIONS_H

#include "certificate_authority/authority.h"

#include <sys/types.h>

struct tg_ca_server;

struct tg_ca_server_settings {
    const char *socket;
    uid_t client;        /* the only user who may ask */
    size_t connections;  /* at most; further ones wait in the listener's queue */
    int64_t patience_ms; /* of one connection */
};

/* Binds the socket (0660, of the caller's own user and group). Refuses if somebody answers there. The
 * authority stays the caller's. */
int tg_ca_server_open(struct tg_authority *authority, const struct tg_ca_server_settings *settings,
                      struct tg_ca_server **out, struct tg_error *error);

/* Serves until `signals`, a signalfd, can be read. */
void tg_ca_server_run(struct tg_ca_server *server, int signals);

/* NULL-safe; closes every connection and takes the socket's file away. */
void tg_ca_server_close(struct tg_ca_server *server);

#endif
