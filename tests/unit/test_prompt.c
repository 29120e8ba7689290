/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Secrets typed on a terminal, here a pseudo-terminal whose other end the test holds.
 */
#include "cli/prompt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct terminal {
    int keyboard; /* the other end */
    int descriptor;
    char name[64];
};

static void open_terminal(struct terminal *terminal)
{
    assert_int_equal(openpty(&terminal->keyboard, &terminal->descriptor, terminal->name, NULL, NULL), 0);
}

static void close_terminal(struct terminal *terminal)
{
    (void)close(terminal->keyboard);
    (void)close(terminal->descriptor);
}

static bool echoes(const struct terminal *terminal)
{
    struct termios now;
    assert_int_equal(tcgetattr(terminal->descriptor, &now), 0);
    return (now.c_lflag & ECHO) != 0;
}

/* What the screen shows, until it ends with `end`. */
static void read_screen(const struct terminal *terminal, const char *end, char *screen, size_t size)
{
    size_t used = strlen(screen);
    while (used < strlen(end) || strcmp(screen + used - strlen(end), end) != 0) {
        ssize_t count = read(terminal->keyboard, screen + used, size - 1 - used);
        assert_true(count > 0);
        used += (size_t)count;
        screen[used] = '\0';
    }
}

static void type(const struct terminal *terminal, const char *text)
{
    assert_int_equal(write(terminal->keyboard, text, strlen(text)), (ssize_t)strlen(text));
}

/* Starts somebody who asks, on a terminal of its own session; the exit status is 0 if the secret was
 * `expected`, else the number of the reason. */
static pid_t start(const struct terminal *terminal, bool twice, size_t size, const char *expected)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    char secret[TG_PROMPT_SECRET_SIZE];
    struct tg_error error = {0};
    (void)setsid();
    int controlling = open(terminal->name, O_RDWR); /* becomes the controlling terminal: ^C reaches us */
    int result = controlling < 0 ? -1
                 : twice ? tg_prompt_new_secret(TG_PROMPT_TERMINAL, "New: ", "Again: ", secret, size, &error)
                         : tg_prompt_secret(TG_PROMPT_TERMINAL, "Secret: ", secret, size, &error);
    if (result == 0)
        _exit(strcmp(secret, expected) == 0 ? 0 : 1);
    _exit(secret[0] != '\0' ? 2 : (int)error.reason);
}

static int status_of(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_a_secret_is_read_and_not_shown(void **state)
{
    (void)state;
    struct terminal terminal;
    char screen[256] = "";
    open_terminal(&terminal);
    pid_t child = start(&terminal, false, TG_PROMPT_SECRET_SIZE, "correct horse");
    read_screen(&terminal, "Secret: ", screen, sizeof screen);
    assert_false(echoes(&terminal));
    type(&terminal, "correct horse\n");
    assert_int_equal(status_of(child), 0);
    read_screen(&terminal, "\n", screen, sizeof screen);
    assert_null(strstr(screen, "horse"));
    assert_true(echoes(&terminal));
    close_terminal(&terminal);
}

static void test_the_end_and_a_long_line_are_refused(void **state)
{
    (void)state;
    static const char *const typed[] = {"\x04", "123456789\n"};
    for (size_t i = 0; i < 2; i++) {
        struct terminal terminal;
        char screen[256] = "";
        open_terminal(&terminal);
        pid_t child = start(&terminal, false, 9, "");
        read_screen(&terminal, "Secret: ", screen, sizeof screen);
        type(&terminal, typed[i]);
        assert_int_equal(WEXITSTATUS(status_of(child)), TG_not_confirmed);
        assert_true(echoes(&terminal));
        close_terminal(&terminal);
    }
}

static void test_an_interrupt_leaves_the_terminal_as_it_was(void **state)
{
    (void)state;
    struct terminal terminal;
    char screen[256] = "";
    open_terminal(&terminal);
    pid_t child = start(&terminal, false, TG_PROMPT_SECRET_SIZE, "");
    read_screen(&terminal, "Secret: ", screen, sizeof screen);
    type(&terminal, "half\x03");
    int status = status_of(child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    assert_true(echoes(&terminal));
    close_terminal(&terminal);
}

static void test_a_new_secret_is_asked_twice(void **state)
{
    (void)state;
    static const char *const again[] = {"one and one\n", "one and two\n"};
    for (size_t i = 0; i < 2; i++) {
        struct terminal terminal;
        char screen[256] = "";
        open_terminal(&terminal);
        pid_t child = start(&terminal, true, TG_PROMPT_SECRET_SIZE, "one and one");
        read_screen(&terminal, "New: ", screen, sizeof screen);
        type(&terminal, "one and one\n");
        read_screen(&terminal, "Again: ", screen, sizeof screen);
        type(&terminal, again[i]);
        assert_int_equal(WEXITSTATUS(status_of(child)), i == 0 ? 0 : TG_not_confirmed);
        close_terminal(&terminal);
    }
}

static void test_without_a_terminal(void **state)
{
    (void)state;
    char secret[16];
    struct tg_error error = {0};
    assert_int_equal(tg_prompt_secret("/dev/null", "Secret: ", secret, sizeof secret, &error), -1);
    assert_int_equal(error.reason, TG_no_terminal);
    assert_int_equal(tg_prompt_secret("/nonexistent", "Secret: ", secret, sizeof secret, &error), -1);
    assert_int_equal(error.reason, TG_no_terminal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_secret_is_read_and_not_shown),
        cmocka_unit_test(test_the_end_and_a_long_line_are_refused),
        cmocka_unit_test(test_an_interrupt_leaves_the_terminal_as_it_was),
        cmocka_unit_test(test_a_new_secret_is_asked_twice),
        cmocka_unit_test(test_without_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
