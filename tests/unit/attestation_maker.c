/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/attestation_maker.h"

#include "lib/base64.h"
#include "tests/unit/crypto_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const int64_t made_at = 1800000000; /* in January 2027 */

enum {
    YEAR = 31536000,
    ID_MAX = 2048,
    FLAG_EXTENSIONS = 0x80,
    CBOR_BYTES = 2,
    CBOR_TEXT = 3,
    CBOR_ARRAY = 4,
    CBOR_MAP = 5
};

struct maker {
    EVP_PKEY *root_key, *stranger_key, *intermediate_key;
    X509 *root, *stranger, *intermediate;
    EVP_PKEY *device_key;
    X509 *device; /* of what was made last */
    EVP_PKEY *credential;
};

struct recipe recipe_default(void)
{
    struct recipe recipe = {
        .rp_id = "approve.example.test",
        .flags = 0x45, /* UP, UV, AT */
        .aaguid = "AAGUID-OF-A-TEST",
        .id_length = 32,
        .format = "packed",
        .algorithm = -7,
        .version = 2,
        .unit = "Authenticator Attestation",
        .country = true,
        .basic_constraints = true,
        .extension_aaguid = "AAGUID-OF-A-TEST",
        .not_after = made_at + YEAR,
    };
    return recipe;
}

/* --- Certificates -------------------------------------------------------- */

static void name_entry(X509_NAME *name, const char *field, const char *value)
{
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC, (const unsigned char *)value, -1, -1, 0), 1);
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *new_certificate(EVP_PKEY *key, const char *common_name)
{
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(made_at - YEAR));
    ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(made_at + 2 * YEAR));
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    name_entry(name, "O", "Tests");
    name_entry(name, "CN", common_name);
    return certificate;
}

static X509 *new_authority(EVP_PKEY *key, const char *common_name, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *certificate = new_certificate(key, common_name);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer != NULL ? issuer : certificate));
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, NID_key_usage, "critical,keyCertSign");
    assert_true(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
    return certificate;
}

static void add_aaguid(X509 *certificate, const struct recipe *recipe)
{
    uint8_t value[18] = {0x04, (uint8_t)(recipe->extension_short ? 0x0f : 0x10)};
    memcpy(value + 2, recipe->extension_aaguid, 16);
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.45724.1.1.4", 1);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(octets, value, recipe->extension_short ? 17 : 18), 1);
    X509_EXTENSION *extension =
        X509_EXTENSION_create_by_OBJ(NULL, oid, recipe->extension_critical ? 1 : 0, octets);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    if (recipe->extension_twice)
        assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(oid);
}

static void make_device(struct maker *maker, const struct recipe *recipe)
{
    EVP_PKEY_free(maker->device_key);
    X509_free(maker->device);
    maker->device_key = EVP_EC_gen(recipe->big_curve ? "P-384" : "P-256");
    X509 *certificate = maker->device = new_certificate(maker->device_key, "A device");
    X509 *issuer = recipe->stranger       ? maker->stranger
                   : recipe->intermediate ? maker->intermediate
                                          : maker->root;
    EVP_PKEY *issuer_key = recipe->stranger       ? maker->stranger_key
                           : recipe->intermediate ? maker->intermediate_key
                                                  : maker->root_key;
    X509_NAME *name = X509_get_subject_name(certificate);
    if (recipe->unit != NULL)
        name_entry(name, "OU", recipe->unit);
    if (recipe->country)
        name_entry(name, "C", "JP");
    ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)recipe->not_after);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    if (recipe->version > 0) { /* X.509 version 1 has no extensions */
        if (recipe->basic_constraints)
            add_extension(certificate, NID_basic_constraints,
                          recipe->authority ? "critical,CA:TRUE" : "CA:FALSE");
        if (!recipe->extension_missing)
            add_aaguid(certificate, recipe);
    }
    X509_set_version(certificate, recipe->version);
    assert_true(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
}

static void write_pem(const char *path, X509 *certificate)
{
    FILE *stream = fopen(path, "we");
    assert_non_null(stream);
    assert_int_equal(PEM_write_X509(stream, certificate), 1);
    (void)fclose(stream);
    assert_int_equal(chmod(path, 0644), 0);
}

void write_made_certificate(const struct maker *maker, const char *path)
{
    write_pem(path, maker->device);
}

