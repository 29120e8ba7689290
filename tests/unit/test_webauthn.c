/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/webauthn.h"

#include "tests/unit/crypto_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char origin[] = "https://approve.example.test";
static const char rp_id[] = "approve.example.test";
#define BEGINNING                                                                                            \
    "{\"type\":\"webauthn.get\",\"challenge\":\"AQID\",\"origin\":\"https://approve.example.test\""

static int check(const char *client_data, struct tg_error *error)
{
    static const uint8_t challenge[] = {1, 2, 3};
    return tg_client_data_check(tg_bytes_of_text(client_data), tg_bytes_of(challenge, sizeof challenge),
                                origin, error);
}

static void test_good_client_data(void **state)
{
    (void)state;
    struct tg_error error;
    assert_int_equal(check(BEGINNING "}", &error), 0);
    assert_int_equal(check(BEGINNING ",\"crossOrigin\":false}", &error), 0);
    assert_int_equal(
        check(BEGINNING ",\"crossOrigin\":false,\"other_keys_can_be_added_here\":\"x\"}", &error), 0);
}

static void test_bad_client_data(void **state)
{
    (void)state;
    static const struct {
        const char *client_data;
        enum tg_reason reason;
    } cases[] = {
        {"", TG_approval_malformed},
        {"{}", TG_approval_malformed},
        {" " BEGINNING "}", TG_approval_malformed},
        {BEGINNING, TG_approval_malformed},
        {BEGINNING "}}", TG_approval_malformed},
        {BEGINNING "} ", TG_approval_malformed},
        {BEGINNING "}\n", TG_approval_malformed},
        {BEGINNING ",\"origin\":\"https://evil.example.test\"}", TG_approval_malformed},
        {BEGINNING ",\"a\":\"\xff\"}", TG_approval_malformed},
        {BEGINNING ",\"crossOrigin\":true}", TG_approval_origin},
        {BEGINNING ",\"crossOrigin\":\"false\"}", TG_approval_origin},
        {BEGINNING ",\"crossOrigin\":null}", TG_approval_origin},
        {BEGINNING ",\"topOrigin\":\"https://x\"}", TG_approval_origin},
        {"{\"type\":\"webauthn.create\",\"challenge\":\"AQID\",\"origin\":\"https://approve.example.test\"}",
         TG_approval_malformed},
        {"{\"type\":\"webauthn.get\",\"challenge\":\"AQIE\",\"origin\":\"https://approve.example.test\"}",
         TG_approval_signature},
        {"{\"type\":\"webauthn.get\",\"challenge\":\"AQID=\",\"origin\":\"https://approve.example.test\"}",
         TG_approval_signature},
        {"{\"type\":\"webauthn.get\",\"challenge\":\"AQID\",\"origin\":\"https://"
         "approve.example.test.evil\"}",
         TG_approval_origin},
        {"{\"type\":\"webauthn.get\",\"challenge\":\"AQID\",\"origin\":\"https://approve.example.tes\"}",
         TG_approval_origin},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tg_error error = {0};
        assert_refused(check(cases[i].client_data, &error), &error, cases[i].reason);
    }
}

static void test_client_data_limits(void **state)
{
    (void)state;
    struct tg_error error;
    char *large = malloc(8192);
    assert_non_null(large);
    (void)snprintf(large, 8192, "%s,\"x\":\"%05000d\"}", BEGINNING, 0);
    assert_refused(check(large, &error), &error, TG_approval_malformed);
    free(large);
    struct tg_bytes good =
        tg_bytes_of_text("{\"type\":\"webauthn.get\",\"challenge\":\"\",\"origin\":\"a\\\"b\"}");
    assert_refused(tg_client_data_check(good, (struct tg_bytes){0}, "a\"b", &error), &error,
                   TG_approval_origin);
    assert_refused(tg_client_data_check(good, (struct tg_bytes){0}, NULL, &error), &error,
                   TG_approval_origin);
}

/* An authenticator in software: signs whatever authenticator data it is given. */
struct device {
    EVP_PKEY *key;
    uint8_t point[65];
    uint8_t data[64];
    uint8_t signature[80];
    struct tg_assertion assertion;
};

