/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which certificate tegata login keeps, and what tegata ssh tells ssh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/login_certificate.h"
#include "cli/ssh_options.h"
#include "tests/unit/world.h"

#include <stdlib.h>

/* A certificate for alice, as the CA of the world's policy would make it; each test changes one thing. */
struct scene {
    struct tg_policy *policy;
    struct tg_public_key *key;
    struct tg_public_key *other;
    const char *principals[1];
    struct tg_certificate certificate;
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->policy = world_policy(NULL);
    scene->key = world_key(KEY_ALICE);
    scene->other = world_key(KEY_BOB);
    scene->principals[0] = "alice";
    scene->certificate = (struct tg_certificate){.type = TG_CERTIFICATE_USER,
                                                 .key = scene->key,
                                                 .authority = scene->policy->user_ca[0],
                                                 .principals = scene->principals,
                                                 .principal_count = 1,
                                                 .valid_after = (uint64_t)WORLD_TIME - 60,
                                                 .valid_before = (uint64_t)WORLD_TIME + 600};
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    tg_policy_free(scene->policy);
    tg_public_key_free(scene->key);
    tg_public_key_free(scene->other);
    free(scene);
    return 0;
}

static int check(const struct scene *scene, uint32_t seconds, struct tg_error *error)
{
    return tg_login_certificate_check(&scene->certificate, scene->policy, "alice", scene->key, seconds,
                                      WORLD_TIME, error);
}

static void takes_what_was_asked_for(void **state)
{
    struct scene *scene = *state;
    struct tg_error error = {0};
    assert_int_equal(check(scene, 0, &error), 0);
    assert_int_equal(check(scene, 600, &error), 0);
}

static void refused(const struct scene *scene, uint32_t seconds, const char *part)
{
    struct tg_error error = {0};
    assert_int_equal(check(scene, seconds, &error), -1);
    world_assert_error(&error, TG_certificate_unexpected, part);
}

static void refuses_another_kind_key_or_name(void **state)
{
    struct scene *scene = *state;
    scene->certificate.type = TG_CERTIFICATE_HOST;
    refused(scene, 0, "not a user certificate");
    scene->certificate.type = TG_CERTIFICATE_USER;
    scene->certificate.key = scene->other;
    refused(scene, 0, "another key");
    scene->certificate.key = scene->key;
    scene->principals[0] = "bob";
    refused(scene, 0, "does not name alice");
    scene->principals[0] = "alice";
    scene->certificate.authority = scene->other;
    refused(scene, 0, "which the policy does not list");
    scene->certificate.authority = scene->policy->user_ca[0];
    scene->certificate.unknown_critical_option = "dance";
    refused(scene, 0, "dance");
}

static void refuses_another_time(void **state)
{
    struct scene *scene = *state;
    uint32_t longest = 0;
    for (size_t i = 0; i < scene->policy->rule_count; i++)
        longest = scene->policy->rules[i].max_certificate_seconds > longest
                      ? scene->policy->rules[i].max_certificate_seconds
                      : longest;
    scene->certificate.valid_before = scene->certificate.valid_after + longest + TG_CLOCK_SKEW;
    assert_int_equal(check(scene, 0, NULL), 0);
    scene->certificate.valid_before++;
    refused(scene, 0, "longer than any rule");
    scene->certificate.valid_before = (uint64_t)WORLD_TIME + 600 + TG_CLOCK_SKEW;
    assert_int_equal(check(scene, 600, NULL), 0);
    scene->certificate.valid_before++;
    refused(scene, 600, "than was asked for");
    scene->certificate.valid_before = (uint64_t)WORLD_TIME;
    refused(scene, 0, "not valid now");
    scene->certificate.valid_after = (uint64_t)WORLD_TIME + TG_CLOCK_SKEW + 1;
    scene->certificate.valid_before = (uint64_t)WORLD_TIME + TG_CLOCK_SKEW + 600;
    refused(scene, 0, "not valid now");
}

static void quotes_paths(void **state)
{
    (void)state;
    char *quoted = tg_ssh_quote("/home/a b/100%");
    assert_string_equal(quoted, "\"/home/a b/100%%\"");
    free(quoted);
    assert_null(tg_ssh_quote("/home/\"x"));
    assert_null(tg_ssh_quote("/home/x\nProxyCommand evil"));
}

/* Neither a host nor an account can become an option of ssh. */
static void passes_no_option_by_accident(void **state)
{
    struct scene *scene = *state;
    struct tg_client_config config = {.key = "/k", .certificate = "/c"};
    struct tg_ssh_options options;
    struct tg_error error = {0};
    char word[] = "uptime";
    char *rest[] = {word};
    assert_int_equal(tg_ssh_options_make(&config, scene->policy, "alice", "-oProxyCommand=evil", rest, 1,
                                         &options, &error),
                     -1);
    assert_int_equal(tg_ssh_options_make(&config, scene->policy, "-E", "ops1", rest, 1, &options, &error),
                     -1);
    assert_int_equal(tg_ssh_options_make(&config, scene->policy, "alice", "ops1", rest, 1, &options, &error),
                     0);
    assert_string_equal(options.arguments[0], "ssh");
    assert_string_equal(options.arguments[options.count - 1], "uptime");
    assert_string_equal(options.arguments[options.count - 2], "ops1");
    assert_string_equal(options.arguments[options.count - 3], "alice");
    assert_null(options.arguments[options.count]);
    tg_ssh_options_clear(&options);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(takes_what_was_asked_for), SCENE(refuses_another_kind_key_or_name), SCENE(refuses_another_time),
        cmocka_unit_test(quotes_paths),  SCENE(passes_no_option_by_accident),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