void write_made_intermediate(const struct maker *maker, const char *path)
{
    write_pem(path, maker->intermediate);
}

struct maker *maker_new(const char *folder)
{
    static const char models[] = "# models\n\n41414755-4944-2d4f-462d-412d54455354 A key of the tests\n"
                                 "00000000-0000-0000-0000-000000000000 A U2F key\n";
    char path[1024];
    struct maker *maker = calloc(1, sizeof *maker);
    assert_non_null(maker);
    maker->root_key = EVP_EC_gen("P-256");
    maker->stranger_key = EVP_EC_gen("P-256");
    maker->intermediate_key = EVP_EC_gen("P-256");
    maker->root = new_authority(maker->root_key, "Root", NULL, maker->root_key);
    maker->stranger = new_authority(maker->stranger_key, "Root", NULL, maker->stranger_key);
    maker->intermediate = new_authority(maker->intermediate_key, "Between", maker->root, maker->root_key);
    (void)snprintf(path, sizeof path, "%s/trust", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/trust/roots", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/trust/roots/root.pem", folder);
    write_pem(path, maker->root);
    (void)snprintf(path, sizeof path, "%s/trust/aaguids", folder);
    write_file(path, tg_bytes_of_text(models), 0644);
    return maker;
}

void maker_free(struct maker *maker)
{
    EVP_PKEY_free(maker->root_key);
    EVP_PKEY_free(maker->stranger_key);
    EVP_PKEY_free(maker->intermediate_key);
    X509_free(maker->root);
    X509_free(maker->stranger);
    X509_free(maker->intermediate);
    EVP_PKEY_free(maker->device_key);
    X509_free(maker->device);
    EVP_PKEY_free(maker->credential);
    free(maker);
}

/* --- Authenticator data -------------------------------------------------- */

static void put_head(struct tg_writer *writer, unsigned major, size_t number)
{
    if (number < 24) {
        tg_write_u8(writer, (uint8_t)(major << 5 | number));
    } else if (number < 256) {
        tg_write_u8(writer, (uint8_t)(major << 5 | 24));
        tg_write_u8(writer, (uint8_t)number);
    } else {
        tg_write_u8(writer, (uint8_t)(major << 5 | 25));
        tg_write_u8(writer, (uint8_t)(number >> 8));
        tg_write_u8(writer, (uint8_t)number);
    }
}

static void put_string(struct tg_writer *writer, unsigned major, struct tg_bytes bytes)
{
    put_head(writer, major, bytes.length);
    tg_write_bytes(writer, bytes);
}

static void put_text(struct tg_writer *writer, const char *text)
{
    put_string(writer, CBOR_TEXT, tg_bytes_of_text(text));
}

/* 32 bytes Ed25519, or 04 || x || y. */
static size_t credential_point(const struct maker *maker, const struct recipe *recipe, uint8_t out[65])
{
    size_t length = 65;
    if (recipe->ed25519)
        assert_int_equal(EVP_PKEY_get_raw_public_key(maker->credential, out, &length), 1);
    else
        assert_int_equal(EVP_PKEY_get_octet_string_param(
                             maker->credential, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, out, 65, &length),
                         1);
    if (recipe->off_curve)
        out[length - 1] ^= 1;
    return length;
}

static void put_key(struct tg_writer *writer, const struct maker *maker, const struct recipe *recipe)
{
    uint8_t point[65];
    (void)credential_point(maker, recipe, point);
    if (recipe->ed25519) {
        tg_write_bytes(writer, tg_bytes_of("\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20", 10));
        tg_write_bytes(writer, tg_bytes_of(point, 32));
        return;
    }
    tg_write_bytes(writer, tg_bytes_of("\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", 10));
    tg_write_bytes(writer, tg_bytes_of(point + 1, 32));
    tg_write_bytes(writer, tg_bytes_of("\x22\x58\x20", 3));
    tg_write_bytes(writer, tg_bytes_of(point + 33, 32));
}

static void put_extensions(struct tg_writer *writer, const struct recipe *recipe)
{
    put_head(writer, CBOR_MAP, (recipe->protection != 0 ? 1U : 0) + (recipe->extension != NULL ? 1U : 0));
    if (recipe->protection != 0) {
        put_text(writer, "credProtect");
        put_head(writer, 0, recipe->protection);
    }
    if (recipe->extension != NULL) {
        put_text(writer, recipe->extension);
        tg_write_u8(writer, 0xf5); /* true */
    }
}

