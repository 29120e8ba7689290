/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which accounts the roster names: those of tickets, those that linger, and everybody where the host wants
 * that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/roster_publish.h"
#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>

static const struct tg_accounts_wish tickets_alone = {.host = "ops1", .linger_seconds = 3600};
static const struct tg_accounts_wish everybody = {.host = "ops1", .linger_seconds = 3600, .everybody = true};

static const struct tg_remembered_account *account_of(const struct tg_accounts *accounts, const char *name)
{
    for (size_t i = 0; i < accounts->count; i++) {
        if (strcmp(accounts->list[i].name, name) == 0)
            return &accounts->list[i];
    }
    return NULL;
}

static void update(struct tg_accounts *accounts, const struct tg_policy *policy,
                   const struct tg_accounts_wish *wish, int64_t now)
{
    struct tg_ticket_store none;
    assert_int_equal(tg_tickets_init(&none), 0);
    assert_int_equal(tg_accounts_update(accounts, policy, &none, wish, now), 0);
    tg_tickets_free(&none);
}

static void test_everybody(void **state)
{
    (void)state;
    struct tg_accounts accounts = {0};
    struct tg_policy *policy = world_policy("people/bob/disabled=1");
    update(&accounts, policy, &tickets_alone, WORLD_TIME);
    assert_int_equal(accounts.count, 0);
    update(&accounts, policy, &everybody, WORLD_TIME);
    update(&accounts, policy, &everybody, WORLD_TIME + 1);
    assert_int_equal(accounts.count, policy->person_count);
    /* Without bob, with deploy; ubuntu is the host's own. */
    assert_null(account_of(&accounts, "bob"));
    assert_non_null(account_of(&accounts, "deploy"));
    const struct tg_remembered_account *alice = account_of(&accounts, "alice");
    assert_non_null(alice);
    assert_int_equal(alice->uid, 20001);
    assert_int_equal(alice->expires, 0);
    assert_int_equal(alice->forgotten, policy->expires);
    assert_int_equal(alice->gid_count, 0);
    assert_string_equal(alice->shell, "/usr/sbin/nologin");
    /* Nobody of them had a ticket: nobody lingers. */
    update(&accounts, policy, &tickets_alone, WORLD_TIME + 2);
    assert_int_equal(accounts.count, 0);
    tg_accounts_free(&accounts);
    tg_policy_free(policy);
}

/* Whoever had a ticket keeps the name for as long as anywhere else, also after leaving the policy. */
static void test_everybody_and_who_lingers(void **state)
{
    (void)state;
    struct tg_accounts accounts = {0};
    struct tg_policy *policy = world_policy(NULL);
    json_t *before = json_pack("{s:[{s:s, s:I, s:s, s:I, s:I}]}", "accounts", "name", "alice", "uid",
                               (json_int_t)20001, "shell", "/bin/bash", "expires", (json_int_t)WORLD_TIME,
                               "forgotten", (json_int_t)WORLD_TIME + 3600);
    assert_true(tg_accounts_from_json(&accounts, before));
    json_decref(before);
    update(&accounts, policy, &everybody, WORLD_TIME + 10);
    assert_int_equal(accounts.count, policy->person_count + 1);
    assert_int_equal(account_of(&accounts, "alice")->expires, WORLD_TIME);
    assert_int_equal(account_of(&accounts, "alice")->forgotten, WORLD_TIME + 3600);
    update(&accounts, policy, &everybody, WORLD_TIME + 3600);
    assert_int_equal(account_of(&accounts, "alice")->expires, 0);
    assert_int_equal(account_of(&accounts, "alice")->forgotten, policy->expires);
    tg_accounts_free(&accounts);
    tg_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody),
        cmocka_unit_test(test_everybody_and_who_lingers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
