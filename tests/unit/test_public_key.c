/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/crypto_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char *const vector_keys[] = {
    "keys/test_user_ed25519",  "keys/test_user_ecdsa256", "keys/test_user_ecdsa384",
    "keys/test_user_ecdsa521", "keys/test_user_rsa",      "keys/test_user_sk_ed25519",
    "keys/test_user_sk_ecdsa",
};

/* One of each type, in the order of enum tg_key_type. */
static void test_every_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vector_keys / sizeof vector_keys[0]; i++) {
        struct tg_public_key *key = read_public_key(in_vectors(vector_keys[i]));
        assert_int_equal(key->type, i);
        assert_int_equal(tg_key_type_is_security_key(key->type), i >= TG_KEY_SK_ED25519);
        assert_int_equal(key->application != NULL, i >= TG_KEY_SK_ED25519);
        assert_int_equal(strlen(key->fingerprint), TG_FINGERPRINT_SIZE - 1);
        tg_public_key_free(key);
    }
    tg_public_key_free(NULL);
}

static void test_fingerprint(void **state)
{
    (void)state;
    struct tg_public_key *key = read_public_key(in_vectors("keys/test_user_ed25519"));
    assert_string_equal(key->fingerprint,
                        "SHA256:kwlL7ZWEzCRqWAN5C/vIB40gDzpTi/bG71jcw6zyzXY"); /* ssh-keygen -l */
    tg_public_key_free(key);
}

/* Whatever is cut off or added, no shorter or longer blob is a key. */
static void test_exact_length(void **state)
{
    (void)state;
    uint8_t blob[TG_PUBLIC_KEY_BLOB_MAX];
    struct tg_error error;
    struct tg_public_key *other;
    for (size_t i = 0; i < sizeof vector_keys / sizeof vector_keys[0]; i++) {
        struct tg_public_key *key = read_public_key(in_vectors(vector_keys[i]));
        size_t length = key->blob.length;
        memcpy(blob, key->blob.data, length);
        tg_public_key_free(key);
        blob[length] = 0;
        assert_refused(tg_public_key_parse(tg_bytes_of(blob, length + 1), &other, &error), &error,
                       TG_approver_unknown);
        for (size_t cut = 0; cut < length; cut++)
            assert_refused(tg_public_key_parse(tg_bytes_of(blob, cut), &other, &error), &error,
                           TG_approver_unknown);
        assert_null(other);
    }
}

static void refuse_line(const char *line)
{
    struct tg_error error;
    struct tg_public_key *key;
    assert_refused(tg_public_key_parse_line(line, &key, &error), &error, TG_approver_unknown);
    assert_null(key);
}

static void test_lines(void **state)
{
    (void)state;
    size_t length;
    refuse_line("");
    refuse_line("ssh-ed25519");
    refuse_line("ssh-ed25519 !!!!");
    refuse_line("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAINqVzgIk7/3eqMPwdjg1h0PdLu15astMhka9tUf4o0Qa");
    refuse_line("ssh-ed25519 "
                "AAAAC3NzaC1lZDI1NTE5AAAAINqVzgIk7/3eqMPwdjg1h0PdLu15astMhka9tUf4o0Qa\nssh-ed25519 AAAA\n");
    refuse_line("ssh-dss AAAAB3NzaC1kc3MAAAAA");
    char *certificate = read_file(in_vectors("certs/user_ed25519-by-ca_ed25519-cert.pub"), &length);
    refuse_line(certificate);
    free(certificate);
}

/* Builds an Ed25519 key blob of 32 bytes. */
static int parse_ed25519(const uint8_t point[32], struct tg_error *error)
{
    uint8_t blob[64];
    struct tg_public_key *key;
    struct tg_writer writer = tg_writer_of(blob, sizeof blob);
    tg_write_text(&writer, "ssh-ed25519");
    tg_write_string(&writer, tg_bytes_of(point, 32));
    assert_false(writer.failed);
    int result = tg_public_key_parse(tg_bytes_of(blob, writer.used), &key, error);
    tg_public_key_free(key);
    return result;
}

/* Under each of these one fixed signature is right for every message, or the encoding is not the canonical
 * one. */
static void test_small_order_points(void **state)
{
    (void)state;
    static const uint8_t y[][32] = {
        {0},
        {1},
        {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
         0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
         0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    };
    struct tg_error error;
    for (size_t i = 0; i < sizeof y / sizeof y[0]; i++) {
        uint8_t point[32];
        memcpy(point, y[i], sizeof point);
        assert_refused(parse_ed25519(point, &error), &error, TG_approver_unknown);
        point[31] |= 0x80;
        assert_refused(parse_ed25519(point, &error), &error, TG_approver_unknown);
    }
    /* p, p + 1, ..., 2^255 - 1: second names of 0, 1, ... 18 */
    uint8_t point[32];
    memset(point, 0xff, sizeof point);
    point[31] = 0x7f;
    for (unsigned low = 0xed; low <= 0xff; low++) {
        point[0] = (uint8_t)low;
        assert_refused(parse_ed25519(point, &error), &error, TG_approver_unknown);
    }
}

/* y = 2 is on no point, the base point's y = 4/5 is. */
static void test_points_off_the_curve(void **state)
{
    (void)state;
    struct tg_error error;
    uint8_t base[32];
    uint8_t off[32] = {2};
    memset(base, 0x66, sizeof base);
    base[0] = 0x58;
    assert_int_equal(parse_ed25519(base, &error), 0);
    assert_refused(parse_ed25519(off, &error), &error, TG_approver_unknown);
}

static void test_ecdsa_points(void **state)
{
    (void)state;
    uint8_t blob[512];
    struct tg_error error;
    struct tg_public_key *other;
    static const size_t from_end[] = {1, 40, 65};
    struct tg_public_key *key = read_public_key(in_vectors("keys/test_user_ecdsa256"));
    size_t length = key->blob.length;
    memcpy(blob, key->blob.data, length);
    tg_public_key_free(key);
    /* y, x and the mark of the uncompressed form */
    for (size_t i = 0; i < sizeof from_end / sizeof from_end[0]; i++) {
        blob[length - from_end[i]] ^= 1;
        assert_refused(tg_public_key_parse(tg_bytes_of(blob, length), &other, &error), &error,
                       TG_approver_unknown);
        blob[length - from_end[i]] ^= 1;
    }
    assert_int_equal(tg_public_key_parse(tg_bytes_of(blob, length), &other, &error), 0);
    tg_public_key_free(other);
}

static void test_small_rsa(void **state)
{
    struct tg_error error;
    struct tg_public_key *key;
    size_t length;
    const char *path = in_folder(state, "small_rsa.pub");
    generate_key(in_folder(state, "small_rsa"), (const char *const[]){"-t", "rsa", "-b", "2048", NULL});
    char *line = read_file(path, &length);
    assert_refused(tg_public_key_parse_line(line, &key, &error), &error, TG_approver_unknown);
    assert_non_null(strstr(error.text, "2048"));
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),         cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_exact_length),       cmocka_unit_test(test_lines),
        cmocka_unit_test(test_small_order_points), cmocka_unit_test(test_points_off_the_curve),
        cmocka_unit_test(test_ecdsa_points),       cmocka_unit_test(test_small_rsa),
    };
    return cmocka_run_group_tests_name("public_key", tests, make_folder, remove_folder);
}
