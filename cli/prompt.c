/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* How one attempt to read a line ended. */
enum ending { ENDED_LINE, ENDED_INPUT, ENDED_TOO_LONG, ENDED_SIGNAL, ENDED_FAILED };

static int write_all(int descriptor, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t count = write(descriptor, text, left);
        if (count < 0 && errno != EINTR)
            return -1;
        text += count > 0 ? count : 0;
        left -= count > 0 ? (size_t)count : 0;
    }
    return 0;
}

/* One line, byte by byte: in canonical mode the terminal hands out nothing before the line is complete. */
static enum ending read_line(int descriptor, int signals, char *secret, size_t size)
{
    size_t used = 0;
    bool too_long = false;
    struct pollfd pollers[] = {{.fd = descriptor, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (;;) {
        if (poll(pollers, 2, -1) < 0 && errno != EINTR)
            return ENDED_FAILED;
        if (pollers[1].revents != 0)
            return ENDED_SIGNAL;
        char byte;
        ssize_t count = pollers[0].revents != 0 ? read(descriptor, &byte, 1) : -1;
        if (count < 0 && (pollers[0].revents == 0 || errno == EINTR))
            continue;
        if (count < 0)
            return ENDED_FAILED;
        if (count == 0)
            return ENDED_INPUT;
        if (byte == '\n')
            break;
        too_long = too_long || used + 1 == size;
        if (!too_long)
            secret[used++] = byte;
    }
    secret[used] = '\0';
    return too_long ? ENDED_TOO_LONG : ENDED_LINE;
}

/* With the echo off in between, and the signals held back until it is on again. */
static enum ending ask_once(int descriptor, const char *prompt, char *secret, size_t size)
{
    struct termios before;
    sigset_t held;
    sigset_t old;
    (void)sigemptyset(&held);
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)sigaddset(&held, numbers[i]);
    if (tcgetattr(descriptor, &before) < 0 || sigprocmask(SIG_BLOCK, &held, &old) < 0)
        return ENDED_FAILED;
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    silent.c_lflag |= ICANON | ISIG;
    enum ending ending = ENDED_FAILED;
    int signals = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
    /* What was typed ahead was typed with the echo on: it is no secret, and it is thrown away. */
    if (signals >= 0 && tcsetattr(descriptor, TCSAFLUSH, &silent) == 0) {
        if (write_all(descriptor, prompt) == 0)
            ending = read_line(descriptor, signals, secret, size);
        (void)write_all(descriptor, "\n");
        (void)tcsetattr(descriptor, TCSAFLUSH, &before);
    }
    if (signals >= 0)
        (void)close(signals);
    (void)sigprocmask(SIG_SETMASK, &old, NULL); /* a signal that waits takes effect here */
    return ending;
}

int tg_prompt_secret(const char *terminal, const char *prompt, char *secret, size_t size,
                     struct tg_error *error)
{
    secret[0] = '\0';
    int descriptor = open(terminal, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0)
        return tg_fail(error, TG_no_terminal, "%s: %s", terminal, strerror(errno));
    enum ending ending;
    do
        ending = ask_once(descriptor, prompt, secret, size);
    while (ending == ENDED_SIGNAL);
    int reason = errno;
    (void)close(descriptor);
    if (ending == ENDED_LINE)
        return 0;
    explicit_bzero(secret, size);
    if (ending == ENDED_FAILED)
        return tg_fail(error, TG_no_terminal, "%s: %s", terminal, strerror(reason));
    if (ending == ENDED_TOO_LONG)
        return tg_fail(error, TG_not_confirmed, "more than %zu bytes were typed", size - 1);
    return tg_fail(error, TG_not_confirmed, "nothing was typed");
}

int tg_prompt_new_secret(const char *terminal, const char *prompt, const char *again, char *secret,
                         size_t size, struct tg_error *error)
{
    char second[TG_PROMPT_SECRET_SIZE];
    if (size > sizeof second)
        size = sizeof second;
    if (tg_prompt_secret(terminal, prompt, secret, size, error) < 0)
        return -1;
    int result = tg_prompt_secret(terminal, again, second, sizeof second, error);
    if (result == 0 && strcmp(secret, second) != 0)
        result = tg_fail(error, TG_not_confirmed, "the two are not the same");
    explicit_bzero(second, sizeof second);
    if (result < 0)
        explicit_bzero(secret, size);
    return result;
}
