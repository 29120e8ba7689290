/* SPDX-License-Identifier: BSD-2-Clause */
#include "certificate_authority/token.h"

#include "lib/key_parts.h"

#include <libp11.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <stdlib.h>
#include <string.h>

struct tg_token {
    PKCS11_CTX *context;
    PKCS11_SLOT *slots;
    unsigned slot_count;
    bool loaded;
};

/* What libp11 or OpenSSL says last. */
static const char *last_error(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text != NULL ? text : "unknown error";
}

/* The public half as X.509 has it: OpenSSL cannot compare keys of libp11 with its own otherwise. */
static size_t encode(EVP_PKEY *key, uint8_t **bytes)
{
    *bytes = NULL;
    int length = key == NULL ? 0 : i2d_PUBKEY(key, bytes);
    return length > 0 ? (size_t)length : 0;
}

static bool is_same(EVP_PKEY *a, EVP_PKEY *b)
{
    uint8_t *left;
    uint8_t *right;
    size_t left_length = encode(a, &left);
    size_t right_length = encode(b, &right);
    bool same = left_length > 0 && left_length == right_length && memcmp(left, right, left_length) == 0;
    OPENSSL_free(left);
    OPENSSL_free(right);
    return same;
}

/* The private key with this public half, or NULL. */
static EVP_PKEY *find_key(PKCS11_TOKEN *token, EVP_PKEY *wanted)
{
    PKCS11_KEY *keys = NULL;
    unsigned count = 0;
    if (PKCS11_enumerate_keys(token, &keys, &count) != 0)
        return NULL;
    for (unsigned i = 0; i < count; i++) {
        EVP_PKEY *candidate = PKCS11_get_private_key(&keys[i]);
        if (candidate != NULL && is_same(candidate, wanted))
            return candidate;
        EVP_PKEY_free(candidate);
    }
    return NULL;
}

/* A wrong PIN is tried once: tokens lock themselves after a few. */
static int log_in(PKCS11_SLOT *slot, const char *pin, struct tg_error *error)
{
    if (pin == NULL || PKCS11_login(slot, 0, pin) == 0)
        return 0;
    return tg_fail(error, TG_key_unusable, "token '%s': it does not take the PIN: %s", slot->token->label,
                   last_error());
}

static int search(struct tg_token *token, const char *label, const char *pin, EVP_PKEY *wanted,
                  EVP_PKEY **private_key, struct tg_error *error)
{
    bool seen = false;
    for (unsigned i = 0; i < token->slot_count && *private_key == NULL; i++) {
        PKCS11_SLOT *slot = &token->slots[i];
        if (slot->token == NULL || !slot->token->initialized)
            continue;
        if (label[0] != '\0' && strcmp(slot->token->label, label) != 0)
            continue;
        seen = true;
        if (log_in(slot, pin, error) != 0)
            return -1;
        *private_key = find_key(slot->token, wanted);
    }
    if (*private_key != NULL)
        return 0;
    if (!seen)
        return tg_fail(error, TG_config_bad, "there is no token '%s'; pkcs11-tool --list-slots shows them",
                       label);
    return tg_fail(error, TG_key_unusable,
                   "the token has no private key for the public key that is named, or not its public half");
}

static int load(const char *module, struct tg_token **out, struct tg_error *error)
{
    struct tg_token *token = calloc(1, sizeof *token);
    *out = token;
    if (token == NULL || (token->context = PKCS11_CTX_new()) == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    if (PKCS11_CTX_load(token->context, module) != 0)
        return tg_fail(error, TG_config_bad, "%s: cannot be loaded as a PKCS#11 module: %s", module,
                       last_error());
    token->loaded = true;
    if (PKCS11_enumerate_slots(token->context, &token->slots, &token->slot_count) != 0)
        return tg_fail(error, TG_key_unusable, "%s: its slots cannot be read: %s", module, last_error());
    return 0;
}

static bool is_supported(enum tg_key_type type)
{
    return type == TG_KEY_RSA || tg_key_type_group(type) != NULL;
}

int tg_token_open(const char *module, const char *label, const char *pin, const struct tg_public_key *key,
                  struct tg_token **token, EVP_PKEY **private_key, struct tg_error *error)
{
    *token = NULL;
    *private_key = NULL;
    if (!is_supported(key->type) || tg_key_type_is_security_key(key->type))
        return tg_fail(error, TG_config_bad,
                       "%s keys of tokens are not supported: ECDSA and RSA are; load another into ssh-agent "
                       "(ssh-add -s MODULE), if that can, and write agent:SOCKET",
                       tg_key_type_name(key->type));
    EVP_PKEY *wanted = tg_public_key_to_evp(key);
    int result = wanted == NULL ? tg_fail(error, TG_key_unusable, "OpenSSL refuses the public key")
                                : load(module, token, error);
    if (result == 0)
        result = search(*token, label, pin, wanted, private_key, error);
    EVP_PKEY_free(wanted);
    if (result != 0) {
        tg_token_close(*token);
        *token = NULL;
    }
    return result;
}

void tg_token_close(struct tg_token *token)
{
    if (token == NULL)
        return;
    if (token->slots != NULL)
        PKCS11_release_all_slots(token->context, token->slots, token->slot_count);
    if (token->loaded)
        PKCS11_CTX_unload(token->context);
    PKCS11_CTX_free(token->context);
    free(token);
}
