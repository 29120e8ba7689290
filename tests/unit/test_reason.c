/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *name;
    uint32_t number;
    const char *text;
    const char *advice;
} table[] = {
#define REASON(name, number, text, advice) {#name, number, text, advice},
#include "lib/reason.def"
#undef REASON
};

enum { COUNT = sizeof table / sizeof table[0] };

static void codes_and_numbers_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(table[i].name, table[j].name);
            assert_int_not_equal(table[i].number, table[j].number);
        }
    }
}

static void every_code_says_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(strspn(table[i].name, "abcdefghijklmnopqrstuvwxyz_"), strlen(table[i].name));
        assert_int_not_equal(strlen(table[i].text), 0);
        if (table[i].number != 0)
            assert_int_not_equal(strlen(table[i].advice), 0);
    }
}

static void look_ups_agree_with_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        enum tg_reason reason;
        assert_true(tg_reason_from_name(table[i].name, &reason));
        assert_int_equal(reason, table[i].number);
        assert_int_equal(tg_reason_from_number(table[i].number), reason);
        assert_string_equal(tg_reason_name(reason), table[i].name);
        assert_string_equal(tg_reason_text(reason), table[i].text);
        assert_string_equal(tg_reason_advice(reason), table[i].advice);
    }
}

/* What is not in the table must never come out as `allowed`. */
static void unknown_is_an_error(void **state)
{
    (void)state;
    enum tg_reason reason = TG_allowed;
    assert_false(tg_reason_from_name("no_such_reason", &reason));
    assert_int_equal(reason, TG_internal_error);
    reason = TG_allowed;
    assert_false(tg_reason_from_name("", &reason));
    assert_int_equal(reason, TG_internal_error);
    assert_int_equal(tg_reason_from_number(UINT32_MAX), TG_internal_error);
    assert_string_equal(tg_reason_name((enum tg_reason)9999), "internal_error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_and_numbers_are_unique),
        cmocka_unit_test(every_code_says_what_to_do),
        cmocka_unit_test(look_ups_agree_with_the_table),
        cmocka_unit_test(unknown_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
