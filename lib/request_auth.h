/* SPDX-License-Identifier: BSD-2-Clause
 *
 * HTTP requests signed with an SSH key: docs/protocol.md, "Request signatures". The signature covers method,
 * target, authority, time, a nonce and the body's digest, so that TLS may end at any load balancer.
 *
 *   Authorization: SSHSIG time=1790000000,nonce=BASE64URL(16 bytes),signature=BASE64(binary SSHSIG blob)
 */
#ifndef TEGATA_LIB_REQUEST_AUTH_H
#define TEGATA_LIB_REQUEST_AUTH_H

#include "lib/signer.h"

#include <stdint.h>

enum {
    TG_REQUEST_NONCE_SIZE = 23, /* 22 base64url characters + NUL */
    TG_REQUEST_TIME_SKEW = 120, /* seconds between the two clocks, at most */
};

struct tg_request {
    const char *method;    /* "GET" */
    const char *authority; /* host[:port] as in the URL; no port where it is 443 */
    const char *target;    /* path and query, as sent */
    struct tg_bytes body;  /* as sent; empty for none */
};

/* What a right signature says: who signed, when, and the nonce that must not come again. */
struct tg_request_proof {
    struct tg_public_key *key; /* the caller's to free */
    int64_t time;
    char nonce[TG_REQUEST_NONCE_SIZE];
};

/* Makes the value of the Authorization header, malloc'ed. Takes 16 random bytes from getrandom(2). */
int tg_request_sign(const struct tg_request *request, struct tg_signer *signer, int64_t now, char **header,
                    struct tg_error *error);

/* Checks the value of an Authorization header: form, time (within TG_REQUEST_TIME_SKEW of now), signature. It
 * does not know the key and does not remember nonces: the caller does both. error->reason is request_unsigned
 * (not an SSHSIG header), request_malformed, request_time or request_signature. */
int tg_request_verify(const struct tg_request *request, const char *header, int64_t now,
                      struct tg_request_proof *proof, struct tg_error *error);

#endif
