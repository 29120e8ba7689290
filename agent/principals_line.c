/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/principals_line.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *ticket; /* as tickets write it */
    const char *sshd;
} option_names[] = {
    {"pty", "pty"},
    {"agent-forwarding", "agent-forwarding"},
    {"port-forwarding", "port-forwarding"},
    {"x11", "X11-forwarding"},
};

struct line {
    char *text;
    size_t size;
    size_t used;
    bool failed;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    va_list arguments;
    if (line->failed)
        return;
    va_start(arguments, format);
    int length = vsnprintf(line->text + line->used, line->size - line->used, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= line->size - line->used)
        line->failed = true;
    else
        line->used += (size_t)length;
}

/* Can sshd read this between quotes? */
static bool can_be_quoted(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f || strchr("#\"\\", *text) != NULL)
            return false;
    }
    return true;
}

static bool is_plain_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return length >= 1 && length <= 32 && name[length] == '\0' && name[0] != '-' &&
           (name[0] < '0' || name[0] > '9');
}

static void add_quoted(struct line *line, const char *option, const char *value)
{
    if (!can_be_quoted(value))
        line->failed = true;
    add(line, ",%s=\"%s\"", option, value);
}

static bool has_option(const struct tg_ticket *ticket, const char *option)
{
    for (size_t i = 0; i < ticket->option_count; i++) {
        if (strcmp(ticket->options[i], option) == 0)
            return true;
    }
    return false;
}

static void add_options(struct line *line, const struct tg_ticket *ticket)
{
    size_t known = 0;
    for (size_t i = 0; i < sizeof option_names / sizeof option_names[0]; i++) {
        if (!has_option(ticket, option_names[i].ticket))
            continue;
        add(line, ",%s", option_names[i].sshd);
        known++;
    }
    /* What this agent cannot put on the line it must not let pass in silence. */
    if (known != ticket->option_count)
        line->failed = true;
    if (ticket->permit_open_count > 0 && !has_option(ticket, "port-forwarding"))
        add(line, ",port-forwarding");
}

static void add_expiry(struct line *line, int64_t ends)
{
    char text[32];
    struct tm utc;
    time_t seconds = (time_t)ends;
    if (ends <= 0 || gmtime_r(&seconds, &utc) == NULL ||
        strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &utc) != 15)
        line->failed = true;
    else
        add_quoted(line, "expiry-time", text);
}

static void add_sources(struct line *line, const struct tg_ticket *ticket)
{
    for (size_t i = 0; i < ticket->source_count; i++) {
        /* from= is a list of patterns: nothing but an address or a network may stand in it. */
        size_t length = strspn(ticket->source[i], "0123456789abcdefABCDEF.:/");
        if (length == 0 || ticket->source[i][length] != '\0')
            line->failed = true;
        add(line, "%s%s", i == 0 ? ",from=\"" : ",", ticket->source[i]);
    }
    if (ticket->source_count > 0)
        add(line, "\"");
}

static void add_destinations(struct line *line, const struct tg_ticket *ticket)
{
    for (size_t i = 0; i < ticket->permit_open_count; i++)
        add_quoted(line, "permitopen", ticket->permit_open[i]);
    /* sshd has no word for "no remote forwarding" beside permitopen. Port 1 can be bound by root alone, and
     * sshd refuses it to everybody else, so this permits nothing. */
    if (ticket->permit_open_count > 0 && !has_option(ticket, "port-forwarding"))
        add_quoted(line, "permitlisten", "localhost:1");
}

static bool finish(struct line *line)
{
    if (line->failed)
        line->text[0] = '\0';
    return !line->failed;
}

bool tg_principals_line(const struct tg_ticket *ticket, int64_t ends, char *line_text, size_t size)
{
    struct line line = {.text = line_text, .size = size, .failed = !is_plain_name(ticket->requester)};
    line_text[0] = '\0';
    add(&line, "restrict");
    add_options(&line, ticket);
    add_expiry(&line, ends);
    add_sources(&line, ticket);
    add_destinations(&line, ticket);
    if (ticket->command[0] != '\0')
        add_quoted(&line, "command", ticket->command);
    add(&line, " %s", ticket->requester);
    return finish(&line);
}

bool tg_principals_line_without_ticket(const char *person, char *line_text, size_t size)
{
    struct line line = {.text = line_text, .size = size, .failed = !is_plain_name(person)};
    line_text[0] = '\0';
    add(&line, "restrict %s", person);
    return finish(&line);
}
