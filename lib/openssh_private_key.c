/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/openssh_private_key.h"

#include "lib/armor.h"
#include "lib/ed25519_point.h"
#include "lib/key_parts.h"
#include "lib/mpint.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>

#include <stdlib.h>
#include <string.h>

static const char magic[] = "openssh-key-v1"; /* its NUL is part of the format */

enum { CIPHER_BLOCK = 8 };

/* The numbers of an RSA private key, and the two that OpenSSL wants beside them. */
struct rsa_numbers {
    BIGNUM *n, *e, *d, *coefficient, *p, *q, *exponent_p, *exponent_q;
};

static void free_rsa(struct rsa_numbers *numbers)
{
    BN_free(numbers->n);
    BN_free(numbers->e);
    BN_clear_free(numbers->d);
    BN_clear_free(numbers->coefficient);
    BN_clear_free(numbers->p);
    BN_clear_free(numbers->q);
    BN_clear_free(numbers->exponent_p);
    BN_clear_free(numbers->exponent_q);
}

static bool read_number(struct tg_reader *reader, BIGNUM **number)
{
    struct tg_bytes bytes;
    if (!tg_read_mpint(reader, &bytes) || bytes.length > TG_RSA_BITS_MAX / 8)
        return false;
    *number = BN_secure_new();
    return *number != NULL && BN_bin2bn(bytes.data, (int)bytes.length, *number) != NULL;
}

/* d modulo (prime - 1) */
static BIGNUM *reduce(const BIGNUM *d, const BIGNUM *prime)
{
    BN_CTX *context = BN_CTX_secure_new();
    BIGNUM *less = BN_dup(prime);
    BIGNUM *result = BN_secure_new();
    bool ok = context != NULL && less != NULL && result != NULL && BN_sub_word(less, 1) == 1 &&
              !BN_is_zero(less) && BN_mod(result, d, less, context) == 1;
    BN_CTX_free(context);
    BN_clear_free(less);
    if (!ok) {
        BN_clear_free(result);
        return NULL;
    }
    return result;
}

static EVP_PKEY *key_from_params(const char *algorithm, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
    if (params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return pkey;
}

static bool push_rsa(OSSL_PARAM_BLD *builder, const struct rsa_numbers *numbers)
{
    return OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, numbers->n) &&
           OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, numbers->e) &&
           OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_D, numbers->d) &&
           OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_FACTOR1, numbers->p) &&
           OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_FACTOR2, numbers->q) &&
           OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_EXPONENT1, numbers->exponent_p) &&
           OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_EXPONENT2, numbers->exponent_q) &&
           OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, numbers->coefficient);
}

static EVP_PKEY *read_rsa(struct tg_reader *reader)
{
    struct rsa_numbers numbers = {0};
    OSSL_PARAM_BLD *builder = NULL;
    EVP_PKEY *pkey = NULL;
    if (!read_number(reader, &numbers.n) || !read_number(reader, &numbers.e) ||
        !read_number(reader, &numbers.d) || !read_number(reader, &numbers.coefficient) ||
        !read_number(reader, &numbers.p) || !read_number(reader, &numbers.q))
        goto out;
    numbers.exponent_p = reduce(numbers.d, numbers.p);
    numbers.exponent_q = reduce(numbers.d, numbers.q);
    builder = OSSL_PARAM_BLD_new();
    if (numbers.exponent_p == NULL || numbers.exponent_q == NULL || builder == NULL ||
        !push_rsa(builder, &numbers))
        goto out;
    pkey = key_from_params("RSA", builder);
out:
    OSSL_PARAM_BLD_free(builder);
    free_rsa(&numbers);
    return pkey;
}

static EVP_PKEY *read_ecdsa(struct tg_reader *reader, const char *group)
{
    struct tg_bytes curve;
    struct tg_bytes point;
    BIGNUM *d = NULL;
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    /* The curve needs no look: the public half has been parsed, and its type fixes `group`. */
    if (builder != NULL && tg_read_string(reader, &curve) && tg_read_string(reader, &point) &&
        read_number(reader, &d) &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.length) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, d))
        pkey = key_from_params("EC", builder);
    OSSL_PARAM_BLD_free(builder);
    BN_clear_free(d);
    return pkey;
}

