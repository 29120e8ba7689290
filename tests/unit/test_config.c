/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/config.h"
#include "tests/unit/temporary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct sample {
    char name[TG_CONFIG_VALUE_SIZE];
    char note[TG_CONFIG_VALUE_SIZE];
    char file[TG_CONFIG_VALUE_SIZE];
    char token[TG_CONFIG_VALUE_SIZE];
    char words[TG_CONFIG_VALUE_SIZE];
    char mode[TG_CONFIG_VALUE_SIZE];
    int64_t number;
    bool flag;
};

static const struct tg_config_key keys[] = {
    {"main", "name", TG_CONFIG_TEXT, NULL, 0, 0, NULL, offsetof(struct sample, name), ""},
    {"main", "note", TG_CONFIG_TEXT, "", 0, 0, NULL, offsetof(struct sample, note), ""},
    {"main", "file", TG_CONFIG_PATH, "/etc/x", 0, 0, NULL, offsetof(struct sample, file), ""},
    {"main", "token", TG_CONFIG_PATH, "", 0, 0, NULL, offsetof(struct sample, token), ""},
    {"more", "words", TG_CONFIG_LIST, "", 0, 0, NULL, offsetof(struct sample, words), ""},
    {"more", "mode", TG_CONFIG_CHOICE, "both", 0, 0, "both session", offsetof(struct sample, mode), ""},
    {"more", "number", TG_CONFIG_NUMBER, "15", -5, 300, NULL, offsetof(struct sample, number), ""},
    {"more", "flag", TG_CONFIG_BOOLEAN, "no", 0, 0, NULL, offsetof(struct sample, flag), ""},
};

enum { KEYS = sizeof keys / sizeof keys[0] };

static int parse(const char *text, struct sample *sample, struct tg_error *error)
{
    memset(sample, 0, sizeof *sample);
    return tg_config_parse(text, strlen(text), "t.conf", keys, KEYS, sample, error);
}

static void reads_every_type(void **state)
{
    (void)state;
    struct sample sample;
    struct tg_error error;
    assert_int_equal(
        parse("# comment\n; another\n[main]\nname = ops1\nnote=a#b;c \\ \"d\"\nfile = /a b\ntoken =\n\n"
              "[more]\nwords =  a \t b\nmode = session\nnumber = -5\nflag = yes",
              &sample, &error),
        0);
    assert_string_equal(sample.name, "ops1");
    assert_string_equal(sample.note, "a#b;c \\ \"d\"");
    assert_string_equal(sample.file, "/a b");
    assert_string_equal(sample.token, "");
    assert_string_equal(sample.words, "a b");
    assert_string_equal(sample.mode, "session");
    assert_int_equal(sample.number, -5);
    assert_true(sample.flag);
}

static void fallbacks_are_used(void **state)
{
    (void)state;
    struct sample sample;
    struct tg_error error;
    assert_int_equal(parse("[main]\nname = ops1\n", &sample, &error), 0);
    assert_string_equal(sample.file, "/etc/x");
    assert_string_equal(sample.mode, "both");
    assert_int_equal(sample.number, 15);
    assert_false(sample.flag);
}

/* What is refused, and how the error begins. */
static const struct {
    const char *text;
    const char *error;
} wrong[] = {
    {"", "t.conf: key 'name' in [main] is missing"},
    {"[main]\nname =\n", "t.conf:2: key 'name' in [main]: must not be empty"},
    {"[main]\nname = a\nfile =\n", "t.conf:3: key 'file' in [main]: must not be empty"},
    {"[main]\nname = a\n\nname = b\n", "t.conf:4: key 'name' in [main]: is given twice"},
    {"[main]\nname = a\nNote = b\n", "t.conf:3: key 'Note' in [main]: is not known"},
    {"name = a\n", "t.conf:1: key 'name' in []: is not known"},
    {"[more]\nname = a\n", "t.conf:2: key 'name' in [more]: is not known"},
    {"[main]\nname = a\nfile = etc\n", "t.conf:3: key 'file' in [main]: must be a path"},
    {"[main]\nname = a\n  b\n", "t.conf:3: the line begins with a blank"},
    {"[main]\nname = a ; b\n", "t.conf:2: a comment must stand on a line of its own"},
    {"[main]\nname = a\n[more] x\n", "t.conf:3: a section line must be"},
    {"[main]\nname = a\n[more\n", "t.conf:3: a section line must be"},
    {"[main]\nname = a\n[mare]\n", "t.conf:3: the section is not known"},
    {"[main]\nname = a\n[]\n", "t.conf:3: the section is not known"},
    {"[main]\nname = a\n[ more ]\n", "t.conf:3: the section is not known"},
    {"[mai]\nname = a\n", "t.conf:1: the section is not known"},
    {"[main]\nname = a\nnonsense\n", "t.conf:3: neither [SECTION] nor KEY = VALUE"},
    {"[main]\nname = a\r\n", "t.conf:2: the line has a control character"},
    {"[main]\nname = \xc3\xa4\n", "t.conf:2: key 'name' in [main]: must be plain ASCII"},
    {"[more]\nnumber = 301\n", "t.conf:2: key 'number' in [more]: must be -5 to 300"},
    {"[more]\nnumber = -6\n", "t.conf:2: key 'number' in [more]: must be -5 to 300"},
    {"[more]\nnumber = 99999999999999999999\n", "t.conf:2: key 'number' in [more]: must be -5 to 300"},
    {"[more]\nnumber = 0x10\n", "t.conf:2: key 'number' in [more]: must be a whole number"},
    {"[more]\nnumber = -\n", "t.conf:2: key 'number' in [more]: must be a whole number"},
    {"[more]\nnumber = 1 2\n", "t.conf:2: key 'number' in [more]: must be a whole number"},
    {"[more]\nflag = true\n", "t.conf:2: key 'flag' in [more]: must be yes or no"},
    {"[more]\nmode = bot\n", "t.conf:2: key 'mode' in [more]: must be one of: both session"},
    {"[more]\nmode = both session\n", "t.conf:2: key 'mode' in [more]: must be one of: both session"},
};