static size_t make_data(struct maker *maker, const struct recipe *recipe, uint8_t out[MADE_MAX])
{
    static const uint8_t id[ID_MAX] = "a credential id";
    uint8_t hash[SHA256_DIGEST_LENGTH];
    bool extensions = recipe->protection != 0 || recipe->extension != NULL;
    struct tg_writer writer = tg_writer_of(out, MADE_MAX);
    EVP_PKEY_free(maker->credential);
    maker->credential = recipe->ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_EC_gen("P-256");
    (void)SHA256((const uint8_t *)recipe->rp_id, strlen(recipe->rp_id), hash);
    tg_write_bytes(&writer, tg_bytes_of(hash, sizeof hash));
    tg_write_u8(&writer, (uint8_t)(recipe->flags | (extensions ? FLAG_EXTENSIONS : 0)));
    tg_write_u32(&writer, 7);
    tg_write_bytes(&writer, tg_bytes_of(recipe->aaguid, sizeof recipe->aaguid));
    tg_write_u8(&writer, (uint8_t)(recipe->id_length >> 8));
    tg_write_u8(&writer, (uint8_t)recipe->id_length);
    tg_write_bytes(&writer, tg_bytes_of(id, recipe->id_length));
    put_key(&writer, maker, recipe);
    if (extensions)
        put_extensions(&writer, recipe);
    if (recipe->trailing)
        tg_write_u8(&writer, 0);
    assert_false(writer.failed);
    return writer.used;
}

/* --- The statement ------------------------------------------------------- */

/* What is signed: packed, section 8.2; fido-u2f, section 8.6. */
static size_t signed_bytes(const struct maker *maker, const struct recipe *recipe, struct tg_bytes data,
                           struct tg_bytes message, uint8_t out[MADE_MAX])
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    uint8_t point[65];
    struct tg_writer writer = tg_writer_of(out, MADE_MAX);
    (void)SHA256(message.data, message.length, hash);
    if (strcmp(recipe->format, "fido-u2f") != 0) {
        tg_write_bytes(&writer, data);
        tg_write_bytes(&writer, tg_bytes_of(hash, sizeof hash));
    } else {
        size_t length = credential_point(maker, recipe, point);
        tg_write_u8(&writer, 0);
        tg_write_bytes(&writer, tg_bytes_of(data.data, 32));
        tg_write_bytes(&writer, tg_bytes_of(hash, sizeof hash));
        tg_write_bytes(&writer, tg_bytes_of(data.data + 55, recipe->id_length));
        tg_write_bytes(&writer, tg_bytes_of(point, length));
    }
    assert_false(writer.failed);
    return writer.used;
}

static size_t sign(const struct maker *maker, const struct recipe *recipe, struct tg_bytes data,
                   struct tg_bytes message, uint8_t out[256])
{
    uint8_t text[MADE_MAX];
    size_t length = signed_bytes(maker, recipe, data, message, text);
    size_t used = 256;
    EVP_PKEY *key = recipe->self ? maker->credential : maker->device_key;
    bool ed25519 = recipe->self && recipe->ed25519;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(context, NULL, ed25519 ? NULL : "SHA256", NULL, NULL, key, NULL),
                     1);
    assert_int_equal(EVP_DigestSign(context, out, &used, text, length), 1);
    EVP_MD_CTX_free(context);
    if (recipe->damaged)
        out[used - 1] ^= 1;
    return used;
}

static void put_certificate(struct tg_writer *writer, X509 *certificate, bool cbor)
{
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);
    assert_true(length > 0);
    if (cbor)
        put_string(writer, CBOR_BYTES, tg_bytes_of(der, (size_t)length));
    else
        tg_write_string(writer, tg_bytes_of(der, (size_t)length));
    OPENSSL_free(der);
}

