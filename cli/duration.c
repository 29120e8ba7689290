/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/duration.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DURATION_MAX = 366 * 86400 };

static const struct {
    char letter;
    uint32_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

enum { UNIT_COUNT = sizeof units / sizeof units[0] };

/* Reads digits; false if there are none or the number is beyond any duration. */
static bool read_number(const char **at, uint64_t *number)
{
    *number = 0;
    if (!isdigit((unsigned char)**at))
        return false;
    for (; isdigit((unsigned char)**at); (*at)++) {
        *number = *number * 10 + (uint64_t)(**at - '0');
        if (*number > DURATION_MAX)
            return false;
    }
    return true;
}

bool tg_duration_parse(const char *text, uint32_t *seconds)
{
    uint64_t total = 0;
    size_t next_unit = 0;
    *seconds = 0;
    for (const char *at = text; *at != '\0' || at == text;) {
        uint64_t number = 0;
        bool first = at == text;
        if (!read_number(&at, &number))
            return false;
        size_t unit = next_unit;
        if (*at == '\0' && first)
            unit = UNIT_COUNT - 1;
        else
            while (unit < UNIT_COUNT && units[unit].letter != *at)
                unit++;
        if (unit == UNIT_COUNT)
            return false;
        total += number * units[unit].seconds;
        next_unit = unit + 1;
        if (*at != '\0')
            at++;
    }
    if (total == 0 || total > DURATION_MAX)
        return false;
    *seconds = (uint32_t)total;
    return true;
}

const char *tg_duration_text(int64_t seconds, char out[TG_DURATION_TEXT_SIZE])
{
    size_t used = 0;
    uint64_t left = seconds > 0 ? (uint64_t)seconds : 0;
    out[0] = '\0';
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        uint64_t number = left / units[i].seconds;
        left %= units[i].seconds;
        if (number == 0 && !(i == UNIT_COUNT - 1 && used == 0))
            continue;
        int written =
            snprintf(out + used, TG_DURATION_TEXT_SIZE - used, "%" PRIu64 "%c", number, units[i].letter);
        if (written < 0 || (size_t)written >= TG_DURATION_TEXT_SIZE - used)
            break;
        used += (size_t)written;
    }
    return out;
}

/* A calendar time that exists: mktime() and timegm() would turn February 30th into March. */
static bool from_calendar(struct tm calendar, bool utc, int64_t *time)
{
    struct tm wanted = calendar;
    calendar.tm_isdst = -1;
    time_t result = utc ? timegm(&calendar) : mktime(&calendar);
    if (result == (time_t)-1 || calendar.tm_mday != wanted.tm_mday || calendar.tm_mon != wanted.tm_mon ||
        calendar.tm_hour != wanted.tm_hour)
        return false;
    *time = result;
    return true;
}

static bool parse_date(const char *text, int64_t *time)
{
    static const char *const forms[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
                                        "%Y-%m-%dT%H:%M"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm calendar = {0};
        const char *end = strptime(text, forms[i], &calendar);
        if (end == NULL || (*end != '\0' && strcmp(end, "Z") != 0))
            continue;
        return from_calendar(calendar, *end == 'Z', time);
    }
    return false;
}

static bool parse_clock(const char *text, int64_t now, int64_t *time)
{
    struct tm calendar = {0};
    time_t start = (time_t)now;
    if (localtime_r(&start, &calendar) == NULL)
        return false;
    calendar.tm_sec = 0;
    const char *end = strptime(text, "%H:%M", &calendar);
    if (end == NULL || *end != '\0' || !from_calendar(calendar, false, time))
        return false;
    if (*time > now)
        return true;
    calendar.tm_mday++;
    calendar.tm_isdst = -1;
    time_t tomorrow = mktime(&calendar);
    *time = tomorrow;
    return tomorrow != (time_t)-1;
}

bool tg_time_parse(const char *text, int64_t now, int64_t *time)
{
    uint32_t seconds = 0;
    *time = 0;
    if (text[0] == '+') {
        if (!tg_duration_parse(text + 1, &seconds))
            return false;
        *time = now + seconds;
        return true;
    }
    if (text[0] == '@') {
        size_t digits = strspn(text + 1, "0123456789");
        if (digits == 0 || digits > 12 || text[1 + digits] != '\0')
            return false;
        *time = strtoll(text + 1, NULL, 10);
        return true;
    }
    return parse_date(text, time) || parse_clock(text, now, time);
}

const char *tg_time_text(int64_t time, char out[TG_TIME_TEXT_SIZE])
{
    time_t value = (time_t)time;
    struct tm calendar = {0};
    if (localtime_r(&value, &calendar) == NULL ||
        strftime(out, TG_TIME_TEXT_SIZE, "%Y-%m-%d %H:%M:%S %Z", &calendar) == 0)
        (void)snprintf(out, TG_TIME_TEXT_SIZE, "@%" PRId64, time);
    return out;
}

const char *tg_time_relative(int64_t time, int64_t now, char out[TG_DURATION_TEXT_SIZE])
{
    char length[TG_DURATION_TEXT_SIZE];
    int64_t distance = time > now ? time - now : now - time;
    /* Two units are enough to read. */
    if (distance >= 86400)
        distance -= distance % 3600;
    else if (distance >= 3600)
        distance -= distance % 60;
    tg_duration_text(distance, length);
    if (distance == 0)
        (void)snprintf(out, TG_DURATION_TEXT_SIZE, "now");
    else
        (void)snprintf(out, TG_DURATION_TEXT_SIZE, time > now ? "in %.24s" : "%.24s ago", length);
    return out;
}
