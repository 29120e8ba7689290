/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/crypto_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char name_space[] = "ticket@example.test";

/* A signature of the vectors, with its message and the key that made it. */
struct sample {
    uint8_t *blob;
    size_t length;
    char *message;
    size_t message_length;
    struct tg_public_key *key;
};

static struct sample read_sample(const char *signature, const char *key)
{
    struct sample sample;
    sample.blob = read_signature(in_vectors(signature), &sample.length);
    sample.message = read_file(in_vectors("sshsig/message.bin"), &sample.message_length);
    sample.key = read_public_key(in_vectors(key));
    return sample;
}

static void free_sample(struct sample *sample)
{
    free(sample->blob);
    free(sample->message);
    tg_public_key_free(sample->key);
}

static int verify(const struct sample *sample, const char *in, struct tg_sshsig_demands demands,
                  struct tg_sshsig_facts *facts, struct tg_error *error)
{
    return tg_sshsig_verify(tg_bytes_of(sample->blob, sample->length), in,
                            tg_bytes_of(sample->message, sample->message_length), sample->key, &demands,
                            facts, error);
}

static void expect(const char *signature, const char *key, struct tg_sshsig_demands demands,
                   enum tg_reason reason)
{
    struct tg_error error = {0};
    struct sample sample = read_sample(signature, key);
    int result = verify(&sample, name_space, demands, NULL, &error);
    if (reason == TG_allowed)
        assert_int_equal(result, 0);
    else
        assert_refused(result, &error, reason);
    free_sample(&sample);
}

static void test_demands(void **state)
{
    (void)state;
    const struct tg_sshsig_demands none = {0};
    const struct tg_sshsig_demands hardware = {.security_key = true};
    const struct tg_sshsig_demands verified = {.user_verification = true};
    const char *plain = "keys/test_user_ed25519";
    const char *sk = "keys/test_user_sk_ed25519";
    expect("sshsig/good_ed25519.sig", plain, none, TG_allowed);
    expect("sshsig/good_ed25519.sig", plain, hardware, TG_approval_software_key);
    expect("sshsig/good_ed25519.sig", plain, verified, TG_approval_no_user_verification);
    expect("sshsig/good_sk_ed25519.sig", sk, none, TG_allowed);
    expect("sshsig/good_sk_ed25519.sig", sk, hardware, TG_allowed);
    expect("sshsig/good_sk_ed25519.sig", sk, verified, TG_approval_no_user_verification);
    expect("sshsig/sk_ed25519_with_uv.sig", sk, verified, TG_allowed);
    expect("sshsig/sk_ed25519_no_up.sig", sk, none, TG_approval_no_touch);
}

static void test_reasons(void **state)
{
    (void)state;
    const struct tg_sshsig_demands none = {0};
    const char *sk = "keys/test_user_sk_ed25519";
    expect("sshsig/good_sk_ed25519.sig", "keys/test_user_sk_ecdsa", none, TG_approver_unknown);
    expect("sshsig/good_sk_ed25519_cert.sig", sk, none, TG_approval_by_certificate);
    expect("sshsig/ns_other.sig", sk, none, TG_approval_namespace);
    expect("sshsig/neg_ns_rewritten.sig", sk, none, TG_approval_signature);
    expect("sshsig/neg_counter_bitflip.sig", sk, none, TG_approval_signature);
    expect("sshsig/neg_version_0.sig", sk, none, TG_approval_malformed);
    expect("sshsig/neg_version_2.sig", sk, none, TG_approval_malformed);
    expect("sshsig/neg_reserved_changed.sig", sk, none, TG_approval_malformed);
    expect("sshsig/neg_trailing.sig", sk, none, TG_approval_malformed);
    expect("sshsig/neg_sig_trailing.sig", sk, none, TG_approval_malformed);
}

