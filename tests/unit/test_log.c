/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct tg_log to_stderr = {.program = "tester", .to_stderr = true, .level = LOG_INFO};

struct capture {
    FILE *file;
    int kept;
    char text[8192];
};

static struct capture begin(void)
{
    struct capture capture = {.file = tmpfile(), .kept = dup(STDERR_FILENO)};
    assert_non_null(capture.file);
    assert_true(dup2(fileno(capture.file), STDERR_FILENO) >= 0);
    return capture;
}

static void end(struct capture *capture)
{
    assert_true(dup2(capture->kept, STDERR_FILENO) >= 0);
    (void)close(capture->kept);
    rewind(capture->file);
    size_t used = fread(capture->text, 1, sizeof capture->text - 1, capture->file);
    capture->text[used] = '\0';
    (void)fclose(capture->file);
}

static void escapes(void **state)
{
    (void)state;
    char out[64];
    assert_string_equal(tg_escape("a b~", out, sizeof out), "a b~");
    assert_string_equal(tg_escape("a\n\x1b[0m\\\xff\x7f", out, sizeof out), "a\\x0a\\x1b[0m\\x5c\\xff\\x7f");
    assert_string_equal(tg_escape("", out, 1), "");
    assert_string_equal(tg_escape("abcdefgh", out, 8), "abcd");
    assert_string_equal(tg_escape("\n", out, 4), "");
}

static void one_call_is_one_line(void **state)
{
    (void)state;
    struct capture capture = begin();
    tg_log(&to_stderr, LOG_INFO, "account=%s", "a\nb: forged");
    end(&capture);
    assert_string_equal(capture.text, "tester: account=a\\x0ab: forged\n");
}

static void debug_is_quiet_unless_asked_for(void **state)
{
    (void)state;
    struct tg_log loud = to_stderr;
    loud.level = LOG_DEBUG;
    struct capture capture = begin();
    tg_log(&to_stderr, LOG_DEBUG, "silent");
    tg_log(&loud, LOG_DEBUG, "loud");
    end(&capture);
    assert_string_equal(capture.text, "tester: loud\n");
}

static void a_refusal_has_its_code(void **state)
{
    (void)state;
    struct capture capture = begin();
    tg_log_refusal(&to_stderr, TG_clock_wrong, "by %d s", 31);
    end(&capture);
    assert_string_equal(capture.text, "tester: clock_wrong: the host's clock is wrong: by 31 s\n");
}

static void long_lines_are_cut_and_ended(void **state)
{
    (void)state;
    char text[4096];
    memset(text, '\x01', sizeof text);
    text[sizeof text - 1] = '\0';
    struct capture capture = begin();
    tg_log(&to_stderr, LOG_ERR, "%s", text);
    end(&capture);
    assert_true(strlen(capture.text) <= 1024);
    assert_ptr_equal(strchr(capture.text, '\n'), capture.text + strlen(capture.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),
        cmocka_unit_test(one_call_is_one_line),
        cmocka_unit_test(debug_is_quiet_unless_asked_for),
        cmocka_unit_test(a_refusal_has_its_code),
        cmocka_unit_test(long_lines_are_cut_and_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
