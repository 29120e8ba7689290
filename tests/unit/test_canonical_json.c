/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/canonical_json.h"

#include <stdlib.h>
#include <string.h>

static int parse(const char *text, size_t length, struct tg_error *error)
{
    json_t *value;
    int result =
        tg_canonical_json_parse(tg_bytes_of(text, length), "thing", 4096, TG_ticket_malformed, &value, error);
    assert_int_equal(result == 0, value != NULL);
    json_decref(value);
    return result;
}

static void test_accepted(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"a\":0,\"b\":9007199254740991,\"c\":\"\"}",
        "{\"a\":[1,\"x\",[],{}]}",
        "{\"a\":\"caf\xc3\xa9 \xe6\x89\x8b\xe5\xbd\xa2 \xf0\x9f\x94\x91\"}",
        "{\"a\":\"\\\" \\\\ /\"}",
        "{\"A\":1,\"_\":2,\"a\":3}",
        "{\"a\":[[[[[[1]]]]]]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct tg_error error = {0};
        if (parse(texts[i], strlen(texts[i]), &error) != 0)
            fail_msg("%s: %s", texts[i], error.text);
    }
}

static void test_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "\"a\"",
        "null",
        "{\"a\":null}",
        "{\"a\":true}",
        "{\"a\":1.0}",
        "{\"a\":1e3}",
        "{\"a\":-1}",
        "{\"a\":-0}",
        "{\"a\":01}",
        "{\"a\":9007199254740992}",
        "{\"a\":9223372036854775808}",
        "{\"b\":1,\"a\":2}",
        "{\"a\":1,\"a\":1}",
        "{\"a\": 1}",
        " {\"a\":1}",
        "{\"a\":1}\n",
        "{\"a\":1}{}",
        "{\"a\":\"\\u0041\"}",
        "{\"a\":\"\\/\"}",
        "{\"a\":\"\\n\"}",
        "{\"a\":\"\\u0007\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\x7f\"}",
        "{\"a\":\"\xc2\x9b\"}",     /* CSI */
        "{\"a\":\"\xe2\x80\xae\"}", /* right-to-left override */
        "{\"a\":\"\xe2\x81\xa6\"}", /* left-to-right isolate */
        "{\"a\":\"\xe2\x80\xa8\"}", /* line separator */
        "{\"a\\t\":1}",
        "{\"\xc2\x85\":1}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc0\x80\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":[[[[[[[[1]]]]]]]]}",
        "{\"a\":1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct tg_error error = {0};
        if (parse(texts[i], strlen(texts[i]), &error) == 0)
            fail_msg("%s", texts[i]);
        assert_int_equal(error.reason, TG_ticket_malformed);
        assert_non_null(strstr(error.text, "thing"));
    }
    struct tg_error error = {0};
    assert_int_equal(parse("{}\0", 3, &error), -1);
}

static void test_limit(void **state)
{
    struct tg_error error = {0};
    char text[4100];
    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + 4094, "\"}", 2);
    assert_int_equal(parse(text, 4096, &error), 0);
    memset(text, 'a', sizeof text);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + 4095, "\"}", 2);
    assert_int_equal(parse(text, 4097, &error), -1);
}

static void test_write(void **state)
{
    char *text;
    size_t length;
    (void)state;
    json_t *object = json_pack("{s:i s:s s:[i]}", "b", 2, "a", "caf\xc3\xa9/", "c", 3);
    assert_int_equal(tg_canonical_json_write(object, &text, &length), 0);
    assert_string_equal(text, "{\"a\":\"caf\xc3\xa9/\",\"b\":2,\"c\":[3]}");
    assert_int_equal(length, strlen(text));
    free(text);
    json_decref(object);
}

static void test_write_refuses(void **state)
{
    json_t *objects[] = {json_pack("{s:f}", "a", 1.5),   json_pack("{s:b}", "a", 1),
                         json_pack("{s:n}", "a"),        json_pack("{s:i}", "a", -1),
                         json_pack("{s:s}", "a", "\n"),  json_pack("[i]", 1),
                         json_pack("{s:s}", "\x1b", "x")};
    (void)state;
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        char *text;
        size_t length;
        assert_non_null(objects[i]);
        assert_int_equal(tg_canonical_json_write(objects[i], &text, &length), -1);
        assert_null(text);
        json_decref(objects[i]);
    }
    char *text;
    size_t length;
    assert_int_equal(tg_canonical_json_write(NULL, &text, &length), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted), cmocka_unit_test(test_refused),       cmocka_unit_test(test_limit),
        cmocka_unit_test(test_write),    cmocka_unit_test(test_write_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