/* The private string is the 32-byte seed and the public half once more. */
static EVP_PKEY *read_ed25519(struct tg_reader *reader)
{
    struct tg_bytes public_half;
    struct tg_bytes both;
    if (!tg_read_string(reader, &public_half) || !tg_read_string(reader, &both) ||
        both.length != 2 * TG_ED25519_POINT_SIZE)
        return NULL;
    return EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, both.data, TG_ED25519_POINT_SIZE);
}

/* The comment, then 1, 2, 3, ... up to a multiple of the cipher's block. */
static bool read_comment_and_padding(struct tg_reader *reader)
{
    struct tg_bytes comment;
    uint8_t byte;
    if (!tg_read_string(reader, &comment) || reader->left >= CIPHER_BLOCK)
        return false;
    for (uint8_t expected = 1; !tg_read_end(reader); expected++) {
        if (!tg_read_u8(reader, &byte) || byte != expected)
            return false;
    }
    return true;
}

static int bad_file(const char *name, const char *what, struct tg_error *error)
{
    return tg_fail(error, TG_key_unusable, "%s: %s", name, what);
}

/* Reads the beginning of the part that would be encrypted, up to the type of the key. */
static int read_private_beginning(struct tg_reader *reader, const char *name,
                                  const struct tg_public_key *public_key, struct tg_error *error)
{
    uint32_t first;
    uint32_t second;
    struct tg_bytes type;
    if (!tg_read_u32(reader, &first) || !tg_read_u32(reader, &second) || first != second ||
        !tg_read_string(reader, &type) || !tg_bytes_equal_text(type, tg_key_type_name(public_key->type)))
        return bad_file(name, "its private part is damaged", error);
    return 0;
}

static int read_private_part(struct tg_bytes part, const char *name, const struct tg_public_key *public_key,
                             EVP_PKEY **private_key, struct tg_error *error)
{
    struct tg_reader reader = tg_reader_of(part);
    if (read_private_beginning(&reader, name, public_key, error) != 0)
        return -1;
    if (public_key->type == TG_KEY_RSA)
        *private_key = read_rsa(&reader);
    else if (tg_key_type_group(public_key->type) != NULL)
        *private_key = read_ecdsa(&reader, tg_key_type_group(public_key->type));
    else
        *private_key = read_ed25519(&reader);
    if (*private_key == NULL || !read_comment_and_padding(&reader))
        return bad_file(name, "its private part is damaged", error);
    return 0;
}

/* Reads what stands before the keys. */
static int read_header(struct tg_reader *reader, const char *name, struct tg_error *error)
{
    struct tg_bytes start;
    struct tg_bytes cipher;
    struct tg_bytes kdf;
    struct tg_bytes kdf_options;
    uint32_t keys;
    if (!tg_read_bytes(reader, sizeof magic, &start) || memcmp(start.data, magic, sizeof magic) != 0 ||
        !tg_read_string(reader, &cipher) || !tg_read_string(reader, &kdf) ||
        !tg_read_string(reader, &kdf_options) || !tg_read_u32(reader, &keys))
        return bad_file(name, "not an OpenSSH private key", error);
    if (!tg_bytes_equal_text(cipher, "none") || !tg_bytes_equal_text(kdf, "none") || kdf_options.length != 0)
        return bad_file(name, "encrypted with a passphrase; add it to ssh-agent and name its .pub file",
                        error);
    if (keys != 1)
        return bad_file(name, "must hold one key", error);
    return 0;
}

/* Reads the file up to the private part, and the public key. */
static int read_public_part(struct tg_bytes bytes, const char *name, struct tg_public_key **public_key,
                            struct tg_bytes *private_part, struct tg_error *error)
{
    struct tg_reader reader = tg_reader_of(bytes);
    struct tg_bytes public_part;
    struct tg_error key_error;
    if (read_header(&reader, name, error) != 0)
        return -1;
    if (!tg_read_string(&reader, &public_part) || !tg_read_string(&reader, private_part) ||
        !tg_read_end(&reader))
        return bad_file(name, "cut short", error);
    if (tg_public_key_parse(public_part, public_key, &key_error) != 0)
        return bad_file(name, key_error.text, error);
    return 0;
}

