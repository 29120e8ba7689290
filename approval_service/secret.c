/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/secret.h"

#include "lib/base64.h"
#include "lib/digest.h"

#include <openssl/crypto.h>
#include <sys/random.h>

enum { TOKEN_SECONDS = 3600, ENROLMENT_SECONDS = 900 };

_Static_assert(TG_SECRET_SIZE >= (TG_SECRET_BYTES + 2) / 3 * 4 + 1, "the longest secret must fit");

int tg_secret_make(size_t bytes, char text[TG_SECRET_SIZE], char digest[TG_DIGEST_SIZE],
                   struct tg_error *error)
{
    uint8_t random[TG_SECRET_BYTES];
    bool good = bytes <= sizeof random && getrandom(random, bytes, 0) == (ssize_t)bytes &&
                tg_base64_encode(TG_BASE64URL, tg_bytes_of(random, bytes), text, TG_SECRET_SIZE) &&
                tg_digest(tg_bytes_of_text(text), digest);
    OPENSSL_cleanse(random, sizeof random);
    return good ? 0 : tg_fail(error, TG_internal_error, "no random bytes, or no SHA-256 of them");
}

int tg_answer_token(struct tg_service *service, const char *person, const char *key,
                    enum tg_token_scope scope, struct tg_http_answer *answer, struct tg_error *error)
{
    char token[TG_SECRET_SIZE];
    char digest[TG_DIGEST_SIZE];
    if (tg_secret_make(TG_SECRET_BYTES, token, digest, error) < 0)
        return -1;
    int64_t now = tg_service_now(service);
    int64_t expires = now + (scope == TG_TOKEN_ENROLMENT ? ENROLMENT_SECONDS : TOKEN_SECONDS);
    int result = tg_store_token_add(service->store, digest, person, key, scope, expires, now, error);
    if (result == 0)
        result = tg_http_answer_json(
            answer, 201,
            json_pack("{s:s, s:I, s:s}", "token", token, "expires", (json_int_t)expires, "person", person),
            error);
    OPENSSL_cleanse(token, sizeof token);
    return result;
}
