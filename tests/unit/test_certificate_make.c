/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Certificates that are made: they say what was asked for, and nothing leaves that a host would refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/certificate_make.h"
#include "tests/unit/world.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static const char *const people[] = {"bob", "carol"};
static const struct tg_certificate_option critical[] = {{"force-command", "true"}, {"verify-required", NULL}};
static const struct tg_certificate_option extensions[] = {{"permit-agent-forwarding", NULL},
                                                          {"permit-pty", NULL}};

static struct tg_certificate_content content_for(const struct tg_public_key *key)
{
    return (struct tg_certificate_content){.type = TG_CERTIFICATE_USER,
                                           .key = key,
                                           .serial = UINT64_MAX,
                                           .key_id = "bob#1",
                                           .principals = people,
                                           .principal_count = 2,
                                           .valid_after = 1000,
                                           .valid_before = 2000,
                                           .critical_options = critical,
                                           .critical_option_count = 2,
                                           .extensions = extensions,
                                           .extension_count = 2,
                                           .nonce = {1, 2, 3}};
}

static struct tg_signer *authority(void)
{
    struct tg_signer *signer;
    struct tg_error error;
    assert_int_equal(tg_signer_from_bytes(tg_bytes_of_text(PRIVATE_ROOT_ONE), "ca", &signer, &error), 0);
    return signer;
}

/* For a plain key and a security key, whose types' names are made differently. */
static void test_made(void **state)
{
    static const struct {
        const char *key, *type;
    } rows[] = {{KEY_BOB, "ssh-ed25519-cert-v01@openssh.com bob"},
                {KEY_HENRY_SK, "sk-ssh-ed25519-cert-v01@openssh.com bob"},
                {KEY_WEB, "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com bob"}};
    (void)state;
    struct tg_signer *signer = authority();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_error error = {0};
        struct tg_public_key *key = world_key(rows[i].key);
        struct tg_certificate_content content = content_for(key);
        struct tg_certificate *made, *read;
        if (tg_certificate_make(&content, signer, &made, &error) != 0)
            fail_msg("%s", error.text);
        assert_true(tg_bytes_equal(made->key->blob, key->blob));
        assert_true(tg_bytes_equal(made->authority->blob, tg_signer_public_key(signer)->blob));
        assert_int_equal(made->type, TG_CERTIFICATE_USER);
        assert_true(made->serial == UINT64_MAX);
        assert_string_equal(made->key_id, "bob#1");
        assert_int_equal(made->principal_count, 2);
        assert_true(tg_certificate_has_principal(made, "bob") && tg_certificate_has_principal(made, "carol"));
        assert_int_equal(made->valid_after, 1000);
        assert_int_equal(made->valid_before, 2000);
        assert_string_equal(made->force_command, "true");
        assert_true(made->verify_required);
        assert_null(made->unknown_critical_option);
        assert_true(tg_bytes_equal(made->nonce, tg_bytes_of(content.nonce, sizeof content.nonce)));
        char *line = tg_certificate_line(made);
        assert_non_null(line);
        size_t type_length = strcspn(rows[i].type, " ");
        assert_memory_equal(line, rows[i].type, type_length + 1);
        assert_string_equal(strrchr(line, ' '), " bob#1");
        assert_int_equal(tg_certificate_parse_line(line, &read, &error), 0);
        assert_true(tg_bytes_equal(read->blob, made->blob));
        tg_certificate_free(read);
        tg_certificate_free(made);
        tg_public_key_free(key);
        free(line);
    }
    tg_signer_free(signer);
}

static void refuse(const struct tg_certificate_content *content, struct tg_signer *signer,
                   enum tg_reason reason, const char *part)
{
    struct tg_error error = {0};
    struct tg_certificate *made;
    assert_int_equal(tg_certificate_make(content, signer, &made, &error), -1);
    assert_null(made);
    world_assert_error(&error, reason, part);
}

static void test_content_that_makes_none(void **state)
{
    (void)state;
    static const struct tg_certificate_option unsorted[] = {{"permit-pty", NULL},
                                                            {"permit-agent-forwarding", NULL}};
    struct tg_signer *signer = authority();
    struct tg_public_key *key = world_key(KEY_BOB);
    struct tg_certificate_content content = content_for(key);
    content.principal_count = 0;
    refuse(&content, signer, TG_certificate_malformed, "principal");
    content = content_for(key);
    content.valid_before = 1000;
    refuse(&content, signer, TG_certificate_malformed, "ends before it begins");
    content = content_for(key);
    content.extensions = unsorted;
    refuse(&content, signer, TG_certificate_malformed, "not sorted");
    content = content_for(key);
    char *long_id = calloc(1, 70000);
    assert_non_null(long_id);
    memset(long_id, 'x', 69999);
    content.key_id = long_id;
    refuse(&content, signer, TG_certificate_malformed, "too long");
    free(long_id);
    tg_public_key_free(key);
    tg_signer_free(signer);
}

/* A private key that is not of its public half, as an agent or a token might have it. */
static void test_wrong_signer(void **state)
{
    (void)state;
    struct tg_public_key *ca = world_key(KEY_CA);
    struct tg_public_key *key = world_key(KEY_BOB);
    struct tg_signer *signer;
    struct tg_error error;
    struct tg_certificate_content content = content_for(key);
    assert_int_equal(tg_signer_from_evp(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), ca, &signer, &error), 0);
    refuse(&content, signer, TG_key_unusable, "not right");
    tg_signer_free(signer);
    assert_int_equal(tg_signer_from_ssh_keygen("/nowhere", ca, &signer, &error), 0);
    refuse(&content, signer, TG_key_unusable, "namespaces only");
    tg_signer_free(signer);
    tg_public_key_free(key);
    tg_public_key_free(ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made),
        cmocka_unit_test(test_content_that_makes_none),
        cmocka_unit_test(test_wrong_signer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
