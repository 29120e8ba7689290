/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Log lines: to syslog (facility authpriv), or to standard error where a program was started with -e. libc
 * only. A line never holds a key, a token or a whole certificate at LOG_INFO or above, and whatever came from
 * outside is escaped: bytes that are not printable ASCII become \xNN.
 */
#ifndef TEGATA_LIB_LOG_H
#define TEGATA_LIB_LOG_H

#include "lib/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

struct tg_log {
    const char *program; /* shown in every line; static string */
    bool to_stderr;
    int level; /* the least important priority that is still written: LOG_INFO or LOG_DEBUG */
};

/* Writes one line of a priority of syslog(3). Opens nothing and keeps nothing: syslog() itself holds the
 * socket. */
__attribute__((format(printf, 3, 4))) void tg_log(const struct tg_log *log, int priority, const char *format,
                                                  ...);

/* One refusal: "CODE: text (sentence of the code)" at LOG_ERR. */
__attribute__((format(printf, 3, 4))) void tg_log_refusal(const struct tg_log *log, enum tg_reason reason,
                                                          const char *format, ...);

/* Copies `text` to `out` with every byte but printable ASCII, and the backslash, as \xNN; cuts it to fit.
 * Returns `out`, for use as an argument. */
const char *tg_escape(const char *text, char *out, size_t size);

#endif