static int parse_decoded(struct tg_bytes bytes, const char *name, EVP_PKEY **private_key,
                         struct tg_public_key **public_key, struct tg_error *error)
{
    struct tg_bytes private_part;
    if (read_public_part(bytes, name, public_key, &private_part, error) != 0)
        return -1;
    if (tg_key_type_is_security_key((*public_key)->type))
        return bad_file(name, "a security key, which ssh-keygen or ssh-agent must sign with", error);
    return read_private_part(private_part, name, *public_key, private_key, error);
}

/* The file's bytes without their armor; malloc'ed, to be wiped before they are freed. */
static int decode(struct tg_bytes pem, const char *name, uint8_t **bytes, size_t *length,
                  struct tg_error *error)
{
    if (tg_armor_decode(pem, "OPENSSH PRIVATE KEY", TG_PRIVATE_KEY_FILE_MAX, bytes, length))
        return 0;
    return bad_file(name, "not an OpenSSH private key; ssh-keygen -p -f FILE turns older formats into one",
                    error);
}

int tg_openssh_private_key_parse(struct tg_bytes pem, const char *name, EVP_PKEY **private_key,
                                 struct tg_public_key **public_key, struct tg_error *error)
{
    uint8_t *bytes;
    size_t length;
    *private_key = NULL;
    *public_key = NULL;
    if (decode(pem, name, &bytes, &length, error) != 0)
        return -1;
    int result = parse_decoded(tg_bytes_of(bytes, length), name, private_key, public_key, error);
    OPENSSL_cleanse(bytes, length);
    free(bytes);
    if (result != 0) {
        EVP_PKEY_free(*private_key);
        tg_public_key_free(*public_key);
        *private_key = NULL;
        *public_key = NULL;
    }
    return result;
}

/* PROTOCOL.u2f, "SSH U2F Key formats": the public fields once more, flags, key handle, an empty string. */
static bool read_handle(struct tg_reader *reader, const struct tg_public_key *key, uint8_t *flags,
                        struct tg_bytes *handle)
{
    struct tg_bytes curve;
    struct tg_bytes point;
    struct tg_bytes application;
    struct tg_bytes reserved;
    if (key->type == TG_KEY_SK_ECDSA_P256 && !tg_read_string(reader, &curve))
        return false;
    return tg_read_string(reader, &point) && tg_bytes_equal(point, key->material) &&
           tg_read_string(reader, &application) && tg_bytes_equal_text(application, key->application) &&
           tg_read_u8(reader, flags) && tg_read_string(reader, handle) && handle->length > 0 &&
           tg_read_string(reader, &reserved) && reserved.length == 0 && read_comment_and_padding(reader);
}

static int parse_security_key(struct tg_bytes bytes, const char *name, struct tg_security_key_file *file,
                              struct tg_error *error)
{
    struct tg_bytes private_part;
    struct tg_bytes handle;
    if (read_public_part(bytes, name, &file->key, &private_part, error) != 0)
        return -1;
    if (!tg_key_type_is_security_key(file->key->type))
        return bad_file(name, "not a security key", error);
    struct tg_reader reader = tg_reader_of(private_part);
    if (read_private_beginning(&reader, name, file->key, error) != 0)
        return -1;
    if (!read_handle(&reader, file->key, &file->flags, &handle))
        return bad_file(name, "its private part is damaged", error);
    file->handle = malloc(handle.length);
    if (file->handle == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    memcpy(file->handle, handle.data, handle.length);
    file->handle_length = handle.length;
    return 0;
}

int tg_openssh_security_key_parse(struct tg_bytes pem, const char *name, struct tg_security_key_file *file,
                                  struct tg_error *error)
{
    uint8_t *bytes;
    size_t length;
    *file = (struct tg_security_key_file){0};
    if (decode(pem, name, &bytes, &length, error) != 0)
        return -1;
    int result = parse_security_key(tg_bytes_of(bytes, length), name, file, error);
    OPENSSL_cleanse(bytes, length);
    free(bytes);
    if (result != 0)
        tg_security_key_file_clear(file);
    return result;
}

void tg_security_key_file_clear(struct tg_security_key_file *file)
{
    tg_public_key_free(file->key);
    free(file->handle);
    *file = (struct tg_security_key_file){0};
}
