/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/public_key.h"

#include "lib/base64.h"
#include "lib/ed25519_point.h"
#include "lib/key_parts.h"
#include "lib/mpint.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>

/* What a type's blob looks like. */
struct key_form {
    const char *name;
    const char *curve;  /* SSH's name of the curve; NULL for types without one */
    const char *group;  /* OpenSSL's */
    size_t point_size;  /* of the material; 0 for RSA */
    size_t field_count; /* strings after the type */
    bool security_key;
};

static const struct key_form forms[] = {
    [TG_KEY_ED25519] = {"ssh-ed25519", NULL, NULL, 32, 1, false},
    [TG_KEY_ECDSA_P256] = {"ecdsa-sha2-nistp256", "nistp256", "P-256", 65, 2, false},
    [TG_KEY_ECDSA_P384] = {"ecdsa-sha2-nistp384", "nistp384", "P-384", 97, 2, false},
    [TG_KEY_ECDSA_P521] = {"ecdsa-sha2-nistp521", "nistp521", "P-521", 133, 2, false},
    [TG_KEY_RSA] = {"ssh-rsa", NULL, NULL, 0, 2, false},
    [TG_KEY_SK_ED25519] = {"sk-ssh-ed25519@openssh.com", NULL, NULL, 32, 2, true},
    [TG_KEY_SK_ECDSA_P256] = {"sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", "P-256", 65, 3, true},
};

enum { FORM_COUNT = sizeof forms / sizeof forms[0], RSA_EXPONENT_SIZE_MAX = 8, SEC1_UNCOMPRESSED = 4 };

/* A key with the bytes it points into: the blob, then the application as a C string. */
struct held_key {
    struct tg_public_key key;
    uint8_t storage[];
};

const char *tg_key_type_name(enum tg_key_type type)
{
    return forms[type].name;
}

bool tg_key_type_is_security_key(enum tg_key_type type)
{
    return forms[type].security_key;
}

size_t tg_key_type_field_count(enum tg_key_type type)
{
    return forms[type].field_count;
}

const char *tg_key_type_group(enum tg_key_type type)
{
    return forms[type].group;
}

bool tg_key_type_from_name(struct tg_bytes name, enum tg_key_type *type)
{
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (tg_bytes_equal_text(name, forms[i].name)) {
            *type = (enum tg_key_type)i;
            return true;
        }
    }
    return false;
}

void tg_fingerprint(struct tg_bytes blob, char out[TG_FINGERPRINT_SIZE])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char text[sizeof "SHA256:" + 44];
    memcpy(out, "SHA256:", sizeof "SHA256:");
    (void)SHA256(blob.data, blob.length, digest);
    /* ssh-keygen leaves out the padding, of which 32 bytes always have one character. */
    if (tg_base64_encode(TG_BASE64, tg_bytes_of(digest, sizeof digest), text, sizeof text)) {
        memcpy(out + 7, text, 43);
        out[TG_FINGERPRINT_SIZE - 1] = '\0';
    }
}

static EVP_PKEY *evp_from_params(const char *algorithm, OSSL_PARAM *params)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
    if (context != NULL && params != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    return pkey;
}

static EVP_PKEY *evp_from_point(const char *group, struct tg_bytes point)
{
    /* OpenSSL's parameters have no const, but it only reads these. */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point.data, point.length),
        OSSL_PARAM_construct_end(),
    };
    return evp_from_params("EC", params);
}

static EVP_PKEY *evp_from_rsa(struct tg_bytes e_bytes, struct tg_bytes n_bytes)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *e = BN_bin2bn(e_bytes.data, (int)e_bytes.length, NULL);
    BIGNUM *n = BN_bin2bn(n_bytes.data, (int)n_bytes.length, NULL);
    if (builder == NULL || e == NULL || n == NULL ||
        !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) ||
        !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n))
        goto out;
    params = OSSL_PARAM_BLD_to_param(builder);
    pkey = evp_from_params("RSA", params);
out:
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(e);
    BN_free(n);
    return pkey;
}

