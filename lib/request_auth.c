/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/request_auth.h"

#include "lib/base64.h"
#include "lib/canonical_json.h"
#include "lib/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char scheme[] = "SSHSIG ";

enum { NONCE_BYTES = 16, TIME_DIGITS_MAX = 15 };

/* The three parameters of a header. */
struct parameters {
    int64_t time;
    char nonce[TG_REQUEST_NONCE_SIZE];
    struct tg_bytes signature; /* base64 */
};

/* The message that is signed, in canonical form, malloc'ed. Fails for what JSON cannot carry. */
static int make_message(const struct tg_request *request, int64_t now, const char *nonce, char **text,
                        size_t *length)
{
    char digest[TG_DIGEST_SIZE];
    *text = NULL;
    *length = 0;
    if (!tg_digest(request->body.length == 0 ? tg_bytes_of_text("") : request->body, digest))
        return -1;
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "authority", request->authority, "body", digest, "method",
                  request->method, "nonce", nonce, "target", request->target, "time", (json_int_t)now);
    int result = object == NULL ? -1 : tg_canonical_json_write(object, text, length);
    json_decref(object);
    return result;
}

static int new_nonce(char out[TG_REQUEST_NONCE_SIZE], struct tg_error *error)
{
    uint8_t bytes[NONCE_BYTES];
    char text[32]; /* tg_base64_encode() wants room for padding */
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes ||
        !tg_base64_encode(TG_BASE64URL, tg_bytes_of(bytes, sizeof bytes), text, sizeof text))
        return tg_fail(error, TG_internal_error, "getrandom: %s", strerror(errno));
    memcpy(out, text, TG_REQUEST_NONCE_SIZE);
    return 0;
}

static int make_header(int64_t now, const char *nonce, struct tg_bytes blob, char **header)
{
    size_t base64_size = tg_base64_encoded_size(blob.length);
    size_t size = base64_size + 96;
    char *base64 = malloc(base64_size);
    *header = malloc(size);
    int length = -1;
    if (base64 != NULL && *header != NULL && tg_base64_encode(TG_BASE64, blob, base64, base64_size))
        length =
            snprintf(*header, size, "%stime=%" PRId64 ",nonce=%s,signature=%s", scheme, now, nonce, base64);
    free(base64);
    if (length > 0 && (size_t)length < size)
        return 0;
    free(*header);
    *header = NULL;
    return -1;
}

int tg_request_sign(const struct tg_request *request, struct tg_signer *signer, int64_t now, char **header,
                    struct tg_error *error)
{
    char nonce[TG_REQUEST_NONCE_SIZE];
    char *message = NULL;
    uint8_t *blob = NULL;
    size_t message_length;
    size_t blob_length;
    int result = -1;
    *header = NULL;
    if (new_nonce(nonce, error) != 0)
        return -1;
    if (make_message(request, now, nonce, &message, &message_length) != 0)
        (void)tg_fail(error, TG_request_malformed, "the request's method, host or path is not plain text");
    else if (tg_signer_sign(signer, TG_NAMESPACE_REQUEST, tg_bytes_of(message, message_length), &blob,
                            &blob_length, error) == 0)
        result = make_header(now, nonce, tg_bytes_of(blob, blob_length), header);
    if (blob != NULL && result != 0)
        (void)tg_fail(error, TG_internal_error, "out of memory");
    free(blob);
    free(message);
    return result;
}

/* Takes "NAME=" off the beginning of *at, then the value up to a comma or the end, and the comma. */
static bool take_parameter(const char **at, const char *name, struct tg_bytes *value)
{
    size_t length = strlen(name);
    if (strncmp(*at, name, length) != 0 || (*at)[length] != '=')
        return false;
    const char *start = *at + length + 1;
    size_t value_length = strcspn(start, ",");
    *value = tg_bytes_of(start, value_length);
    *at = start + value_length;
    if (**at == ',')
        (*at)++;
    return value_length > 0;
}

static bool parse_time(struct tg_bytes digits, int64_t *time)
{
    *time = 0;
    if (digits.length > TIME_DIGITS_MAX || (digits.length > 1 && digits.data[0] == '0'))
        return false;
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return false;
        *time = *time * 10 + (digits.data[i] - '0');
    }
    return true;
}

