/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the command writes. One call writes (part of) one line, and every byte that a terminal might act on,
 * line feeds included, is written as an escape: nothing that came from the service or out of a document can
 * move the cursor, turn text around or begin a line of its own.
 */
#ifndef TEGATA_CLI_OUTPUT_H
#define TEGATA_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum tg_style {
    TG_STYLE_PLAIN,
    TG_STYLE_GOOD,
    TG_STYLE_BAD,
    TG_STYLE_WARNING,
    TG_STYLE_STRONG,
    TG_STYLE_DIM
};

struct tg_output {
    FILE *stream;
    bool colour;  /* a terminal, and NO_COLOR is not set */
    bool utf8;    /* the locale can show more than ASCII */
    size_t width; /* columns of the terminal; 0: none, lines are not folded */
};

/* Looks at the stream, NO_COLOR, TERM and the locale (after setlocale()). */
struct tg_output tg_output_for(FILE *stream);

/* Escapes `text`: control characters, backslashes, invalid UTF-8, direction marks and other invisible
 * characters become \n, \\, \xNN or \u{NNNN}; without `utf8` so does everything that is not ASCII. malloc'ed;
 * NULL only without memory. */
char *tg_output_escape(const char *text, bool utf8);

/* Writes the formatted and then escaped text; tg_line() ends the line. */
__attribute__((format(printf, 2, 3))) void tg_part(const struct tg_output *out, const char *format, ...);
__attribute__((format(printf, 2, 3))) void tg_line(const struct tg_output *out, const char *format, ...);
__attribute__((format(printf, 3, 4))) void tg_styled(const struct tg_output *out, enum tg_style style,
                                                     const char *format, ...);

/* "  name      value" with the names in one column. On a terminal a long value is folded below its beginning,
 * so that no text can reach the column of the names and pass for another field. */
__attribute__((format(printf, 3, 4))) void tg_field(const struct tg_output *out, const char *name,
                                                    const char *format, ...);
__attribute__((format(printf, 4, 5))) void tg_field_styled(const struct tg_output *out, enum tg_style style,
                                                           const char *name, const char *format, ...);

/* Only the name, for a value of several parts. */
void tg_field_name(const struct tg_output *out, const char *name);

/* "rule" for one, "rules" for any other number. */
const char *tg_plural(size_t count, const char *one, const char *many);

/* Indented JSON in ASCII, and a line feed. */
void tg_output_json(const struct tg_output *out, const json_t *value);

/* Columns a text takes on a terminal once it is escaped. */
size_t tg_output_width(const char *text, bool utf8);

/* A table: cells are row after row, `columns` to a row, the first row is the heading. NULL cells are empty.
 * On a terminal the last column is folded as in tg_field(). */
void tg_output_table(const struct tg_output *out, const char *const *cells, size_t columns, size_t rows);

#endif
