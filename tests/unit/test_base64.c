/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The vectors of RFC 4648 section 10. */
static const struct {
    const char *bytes;
    const char *padded;
    const char *url;
} vectors[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xfe", "+//+", "-__-"},
};

static void decodes_to(enum tg_base64_form form, const char *text, const char *bytes)
{
    uint8_t out[16];
    size_t used;
    assert_true(tg_base64_decode(form, tg_bytes_of_text(text), out, sizeof out, &used));
    assert_int_equal(used, strlen(bytes));
    assert_memory_equal(out, bytes, used);
}

static void is_refused(enum tg_base64_form form, const char *text, size_t size)
{
    uint8_t out[16];
    size_t used;
    assert_false(tg_base64_decode(form, tg_bytes_of_text(text), out, size, &used));
}

static void vectors_go_round(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct tg_bytes bytes = tg_bytes_of_text(vectors[i].bytes);
        char text[16];
        decodes_to(TG_BASE64, vectors[i].padded, vectors[i].bytes);
        decodes_to(TG_BASE64URL, vectors[i].url, vectors[i].bytes);
        assert_true(tg_base64_encode(TG_BASE64, bytes, text, tg_base64_encoded_size(bytes.length)));
        assert_string_equal(text, vectors[i].padded);
        assert_true(tg_base64_encode(TG_BASE64URL, bytes, text, sizeof text));
        assert_string_equal(text, vectors[i].url);
    }
}

static void one_text_for_one_value(void **state)
{
    (void)state;
    static const char *const padded[] = {"Zg",   "Zg=",    "Zg===",    "Zh==",  "Zm9=",   "Z===",
                                         "====", "=",      "Zg==Zg==", " Zg==", "Zg==\n", "Zm 9v",
                                         "-__-", "Zm9v\t", "Z",        "Zm9vZ", "Zm=v"};
    static const char *const url[] = {"Zg==", "Zh", "Zm9", "Z", "+//+", "Zm9vY", "Zg\n"};
    for (size_t i = 0; i < sizeof padded / sizeof padded[0]; i++)
        is_refused(TG_BASE64, padded[i], 16);
    for (size_t i = 0; i < sizeof url / sizeof url[0]; i++)
        is_refused(TG_BASE64URL, url[i], 16);
}

static void sizes_are_kept(void **state)
{
    (void)state;
    char text[5] = "xxxx";
    is_refused(TG_BASE64, "Zm9v", 2);
    assert_false(tg_base64_encode(TG_BASE64, tg_bytes_of_text("foo"), text, 4));
    assert_string_equal(text, "");
    assert_true(tg_base64_encode(TG_BASE64, tg_bytes_of_text("foo"), text, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_go_round),
        cmocka_unit_test(one_text_for_one_value),
        cmocka_unit_test(sizes_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
