/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/policy_render.h"
#include "tests/unit/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A policy that does not expire soon, with the changes, as it is shown; the caller frees it. */
static char *shown(const char *changes)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    struct tg_output out = {.stream = stream};
    char all[512];
    (void)snprintf(all, sizeof all, "expires=1803000000 %s", changes != NULL ? changes : "");
    struct tg_policy *policy = world_policy(all);
    tg_render_policy(&out, policy, WORLD_TIME);
    assert_int_equal(fclose(stream), 0);
    tg_policy_free(policy);
    return text;
}

/* What each change, and nothing without it, adds. */
static void test_shown(void **state)
{
    static const struct {
        const char *changes, *part;
    } rows[] = {
        {"people/alice/confined=1", "groups: dev, sre  confined"},
        {"people/alice/disabled=1", "DISABLED"},
        {"accounts/deploy/confined=1", "deploy  uid 20100  confined"},
        {"host_ca=[] host_ca+=\"%other_ca\"", ", for hosts"},
        {"rules/0/max_extension_seconds=5400", "by 1h30m in all at most"},
        {"rules/0/end_with_certificate=1", "with the certificate, if that is earlier"},
        {"rules/0/record=1", "  recorded"},
        {"rules/0/hardware_key=1 rules/0/step_up=1", "  security keys only  sudo with a touch"},
        {"rules/0/sessions=3", "3 at most"},
        {"expires=1800000000", "it has expired"},
        {"expires=1800000060", "it expires soon"},
        {"issued=1800000121", "issued in the future"},
        {"people/erin/keys=[]", "erin has no key"},
        {"people/alice/confined=1", "alice is confined, but with the sudo of rule one is not"},
        {"rules/0/hardware_key=1 rules/0/step_up=1 rules/0/sudo=[]",
         "rule one asks for step_up, but grants no sudo"},
        {"rules/0/hardware_key=1 rules/0/step_up=1 rules/0/options=[\"pty\"]",
         "rule one asks for step_up, but without the option agent-forwarding"},
        {"rules/0/record=1 rules/0/options=[]", "rule one asks for record, but without the option pty"},
    };
    (void)state;
    char *plain = shown(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = shown(rows[i].changes);
        if (strstr(text, rows[i].part) == NULL || strstr(plain, rows[i].part) != NULL)
            fail_msg("%s: '%s'\n%s", rows[i].changes, rows[i].part, text);
        free(text);
    }
    free(plain);
}

/* Nobody is warned of a sudo that the confined person cannot ask for. */
static void test_not_warned(void **state)
{
    (void)state;
    char *text = shown("people/bob/confined=1 accounts/deploy/confined=1");
    assert_null(strstr(text, "but with the sudo"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shown), cmocka_unit_test(test_not_warned)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
