/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tests/vectors/check compares every field of the vectors; here are the properties that no single vector
 * shows.
 */
#include "lib/certificate.h"
#include "tests/unit/crypto_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct tg_certificate *read_certificate(const char *path)
{
    struct tg_certificate *certificate;
    struct tg_error error;
    size_t length;
    char *line = read_file(path, &length);
    assert_int_equal(tg_certificate_parse_line(line, &certificate, &error), 0);
    free(line);
    return certificate;
}

static void test_ssh_keygen(void **state)
{
    const char *ca = in_folder(state, "ca");
    const char *user = in_folder(state, "user");
    generate_key(ca, (const char *const[]){"-t", "ed25519", NULL});
    generate_key(user, (const char *const[]){"-t", "ecdsa", "-b", "384", NULL});
    const char *const sign[] = {"ssh-keygen",
                                "-q",
                                "-s",
                                ca,
                                "-I",
                                "a key\tid",
                                "-n",
                                "alice,ops",
                                "-z",
                                "18446744073709551615",
                                "-V",
                                "20260101000000Z:20360101000000Z",
                                "-O",
                                "force-command=/bin/true x",
                                "-O",
                                "source-address=192.0.2.0/24",
                                "-O",
                                "verify-required",
                                in_folder(state, "user.pub"),
                                NULL};
    assert_int_equal(run_program(sign), 0);
    struct tg_certificate *certificate = read_certificate(in_folder(state, "user-cert.pub"));
    struct tg_public_key *key = read_public_key(in_folder(state, "user"));
    struct tg_public_key *authority = read_public_key(in_folder(state, "ca"));
    assert_string_equal(certificate->key->fingerprint, key->fingerprint);
    assert_string_equal(certificate->authority->fingerprint, authority->fingerprint);
    assert_int_equal(certificate->type, TG_CERTIFICATE_USER);
    assert_true(certificate->serial == UINT64_MAX);
    assert_string_equal(certificate->key_id, "a key\tid");
    assert_true(tg_certificate_has_principal(certificate, "alice"));
    assert_true(tg_certificate_has_principal(certificate, "ops"));
    assert_false(tg_certificate_has_principal(certificate, "alic"));
    assert_string_equal(certificate->force_command, "/bin/true x");
    assert_string_equal(certificate->source_address, "192.0.2.0/24");
    assert_true(certificate->verify_required);
    assert_null(certificate->unknown_critical_option);
    assert_int_equal(certificate->valid_after, 1767225600);
    tg_public_key_free(key);
    tg_public_key_free(authority);
    tg_certificate_free(certificate);
}

static void test_host_certificate(void **state)
{
    generate_key(in_folder(state, "host_ca"), (const char *const[]){"-t", "ed25519", NULL});
    generate_key(in_folder(state, "host"), (const char *const[]){"-t", "ed25519", NULL});
    const char *const sign[] = {"ssh-keygen", "-q",   "-h", "-s",  in_folder(state, "host_ca"),  "-I", "host",
                                "-n",         "ops1", "-V", "+1h", in_folder(state, "host.pub"), NULL};
    assert_int_equal(run_program(sign), 0);
    struct tg_certificate *certificate = read_certificate(in_folder(state, "host-cert.pub"));
    assert_int_equal(certificate->type, TG_CERTIFICATE_HOST);
    tg_certificate_free(certificate);
}

static void refuse(struct tg_bytes blob)
{
    struct tg_error error;
    struct tg_certificate *certificate;
    assert_int_equal(tg_certificate_parse(blob, &certificate, &error), -1);
    assert_true(error.reason == TG_certificate_malformed || error.reason == TG_certificate_signature);
    assert_null(certificate);
}

/* The signature covers all of it: no other bytes are a certificate. */
static void test_every_bit_counts(void **state)
{
    (void)state;
    static const char *const files[] = {"certs/opt_custom-cert.pub",
                                        "certs/user_sk_ed25519-by-ca_sk_ecdsa-cert.pub"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct tg_certificate *certificate = read_certificate(in_vectors(files[i]));
        size_t length = certificate->blob.length;
        uint8_t *blob = malloc(length + 1);
        assert_non_null(blob);
        memcpy(blob, certificate->blob.data, length);
        tg_certificate_free(certificate);
        for (size_t at = 0; at < length; at++) {
            blob[at] ^= 0x01;
            refuse(tg_bytes_of(blob, length));
            blob[at] ^= 0x81;
            refuse(tg_bytes_of(blob, length));
            blob[at] ^= 0x80;
            refuse(tg_bytes_of(blob, at));
        }
        blob[length] = 0;
        refuse(tg_bytes_of(blob, length + 1));
        free(blob);
    }
}

static void test_unknown_critical_option(void **state)
{
    (void)state;
    struct tg_certificate *certificate = read_certificate(in_vectors("certs/opt_custom-cert.pub"));
    assert_string_equal(certificate->unknown_critical_option, "ticket@example.test");
    tg_certificate_free(certificate);
}

static void refuse_file(const char *name, enum tg_reason reason)
{
    struct tg_certificate *certificate;
    struct tg_error error;
    size_t length;
    char *line = read_file(in_vectors(name), &length);
    assert_refused(tg_certificate_parse_line(line, &certificate, &error), &error, reason);
    free(line);
}

static void test_reasons(void **state)
{
    (void)state;
    refuse_file("keys/test_user_ed25519.pub", TG_certificate_malformed);
    refuse_file("certs/user_sk_ed25519-by-ca_rsa_sha1-cert.pub", TG_certificate_signature);
    refuse_file("certs-crafted/sig_bitflip-cert.pub", TG_certificate_signature);
    refuse_file("certs-crafted/crit_unsorted-cert.pub", TG_certificate_malformed);
    refuse_file("certs-crafted/validity_inverted-cert.pub", TG_certificate_malformed);
    tg_certificate_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ssh_keygen),       cmocka_unit_test(test_host_certificate),
        cmocka_unit_test(test_every_bit_counts), cmocka_unit_test(test_unknown_critical_option),
        cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests_name("certificate", tests, make_folder, remove_folder);
}
