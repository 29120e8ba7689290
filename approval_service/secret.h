/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tokens and nonces: random text that is given out once, and of which the store keeps only the SHA-256.
 */
#ifndef TEGATA_APPROVAL_SERVICE_SECRET_H
#define TEGATA_APPROVAL_SERVICE_SECRET_H

#include "approval_service/service.h"

enum {
    TG_SECRET_BYTES = 32, /* of a token: 43 characters */
    TG_NONCE_BYTES = 16,  /* of a nonce: 22 characters */
    TG_SECRET_SIZE = 45,  /* of either as text, with NUL */
    TG_NONCE_SECONDS = 120,
};

/* `bytes` random bytes in base64url, and the digest. Wipe the text. error->reason is internal_error. */
int tg_secret_make(size_t bytes, char text[TG_SECRET_SIZE], char digest[TG_DIGEST_SIZE],
                   struct tg_error *error);

/* Gives out a bearer token: 201 {token, expires, person}. `key`: its fingerprint, or "". */
int tg_answer_token(struct tg_service *service, const char *person, const char *key,
                    enum tg_token_scope scope, struct tg_http_answer *answer, struct tg_error *error);

#endif
