/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/duration.h"

#include <stdlib.h>
#include <time.h>

static void reads_durations(void **state)
{
    static const struct {
        const char *text;
        uint32_t seconds; /* 0: refused */
    } rows[] = {
        {"90s", 90},
        {"30m", 1800},
        {"2h", 7200},
        {"1d", 86400},
        {"1h30m", 5400},
        {"1h30m5s", 5405},
        {"45", 45},
        {"", 0},
        {"0", 0},
        {"0m", 0},
        {"m", 0},
        {"30m1h", 0},
        {"1h1h", 0},
        {"1h30", 0},
        {"-5m", 0},
        {" 5m", 0},
        {"5 m", 0},
        {"5m ", 0},
        {"1w", 0},
        {"367d", 0},
        {"366d", 31622400},
        {"1.5h", 0},
        {"99999999999999999999", 0},
        {"5M", 0},
        {"30m5", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t seconds = 1;
        assert_int_equal(tg_duration_parse(rows[i].text, &seconds), rows[i].seconds != 0);
        assert_int_equal(seconds, rows[i].seconds);
    }
}

static void writes_durations(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {{0, "0s"},     {59, "59s"},         {60, "1m"}, {5405, "1h30m5s"},
                {86400, "1d"}, {90061, "1d1h1m1s"}, {-5, "0s"}};
    char text[TG_DURATION_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(tg_duration_text(rows[i].seconds, text), rows[i].text);
}

static void reads_times(void **state)
{
    static const struct {
        const char *text;
        int64_t time; /* -1: refused */
    } rows[] = {
        {"@1790000000", 1790000000},
        {"+2h", 1790007200},
        {"2026-09-21T14:13:20Z", 1790000000},
        {"2026-09-21 14:13:20", 1790000000},
        {"2026-09-21 14:14", 1790000040},
        {"14:14", 1790000040},
        {"14:13", 1790000000 - 20 + 86400}, /* past: tomorrow */
        {"2026-02-30 10:00", -1},
        {"25:00", -1},
        {"tomorrow", -1},
        {"+", -1},
        {"@", -1},
        {"@12x", -1},
        {"", -1},
        {"2026-09-21 14:13:20 JST", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t time = 0;
        assert_int_equal(tg_time_parse(rows[i].text, 1790000000, &time), rows[i].time >= 0);
        if (rows[i].time >= 0)
            assert_int_equal(time, rows[i].time);
    }
}

static void writes_times(void **state)
{
    char time[TG_TIME_TEXT_SIZE];
    char relative[TG_DURATION_TEXT_SIZE];
    (void)state;
    assert_string_equal(tg_time_text(1790000000, time), "2026-09-21 14:13:20 UTC");
    assert_string_equal(tg_time_relative(1790000300, 1790000000, relative), "in 5m");
    assert_string_equal(tg_time_relative(1790000000, 1790000300, relative), "5m ago");
    assert_string_equal(tg_time_relative(1790000000, 1790000000, relative), "now");
    assert_string_equal(tg_time_relative(1790000000 + 90061, 1790000000, relative), "in 1d1h");
    /* A date that no calendar holds is still shown. */
    assert_string_equal(tg_time_text(INT64_MAX, time), "@9223372036854775807");
}

int main(void)
{
    (void)setenv("TZ", "UTC", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(writes_durations),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(writes_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
