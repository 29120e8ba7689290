/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/files.h"
#include "cli/session_token.h"
#include "cli/signing_key.h"
#include "tests/unit/temporary.h"
#include "tests/unit/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[TEMPORARY_SIZE];

static char *in_directory(const char *name)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
    return path;
}

static char *write_in_directory(const char *name, const char *text)
{
    char *path = in_directory(name);
    assert_int_equal(tg_file_replace(path, 0600, text, strlen(text), NULL), 0);
    return path;
}

static void reads_the_public_half(void **state)
{
    struct tg_public_key *key = NULL;
    struct tg_public_key *expected = world_key(KEY_ALICE);
    struct tg_error error = {0};
    bool encrypted = true;
    (void)state;
    char *path = write_in_directory("key", PRIVATE_ALICE);
    assert_int_equal(tg_signing_key_public(path, &key, &encrypted, &error), 0);
    assert_string_equal(key->fingerprint, expected->fingerprint);
    assert_false(encrypted);
    tg_public_key_free(key);
    char *pub = write_in_directory("key.pub", KEY_ALICE " a comment\n");
    assert_int_equal(tg_signing_key_public(pub, &key, &encrypted, &error), 0);
    assert_string_equal(key->fingerprint, expected->fingerprint);
    tg_public_key_free(key);
    (void)unlink(path);
    (void)unlink(pub);
    free(path);
    free(pub);
    tg_public_key_free(expected);
}

static void refuses_other_files(void **state)
{
    static const char *const texts[] = {
        "",
        "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n!\n-----END OPENSSH PRIVATE KEY-----\n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct tg_public_key *key = NULL;
        struct tg_error error = {0};
        char *path = write_in_directory("key", texts[i]);
        assert_int_equal(tg_signing_key_public(path, &key, NULL, &error), -1);
        assert_null(key);
        assert_int_equal(error.reason, TG_client_config);
        (void)unlink(path);
        free(path);
    }
}

static void wants_an_agent_for_a_pub_file(void **state)
{
    struct tg_signer *signer = NULL;
    struct tg_error error = {0};
    (void)state;
    char *pub = write_in_directory("key.pub", KEY_ALICE "\n");
    (void)unsetenv("SSH_AUTH_SOCK");
    assert_int_equal(tg_signing_key_open(NULL, pub, "[person] key", false, &signer, NULL, &error), -1);
    assert_non_null(strstr(error.text, "SSH_AUTH_SOCK"));
    assert_int_equal(tg_signing_key_open(NULL, "", "[person] key", false, &signer, NULL, &error), -1);
    assert_non_null(strstr(error.text, "[person] key"));
    (void)unlink(pub);
    free(pub);
}

/* The only file that is in the token directory. */
static char *token_file(void)
{
    char *path = NULL;
    char *command = NULL;
    size_t size = 0;
    assert_true(asprintf(&command, "ls %s/tegata/token-*", directory) > 0);
    FILE *list = popen(command, "r");
    assert_non_null(list);
    assert_true(getline(&path, &size, list) > 0);
    (void)pclose(list);
    free(command);
    path[strcspn(path, "\n")] = '\0';
    return path;
}

static void keeps_tokens(void **state)
{
    struct stat status;
    (void)state;
    (void)setenv("XDG_RUNTIME_DIR", directory, 1);
    assert_null(tg_session_token_load("https://a", "SHA256:x", 1000));
    tg_session_token_store("https://a", "SHA256:x", "secret", 2000);
    char *token = tg_session_token_load("https://a", "SHA256:x", 1000);
    assert_string_equal(token, "secret");
    free(token);
    assert_null(tg_session_token_load("https://a", "SHA256:x", 1990)); /* about to end */
    assert_null(tg_session_token_load("https://b", "SHA256:x", 1000));
    assert_null(tg_session_token_load("https://a", "SHA256:y", 1000));
    char *path = token_file();
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    /* One that others could have read or written is not used. */
    assert_int_equal(chmod(path, 0644), 0);
    assert_null(tg_session_token_load("https://a", "SHA256:x", 1000));
    tg_session_token_forget("https://a", "SHA256:x");
    assert_int_equal(access(path, F_OK), -1);
    free(path);
    char *folder = in_directory("tegata");
    assert_int_equal(chmod(folder, 0755), 0);
    tg_session_token_store("https://a", "SHA256:x", "secret", 2000);
    assert_null(tg_session_token_load("https://a", "SHA256:x", 1000));
    assert_int_equal(rmdir(folder), 0);
    free(folder);
    (void)unsetenv("XDG_RUNTIME_DIR");
    tg_session_token_store("https://a", "SHA256:x", "secret", 2000);
    assert_null(tg_session_token_load("https://a", "SHA256:x", 1000));
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(temporary_template(directory)) == NULL ? -1 : 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_public_half),
        cmocka_unit_test(refuses_other_files),
        cmocka_unit_test(wants_an_agent_for_a_pub_file),
        cmocka_unit_test(keeps_tokens),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
