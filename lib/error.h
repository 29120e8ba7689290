/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Why something failed: the reason code for programs and a sentence for people that names the thing and the
 * fix. Functions of the library that take a struct tg_error return 0, or -1 with *error filled in.
 */
#ifndef TEGATA_LIB_ERROR_H
#define TEGATA_LIB_ERROR_H

#include "lib/reason.h"

#include <stdarg.h>
#include <stdio.h>

struct tg_error {
    enum tg_reason reason;
    char text[256]; /* names what is wrong, e.g. "ticket: key 'seconds': must be 1 to 86400"; printable ASCII
                       only */
};

/* Fills in *error (which may be NULL) and returns -1, so that `return tg_fail(error, TG_..., "...")` reads
 * well. Whatever the text quotes from outside is cut to fit, and bytes that a terminal might act on become
 * '?'. */
__attribute__((format(printf, 3, 4))) static inline int tg_fail(struct tg_error *error, enum tg_reason reason,
                                                                const char *format, ...)
{
    if (error == NULL)
        return -1;
    error->reason = reason;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    for (char *at = error->text; *at != '\0'; at++) {
        if (*at < 0x20 || *at > 0x7e)
            *at = '?';
    }
    return -1;
}

#endif