static void sign(struct device *device, uint8_t flags, size_t data_length)
{
    uint8_t message[sizeof device->data + SHA256_DIGEST_LENGTH];
    size_t length = sizeof device->signature;
    struct tg_bytes client_data = tg_bytes_of_text("what the browser says");
    memset(device->data, 0, sizeof device->data);
    (void)SHA256((const uint8_t *)rp_id, strlen(rp_id), device->data);
    device->data[32] = flags;
    device->data[36] = 7;
    memcpy(message, device->data, data_length);
    (void)SHA256(client_data.data, client_data.length, message + data_length);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, device->key), 1);
    assert_int_equal(
        EVP_DigestSign(context, device->signature, &length, message, data_length + SHA256_DIGEST_LENGTH), 1);
    EVP_MD_CTX_free(context);
    device->assertion = (struct tg_assertion){
        .algorithm = TG_COSE_ES256,
        .public_key = tg_bytes_of(device->point + 1, 64),
        .authenticator_data = tg_bytes_of(device->data, data_length),
        .client_data = client_data,
        .signature = tg_bytes_of(device->signature, length),
    };
}

static void make_device(struct device *device)
{
    size_t length;
    device->key = EVP_EC_gen("P-256");
    assert_non_null(device->key);
    assert_int_equal(EVP_PKEY_get_octet_string_param(device->key, "encoded-pub-key", device->point,
                                                     sizeof device->point, &length),
                     1);
    assert_int_equal(length, sizeof device->point);
}

/* Each of these has a right signature: only the flags are at fault. */
static void test_flags(void **state)
{
    (void)state;
    static const struct {
        uint8_t flags;
        struct tg_sshsig_demands demands;
        enum tg_reason reason;
    } cases[] = {
        {0x01, {0}, TG_allowed},
        {0x05, {.user_verification = true, .device_bound = true}, TG_allowed},
        {0x0d, {0}, TG_allowed},
        {0x1d, {0}, TG_allowed},
        {0x00, {0}, TG_approval_no_touch},
        {0x04, {0}, TG_approval_no_touch},
        {0x01, {.user_verification = true}, TG_approval_no_user_verification},
        {0x0d, {.device_bound = true}, TG_approval_synced_key},
        {0x11, {0}, TG_approval_malformed},
        {0x03, {0}, TG_approval_malformed},
        {0x21, {0}, TG_approval_malformed},
        {0x41, {0}, TG_approval_malformed},
        {0x81, {0}, TG_approval_malformed},
    };
    struct device device;
    make_device(&device);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tg_error error = {0};
        struct tg_sshsig_facts facts;
        sign(&device, cases[i].flags, 37);
        int result = tg_assertion_verify(&device.assertion, rp_id, &cases[i].demands, &facts, &error);
        if (cases[i].reason != TG_allowed) {
            assert_refused(result, &error, cases[i].reason);
            assert_false(facts.security_key);
            continue;
        }
        assert_int_equal(result, 0);
        assert_int_equal(facts.counter, 7);
        assert_int_equal(facts.user_verified, (cases[i].flags & 0x04) != 0);
        assert_int_equal(facts.backup_eligible, (cases[i].flags & 0x08) != 0);
    }
    EVP_PKEY_free(device.key);
}

/* libfido2 takes longer authenticator data and DER that is not exact. */
static void test_shapes(void **state)
{
    (void)state;
    const struct tg_sshsig_demands none = {0};
    struct tg_error error;
    struct device device;
    make_device(&device);
    for (size_t length = 36; length <= 39; length++) {
        sign(&device, 0x01, length);
        int result = tg_assertion_verify(&device.assertion, rp_id, &none, NULL, &error);
        if (length == 37)
            assert_int_equal(result, 0);
        else
            assert_refused(result, &error, TG_approval_malformed);
    }
    sign(&device, 0x01, 37);
    assert_refused(tg_assertion_verify(&device.assertion, "example.test", &none, NULL, &error), &error,
                   TG_approval_signature);
    device.assertion.signature.length++;
    assert_refused(tg_assertion_verify(&device.assertion, rp_id, &none, NULL, &error), &error,
                   TG_approval_signature);
    sign(&device, 0x01, 37);
    device.assertion.public_key = tg_bytes_of(device.point, 65);
    assert_refused(tg_assertion_verify(&device.assertion, rp_id, &none, NULL, &error), &error,
                   TG_approver_unknown);
    sign(&device, 0x01, 37);
    device.point[40] ^= 1;
    assert_refused(tg_assertion_verify(&device.assertion, rp_id, &none, NULL, &error), &error,
                   TG_approver_unknown);
    EVP_PKEY_free(device.key);
}

