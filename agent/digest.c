/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/digest.h"

#include <openssl/evp.h>
#include <sys/random.h>

static void to_hex(const uint8_t *bytes, size_t length, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * length] = '\0';
}

bool tg_hex_sha256(struct tg_bytes bytes, char out[TG_DIGEST_SIZE])
{
    uint8_t digest[32];
    out[0] = '\0';
    if (EVP_Digest(bytes.data, bytes.length, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    to_hex(digest, sizeof digest, out);
    return true;
}

bool tg_new_session_id(char out[TG_SESSION_ID_SIZE])
{
    uint8_t bytes[16];
    out[0] = '\0';
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    to_hex(bytes, sizeof bytes, out);
    return true;
}
