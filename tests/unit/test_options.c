/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct tg_option table[] = {
    {'c', "config", "FILE", "Read FILE."},
    {'d', "debug", "", "Say more."},
    {0, "key-type", "TYPE", "A type."},
    {0, "a-name-that-takes-the-whole-column", NULL, "Long."},
};

/* What one run of a parser saw: "config=x debug" and so on, then how it ended. */
struct run {
    struct tg_options parser;
    char seen[256];
};

static struct run run(bool stops_early, int argc, char **argv)
{
    struct run run = {.parser = TG_OPTIONS("tester", "[OPTION]...", "Tests.", table)};
    const struct tg_option *option;
    const char *value;
    run.parser.stops_early = stops_early;
    while (tg_options_next(&run.parser, argc, argv, &option, &value)) {
        size_t used = strlen(run.seen);
        (void)snprintf(run.seen + used, sizeof run.seen - used, "%s%s%s ", option->name,
                       value != NULL ? "=" : "", value != NULL ? value : "");
    }
    return run;
}

static struct run run_words(bool stops_early, const char *text, char **argv, int *argc)
{
    static char words[256];
    char *rest;
    (void)snprintf(words, sizeof words, "%s", text);
    *argc = 0;
    for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        argv[(*argc)++] = word;
    argv[*argc] = NULL;
    return run(stops_early, *argc, argv);
}

static void reads_options_and_operands(void **state)
{
    (void)state;
    char *argv[16];
    int argc;
    struct run seen = run_words(false, "t one -dc x --key-type=a two --key-type b -- -d", argv, &argc);
    assert_int_equal(seen.parser.end, TG_OPTIONS_OPERANDS);
    assert_string_equal(seen.seen, "debug config=x key-type=a key-type=b ");
    assert_int_equal(argc - seen.parser.first_operand, 3);
    assert_string_equal(argv[seen.parser.first_operand], "one");
    assert_string_equal(argv[argc - 1], "-d");
}

static void sub_commands_have_tables_of_their_own(void **state)
{
    (void)state;
    char *argv[16];
    int argc;
    struct run outer = run_words(true, "t -c x request ops1 --debug y", argv, &argc);
    assert_int_equal(outer.parser.end, TG_OPTIONS_OPERANDS);
    assert_string_equal(outer.seen, "config=x ");
    assert_string_equal(argv[outer.parser.first_operand], "request");
    struct run inner = run(false, argc - outer.parser.first_operand, argv + outer.parser.first_operand);
    assert_int_equal(inner.parser.end, TG_OPTIONS_OPERANDS);
    assert_string_equal(inner.seen, "debug ");
    assert_string_equal(argv[outer.parser.first_operand + inner.parser.first_operand], "ops1");
}

static void unknown_is_an_error(void **state)
{
    (void)state;
    static const char *const lines[] = {"t -x", "t --nothing", "t -c", "t --config", "t --debug=1"};
    int kept = dup(STDERR_FILENO);
    assert_non_null(freopen("/dev/null", "w", stderr));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char *argv[16];
        int argc;
        assert_int_equal(run_words(false, lines[i], argv, &argc).parser.end, TG_OPTIONS_WRONG);
    }
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
}

static void help_lists_the_table(void **state)
{
    (void)state;
    char text[2048] = "";
    FILE *file = fmemopen(text, sizeof text, "w");
    struct tg_options parser = TG_OPTIONS("tester", "[OPTION]...", "Tests.", table);
    tg_options_help(&parser, file);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, "Usage: tester [OPTION]...\n"
                              "Tests.\n\n"
                              "  -c, --config FILE         Read FILE.\n"
                              "  -d, --debug               Say more.\n"
                              "      --key-type TYPE       A type.\n"
                              "      --a-name-that-takes-the-whole-column\n"
                              "                            Long.\n"
                              "  -h, --help                Show this help and exit.\n"
                              "  -V, --version             Show the version and exit.\n");
}

static void help_and_version_end_the_run(void **state)
{
    (void)state;
    static const char *const lines[] = {"t --help -x", "t -h", "t -V", "t --version"};
    (void)fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    assert_non_null(freopen("/dev/null", "w", stdout));
    enum tg_options_end ends[4];
    for (size_t i = 0; i < 4; i++) {
        char *argv[16];
        int argc;
        ends[i] = run_words(false, lines[i], argv, &argc).parser.end;
    }
    (void)fflush(stdout);
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    (void)close(kept);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(ends[i], TG_OPTIONS_SHOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_options_and_operands),
        cmocka_unit_test(sub_commands_have_tables_of_their_own),
        cmocka_unit_test(unknown_is_an_error),
        cmocka_unit_test(help_lists_the_table),
        cmocka_unit_test(help_and_version_end_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