static bool parse_nonce(struct tg_bytes text, char nonce[TG_REQUEST_NONCE_SIZE])
{
    uint8_t bytes[NONCE_BYTES];
    size_t used;
    if (text.length != TG_REQUEST_NONCE_SIZE - 1 ||
        !tg_base64_decode(TG_BASE64URL, text, bytes, sizeof bytes, &used))
        return false;
    memcpy(nonce, text.data, text.length);
    nonce[text.length] = '\0';
    return used == NONCE_BYTES;
}

static int parse_header(const char *header, struct parameters *out, struct tg_error *error)
{
    struct tg_bytes time;
    struct tg_bytes nonce;
    const char *at = header + sizeof scheme - 1;
    if (strncmp(header, scheme, sizeof scheme - 1) != 0)
        return tg_fail(error, TG_request_unsigned, "no Authorization: SSHSIG ... in the request");
    if (!take_parameter(&at, "time", &time) || !take_parameter(&at, "nonce", &nonce) ||
        !take_parameter(&at, "signature", &out->signature) || *at != '\0' ||
        out->signature.data + out->signature.length != (const uint8_t *)at)
        return tg_fail(error, TG_request_malformed,
                       "Authorization: must be SSHSIG time=...,nonce=...,signature=...");
    if (!parse_time(time, &out->time) || !parse_nonce(nonce, out->nonce))
        return tg_fail(error, TG_request_malformed,
                       "Authorization: time is a number, nonce 22 base64url characters");
    return 0;
}

/* Verifies the blob by the key inside it. */
static int verify_blob(struct tg_bytes blob, struct tg_bytes message, struct tg_public_key **key,
                       struct tg_error *error)
{
    static const struct tg_sshsig_demands touch_only = {0};
    struct tg_error why;
    if (tg_sshsig_signer(blob, key, &why) == 0 &&
        tg_sshsig_verify(blob, TG_NAMESPACE_REQUEST, message, *key, &touch_only, NULL, &why) == 0)
        return 0;
    tg_public_key_free(*key);
    *key = NULL;
    return tg_fail(error, TG_request_signature, "the request's signature: %s", why.text);
}

static int verify_parameters(const struct tg_request *request, const struct parameters *parameters,
                             struct tg_public_key **key, struct tg_error *error)
{
    char *message = NULL;
    uint8_t *blob = NULL;
    size_t message_length;
    size_t blob_length;
    int result = -1;
    if (parameters->signature.length > 2 * TG_SSHSIG_MAX)
        return tg_fail(error, TG_request_malformed, "Authorization: the signature is too long");
    size_t size = tg_base64_decoded_max(parameters->signature.length);
    blob = malloc(size);
    if (blob == NULL)
        (void)tg_fail(error, TG_internal_error, "out of memory");
    else if (!tg_base64_decode(TG_BASE64, parameters->signature, blob, size, &blob_length))
        (void)tg_fail(error, TG_request_malformed, "Authorization: the signature is not base64");
    else if (make_message(request, parameters->time, parameters->nonce, &message, &message_length) != 0)
        (void)tg_fail(error, TG_request_malformed, "the request's method, host or path is not plain text");
    else
        result =
            verify_blob(tg_bytes_of(blob, blob_length), tg_bytes_of(message, message_length), key, error);
    free(message);
    free(blob);
    return result;
}

int tg_request_verify(const struct tg_request *request, const char *header, int64_t now,
                      struct tg_request_proof *proof, struct tg_error *error)
{
    struct parameters parameters;
    *proof = (struct tg_request_proof){0};
    if (parse_header(header, &parameters, error) != 0)
        return -1;
    int64_t skew = now > parameters.time ? now - parameters.time : parameters.time - now;
    if (skew > TG_REQUEST_TIME_SKEW)
        return tg_fail(error, TG_request_time,
                       "the request was made %" PRId64 " seconds %s the service's time", skew,
                       now > parameters.time ? "before" : "after");
    if (verify_parameters(request, &parameters, &proof->key, error) != 0)
        return -1;
    proof->time = parameters.time;
    memcpy(proof->nonce, parameters.nonce, sizeof proof->nonce);
    return 0;
}
