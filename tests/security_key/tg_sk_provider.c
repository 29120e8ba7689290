/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A security key in software, for tests: a provider for OpenSSH's middleware interface (sk-api.h, major
 * version 10, OpenSSH 8.9 and later), so that `ssh-keygen -t ed25519-sk -w PATH/tg_sk_provider.so` and ssh
 * work without hardware. It is always "touched" and always knows its user.
 *
 * The key handle holds the private key: "SOFTSK01", one byte of algorithm, 32 bytes. It is the form of the
 * handles under tests/vectors/ssh, so those keys can be used with it, too. Nothing is stored anywhere.
 *
 * It attests its keys as a real one does (packed), with the key of attestation_key.h, which the directory
 * trust/ beside this file trusts.
 *
 *   TG_TEST_SK_FLAGS=N   (decimal, octal or 0x hex) the authenticator's flags of each signature, whatever was
 * asked for: 0 is a signature without touch
 */
#include "tests/security_key/attestation_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPORTED __attribute__((visibility("default")))

enum {
    API_VERSION = 0x000a0000,
    USER_PRESENT = 0x01,
    USER_VERIFIED = 0x04,
    CREDENTIAL = 0x40,
    EXTENSIONS = 0x80,
    ALGORITHM_ECDSA = 0,
    ALGORITHM_ED25519 = 1,
    ERROR_GENERAL = -1,
    ERROR_UNSUPPORTED = -2,
    SECRET_SIZE = 32,
    POINT_SIZE = 65,
    SIGNATURE_SIZE = 64,
    DER_SIZE = 80, /* an ECDSA signature over P-256 in DER has at most 72 */
};

static const char handle_magic[] = "SOFTSK01";
enum { MAGIC_SIZE = sizeof handle_magic - 1, HANDLE_SIZE = MAGIC_SIZE + 1 + SECRET_SIZE };

/* The four structures of the interface. What they point to is malloc'ed and belongs to the caller. */
struct sk_enroll_response {
    uint8_t flags;
    uint8_t *public_key;
    size_t public_key_len;
    uint8_t *key_handle;
    size_t key_handle_len;
    uint8_t *signature;
    size_t signature_len;
    uint8_t *attestation_cert;
    size_t attestation_cert_len;
    uint8_t *authdata;
    size_t authdata_len;
};

struct sk_sign_response {
    uint8_t flags;
    uint32_t counter;
    uint8_t *sig_r;
    size_t sig_r_len;
    uint8_t *sig_s;
    size_t sig_s_len;
};

struct sk_option {
    char *name;
    char *value;
    uint8_t required;
};

struct sk_resident_key;

uint32_t sk_api_version(void);
int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application,
              uint8_t flags, const char *pin, struct sk_option **options,
              struct sk_enroll_response **enroll_response);
int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application,
            const uint8_t *key_handle, size_t key_handle_len, uint8_t flags, const char *pin,
            struct sk_option **options, struct sk_sign_response **sign_response);
int sk_load_resident_keys(const char *pin, struct sk_option **options, struct sk_resident_key ***rks,
                          size_t *nrks);

EXPORTED uint32_t sk_api_version(void)
{
    return API_VERSION;
}

static EVP_PKEY *generate(uint32_t algorithm)
{
    return algorithm == ALGORITHM_ECDSA ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

/* Takes the two halves out of a new key. */
static bool take_halves(EVP_PKEY *pkey, uint32_t algorithm, uint8_t secret[SECRET_SIZE],
                        uint8_t public_key[POINT_SIZE], size_t *public_length)
{
    size_t secret_length = SECRET_SIZE;
    *public_length = POINT_SIZE;
    if (algorithm == ALGORITHM_ED25519)
        return EVP_PKEY_get_raw_private_key(pkey, secret, &secret_length) == 1 &&
               EVP_PKEY_get_raw_public_key(pkey, public_key, public_length) == 1;
    BIGNUM *number = NULL;
    bool ok = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
              BN_bn2binpad(number, secret, SECRET_SIZE) == SECRET_SIZE &&
              EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, public_key,
                                              POINT_SIZE, public_length) == 1;
    BN_clear_free(number);
    return ok;
}

static void free_enrolment(struct sk_enroll_response *response)
{
    if (response == NULL)
        return;
    free(response->attestation_cert);
    free(response->authdata);
    free(response->public_key);
    free(response->key_handle);
    free(response->signature);
    free(response);
}

/* Bytes as they grow. There is room for any key of ours. */
struct bytes {
    uint8_t data[512];
    size_t used;
};

static void append(struct bytes *bytes, const void *data, size_t length)
{
    memcpy(bytes->data + bytes->used, data, length);
    bytes->used += length;
}

