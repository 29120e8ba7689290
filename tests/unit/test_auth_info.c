/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/auth_info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define CERTIFICATE "ssh-ed25519-cert-v01@openssh.com"

static void finds(const char *info, const char *type, const char *base64)
{
    struct tg_bytes found_type;
    struct tg_bytes found_base64;
    assert_true(tg_auth_info_certificate(info, &found_type, &found_base64));
    assert_true(tg_bytes_equal_text(found_type, type));
    assert_true(tg_bytes_equal_text(found_base64, base64));
}

static void certificates_are_found(void **state)
{
    (void)state;
    finds("publickey " CERTIFICATE " AAAA\n", CERTIFICATE, "AAAA");
    finds("publickey " CERTIFICATE " AAAA\nkeyboard-interactive/pam\n", CERTIFICATE, "AAAA");
    finds("publickey " CERTIFICATE " AAAA\npublickey sk-" CERTIFICATE " BBBB\n", "sk-" CERTIFICATE, "BBBB");
    finds("publickey ssh-ed25519 AAAA\npublickey " CERTIFICATE " BBBB\npassword\n", CERTIFICATE, "BBBB");
    finds("password\npublickey rsa-sha2-512-cert-v01@openssh.com A/+=\n", "rsa-sha2-512-cert-v01@openssh.com",
          "A/+=");
}

static void everything_else_is_none(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "\n",
        "password\n",
        "publickey " CERTIFICATE " AAAA",                            /* cut off */
        "publickey " CERTIFICATE " AAAA\npublickey ssh-ed25519 A\n", /* the last key is no certificate */
        "publickey " CERTIFICATE " AAAA\npublickey\n",
        "publickey " CERTIFICATE " AAAA\npublickey \n",
        "publickey " CERTIFICATE " AAAA\n\n",
        "publickey " CERTIFICATE " AAAA\npass\x01word\n",
        "publickey " CERTIFICATE "\n",
        "publickey " CERTIFICATE " \n",
        "publickey  " CERTIFICATE " AAAA\n",
        "publickey " CERTIFICATE "  AAAA\n",
        "publickey " CERTIFICATE " AAAA comment\n",
        "publickey -cert-v01@openssh.com AAAA\n",
        "publickey " CERTIFICATE "x AAAA\n",
        "publickey\t" CERTIFICATE " AAAA\n",
        "publickeys " CERTIFICATE " AAAA\n",
        "publickey " CERTIFICATE " AAAA\r\n",
        "publickey " CERTIFICATE " \xc3\xa4\n",
        "hostbased " CERTIFICATE " AAAA\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tg_bytes type = tg_bytes_of("x", 1);
        struct tg_bytes base64 = tg_bytes_of("x", 1);
        assert_false(tg_auth_info_certificate(cases[i], &type, &base64));
        assert_int_equal(type.length + base64.length, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_found),
        cmocka_unit_test(everything_else_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
