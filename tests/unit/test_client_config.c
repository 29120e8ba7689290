/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/client.h"
#include "cli/client_config.h"
#include "cli/files.h"
#include "tests/unit/temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[TEMPORARY_SIZE];

static char *in_directory(const char *name)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
    return path;
}

static int read_text(const char *text, struct tg_client_config *config, struct tg_error *error)
{
    char *path = in_directory("client.conf");
    assert_int_equal(tg_file_replace(path, 0644, text, strlen(text), error), 0);
    int result = tg_client_config_read(path, "/home/alice", config, error);
    free(path);
    return result;
}

static void assert_in_directory(const char *path, const char *name)
{
    char *expected = in_directory(name);
    assert_string_equal(path, expected);
    free(expected);
}

static void makes_paths_absolute(void **state)
{
    struct tg_client_config config;
    struct tg_error error = {0};
    (void)state;
    assert_int_equal(read_text("[service]\nurl = https://a.example:8443\nca_file = /x/ca.pem\n"
                               "[person]\nname = alice\nkey = ~/.ssh/id_sk\n[trust]\nroot_signers = roots\n",
                               &config, &error),
                     0);
    assert_string_equal(config.ca_file, "/x/ca.pem");
    assert_string_equal(config.key, "/home/alice/.ssh/id_sk");
    assert_string_equal(config.approval_key, config.key);
    assert_string_equal(config.certificate, "/home/alice/.ssh/id_sk-cert.pub");
    assert_in_directory(config.root_signers, "roots");
    assert_int_equal(config.root_threshold, 1);
}

static void derives_the_certificate_of_a_pub_file(void **state)
{
    struct tg_client_config config;
    struct tg_error error = {0};
    (void)state;
    assert_int_equal(read_text("[service]\nurl = https://a\n[person]\nkey = k.pub\napproval_key = /other\n",
                               &config, &error),
                     0);
    assert_in_directory(config.certificate, "k-cert.pub");
    assert_string_equal(config.approval_key, "/other");
    assert_in_directory(config.ca_file, "service_ca.pem");
}

static void refuses(void **state)
{
    static const char *const texts[] = {
        "",
        "[service]\nurl = https://a\nuser = x\n",
        "[service]\nurl = https://a\n[trust]\nroot_threshold = 0\n",
        "[service]\nurl = https://a\nurl = https://b\n",
        "[people]\nname = x\n[service]\nurl = https://a\n",
    };
    struct tg_client_config config;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct tg_error error = {0};
        assert_int_equal(read_text(texts[i], &config, &error), -1);
        assert_int_equal(error.reason, TG_client_config);
    }
}

static void finds_the_file(void **state)
{
    (void)state;
    char *home_file = in_directory("tegata/client.conf");
    char *folder = in_directory("tegata");
    (void)setenv("TEGATA_CONFIG", "/from/environment", 1);
    char *path = tg_client_config_path("/given");
    assert_string_equal(path, "/given");
    free(path);
    path = tg_client_config_path(NULL);
    assert_string_equal(path, "/from/environment");
    free(path);
    (void)unsetenv("TEGATA_CONFIG");
    (void)setenv("XDG_CONFIG_HOME", directory, 1);
    path = tg_client_config_path(NULL);
    assert_string_equal(path, TG_CONFIG_DIR "/client.conf");
    free(path);
    assert_int_equal(tg_directory_make(folder), 0);
    assert_int_equal(tg_file_create(home_file, 0644, "x", 1, NULL), 0);
    path = tg_client_config_path(NULL);
    assert_string_equal(path, home_file);
    free(path);
    (void)unlink(home_file);
    (void)rmdir(folder);
    free(home_file);
    free(folder);
}

static void reads_authorities(void **state)
{
    static const struct {
        const char *url;
        const char *authority; /* NULL: refused */
    } rows[] = {
        {"https://a.example:8443", "a.example:8443"},
        {"https://a.example", "a.example"},
        {"https://a.example:443/", "a.example"},
        {"https://[::1]:8443", "[::1]:8443"},
        {"http://a.example", NULL},
        {"a.example", NULL},
        {"https://user@a.example", NULL},
        {"https://a.example/path", NULL},
        {"https://a.example/?q", NULL},
        {"ftp://a", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char authority[64] = "";
        struct tg_error error = {0};
        assert_int_equal(tg_client_authority(rows[i].url, authority, sizeof authority, &error),
                         rows[i].authority != NULL ? 0 : -1);
        if (rows[i].authority != NULL)
            assert_string_equal(authority, rows[i].authority);
    }
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(temporary_template(directory)) == NULL ? -1 : 0;
}

static int remove_directory(void **state)
{
    (void)state;
    char *path = in_directory("client.conf");
    (void)unlink(path);
    free(path);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_paths_absolute),
        cmocka_unit_test(derives_the_certificate_of_a_pub_file),
        cmocka_unit_test(refuses),
        cmocka_unit_test(finds_the_file),
        cmocka_unit_test(reads_authorities),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
