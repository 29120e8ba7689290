/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/output.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

enum { FIELD_WIDTH = 12, FIELD_INDENT = FIELD_WIDTH + 3, TABLE_GAP = 2, FOLDED_MIN = 20 };

struct tg_output tg_output_for(FILE *stream)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    struct tg_output out = {.stream = stream};
    out.colour = isatty(fileno(stream)) == 1 && (no_colour == NULL || *no_colour == '\0') &&
                 terminal != NULL && strcmp(terminal, "dumb") != 0;
    struct winsize size;
    if (isatty(fileno(stream)) == 1 && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0)
        out.width = size.ws_col;
    out.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    return out;
}

/* Decodes one UTF-8 sequence (RFC 3629: shortest form, no surrogates). Returns its length, or 0. */
static size_t decode(const unsigned char *at, uint32_t *point)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = 0;
    if (at[0] < 0x80)
        length = 1;
    else if (at[0] >= 0xc2 && at[0] < 0xe0)
        length = 2;
    else if (at[0] >= 0xe0 && at[0] < 0xf0)
        length = 3;
    else if (at[0] >= 0xf0 && at[0] < 0xf5)
        length = 4;
    else
        return 0;
    *point = length == 1 ? at[0] : at[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (at[i] & 0x3f);
    }
    if (*point < lowest[length] || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff))
        return 0;
    return length;
}

/* Characters that are not what they look like: they turn text around, join it, end it or cannot be seen at
 * all. */
static bool deceives(uint32_t point)
{
    static const uint32_t ranges[][2] = {
        {0x00, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},     {0x034f, 0x034f}, {0x061c, 0x061c},
        {0x115f, 0x1160},    {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e},
        {0x2060, 0x206f},    {0x2800, 0x2800}, {0x3164, 0x3164}, {0xe000, 0xf8ff}, {0xfe00, 0xfe0f},
        {0xfeff, 0xfeff},    {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff},
        {0xf0000, 0x10ffff},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (point >= ranges[i][0] && point <= ranges[i][1])
            return true;
    }
    return false;
}

static void escape_one(FILE *to, const unsigned char *at, size_t length, uint32_t point)
{
    if (length == 0)
        fprintf(to, "\\x%02x", at[0]);
    else if (point == '\n')
        fputs("\\n", to);
    else if (point == '\t')
        fputs("\\t", to);
    else if (point == '\\')
        fputs("\\\\", to);
    else if (point < 0x80)
        fprintf(to, "\\x%02x", (unsigned)point);
    else
        fprintf(to, "\\u{%04x}", (unsigned)point);
}

char *tg_output_escape(const char *text, bool utf8)
{
    char *escaped = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&escaped, &size);
    if (to == NULL)
        return NULL;
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        uint32_t point = 0;
        size_t length = decode(at, &point);
        bool plain = length == 1 ? point >= 0x20 && point < 0x7f && point != '\\'
                                 : length > 1 && utf8 && !deceives(point);
        if (plain)
            fwrite(at, 1, length, to);
        else
            escape_one(to, at, length, point);
        at += length > 0 ? length : 1;
    }
    if (fclose(to) != 0) {
        free(escaped);
        return NULL;
    }
    return escaped;
}

static const char *style_begin(enum tg_style style)
{
    switch (style) {
    case TG_STYLE_GOOD:
        return "\033[32m";
    case TG_STYLE_BAD:
        return "\033[1;31m";
    case TG_STYLE_WARNING:
        return "\033[33m";
    case TG_STYLE_STRONG:
        return "\033[1m";
    case TG_STYLE_DIM:
        return "\033[2m";
    case TG_STYLE_PLAIN:
        break;
    }
    return "";
}

/* The columns that a character takes; *length is its bytes, at least one. */
static size_t columns_of(const unsigned char *at, size_t *length)
{
    uint32_t point = 0;
    *length = decode(at, &point);
    if (*length == 0)
        *length = 1;
    int columns = wcwidth((wchar_t)point);
    return columns > 0 ? (size_t)columns : 0;
}