static void put_statement(struct tg_writer *writer, const struct maker *maker, const struct recipe *recipe,
                          struct tg_bytes signature)
{
    bool packed = strcmp(recipe->format, "packed") == 0;
    size_t members = 1 + (packed ? 1U : 0) + (recipe->self ? 0 : 1U) + (recipe->member != NULL ? 1U : 0);
    if (strcmp(recipe->format, "none") == 0) {
        put_head(writer, CBOR_MAP, 0);
        return;
    }
    put_head(writer, CBOR_MAP, members);
    if (packed) {
        put_text(writer, "alg");
        put_head(writer, 1, (size_t)(-1 - recipe->algorithm));
    }
    put_text(writer, "sig");
    put_string(writer, CBOR_BYTES, signature);
    if (!recipe->self) {
        put_text(writer, "x5c");
        put_head(writer, CBOR_ARRAY, recipe->root_in_chain ? 2 : 1);
        put_certificate(writer, maker->device, true);
        if (recipe->root_in_chain)
            put_certificate(writer, maker->intermediate, true);
    }
    if (recipe->member != NULL) {
        put_text(writer, recipe->member);
        if (strcmp(recipe->member, "alg") == 0)
            put_head(writer, 1, (size_t)(-1 - recipe->algorithm));
        else
            put_string(writer, CBOR_BYTES, signature);
    }
}

static struct tg_bytes finished(const struct tg_writer *writer)
{
    assert_false(writer->failed);
    uint8_t *copy = malloc(writer->used);
    assert_non_null(copy);
    memcpy(copy, writer->data, writer->used);
    return tg_bytes_of(copy, writer->used);
}

struct tg_bytes make_object(struct maker *maker, const struct recipe *recipe, const char *client_data)
{
    uint8_t data[MADE_MAX], signature[256], out[MADE_MAX];
    struct tg_writer writer = tg_writer_of(out, sizeof out);
    make_device(maker, recipe);
    struct tg_bytes whole = tg_bytes_of(data, make_data(maker, recipe, data));
    size_t length = sign(maker, recipe, whole, tg_bytes_of_text(client_data), signature);
    put_head(&writer, CBOR_MAP, 3);
    put_text(&writer, "fmt");
    put_text(&writer, recipe->format);
    put_text(&writer, "attStmt");
    put_statement(&writer, maker, recipe, tg_bytes_of(signature, length));
    put_text(&writer, "authData");
    put_string(&writer, CBOR_BYTES, whole);
    return finished(&writer);
}

struct tg_bytes make_ssh_file(struct maker *maker, const struct recipe *recipe, struct tg_bytes challenge)
{
    uint8_t data[MADE_MAX], signature[256], wrapped[MADE_MAX], out[MADE_MAX];
    struct tg_writer writer = tg_writer_of(out, sizeof out);
    struct tg_writer cbor = tg_writer_of(wrapped, sizeof wrapped);
    make_device(maker, recipe);
    struct tg_bytes whole = tg_bytes_of(data, make_data(maker, recipe, data));
    size_t length = sign(maker, recipe, whole, challenge, signature);
    put_string(&cbor, CBOR_BYTES, whole);
    tg_write_text(&writer, "ssh-sk-attest-v01");
    if (recipe->self)
        tg_write_text(&writer, "");
    else
        put_certificate(&writer, maker->device, false);
    tg_write_string(&writer, tg_bytes_of(signature, length));
    tg_write_string(&writer, tg_bytes_of(wrapped, cbor.used));
    tg_write_u32(&writer, 0);
    tg_write_text(&writer, "");
    return finished(&writer);
}

char *made_key_line(const struct maker *maker, const struct recipe *recipe)
{
    uint8_t point[65], blob[512];
    char encoded[1024];
    char *line = NULL;
    size_t length = credential_point(maker, recipe, point);
    struct tg_writer writer = tg_writer_of(blob, sizeof blob);
    enum tg_key_type type = recipe->ed25519 ? TG_KEY_SK_ED25519 : TG_KEY_SK_ECDSA_P256;
    tg_write_text(&writer, tg_key_type_name(type));
    if (!recipe->ed25519)
        tg_write_text(&writer, "nistp256");
    tg_write_string(&writer, tg_bytes_of(point, length));
    tg_write_text(&writer, recipe->rp_id);
    assert_true(tg_base64_encode(TG_BASE64, tg_bytes_of(blob, writer.used), encoded, sizeof encoded));
    assert_true(asprintf(&line, "%s %s", tg_key_type_name(type), encoded) > 0);
    return line;
}
