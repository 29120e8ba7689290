/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void numbers_go_round(void **state)
{
    (void)state;
    uint8_t bytes[13];
    uint8_t small;
    uint32_t middle;
    uint64_t large;
    struct tg_writer writer = tg_writer_of(bytes, sizeof bytes);
    tg_write_u8(&writer, 0xab);
    tg_write_u32(&writer, 0x01020304);
    tg_write_u64(&writer, 0xfffefdfcfbfaf9f8);
    assert_false(writer.failed);
    assert_int_equal(writer.used, sizeof bytes);
    assert_memory_equal(bytes, "\xab\x01\x02\x03\x04\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", sizeof bytes);
    struct tg_reader reader = tg_reader_of(tg_bytes_of(bytes, sizeof bytes));
    assert_true(tg_read_u8(&reader, &small));
    assert_true(tg_read_u32(&reader, &middle));
    assert_false(tg_read_end(&reader));
    assert_true(tg_read_u64(&reader, &large));
    assert_true(tg_read_end(&reader));
    assert_int_equal(small, 0xab);
    assert_int_equal(middle, 0x01020304);
    assert_true(large == 0xfffefdfcfbfaf9f8);
}

static void failed_reads_leave_the_reader_alone(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0, 0, 0, 4, 'a', 'b', 'c'};
    struct tg_reader reader = tg_reader_of(tg_bytes_of(bytes, sizeof bytes));
    struct tg_bytes string = tg_bytes_of(bytes, 1);
    uint64_t large = 1;
    char text[8] = "x";
    assert_false(tg_read_string(&reader, &string));
    assert_null(string.data);
    assert_false(tg_read_text(&reader, text, sizeof text));
    assert_string_equal(text, "");
    assert_false(tg_read_u64(&reader, &large));
    assert_true(large == 0);
    assert_false(tg_read_bytes(&reader, 8, &string));
    assert_int_equal(reader.left, sizeof bytes);
    assert_ptr_equal(reader.at, bytes);
}

static void huge_lengths_are_refused(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 'a'};
    struct tg_reader reader = tg_reader_of(tg_bytes_of(bytes, sizeof bytes));
    struct tg_bytes string;
    assert_false(tg_read_string(&reader, &string));
    assert_false(tg_read_bytes(&reader, SIZE_MAX, &string));
    assert_int_equal(reader.left, sizeof bytes);
}

static void texts_have_limits(void **state)
{
    (void)state;
    uint8_t bytes[16];
    char text[4];
    struct tg_writer writer = tg_writer_of(bytes, sizeof bytes);
    tg_write_text(&writer, "abc");
    tg_write_string(&writer, tg_bytes_of("a\0b", 3));
    struct tg_reader reader = tg_reader_of(tg_bytes_of(bytes, writer.used));
    assert_false(tg_read_text(&reader, text, 3));
    assert_true(tg_read_text(&reader, text, 4));
    assert_string_equal(text, "abc");
    assert_false(tg_read_text(&reader, text, sizeof text)); /* a NUL inside */
}

static void a_writer_fails_for_good(void **state)
{
    (void)state;
    uint8_t bytes[6];
    struct tg_writer writer = tg_writer_of(bytes, sizeof bytes);
    tg_write_text(&writer, "abc");
    assert_true(writer.failed);
    tg_write_u8(&writer, 1);
    assert_true(writer.failed);
    assert_true(writer.used <= sizeof bytes);
}

static void bytes_compare(void **state)
{
    (void)state;
    assert_true(tg_bytes_equal_text(tg_bytes_of("abc", 3), "abc"));
    assert_false(tg_bytes_equal_text(tg_bytes_of("abc", 3), "abd"));
    assert_false(tg_bytes_equal_text(tg_bytes_of("abc", 3), "ab"));
    assert_true(tg_bytes_equal(tg_bytes_of(NULL, 0), tg_bytes_of("", 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_go_round),         cmocka_unit_test(failed_reads_leave_the_reader_alone),
        cmocka_unit_test(huge_lengths_are_refused), cmocka_unit_test(texts_have_limits),
        cmocka_unit_test(a_writer_fails_for_good),  cmocka_unit_test(bytes_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