EVP_PKEY *tg_public_key_to_evp(const struct tg_public_key *key)
{
    const struct key_form *form = &forms[key->type];
    if (key->type == TG_KEY_RSA)
        return evp_from_rsa(key->rsa_e, key->rsa_n);
    if (form->group != NULL)
        return evp_from_point(form->group, key->material);
    return EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, key->material.data, key->material.length);
}

/* Reads what follows the type. The application's text goes to `application`, which has room for it. */
static bool read_fields(struct tg_reader *reader, const struct key_form *form, struct tg_public_key *key,
                        char *application, size_t application_size)
{
    struct tg_bytes curve;
    if (key->type == TG_KEY_RSA)
        return tg_read_mpint(reader, &key->rsa_e) && tg_read_mpint(reader, &key->rsa_n) &&
               tg_read_end(reader);
    if (form->curve != NULL && (!tg_read_string(reader, &curve) || !tg_bytes_equal_text(curve, form->curve)))
        return false;
    if (!tg_read_string(reader, &key->material) || key->material.length != form->point_size)
        return false;
    if (form->security_key) {
        if (!tg_read_text(reader, application, application_size) || application[0] == '\0')
            return false;
        key->application = application;
    }
    return tg_read_end(reader);
}

static int check_rsa(const struct tg_public_key *key, struct tg_error *error)
{
    size_t bits = 8 * key->rsa_n.length;
    for (uint8_t top = key->rsa_n.data[0]; (top & 0x80) == 0; top = (uint8_t)(top << 1))
        bits--;
    if (bits < TG_RSA_BITS_MIN || bits > TG_RSA_BITS_MAX)
        return tg_fail(error, TG_approver_unknown, "RSA key of %zu bits: must have %d to %d", bits,
                       TG_RSA_BITS_MIN, TG_RSA_BITS_MAX);
    if ((key->rsa_n.data[key->rsa_n.length - 1] & 1) == 0)
        return tg_fail(error, TG_approver_unknown, "RSA key: its modulus is even");
    if (key->rsa_e.length > RSA_EXPONENT_SIZE_MAX || (key->rsa_e.data[key->rsa_e.length - 1] & 1) == 0 ||
        (key->rsa_e.length == 1 && key->rsa_e.data[0] < 3))
        return tg_fail(error, TG_approver_unknown, "RSA key: its exponent must be odd, 3 to 2^64");
    return 0;
}

static int check_ecdsa(const struct tg_public_key *key, struct tg_error *error)
{
    EVP_PKEY_CTX *context = NULL;
    EVP_PKEY *pkey = key->material.data[0] == SEC1_UNCOMPRESSED ? tg_public_key_to_evp(key) : NULL;
    if (pkey != NULL)
        context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool sound = context != NULL && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(pkey);
    if (!sound)
        return tg_fail(error, TG_approver_unknown, "%s key: not an uncompressed point of its curve",
                       forms[key->type].name);
    return 0;
}

static int check_material(const struct tg_public_key *key, struct tg_error *error)
{
    if (key->type == TG_KEY_RSA)
        return check_rsa(key, error);
    if (forms[key->type].group != NULL)
        return check_ecdsa(key, error);
    if (!tg_ed25519_point_is_sound(key->material))
        return tg_fail(error, TG_approver_unknown, "%s key: a small-order or badly encoded point",
                       forms[key->type].name);
    return 0;
}

/* Fills in `held`, whose storage already has the blob. */
static int parse_held(struct held_key *held, size_t length, struct tg_error *error)
{
    struct tg_public_key *key = &held->key;
    struct tg_bytes name;
    key->blob = tg_bytes_of(held->storage, length);
    struct tg_reader reader = tg_reader_of(key->blob);
    if (!tg_read_string(&reader, &name))
        return tg_fail(error, TG_approver_unknown, "not an SSH public key");
    if (!tg_key_type_from_name(name, &key->type))
        return tg_fail(error, TG_approver_unknown, "key type '%.*s' is not one that Tegata takes",
                       (int)(name.length > 64 ? 64 : name.length), (const char *)name.data);
    if (!read_fields(&reader, &forms[key->type], key, (char *)held->storage + length, length + 1))
        return tg_fail(error, TG_approver_unknown, "%s key: its fields are not well-formed",
                       forms[key->type].name);
    if (check_material(key, error) != 0)
        return -1;
    tg_fingerprint(key->blob, key->fingerprint);
    return 0;
}

