/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

const char *tg_escape(const char *text, char *out, size_t size)
{
    size_t used = 0;
    for (; *text != '\0' && used + 5 <= size; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte >= 0x20 && byte <= 0x7e && byte != '\\') {
            out[used++] = (char)byte;
        } else {
            (void)snprintf(out + used, 5, "\\x%02x", byte);
            used += 4;
        }
    }
    out[used] = '\0';
    return out;
}

static void write_line(const struct tg_log *log, int priority, const char *text)
{
    char line[LINE_SIZE];
    if (!log->to_stderr) {
        syslog(LOG_AUTHPRIV | priority, "%s", text);
        return;
    }
    int length = snprintf(line, sizeof line, "%s: %s\n", log->program, text);
    size_t used = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
    line[used - 1] = '\n';
    /* A log that cannot be written must not stop the program, and there is nowhere to say so. */
    ssize_t ignored = write(STDERR_FILENO, line, used);
    (void)ignored;
}

/* Writes what `format` makes, with every odd byte escaped once more: one call, one line. */
__attribute__((format(printf, 4, 0))) static void write_formatted(const struct tg_log *log, int priority,
                                                                  const char *prefix, const char *format,
                                                                  va_list arguments)
{
    char text[LINE_SIZE];
    char line[LINE_SIZE];
    int used = snprintf(text, sizeof text, "%s", prefix);
    (void)vsnprintf(text + used, sizeof text - (size_t)used, format, arguments);
    write_line(log, priority, tg_escape(text, line, sizeof line));
}

void tg_log(const struct tg_log *log, int priority, const char *format, ...)
{
    if (priority > log->level)
        return;
    va_list arguments;
    va_start(arguments, format);
    write_formatted(log, priority, "", format, arguments);
    va_end(arguments);
}

void tg_log_refusal(const struct tg_log *log, enum tg_reason reason, const char *format, ...)
{
    char prefix[256];
    (void)snprintf(prefix, sizeof prefix, "%s: %s: ", tg_reason_name(reason), tg_reason_text(reason));
    va_list arguments;
    va_start(arguments, format);
    write_formatted(log, LOG_ERR, prefix, format, arguments);
    va_end(arguments);
}