/* The neutral element as a public key: the signature (neutral element, 0) is right for every message. */
static void test_small_order_key(void **state)
{
    (void)state;
    const struct tg_sshsig_demands none = {0};
    struct tg_error error;
    uint8_t data[37] = {0};
    uint8_t key[32] = {1};
    uint8_t signature[64] = {1};
    (void)SHA256((const uint8_t *)rp_id, strlen(rp_id), data);
    data[32] = 0x01;
    struct tg_assertion assertion = {
        .algorithm = TG_COSE_EDDSA,
        .public_key = tg_bytes_of(key, sizeof key),
        .authenticator_data = tg_bytes_of(data, sizeof data),
        .client_data = tg_bytes_of_text("anything"),
        .signature = tg_bytes_of(signature, sizeof signature),
    };
    assert_refused(tg_assertion_verify(&assertion, rp_id, &none, NULL, &error), &error, TG_approver_unknown);
}

/* A browser's SSHSIG is taken only where the demands name both origin and rpId, and the key is for that rpId.
 */
static void test_browser_signature(void **state)
{
    (void)state;
    static const char line[] = "sk-ecdsa-sha2-nistp256@openssh.com "
                               "AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20AAAAIbmlzdHAyNTYAAABBBN/"
                               "y1ef1uPjbZgW4ieHKmcf0PvBzavosE31iGQHrTe++"
                               "y8pMBOPQCUS4rUC691Drt8b4agqDmXpfBEFKMyTqzxgAAAAUYXBwcm92ZS5leGFtcGxlLnRl"
                               "c3Q=";
    const struct {
        struct tg_sshsig_demands demands;
        enum tg_reason reason;
    } cases[] = {
        {{.origin = origin,
          .rp_id = rp_id,
          .user_verification = true,
          .security_key = true,
          .device_bound = true},
         TG_allowed},
        {{0}, TG_approval_origin},
        {{.origin = origin}, TG_approval_origin},
        {{.rp_id = rp_id}, TG_approval_origin},
        {{.origin = "https://evil.example.test", .rp_id = rp_id}, TG_approval_origin},
        {{.origin = origin, .rp_id = "example.test"}, TG_approval_origin},
    };
    size_t length;
    size_t message_length;
    struct tg_error error;
    struct tg_public_key *key;
    uint8_t *blob = read_signature(in_vectors("sshsig/webauthn_ok.sig"), &length);
    char *message = read_file(in_vectors("sshsig/message.bin"), &message_length);
    assert_int_equal(tg_public_key_parse_line(line, &key, &error), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tg_sshsig_facts facts;
        int result =
            tg_sshsig_verify(tg_bytes_of(blob, length), "ticket@example.test",
                             tg_bytes_of(message, message_length), key, &cases[i].demands, &facts, &error);
        if (cases[i].reason == TG_allowed)
            assert_int_equal(result, 0);
        else
            assert_refused(result, &error, cases[i].reason);
        assert_int_equal(facts.webauthn, cases[i].reason == TG_allowed);
    }
    tg_public_key_free(key);
    free(message);
    free(blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_client_data),
        cmocka_unit_test(test_bad_client_data),
        cmocka_unit_test(test_client_data_limits),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_small_order_key),
        cmocka_unit_test(test_browser_signature),
    };
    return cmocka_run_group_tests_name("webauthn", tests, NULL, NULL);
}