/* Writes what is escaped already. With `indent`, folds it before the terminal does. */
static void fold(const struct tg_output *out, const char *escaped, size_t indent)
{
    bool folds = indent > 0 && out->width > indent + FOLDED_MIN;
    size_t room = folds ? out->width - indent - 1 : SIZE_MAX;
    size_t used = 0;
    for (const unsigned char *at = (const unsigned char *)escaped; *at != '\0';) {
        size_t length;
        size_t columns = columns_of(at, &length);
        if (columns > room - used) {
            fprintf(out->stream, "\n%*s", (int)indent, "");
            used = 0;
        }
        fwrite(at, 1, length, out->stream);
        used += columns;
        at += length;
    }
}

static void put_text(const struct tg_output *out, enum tg_style style, size_t indent, const char *text)
{
    char *escaped = tg_output_escape(text, out->utf8);
    if (escaped == NULL)
        return;
    bool styled = out->colour && style != TG_STYLE_PLAIN;
    fputs(styled ? style_begin(style) : "", out->stream);
    fold(out, escaped, indent);
    fputs(styled ? "\033[0m" : "", out->stream);
    free(escaped);
}

__attribute__((format(printf, 4, 0))) static void put(const struct tg_output *out, enum tg_style style,
                                                      size_t indent, const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        return;
    put_text(out, style, indent, text);
    free(text);
}

void tg_part(const struct tg_output *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put(out, TG_STYLE_PLAIN, 0, format, arguments);
    va_end(arguments);
}

void tg_styled(const struct tg_output *out, enum tg_style style, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put(out, style, 0, format, arguments);
    va_end(arguments);
}

void tg_line(const struct tg_output *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put(out, TG_STYLE_PLAIN, 0, format, arguments);
    va_end(arguments);
    fputc('\n', out->stream);
}

static void field_name(const struct tg_output *out, enum tg_style style, const char *name)
{
    tg_styled(out, style, "  %-*s ", FIELD_WIDTH, name);
}

void tg_field_name(const struct tg_output *out, const char *name)
{
    field_name(out, TG_STYLE_DIM, name);
}

void tg_field(const struct tg_output *out, const char *name, const char *format, ...)
{
    va_list arguments;
    tg_field_name(out, name);
    va_start(arguments, format);
    put(out, TG_STYLE_PLAIN, FIELD_INDENT, format, arguments);
    va_end(arguments);
    fputc('\n', out->stream);
}

void tg_field_styled(const struct tg_output *out, enum tg_style style, const char *name, const char *format,
                     ...)
{
    va_list arguments;
    field_name(out, style, name);
    va_start(arguments, format);
    put(out, TG_STYLE_PLAIN, FIELD_INDENT, format, arguments);
    va_end(arguments);
    fputc('\n', out->stream);
}

const char *tg_plural(size_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

void tg_output_json(const struct tg_output *out, const json_t *value)
{
    (void)json_dumpf(value, out->stream,
                     JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    fputc('\n', out->stream);
}

size_t tg_output_width(const char *text, bool utf8)
{
    char *escaped = tg_output_escape(text, utf8);
    size_t width = 0;
    const unsigned char *at = (const unsigned char *)(escaped != NULL ? escaped : "");
    while (*at != '\0') {
        size_t length;
        width += columns_of(at, &length);
        at += length;
    }
    free(escaped);
    return width;
}

static void table_row(const struct tg_output *out, const char *const *cells, const size_t *widths,
                      size_t columns, bool heading)
{
    size_t begin = 0;
    for (size_t column = 0; column < columns; column++) {
        const char *cell = cells[column] != NULL ? cells[column] : "";
        bool last = column + 1 == columns;
        put_text(out, heading ? TG_STYLE_DIM : TG_STYLE_PLAIN, last ? begin : 0, cell);
        size_t gap = last ? 0 : widths[column] + TABLE_GAP - tg_output_width(cell, out->utf8);
        fprintf(out->stream, "%*s", (int)gap, "");
        begin += widths[column] + TABLE_GAP;
    }
    fputc('\n', out->stream);
}

void tg_output_table(const struct tg_output *out, const char *const *cells, size_t columns, size_t rows)
{
    size_t *widths = calloc(columns, sizeof *widths);
    if (widths == NULL)
        return;
    for (size_t i = 0; i < columns * rows; i++) {
        size_t width = cells[i] != NULL ? tg_output_width(cells[i], out->utf8) : 0;
        if (width > widths[i % columns])
            widths[i % columns] = width;
    }
    for (size_t row = 0; row < rows; row++)
        table_row(out, cells + row * columns, widths, columns, row == 0);
    free(widths);
}
