/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/armor.h"
#include "tests/unit/crypto_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ; /* POSIX declares it nowhere */

static const char private_label[] = "OPENSSH PRIVATE KEY";
static const char text[] = "{\"v\":1}";

static const char *const kinds[][2] = {
    {"ed25519", "256"}, {"ecdsa", "256"}, {"ecdsa", "384"}, {"ecdsa", "521"}, {"rsa", "3072"}};

/* Signs with the signer and has `ssh-keygen -Y verify` check it. */
static void sign_and_check(void **state, struct tg_signer *signer)
{
    struct tg_error error;
    uint8_t *blob;
    size_t length;
    char *armored;
    char line[8192];
    const struct tg_public_key *key = tg_signer_public_key(signer);
    assert_int_equal(tg_signer_sign(signer, "test-v1@tegata", tg_bytes_of_text(text), &blob, &length, &error),
                     0);
    assert_int_equal(tg_sshsig_armor(tg_bytes_of(blob, length), &armored), 0);
    write_file(in_folder(state, "signature"), tg_bytes_of_text(armored), 0600);
    write_file(in_folder(state, "message"), tg_bytes_of_text(text), 0600);
    char *base64 = malloc(2 * key->blob.length + 8);
    assert_non_null(base64);
    assert_true(EVP_EncodeBlock((unsigned char *)base64, key->blob.data, (int)key->blob.length) > 0);
    (void)snprintf(line, sizeof line, "me %s %s\n", tg_key_type_name(key->type), base64);
    write_file(in_folder(state, "signers"), tg_bytes_of_text(line), 0600);
    char command[4096];
    (void)snprintf(command, sizeof command,
                   "ssh-keygen -Y verify -f %s/signers -I me -n test-v1@tegata -s %s/signature < %s/message",
                   (char *)*state, (char *)*state, (char *)*state);
    assert_int_equal(run_program((const char *const[]){"sh", "-c", command, NULL}), 0);
    free(base64);
    free(armored);
    free(blob);
}

static void make_key(void **state, const char *name, size_t kind)
{
    generate_key(in_folder(state, name),
                 (const char *const[]){"-t", kinds[kind][0], "-b", kinds[kind][1], "-C", "a comment", NULL});
}

static void test_key_files(void **state)
{
    char name[16];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct tg_error error;
        struct tg_signer *signer;
        (void)snprintf(name, sizeof name, "key%zu", i);
        make_key(state, name, i);
        assert_int_equal(tg_signer_from_file(in_folder(state, name), &signer, &error), 0);
        sign_and_check(state, signer);
        tg_signer_free(signer);
    }
    tg_signer_free(NULL);
}

static void refuse_file(const char *path, const char *says)
{
    struct tg_error error;
    struct tg_signer *signer;
    assert_refused(tg_signer_from_file(path, &signer, &error), &error, TG_key_unusable);
    assert_non_null(strstr(error.text, says));
    assert_null(signer);
}

static void test_refused_files(void **state)
{
    size_t length;
    refuse_file(in_folder(state, "none"), "No such file");
    refuse_file(*state, "not a private key");
    make_key(state, "open", 0);
    assert_int_equal(chmod(in_folder(state, "open"), 0644), 0);
    refuse_file(in_folder(state, "open"), "chmod 600");
    generate_key(in_folder(state, "locked"), (const char *const[]){"-t", "ed25519", "-N", "secret", NULL});
    refuse_file(in_folder(state, "locked"), "passphrase");
    char *device = read_file(in_vectors("keys/test_user_sk_ed25519"), &length);
    write_file(in_folder(state, "device"), tg_bytes_of(device, length), 0600);
    refuse_file(in_folder(state, "device"), "security key");
    generate_key(in_folder(state, "old"), (const char *const[]){"-t", "rsa", "-m", "PEM", NULL});
    refuse_file(in_folder(state, "old"), "ssh-keygen -p");
    free(device);
}

/* Two halves that do not belong together are found out when they sign. */
static void test_mixed_halves(void **state)
{
    struct tg_error error;
    struct tg_signer *signer;
    uint8_t *bytes;
    uint8_t *blob;
    char *changed;
    size_t length;
    size_t pem_length;
    make_key(state, "mixed", 0);
    struct tg_public_key *key = read_public_key(in_folder(state, "mixed"));
    char *pem = read_file(in_folder(state, "mixed"), &pem_length);
    assert_true(tg_armor_decode(tg_bytes_of(pem, pem_length), private_label, pem_length, &bytes, &length));
    /* The public half stands there three times; the seed is right before the third. */
    uint8_t *third = bytes;
    for (int i = 0; i < 3; i++) {
        third++;
        third = memmem(third, (size_t)(bytes + length - third), key->material.data, key->material.length);
        assert_non_null(third);
    }
    third[-1] ^= 1;
    assert_true(tg_armor_encode(tg_bytes_of(bytes, length), private_label, &changed));
    assert_int_equal(tg_signer_from_bytes(tg_bytes_of_text(changed), "mixed", &signer, &error), 0);
    assert_refused(tg_signer_sign(signer, "test-v1@tegata", tg_bytes_of_text(text), &blob, &length, &error),
                   &error, TG_key_unusable);
    assert_null(blob);
    tg_signer_free(signer);
    tg_public_key_free(key);
    free(changed);
    free(bytes);
    free(pem);
}