/* The public key in COSE's form (CTAP 2.1 section 6). */
static void append_key(struct bytes *bytes, uint32_t algorithm, const uint8_t *public_key)
{
    if (algorithm == ALGORITHM_ED25519) {
        append(bytes, "\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20", 10);
        append(bytes, public_key, SECRET_SIZE);
        return;
    }
    append(bytes, "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", 10);
    append(bytes, public_key + 1, SECRET_SIZE);
    append(bytes, "\x22\x58\x20", 3);
    append(bytes, public_key + 1 + SECRET_SIZE, SECRET_SIZE);
}

/* Authenticator data with the new credential (WebAuthn Level 2 section 6.1). A key that always verifies its
 * user says credProtect 3, as OpenSSH asks of it. */
static void append_data(struct bytes *bytes, uint32_t algorithm, const char *application, uint8_t flags,
                        const struct sk_enroll_response *response)
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    bool verified = (flags & USER_VERIFIED) != 0;
    const uint8_t head[] = {
        (uint8_t)(USER_PRESENT | CREDENTIAL | (verified ? USER_VERIFIED | EXTENSIONS : 0)), 0, 0, 0, 0};
    (void)SHA256((const uint8_t *)application, strlen(application), hash);
    append(bytes, hash, sizeof hash);
    append(bytes, head, sizeof head);
    append(bytes, attestation_aaguid, sizeof attestation_aaguid);
    append(bytes, (const uint8_t[]){0, HANDLE_SIZE}, 2);
    append(bytes, response->key_handle, HANDLE_SIZE);
    append_key(bytes, algorithm, response->public_key);
    if (verified)
        append(bytes,
               "\xa1\x6b"
               "credProtect\x03",
               14);
}

/* The signature of the device's key over the data and the hash of the challenge. */
static uint8_t *attestation_signature(const struct bytes *data, const uint8_t *challenge, size_t length,
                                      size_t *signature_length)
{
    struct bytes message = *data;
    uint8_t hash[SHA256_DIGEST_LENGTH];
    const uint8_t *at = attestation_key;
    uint8_t *signature = malloc(DER_SIZE);
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &at, (long)sizeof attestation_key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    (void)SHA256(challenge, length, hash);
    append(&message, hash, sizeof hash);
    *signature_length = DER_SIZE;
    if (signature == NULL || pkey == NULL || context == NULL ||
        EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, pkey, NULL) != 1 ||
        EVP_DigestSign(context, signature, signature_length, message.data, message.used) != 1) {
        free(signature);
        signature = NULL;
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    return signature;
}

static void *copy_of(const void *data, size_t length)
{
    void *copy = malloc(length);
    return copy == NULL ? NULL : memcpy(copy, data, length);
}

/* OpenSSH wants the data as a CBOR byte string: one of 24 to 255 bytes. */
static bool attest(uint32_t algorithm, const uint8_t *challenge, size_t challenge_length,
                   const char *application, uint8_t flags, struct sk_enroll_response *response)
{
    struct bytes data = {.used = 0};
    struct bytes wrapped = {.used = 0};
    append_data(&data, algorithm, application, flags, response);
    append(&wrapped, (const uint8_t[]){0x58, (uint8_t)data.used}, 2);
    append(&wrapped, data.data, data.used);
    response->signature = attestation_signature(&data, challenge, challenge_length, &response->signature_len);
    response->attestation_cert = copy_of(attestation_certificate, sizeof attestation_certificate);
    response->attestation_cert_len = sizeof attestation_certificate;
    response->authdata = copy_of(wrapped.data, wrapped.used);
    response->authdata_len = wrapped.used;
    return response->signature != NULL && response->attestation_cert != NULL && response->authdata != NULL;
}

EXPORTED int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application,
                       uint8_t flags, const char *pin, struct sk_option **options,
                       struct sk_enroll_response **enroll_response)
{
    (void)pin, (void)options;
    *enroll_response = NULL;
    if (alg != ALGORITHM_ECDSA && alg != ALGORITHM_ED25519)
        return ERROR_UNSUPPORTED;
    struct sk_enroll_response *response = calloc(1, sizeof *response);
    EVP_PKEY *pkey = generate(alg);
    bool ok = response != NULL && pkey != NULL;
    if (ok) {
        response->flags = flags;
        response->public_key = malloc(POINT_SIZE);
        response->key_handle = malloc(HANDLE_SIZE);
        ok = response->public_key != NULL && response->key_handle != NULL;
    }
    if (ok) {
        memcpy(response->key_handle, handle_magic, MAGIC_SIZE);
        response->key_handle[MAGIC_SIZE] = (uint8_t)alg;
        response->key_handle_len = HANDLE_SIZE;
        ok = take_halves(pkey, alg, response->key_handle + MAGIC_SIZE + 1, response->public_key,
                         &response->public_key_len) &&
             attest(alg, challenge, challenge_len, application, flags, response);
    }
    EVP_PKEY_free(pkey);
    if (!ok) {
        free_enrolment(response);
        return ERROR_GENERAL;
    }
    *enroll_response = response;
    return 0;
}

