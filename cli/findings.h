/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What tegata doctor found.
 */
#ifndef TEGATA_CLI_FINDINGS_H
#define TEGATA_CLI_FINDINGS_H

#include <stddef.h>

enum tg_level { TG_LEVEL_OK, TG_LEVEL_WARNING, TG_LEVEL_ERROR };

enum { TG_FINDINGS_MAX = 160 };

struct tg_finding {
    enum tg_level level;
    const char *area; /* "sshd", "pam", ...; static string */
    char text[320];
    char fix[320]; /* the line to write or the command to run; "" where nothing is to be done */
};

struct tg_findings {
    struct tg_finding list[TG_FINDINGS_MAX];
    size_t count;
};

/* Adds one. `fix` may be NULL. */
__attribute__((format(printf, 5, 6))) void tg_find(struct tg_findings *findings, enum tg_level level,
                                                   const char *area, const char *fix, const char *format,
                                                   ...);

size_t tg_findings_at(const struct tg_findings *findings, enum tg_level level);

#endif