/* Starts an ssh-agent on a socket in the folder and waits until it has said that it is there. */
static pid_t start_agent(const char *socket_path)
{
    posix_spawn_file_actions_t actions;
    int ends[2];
    char said[256];
    pid_t child;
    const char *const arguments[] = {"ssh-agent", "-D", "-a", socket_path, NULL};
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], 1), 0);
    assert_int_equal(posix_spawnp(&child, arguments[0], &actions, NULL, (char *const *)arguments, environ),
                     0);
    (void)posix_spawn_file_actions_destroy(&actions);
    assert_true(read(ends[0], said, sizeof said) > 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return child;
}

static void test_agent(void **state)
{
    char name[16];
    char socket_path[256];
    struct tg_error error;
    struct tg_signer *signer;
    uint8_t *blob;
    size_t length;
    (void)snprintf(socket_path, sizeof socket_path, "%s/agent", (char *)*state);
    pid_t agent = start_agent(socket_path);
    assert_int_equal(setenv("SSH_AUTH_SOCK", socket_path, 1), 0);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        (void)snprintf(name, sizeof name, "agent%zu", i);
        make_key(state, name, i);
        struct tg_public_key *key = read_public_key(in_folder(state, name));
        assert_int_equal(tg_signer_from_agent(socket_path, key, &signer, &error), 0);
        assert_refused(
            tg_signer_sign(signer, "test-v1@tegata", tg_bytes_of_text(text), &blob, &length, &error), &error,
            TG_key_unusable);
        assert_int_equal(run_program((const char *const[]){"ssh-add", "-q", in_folder(state, name), NULL}),
                         0);
        sign_and_check(state, signer);
        tg_signer_free(signer);
        tg_public_key_free(key);
    }
    assert_int_equal(kill(agent, SIGTERM), 0);
    assert_int_equal(waitpid(agent, NULL, 0), agent);
}

static void test_no_agent(void **state)
{
    struct tg_error error;
    struct tg_signer *signer;
    uint8_t *blob;
    size_t length;
    struct tg_public_key *key = read_public_key(in_vectors("keys/test_user_ed25519"));
    assert_int_equal(tg_signer_from_agent(in_folder(state, "nobody"), key, &signer, &error), 0);
    assert_refused(tg_signer_sign(signer, "test-v1@tegata", tg_bytes_of_text(text), &blob, &length, &error),
                   &error, TG_key_unusable);
    assert_non_null(strstr(error.text, "SSH_AUTH_SOCK"));
    tg_signer_free(signer);
    tg_public_key_free(key);
}

/* The software security key of this tree, by way of ssh-keygen. */
static void test_security_key(void **state)
{
    static const char *const types[] = {"ed25519-sk", "ecdsa-sk"};
    char provider[1024];
    struct tg_error error;
    struct tg_signer *signer;
    uint8_t *blob;
    size_t length;
    const char *build = getenv("TG_TEST_BUILDDIR");
    (void)snprintf(provider, sizeof provider, "%s/tests/security_key/.libs/tg_sk_provider.so",
                   build == NULL ? "." : build);
    assert_int_equal(setenv("SSH_SK_PROVIDER", provider, 1), 0);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        generate_key(in_folder(state, types[i]), (const char *const[]){"-t", types[i], "-w", provider, NULL});
        struct tg_public_key *key = read_public_key(in_folder(state, types[i]));
        struct tg_public_key *other = read_public_key(in_vectors("keys/test_user_sk_ed25519"));
        assert_int_equal(tg_signer_from_ssh_keygen(in_folder(state, types[i]), key, &signer, &error), 0);
        sign_and_check(state, signer);
        assert_int_equal(setenv("TG_TEST_SK_FLAGS", "0", 1), 0);
        assert_refused(
            tg_signer_sign(signer, "test-v1@tegata", tg_bytes_of_text(text), &blob, &length, &error), &error,
            TG_key_unusable);
        assert_int_equal(unsetenv("TG_TEST_SK_FLAGS"), 0);
        tg_signer_free(signer);
        /* What comes back is by another key than the one that was asked for. */
        assert_int_equal(tg_signer_from_ssh_keygen(in_folder(state, types[i]), other, &signer, &error), 0);
        assert_refused(
            tg_signer_sign(signer, "test-v1@tegata", tg_bytes_of_text(text), &blob, &length, &error), &error,
            TG_key_unusable);
        tg_signer_free(signer);
        tg_public_key_free(key);
        tg_public_key_free(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_files),    cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_mixed_halves), cmocka_unit_test(test_agent),
        cmocka_unit_test(test_no_agent),     cmocka_unit_test(test_security_key),
    };
    return cmocka_run_group_tests_name("signer", tests, make_folder, remove_folder);
}