static void test_facts(void **state)
{
    (void)state;
    struct tg_error error;
    struct tg_sshsig_facts facts;
    struct sample sample = read_sample("sshsig/sk_ed25519_with_uv.sig", "keys/test_user_sk_ed25519");
    assert_int_equal(verify(&sample, name_space, (struct tg_sshsig_demands){0}, &facts, &error), 0);
    assert_true(facts.security_key);
    assert_true(facts.user_verified);
    assert_false(facts.webauthn);
    assert_false(facts.backup_eligible);
    assert_int_equal(facts.counter, 17);
    assert_refused(verify(&sample, "", (struct tg_sshsig_demands){0}, &facts, &error), &error,
                   TG_approval_namespace);
    assert_false(facts.security_key);
    free_sample(&sample);
}

/* No other bytes are this signature, and no shorter or longer ones. (ECDSA has one more right signature,
 * which no bit flip gives.) */
static void test_every_bit_counts(void **state)
{
    (void)state;
    static const char *const samples[][2] = {
        {"sshsig/good_ed25519.sig", "keys/test_user_ed25519"},
        {"sshsig/good_ecdsa256.sig", "keys/test_user_ecdsa256"},
        {"sshsig/good_sk_ed25519.sig", "keys/test_user_sk_ed25519"},
    };
    struct tg_error error;
    const struct tg_sshsig_demands none = {0};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct sample sample = read_sample(samples[i][0], samples[i][1]);
        size_t whole = sample.length;
        for (size_t at = 0; at < whole; at++) {
            sample.blob[at] ^= 0x01;
            assert_int_equal(verify(&sample, name_space, none, NULL, &error), -1);
            sample.blob[at] ^= 0x01;
            sample.length = at;
            assert_int_equal(verify(&sample, name_space, none, NULL, &error), -1);
            sample.length = whole;
        }
        assert_int_equal(verify(&sample, name_space, none, NULL, &error), 0);
        free_sample(&sample);
    }
}

static void test_armor(void **state)
{
    (void)state;
    size_t text_length;
    size_t length;
    uint8_t *blob;
    char *again;
    struct tg_error error;
    char *text = read_file(in_vectors("sshsig/good_rsa.sig"), &text_length);
    assert_int_equal(tg_sshsig_dearmor(text, &blob, &length, &error), 0);
    assert_int_equal(tg_sshsig_armor(tg_bytes_of(blob, length), &again), 0);
    assert_string_equal(again, text); /* byte for byte what ssh-keygen wrote */
    free(blob);
    again[0] = ' ';
    assert_refused(tg_sshsig_dearmor(again, &blob, &length, &error), &error, TG_approval_malformed);
    assert_null(blob);
    memcpy(again, text, text_length);
    again[text_length - 1] = 'x';
    assert_refused(tg_sshsig_dearmor(again, &blob, &length, &error), &error, TG_approval_malformed);
    assert_refused(tg_sshsig_dearmor("", &blob, &length, &error), &error, TG_approval_malformed);
    assert_refused(tg_sshsig_dearmor("-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n", &blob,
                                     &length, &error),
                   &error, TG_approval_malformed);
    free(again);
    free(text);
}

static void test_signer(void **state)
{
    (void)state;
    struct tg_error error;
    struct tg_public_key *key;
    struct sample sample = read_sample("sshsig/good_sk_ed25519.sig", "keys/test_user_sk_ed25519");
    assert_int_equal(tg_sshsig_signer(tg_bytes_of(sample.blob, sample.length), &key, &error), 0);
    assert_string_equal(key->fingerprint, sample.key->fingerprint);
    tg_public_key_free(key);
    free_sample(&sample);
    sample = read_sample("sshsig/good_sk_ed25519_cert.sig", "keys/test_user_sk_ed25519");
    assert_refused(tg_sshsig_signer(tg_bytes_of(sample.blob, sample.length), &key, &error), &error,
                   TG_approval_by_certificate);
    assert_null(key);
    free_sample(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_demands), cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_facts),   cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_armor),   cmocka_unit_test(test_signer),
    };
    return cmocka_run_group_tests_name("sshsig", tests, NULL, NULL);
}
