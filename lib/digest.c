/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/digest.h"

#include <openssl/evp.h>

bool tg_digest(struct tg_bytes bytes, char out[TG_DIGEST_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[32];
    unsigned length = 0;
    out[0] = '\0';
    if (EVP_Digest(bytes.data, bytes.length, hash, &length, EVP_sha256(), NULL) != 1 || length != sizeof hash)
        return false;
    for (size_t i = 0; i < sizeof hash; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[TG_DIGEST_SIZE - 1] = '\0';
    return true;
}
