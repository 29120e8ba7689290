/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/key_words.h"

#include "lib/digest.h"

const char *tg_key_words(const struct tg_public_key *key, char out[TG_KEY_WORDS_SIZE])
{
    char digest[TG_DIGEST_SIZE];
    if (!tg_digest(key->blob, digest)) {
        (void)snprintf(out, TG_KEY_WORDS_SIZE, "?");
        return out;
    }
    (void)tg_code_words(digest, out);
    return out;
}
