/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The HTTP side (docs/protocol.md, section 3): libcurl, https with TLS 1.3 only, one CA file, no redirects,
 * answers of bounded size and time.
 */
#ifndef TEGATA_CLI_CLIENT_H
#define TEGATA_CLI_CLIENT_H

#include "cli/client_config.h"
#include "cli/problem.h"
#include "cli/security_signer.h"
#include "lib/signer.h"

#include <jansson.h>
#include <stdbool.h>

struct tg_client;

enum tg_credential {
    TG_CREDENTIAL_NONE,   /* anybody may */
    TG_CREDENTIAL_PERSON, /* [person] key, or a session that it opened */
    TG_CREDENTIAL_SIGNER, /* the call's `signer`: a root key */
};

struct tg_call {
    const char *method;
    const char *target; /* path and query */
    enum tg_credential credential;
    struct tg_signer *signer;
    const char *body; /* NULL: none */
    size_t body_length;
    long wait; /* seconds that the service may hold the answer back, for long polls */
};

/* `config` and `means` (may be NULL: see tg_signing_key_open()) must outlive the client. */
int tg_client_open(const struct tg_client_config *config, const struct tg_signing_means *means,
                   struct tg_client **out, struct tg_problem *problem);
void tg_client_close(struct tg_client *client);

/* Makes one call. 0: success (2xx), and *answer is a new reference (an empty object where there was no body).
 * -1: *problem says why. */
int tg_client_call(struct tg_client *client, const struct tg_call *call, json_t **answer,
                   struct tg_problem *problem);

/* Calls as the person, with a JSON object (taken over; may be NULL) as body. */
int tg_client_post(struct tg_client *client, const char *target, json_t *body, json_t **answer,
                   struct tg_problem *problem);

/* The same as nobody in particular, for calls that prove in their body who one is. The text of the body is
 * wiped, as it may hold a password. */
int tg_client_post_openly(struct tg_client *client, const char *target, json_t *body, json_t **answer,
                          struct tg_problem *problem);
int tg_client_get(struct tg_client *client, const char *target, json_t **answer, struct tg_problem *problem);

/* From now on, while a call waits for its answer, `tick` is called about once a second; NULL: no more. */
void tg_client_on_tick(struct tg_client *client, void (*tick)(void *context), void *context);

/* Is the service there? GET /healthz. */
int tg_client_health(struct tg_client *client, struct tg_problem *problem);

/* Checks that `url` is https://HOST[:PORT] and nothing more, and writes what requests sign: HOST, or
 * HOST:PORT unless PORT is 443. */
int tg_client_authority(const char *url, char *authority, size_t size, struct tg_error *error);

#endif