int tg_public_key_parse(struct tg_bytes blob, struct tg_public_key **out, struct tg_error *error)
{
    *out = NULL;
    if (blob.length == 0 || blob.length > TG_PUBLIC_KEY_BLOB_MAX)
        return tg_fail(error, TG_approver_unknown, "key of %zu bytes: must have 1 to %d", blob.length,
                       TG_PUBLIC_KEY_BLOB_MAX);
    struct held_key *held = calloc(1, sizeof *held + 2 * blob.length + 1);
    if (held == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    memcpy(held->storage, blob.data, blob.length);
    if (parse_held(held, blob.length, error) != 0) {
        free(held);
        return -1;
    }
    *out = &held->key;
    return 0;
}

/* Takes the next word, up to a blank or the end of the line, off *line. */
static struct tg_bytes next_word(const char **line)
{
    *line += strspn(*line, " \t");
    size_t length = strcspn(*line, " \t\r\n");
    struct tg_bytes word = tg_bytes_of(*line, length);
    *line += length;
    return word;
}

int tg_key_line_decode(const char *line, size_t max, enum tg_reason reason, const char *what, uint8_t **blob,
                       size_t *length, struct tg_error *error)
{
    struct tg_bytes inner;
    *blob = NULL;
    *length = 0;
    size_t line_end = strcspn(line, "\n");
    if (line[line_end] == '\n' && line[line_end + 1] != '\0')
        return tg_fail(error, reason, "%s: more than one line", what);
    struct tg_bytes type = next_word(&line);
    struct tg_bytes base64 = next_word(&line);
    if (type.length == 0 || base64.length == 0 || tg_base64_decoded_max(base64.length) > max + 3)
        return tg_fail(error, reason, "%s: not a line of the form TYPE BASE64 [COMMENT]", what);
    size_t size = tg_base64_decoded_max(base64.length);
    *blob = malloc(size);
    if (*blob == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    if (tg_base64_decode(TG_BASE64, base64, *blob, size, length)) {
        struct tg_reader reader = tg_reader_of(tg_bytes_of(*blob, *length));
        if (tg_read_string(&reader, &inner) && tg_bytes_equal(inner, type))
            return 0;
    }
    free(*blob);
    *blob = NULL;
    *length = 0;
    return tg_fail(error, reason, "%s: not base64, or of another type than the line says", what);
}

int tg_public_key_parse_line(const char *line, struct tg_public_key **out, struct tg_error *error)
{
    uint8_t *blob;
    size_t length;
    *out = NULL;
    if (tg_key_line_decode(line, TG_PUBLIC_KEY_BLOB_MAX, TG_approver_unknown, "public key", &blob, &length,
                           error) != 0)
        return -1;
    int result = tg_public_key_parse(tg_bytes_of(blob, length), out, error);
    free(blob);
    return result;
}

char *tg_public_key_line(const struct tg_public_key *key)
{
    size_t size = tg_base64_encoded_size(key->blob.length);
    char *encoded = malloc(size);
    char *line = NULL;
    if (encoded != NULL && tg_base64_encode(TG_BASE64, key->blob, encoded, size) &&
        asprintf(&line, "%s %s", tg_key_type_name(key->type), encoded) < 0)
        line = NULL;
    free(encoded);
    return line;
}

bool tg_public_key_is_among(const struct tg_public_key *key, struct tg_public_key *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (tg_bytes_equal(keys[i]->blob, key->blob))
            return true;
    }
    return false;
}

void tg_public_key_free(struct tg_public_key *key)
{
    /* `key` is the first member of a struct held_key. */
    free(key);
}
