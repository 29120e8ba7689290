/* SPDX-License-Identifier: BSD-2-Clause */
#include "certificate_authority/signing_key.h"

#include "agent/state.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char in_agent[] = "agent:";
static const char in_token[] = "pkcs11:";

enum { SMALL_FILE_MAX = 16384 };

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool tg_signing_key_is_in_token(const struct tg_signing_key_settings *settings)
{
    return begins(settings->key, in_token);
}

/* A small text file; malloc'ed. */
static int read_text(const char *path, char **text, size_t *length, struct tg_error *error)
{
    int result = tg_file_read("", path, SMALL_FILE_MAX, text, length, error);
    return result <= 0 ? result : tg_fail(error, TG_config_bad, "%s: there is no such file", path);
}

static int read_public_key(const struct tg_signing_key_settings *settings, struct tg_public_key **key,
                           struct tg_error *error)
{
    char *text = NULL;
    size_t length;
    struct tg_error fault = {0};
    *key = NULL;
    if (settings->public_key[0] != '/')
        return tg_fail(error, TG_config_bad,
                       "[%s] public_key: must be the path of a .pub file, which says which key is meant",
                       settings->section);
    if (read_text(settings->public_key, &text, &length, error) != 0)
        return -1;
    text[strcspn(text, "\r\n")] = '\0';
    int result = tg_public_key_parse_line(text, key, &fault);
    free(text);
    return result == 0 ? 0 : tg_fail(error, TG_config_bad, "%s: %s", settings->public_key, fault.text);
}

/* The PIN of a token, malloc'ed; NULL for none. Others must not be able to read it. */
static int read_pin(const struct tg_signing_key_settings *settings, char **pin, size_t *length,
                    struct tg_error *error)
{
    struct stat status;
    *pin = NULL;
    *length = 0;
    if (settings->pin_file[0] == '\0')
        return 0;
    if (settings->pin_file[0] != '/' || stat(settings->pin_file, &status) != 0)
        return tg_fail(error, TG_config_bad, "[%s] pin_file: %s: %s", settings->section, settings->pin_file,
                       settings->pin_file[0] != '/' ? "must be a path" : strerror(errno));
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return tg_fail(error, TG_config_bad, "%s: others can read it: chmod 600 %s", settings->pin_file,
                       settings->pin_file);
    if (read_text(settings->pin_file, pin, length, error) != 0)
        return -1;
    (*pin)[strcspn(*pin, "\r\n")] = '\0';
    return 0;
}

static int open_in_token(const struct tg_signing_key_settings *settings, struct tg_public_key *key,
                         struct tg_signing_key *out, struct tg_error *error)
{
    EVP_PKEY *private_key = NULL;
    char *pin;
    size_t length;
    if (read_pin(settings, &pin, &length, error) != 0)
        return -1;
    int result = tg_token_open(settings->key + sizeof in_token - 1, settings->token, pin, key, &out->token,
                               &private_key, error);
    if (pin != NULL)
        OPENSSL_cleanse(pin, length);
    free(pin);
    return result == 0 ? tg_signer_from_evp(private_key, key, &out->signer, error) : -1;
}

/* A key that is elsewhere, and is found there by its public half. */
static int open_elsewhere(const struct tg_signing_key_settings *settings, struct tg_signing_key *out,
                          struct tg_error *error)
{
    struct tg_public_key *key;
    if (read_public_key(settings, &key, error) != 0)
        return -1;
    int result = begins(settings->key, in_agent)
                     ? tg_signer_from_agent(settings->key + sizeof in_agent - 1, key, &out->signer, error)
                     : open_in_token(settings, key, out, error);
    tg_public_key_free(key);
    return result;
}

int tg_signing_key_open(const struct tg_signing_key_settings *settings, struct tg_signing_key *out,
                        struct tg_error *error)
{
    int result;
    *out = (struct tg_signing_key){0};
    if (settings->key[0] == '\0')
        return 0;
    if (begins(settings->key, in_agent) || begins(settings->key, in_token))
        result = open_elsewhere(settings, out, error);
    else if (settings->key[0] == '/')
        result = tg_signer_from_file(settings->key, &out->signer, error);
    else
        result = tg_fail(error, TG_config_bad, "[%s] key: must be a path, agent:SOCKET or pkcs11:MODULE",
                         settings->section);
    if (result != 0)
        tg_signing_key_close(out);
    return result;
}

void tg_signing_key_close(struct tg_signing_key *key)
{
    tg_signer_free(key->signer);
    tg_token_close(key->token);
    *key = (struct tg_signing_key){0};
}