static void errors_name_line_and_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct sample sample;
        struct tg_error error = {.text = "none"};
        assert_int_equal(parse(wrong[i].text, &sample, &error), -1);
        assert_int_equal(error.reason, TG_config_bad);
        if (strncmp(error.text, wrong[i].error, strlen(wrong[i].error)) != 0)
            fail_msg("'%s' instead of '%s'", error.text, wrong[i].error);
    }
}

static void a_nul_is_refused(void **state)
{
    (void)state;
    static const char text[] = "[main]\nname = a\0b\n";
    struct sample sample;
    struct tg_error error;
    assert_int_equal(tg_config_parse(text, sizeof text - 1, "t", keys, KEYS, &sample, &error), -1);
}

/* inih would cut a longer line in two and take the rest for another key. */
static void long_lines_are_refused(void **state)
{
    (void)state;
    struct sample sample;
    struct tg_error error;
    char text[400];
    for (size_t length = 150; length < 300; length++) {
        size_t used = (size_t)snprintf(text, sizeof text, "[main]\nname = ");
        memset(text + used, 'a', length);
        (void)snprintf(text + used + length, sizeof text - used - length, "\n");
        int result = parse(text, &sample, &error);
        assert_int_equal(result, length + 7 <= 190 ? 0 : -1);
        if (result == 0)
            assert_int_equal(strlen(sample.name), length);
    }
}

static void lists_hold_whole_words(void **state)
{
    (void)state;
    assert_true(tg_config_list_has("a bc d", "bc"));
    assert_true(tg_config_list_has("a bc d", "d"));
    assert_false(tg_config_list_has("a bc d", "b"));
    assert_false(tg_config_list_has("a bc d", "bcd"));
    assert_false(tg_config_list_has("a bc d", ""));
    assert_false(tg_config_list_has("", "a"));
    assert_false(tg_config_list_has("a b", "a b"));
}

static void write_file(const char *path, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("[host]\nname = ops1\n[service]\nurl = https://a:1\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void files_that_others_could_write_are_refused(void **state)
{
    (void)state;
    char directory[TEMPORARY_SIZE];
    char path[TEMPORARY_SIZE + 16];
    struct tg_error error;
    struct tg_host_config *config = malloc(sizeof *config);
    assert_non_null(config);
    assert_non_null(mkdtemp(temporary_template(directory)));
    (void)snprintf(path, sizeof path, "%s/t.conf", directory);
    write_file(path, 0644);
    assert_int_equal(tg_host_config_read(path, config, &error), 0);
    assert_string_equal(config->name, "ops1");
    assert_string_equal(config->socket, "/run/tegata/agent.sock");
    static const mode_t modes[] = {0664, 0646, 0666};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(tg_host_config_read(path, config, &error), -1);
        assert_non_null(strstr(error.text, "chmod"));
        assert_string_equal(config->name, "");
    }
    assert_int_equal(chmod(path, 0644), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
        assert_int_equal(tg_host_config_read(path, config, &error), -1);
        assert_non_null(strstr(error.text, "12345"));
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(tg_host_config_read(path, config, &error), -1);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(tg_host_config_read(path, config, &error), -1); /* and does not wait for a writer */
    assert_non_null(strstr(error.text, "regular"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(tg_host_config_read(directory, config, &error), -1);
    assert_int_equal(rmdir(directory), 0);
    free(config);
}

/* The example as it is installed. It is copied, because a build tree may be writable for a group. */
static void the_example_is_right(void **state)
{
    (void)state;
    const char *build = getenv("TG_TEST_BUILDDIR");
    char example[512];
    char path[TEMPORARY_SIZE];
    char line[512];
    struct tg_error error = {.text = ""};
    struct tg_host_config *config = malloc(sizeof *config);
    (void)snprintf(example, sizeof example, "%s/examples/tegata.conf", build != NULL ? build : ".");
    FILE *from = fopen(example, "r");
    FILE *copy = fdopen(mkstemp(temporary_template(path)), "w");
    assert_true(config != NULL && from != NULL && copy != NULL);
    while (fgets(line, sizeof line, from) != NULL)
        (void)fputs(line, copy);
    assert_int_equal(fclose(copy), 0);
    (void)fclose(from);
    int result = tg_host_config_read(path, config, &error);
    assert_int_equal(unlink(path), 0);
    if (result != 0)
        fail_msg("%s", error.text);
    assert_string_equal(config->name, "ops1");
    assert_string_equal(config->exempt_accounts, "");
    free(config);
}

static void large_files_are_refused(void **state)
{
    (void)state;
    char path[TEMPORARY_SIZE];
    struct sample sample;
    struct tg_error error;
    int fd = mkstemp(temporary_template(path));
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    for (size_t i = 0; i < 6554; i++)
        (void)fputs("# 8 bytes\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(tg_config_read(path, keys, KEYS, &sample, &error), -1);
    assert_non_null(strstr(error.text, "larger than 65536 bytes"));
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(fallbacks_are_used),
        cmocka_unit_test(errors_name_line_and_key),
        cmocka_unit_test(a_nul_is_refused),
        cmocka_unit_test(long_lines_are_refused),
        cmocka_unit_test(lists_hold_whole_words),
        cmocka_unit_test(files_that_others_could_write_are_refused),
        cmocka_unit_test(the_example_is_right),
        cmocka_unit_test(large_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
