/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/verdict.h"

static void test_valid(void **state)
{
    static const char *const networks[] = {"192.0.2.1",           "192.0.2.0/24",   "0.0.0.0/0",
                                           "192.0.2.1/32",        "2001:db8::/32",  "::/0",
                                           "::ffff:10.0.0.0/104", "2001:db8::1/128"};
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        if (!tg_network_is_valid(networks[i]))
            fail_msg("%s", networks[i]);
    }
}

static void test_invalid(void **state)
{
    static const char *const networks[] = {
        "",
        "example.com",
        "192.0.2",
        "192.0.2.1/24",
        "192.0.2.0/33",
        "192.0.2.0/",
        "/24",
        "192.0.2.0/024",
        "192.0.2.0/-1",
        "192.0.2.0/+8",
        "192.0.2.0/8/8",
        "192.0.2.0/24 ",
        " 192.0.2.1",
        "010.0.0.1",
        "fe80::1%eth0",
        "2001:db8::/129",
        "2001:db8::1/32",
        "*",
        "192.0.2.*",
        "192.0.2.0/4294967320",
        "0x7f.0.0.1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        if (tg_network_is_valid(networks[i]))
            fail_msg("%s", networks[i]);
    }
}

static void test_address_matches(void **state)
{
    static const struct {
        const char *address, *network;
        bool matches;
    } rows[] = {
        {"192.0.2.1", "192.0.2.0/24", true},
        {"192.0.3.1", "192.0.2.0/24", false},
        {"192.0.2.127", "192.0.2.0/25", true},
        {"192.0.2.128", "192.0.2.0/25", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "0.0.0.0/0", true},
        {"2001:db8::1", "2001:db8::/32", true},
        {"2001:db9::1", "2001:db8::/32", false},
        {"::ffff:192.0.2.1", "192.0.2.0/24", true},
        {"192.0.2.1", "::ffff:192.0.2.0/120", true},
        {"192.0.2.1", "::/0", false},
        {"2001:db8::1", "0.0.0.0/0", false},
        {"2001:DB8:0::1", "2001:db8::1", true},
        {"192.0.2.0/24", "192.0.2.0/24", false}, /* that is no address */
        {"", "0.0.0.0/0", false},
        {"UNKNOWN", "0.0.0.0/0", false},
        {"192.0.2.1", "192.0.2.1/24", false}, /* that is no network */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (tg_address_matches(rows[i].address, &rows[i].network, 1) != rows[i].matches)
            fail_msg("%s in %s", rows[i].address, rows[i].network);
    }
    assert_false(tg_address_matches("192.0.2.1", NULL, 0));
}

static void test_within(void **state)
{
    const char *const networks[] = {"10.0.0.0/8", "2001:db8::/32"};
    (void)state;
    assert_true(tg_network_is_within("10.0.0.0/8", networks, 2));
    assert_true(tg_network_is_within("10.1.0.0/16", networks, 2));
    assert_true(tg_network_is_within("2001:db8:1::/48", networks, 2));
    assert_false(tg_network_is_within("0.0.0.0/0", networks, 2));
    assert_false(tg_network_is_within("10.0.0.0/7", networks, 2));
    assert_false(tg_network_is_within("nonsense", networks, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_address_matches),
        cmocka_unit_test(test_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
