/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/output.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static void escapes(void **state)
{
    static const struct {
        const char *text;
        const char *utf8;
        const char *ascii;
    } rows[] = {
        {"plain text ~!", "plain text ~!", "plain text ~!"},
        {"\033[31mred\033[0m", "\\x1b[31mred\\x1b[0m", "\\x1b[31mred\\x1b[0m"},
        {"\033]0;title\007", "\\x1b]0;title\\x07", "\\x1b]0;title\\x07"},
        {"two\nlines\r", "two\\nlines\\x0d", "two\\nlines\\x0d"},
        {"a\tb", "a\\tb", "a\\tb"},
        {"back\\slash", "back\\\\slash", "back\\\\slash"},
        {"del\177", "del\\x7f", "del\\x7f"},
        {"\xc2\x9b"
         "31m",
         "\\u{009b}31m", "\\u{009b}31m"}, /* C1 CSI */
        {"\xe6\x89\x8b\xe5\xbd\xa2", "\xe6\x89\x8b\xe5\xbd\xa2", "\\u{624b}\\u{5f62}"},
        {"\xe2\x80\xae"
         "txt.exe",
         "\\u{202e}txt.exe", "\\u{202e}txt.exe"}, /* right-to-left override */
        {"\xe2\x81\xa6x\xe2\x81\xa9", "\\u{2066}x\\u{2069}", "\\u{2066}x\\u{2069}"},
        {"a\xe2\x80\x8b"
         "b",
         "a\\u{200b}b", "a\\u{200b}b"}, /* zero width */
        {"\xe2\x80\xa8", "\\u{2028}", "\\u{2028}"},
        {"\xf3\xa0\x81\x81", "\\u{e0041}", "\\u{e0041}"},       /* tag character */
        {"\xc0\xaf", "\\xc0\\xaf", "\\xc0\\xaf"},               /* overlong */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80"}, /* surrogate */
        {"\xff\xfe", "\\xff\\xfe", "\\xff\\xfe"},
        {"cut \xe6\x89", "cut \\xe6\\x89", "cut \\xe6\\x89"},
        {"", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *utf8 = tg_output_escape(rows[i].text, true);
        char *ascii = tg_output_escape(rows[i].text, false);
        assert_string_equal(utf8, rows[i].utf8);
        assert_string_equal(ascii, rows[i].ascii);
        free(utf8);
        free(ascii);
    }
}

/* Whatever is written with one call stays on one line, and colour is only where it was asked for. */
static void writes_lines(void **state)
{
    char *text = NULL;
    size_t size = 0;
    (void)state;
    FILE *stream = open_memstream(&text, &size);
    struct tg_output plain = {.stream = stream};
    struct tg_output coloured = {.stream = stream, .colour = true};
    tg_line(&plain, "a %s", "b\n\033[2Jc");
    tg_styled(&plain, TG_STYLE_BAD, "no");
    tg_styled(&coloured, TG_STYLE_BAD, "%s", "yes\033");
    tg_line(&plain, "%s", "");
    tg_field(&plain, "name", "%s", "x\ny");
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(text, "a b\\n\\x1b[2Jc\nno\033[1;31myes\\x1b\033[0m\n  name         x\\ny\n");
    free(text);
}

/* However long a text is and whatever it holds, on a terminal it stays right of the column of names. */
static void folds_long_values(void **state)
{
    static const char padded[] = "fix                          where        ops9";
    static const char *const cells[] = {"A", "B", "x", padded};
    char *text = NULL;
    size_t size = 0;
    (void)state;
    FILE *stream = open_memstream(&text, &size);
    struct tg_output terminal = {.stream = stream, .width = 44};
    tg_field(&terminal, "why", "%s", padded);
    tg_field_styled(&terminal, TG_STYLE_WARNING, "warning", "%s", padded);
    tg_output_table(&terminal, cells, 2, 2);
    terminal.width = 20; /* too narrow to fold */
    tg_field(&terminal, "why", "%s", padded);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(text, "  why          fix                         \n"
                              "                where        ops9\n"
                              "  warning      fix                         \n"
                              "                where        ops9\n"
                              "A  B\n"
                              "x  fix                          where      \n"
                              "     ops9\n"
                              "  why          fix                          where        ops9\n");
    free(text);
}

static void writes_tables(void **state)
{
    static const char *const cells[] = {"A", "B", "longer", "x", NULL, "y\n"};
    char *text = NULL;
    size_t size = 0;
    (void)state;
    FILE *stream = open_memstream(&text, &size);
    struct tg_output plain = {.stream = stream};
    tg_output_table(&plain, cells, 2, 3);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(text, "A       B\nlonger  x\n        y\\n\n");
    free(text);
}

/* A stream that is no terminal gets no colour, whatever the environment says. */
static void no_colour_without_terminal(void **state)
{
    (void)state;
    (void)setenv("TERM", "xterm", 1);
    (void)unsetenv("NO_COLOR");
    FILE *stream = tmpfile();
    assert_non_null(stream);
    assert_false(tg_output_for(stream).colour);
    assert_int_equal(fclose(stream), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),
        cmocka_unit_test(writes_lines),
        cmocka_unit_test(folds_long_values),
        cmocka_unit_test(writes_tables),
        cmocka_unit_test(no_colour_without_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