/* The P-256 key with this private number. */
static EVP_PKEY *ecdsa_key(const uint8_t secret[SECRET_SIZE])
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    BIGNUM *number = BN_bin2bn(secret, SECRET_SIZE, NULL);
    if (builder != NULL && number != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1)
        params = OSSL_PARAM_BLD_to_param(builder);
    if (params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
        pkey = NULL;
    BN_clear_free(number);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    return pkey;
}

/* Splits a DER signature into the two numbers of the response. */
static bool split_ecdsa(const uint8_t *der, size_t length, struct sk_sign_response *response)
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)length);
    response->sig_r = malloc(SECRET_SIZE);
    response->sig_s = malloc(SECRET_SIZE);
    bool ok = signature != NULL && response->sig_r != NULL && response->sig_s != NULL &&
              BN_bn2binpad(ECDSA_SIG_get0_r(signature), response->sig_r, SECRET_SIZE) == SECRET_SIZE &&
              BN_bn2binpad(ECDSA_SIG_get0_s(signature), response->sig_s, SECRET_SIZE) == SECRET_SIZE;
    response->sig_r_len = response->sig_s_len = SECRET_SIZE;
    ECDSA_SIG_free(signature);
    return ok;
}

/* Signs what an authenticator signs: SHA-256(application), flags, counter, SHA-256(data). */
static bool sign(uint32_t algorithm, const uint8_t *secret, const uint8_t *message, size_t length,
                 struct sk_sign_response *response)
{
    uint8_t signature[80];
    size_t signature_length = sizeof signature;
    bool ed25519 = algorithm == ALGORITHM_ED25519;
    EVP_PKEY *pkey = ed25519 ? EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, secret, SECRET_SIZE)
                             : ecdsa_key(secret);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = pkey != NULL && context != NULL &&
              EVP_DigestSignInit_ex(context, NULL, ed25519 ? NULL : "SHA256", NULL, NULL, pkey, NULL) == 1 &&
              EVP_DigestSign(context, signature, &signature_length, message, length) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    if (!ok || !ed25519)
        return ok && split_ecdsa(signature, signature_length, response);
    response->sig_r = malloc(SIGNATURE_SIZE);
    if (response->sig_r == NULL)
        return false;
    memcpy(response->sig_r, signature, SIGNATURE_SIZE);
    response->sig_r_len = SIGNATURE_SIZE;
    return true;
}

static uint8_t signature_flags(uint8_t asked)
{
    const char *forced = getenv("TG_TEST_SK_FLAGS");
    if (forced != NULL)
        return (uint8_t)strtoul(forced, NULL, 0);
    return USER_PRESENT | ((asked & USER_VERIFIED) != 0 ? USER_VERIFIED : 0);
}

EXPORTED int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application,
                     const uint8_t *key_handle, size_t key_handle_len, uint8_t flags, const char *pin,
                     struct sk_option **options, struct sk_sign_response **sign_response)
{
    (void)pin, (void)options;
    uint8_t message[2 * SHA256_DIGEST_LENGTH + 5];
    *sign_response = NULL;
    if (key_handle_len != HANDLE_SIZE || memcmp(key_handle, handle_magic, MAGIC_SIZE) != 0 ||
        key_handle[MAGIC_SIZE] != alg)
        return ERROR_UNSUPPORTED;
    struct sk_sign_response *response = calloc(1, sizeof *response);
    if (response == NULL)
        return ERROR_GENERAL;
    response->flags = signature_flags(flags);
    response->counter = (uint32_t)time(NULL); /* it grows, and nothing need be stored */
    (void)SHA256((const uint8_t *)application, strlen(application), message);
    message[SHA256_DIGEST_LENGTH] = response->flags;
    for (int i = 0; i < 4; i++)
        message[SHA256_DIGEST_LENGTH + 1 + i] = (uint8_t)(response->counter >> (24 - 8 * i));
    (void)SHA256(data, data_len, message + SHA256_DIGEST_LENGTH + 5);
    if (!sign(alg, key_handle + MAGIC_SIZE + 1, message, sizeof message, response)) {
        free(response->sig_r);
        free(response->sig_s);
        free(response);
        return ERROR_GENERAL;
    }
    *sign_response = response;
    return 0;
}

EXPORTED int sk_load_resident_keys(const char *pin, struct sk_option **options, struct sk_resident_key ***rks,
                                   size_t *nrks)
{
    (void)pin, (void)options;
    *rks = NULL;
    *nrks = 0; /* nothing is stored */
    return 0;
}
