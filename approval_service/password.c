/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(TG_PASSWORD_HASH_SIZE == CRYPT_OUTPUT_SIZE, "a hash of libcrypt must fit");
_Static_assert(TG_PASSWORD_MAX <= CRYPT_MAX_PASSPHRASE_SIZE, "libcrypt must take the longest password");

int tg_password_check(const char *password, struct tg_error *error)
{
    size_t length = strlen(password);
    size_t characters = 0;
    for (const char *at = password; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        /* C1 controls are U+0080 to U+009F, in UTF-8 0xc2 0x80 to 0xc2 0x9f. */
        if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && (unsigned char)at[1] < 0xa0))
            return tg_fail(error, TG_password_weak, "it has a control character");
        characters += (byte & 0xc0) != 0x80;
    }
    if (characters < TG_PASSWORD_MIN)
        return tg_fail(error, TG_password_weak, "it must have at least %d characters", TG_PASSWORD_MIN);
    if (length > TG_PASSWORD_MAX)
        return tg_fail(error, TG_password_weak, "it must have at most %d bytes", TG_PASSWORD_MAX);
    return 0;
}

int tg_password_setting(int64_t cost, char setting[TG_PASSWORD_HASH_SIZE], struct tg_error *error)
{
    if (crypt_gensalt_rn("$y$", (unsigned long)cost, NULL, 0, setting, TG_PASSWORD_HASH_SIZE) == NULL)
        return tg_fail(error, TG_internal_error, "libcrypt makes no yescrypt setting of cost %lld",
                       (long long)cost);
    return 0;
}

int tg_password_hash(const char *password, const char *setting, char hash[TG_PASSWORD_HASH_SIZE],
                     struct tg_error *error)
{
    hash[0] = '\0';
    struct crypt_data *data = calloc(1, sizeof *data); /* 32 KiB: too much for a thread's stack */
    if (data == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    const char *made = crypt_r(password, setting, data);
    bool good = made != NULL && made[0] == '$';
    if (good)
        (void)snprintf(hash, TG_PASSWORD_HASH_SIZE, "%s", made);
    OPENSSL_cleanse(data, sizeof *data);
    free(data);
    return good ? 0 : tg_fail(error, TG_internal_error, "libcrypt cannot hash a password");
}

bool tg_password_same(const char *hash, const char *stored)
{
    size_t length = strlen(hash);
    return length > 0 && length == strlen(stored) && CRYPTO_memcmp(hash, stored, length) == 0;
}

/* "$y$PARAMETERS$" */
static size_t parameters_length(const char *hash)
{
    const char *end = strncmp(hash, "$y$", 3) == 0 ? strchr(hash + 3, '$') : NULL;
    return end == NULL ? 0 : (size_t)(end - hash) + 1;
}

bool tg_password_has_cost(const char *hash, const char *setting)
{
    size_t length = parameters_length(hash);
    return length > 0 && length == parameters_length(setting) && strncmp(hash, setting, length) == 0;
}
