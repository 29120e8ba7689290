/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/key_parts.h"
#include "lib/mpint.h"
#include "lib/ssh_signature.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <stdlib.h>

static const char *digest_of(enum tg_key_type type)
{
    switch (type) {
    case TG_KEY_ECDSA_P256:
        return "SHA256";
    case TG_KEY_ECDSA_P384:
        return "SHA384";
    case TG_KEY_ECDSA_P521:
    case TG_KEY_RSA:
        return "SHA512";
    default:
        return NULL; /* Ed25519 hashes by itself */
    }
}

/* Signs; OPENSSL_free() *raw. */
static bool evp_sign(EVP_PKEY *private_key, const char *digest, struct tg_bytes data, uint8_t **raw,
                     size_t *length)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    *raw = NULL;
    *length = 0;
    bool ok = context != NULL &&
              EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, private_key, NULL) == 1 &&
              EVP_DigestSign(context, NULL, length, data.data, data.length) == 1;
    if (ok) {
        *raw = OPENSSL_malloc(*length);
        ok = *raw != NULL && EVP_DigestSign(context, *raw, length, data.data, data.length) == 1;
    }
    EVP_MD_CTX_free(context);
    return ok;
}

static void write_number(struct tg_writer *writer, const BIGNUM *number)
{
    uint8_t bytes[72]; /* P-521 needs 66 */
    int length = BN_num_bytes(number) > (int)sizeof bytes ? -1 : BN_bn2bin(number, bytes);
    if (length < 0)
        writer->failed = true;
    else
        tg_write_mpint(writer, tg_bytes_of(bytes, (size_t)length));
}

void tg_write_ecdsa(struct tg_writer *writer, struct tg_bytes der)
{
    uint8_t numbers[160];
    struct tg_writer inner = tg_writer_of(numbers, sizeof numbers);
    const uint8_t *at = der.data;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)der.length);
    if (signature == NULL) {
        writer->failed = true;
        return;
    }
    write_number(&inner, ECDSA_SIG_get0_r(signature));
    write_number(&inner, ECDSA_SIG_get0_s(signature));
    ECDSA_SIG_free(signature);
    if (inner.failed)
        writer->failed = true;
    else
        tg_write_string(writer, tg_bytes_of(numbers, inner.used));
}

int tg_ssh_signature_make(const struct tg_public_key *key, EVP_PKEY *private_key, struct tg_bytes data,
                          struct tg_writer *writer, struct tg_error *error)
{
    uint8_t *raw = NULL;
    size_t length;
    if (!evp_sign(private_key, digest_of(key->type), data, &raw, &length)) {
        OPENSSL_free(raw);
        return tg_fail(error, TG_key_unusable, "OpenSSL cannot sign with the %s key",
                       tg_key_type_name(key->type));
    }
    tg_write_text(writer, key->type == TG_KEY_RSA ? "rsa-sha2-512" : tg_key_type_name(key->type));
    if (tg_key_type_group(key->type) != NULL)
        tg_write_ecdsa(writer, tg_bytes_of(raw, length));
    else
        tg_write_string(writer, tg_bytes_of(raw, length));
    OPENSSL_free(raw);
    return writer->failed ? tg_fail(error, TG_internal_error, "a signature that does not fit") : 0;
}
