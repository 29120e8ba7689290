/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/code_words.h"

#include <string.h>

/* Made by another program from approval_page/words.txt: whoever changes the words or their order changes
 * every code that two people may be comparing. */
static void says_fixed_words(void **state)
{
    static const char *const vectors[][2] = {
        {"0000000000000000000000000000000000000000000000000000000000000000",
         "abandon-abandon-abandon-abandon-abandon-abandon"},
        {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "zoo-zoo-zoo-zoo-zoo-zoo"},
        {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
         "together-mail-awful-cradle-scrub-apart"},
        {"3479a900fad1816012c0d8065a7b5373e148f4435045ed6ee20aad2863fd5d91",
         "crucial-snap-dizzy-volcano-blossom-quote"},
        {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
         "abuse-boss-fly-battle-rubber-wasp"},
    };
    char code[TG_CODE_WORDS_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        assert_string_equal(tg_code_words(vectors[i][0], code), vectors[i][1]);
}

static void depends_on_66_bits(void **state)
{
    char all_zero[TG_CODE_WORDS_SIZE];
    char changed[TG_CODE_WORDS_SIZE];
    (void)state;
    (void)tg_code_words("0000000000000000000000", all_zero);
    /* Bit 66 is the last of the sixth word; bits 67 and 68 are not of it. */
    assert_string_not_equal(tg_code_words("0000000000000000400000", changed), all_zero);
    assert_string_equal(tg_code_words("0000000000000000300000", changed), all_zero);
    assert_string_equal(tg_code_words("00000000000000000FFFFF", changed), all_zero);
}

static void says_nothing_of_what_is_no_digest(void **state)
{
    static const char *const texts[] = {"", "0123456789abcdef", "0123456789abcdeg0", "0123-4567-89ab-cdef"};
    char code[TG_CODE_WORDS_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_string_equal(tg_code_words(texts[i], code), "");
    char capitals[TG_CODE_WORDS_SIZE];
    assert_string_equal(tg_code_words("0123456789ABCDEF0", capitals),
                        tg_code_words("0123456789abcdef0", code));
}

static void every_code_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < TG_CODE_WORD_COUNT; i++)
        assert_true(strlen(tg_code_word_table[i]) * TG_CODE_WORDS + TG_CODE_WORDS <= TG_CODE_WORDS_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_fixed_words),
        cmocka_unit_test(depends_on_66_bits),
        cmocka_unit_test(says_nothing_of_what_is_no_digest),
        cmocka_unit_test(every_code_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
