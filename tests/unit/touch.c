/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/touch.h"

#include "lib/base64.h"
#include "lib/ssh_signature.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

static const char application[] = "ssh:";

static void write_public(struct tg_writer *writer, const EVP_PKEY *key, bool browser)
{
    uint8_t material[80];
    size_t length = sizeof material;
    if (browser) {
        assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, material,
                                                         sizeof material, &length),
                         1);
        tg_write_text(writer, "sk-ecdsa-sha2-nistp256@openssh.com");
        tg_write_text(writer, "nistp256");
    } else {
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, material, &length), 1);
        tg_write_text(writer, "sk-ssh-ed25519@openssh.com");
    }
    tg_write_string(writer, tg_bytes_of(material, length));
    tg_write_text(writer, browser ? TOUCH_RP_ID : application);
}

void touch_key_make(struct touch_key *key, bool browser)
{
    uint8_t blob[512];
    char base64[700];
    struct tg_error error;
    struct tg_writer writer = tg_writer_of(blob, sizeof blob);
    key->private_key = browser ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_non_null(key->private_key);
    write_public(&writer, key->private_key, browser);
    assert_false(writer.failed);
    assert_int_equal(tg_public_key_parse(tg_bytes_of(blob, writer.used), &key->key, &error), 0);
    assert_true(tg_base64_encode(TG_BASE64, key->key->blob, base64, sizeof base64));
    const char *type = tg_key_type_name(key->key->type);
    (void)snprintf(key->line, sizeof key->line, "%s %s", type, base64);
    (void)snprintf(key->json_line, sizeof key->json_line, "%s\\u0020%s", type, base64);
}

void touch_key_free(struct touch_key *key)
{
    EVP_PKEY_free(key->private_key);
    tg_public_key_free(key->key);
}

/* Signs as a plain key of the same algorithm would, and takes the value out of that. */
static struct tg_bytes sign_value(const struct touch_key *key, struct tg_bytes data, uint8_t *room,
                                  size_t size)
{
    const bool browser = key->key->type == TG_KEY_SK_ECDSA_P256;
    const struct tg_public_key plain = {.type = browser ? TG_KEY_ECDSA_P256 : TG_KEY_ED25519};
    struct tg_writer writer = tg_writer_of(room, size);
    struct tg_error error;
    struct tg_bytes algorithm;
    struct tg_bytes value = {0};
    assert_int_equal(tg_ssh_signature_make(&plain, key->private_key, data, &writer, &error), 0);
    struct tg_reader reader = tg_reader_of(tg_bytes_of(room, writer.used));
    assert_true(tg_read_string(&reader, &algorithm));
    assert_true(tg_read_string(&reader, &value));
    return value;
}

/* rpIdHash, flags, counter, and the hash of what the browser or OpenSSH signs. */
static size_t assertion_data(const struct touch_key *key, struct tg_bytes signed_data, uint8_t flags,
                             uint8_t out[128])
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    struct tg_writer writer = tg_writer_of(out, 128);
    assert_non_null(SHA256((const uint8_t *)key->key->application, strlen(key->key->application), hash));
    tg_write_bytes(&writer, tg_bytes_of(hash, sizeof hash));
    tg_write_u8(&writer, flags);
    tg_write_u32(&writer, 7);
    assert_non_null(SHA256(signed_data.data, signed_data.length, hash));
    tg_write_bytes(&writer, tg_bytes_of(hash, sizeof hash));
    return writer.used;
}

char *touch_sign(const struct touch_key *key, const char *name_space, const char *text, uint8_t flags,
                 const char *origin)
{
    uint8_t *data, *blob, to_sign[128], room[512], signature[2048];
    size_t length, blob_length;
    char challenge[1024], client_data[2048] = "", *armored;
    struct tg_error error;
    assert_int_equal(tg_sshsig_signed_data(name_space, tg_bytes_of_text(text), &data, &length), 0);
    assert_true(tg_base64_encode(TG_BASE64URL, tg_bytes_of(data, length), challenge, sizeof challenge));
    if (origin != NULL)
        (void)snprintf(client_data, sizeof client_data,
                       "{\"type\":\"webauthn.get\",\"challenge\":\"%s\",\"origin\":\"%s\"}", challenge,
                       origin);
    struct tg_bytes signed_data = origin != NULL ? tg_bytes_of_text(client_data) : tg_bytes_of(data, length);
    size_t used = assertion_data(key, signed_data, flags, to_sign);
    struct tg_writer writer = tg_writer_of(signature, sizeof signature);
    tg_write_text(&writer, origin != NULL ? "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"
                                          : tg_key_type_name(key->key->type));
    tg_write_string(&writer, sign_value(key, tg_bytes_of(to_sign, used), room, sizeof room));
    tg_write_u8(&writer, flags);
    tg_write_u32(&writer, 7);
    if (origin != NULL) {
        tg_write_text(&writer, origin);
        tg_write_text(&writer, client_data);
        tg_write_text(&writer, "");
    }
    assert_false(writer.failed);
    assert_int_equal(tg_sshsig_wrap(key->key, name_space, tg_bytes_of(signature, writer.used), &blob,
                                    &blob_length, &error),
                     0);
    assert_int_equal(tg_sshsig_armor(tg_bytes_of(blob, blob_length), &armored), 0);
    free(blob);
    free(data);
    return armored;
}
