/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>

static void test_parsed(void **state)
{
    (void)state;
    struct tg_policy *policy =
        world_policy("revoked/serials+=\"18446744073709551615\" revoked/key_ids+=\"laptop\"");
    assert_int_equal(policy->serial, 7);
    assert_int_equal(policy->person_count, 7);
    for (size_t i = 1; i < policy->person_count; i++)
        assert_true(strcmp(policy->people[i - 1].name, policy->people[i].name) < 0);
    const struct tg_person *alice = tg_policy_person(policy, "alice");
    assert_int_equal(alice->uid, 20001);
    assert_true(tg_person_in_group(alice, "dev"));
    assert_false(tg_person_in_group(alice, "lead"));
    assert_int_equal(alice->key_count, 2);
    assert_true(alice->keys[0].attested);
    assert_null(alice->keys[0].origin);
    assert_ptr_equal(tg_person_key(alice, alice->keys[1].key->fingerprint), &alice->keys[1]);
    assert_null(tg_person_key(alice, "SHA256:none"));
    assert_null(tg_policy_person(policy, "zoe"));
    assert_int_equal(tg_policy_account(policy, "deploy")->uid, 20100);
    assert_int_equal(tg_policy_account(policy, "ubuntu")->uid, 0);
    assert_null(tg_policy_account(policy, "alice"));
    assert_int_equal(tg_policy_group(policy, "docker")->gid, 20200);
    assert_int_equal(policy->rule_count, 4);
    const struct tg_rule *rule = tg_policy_rule(policy, "both");
    assert_int_equal(rule->approver_count, 2);
    assert_string_equal(rule->approvers[1].group, "lead");
    assert_int_equal(rule->max_seconds, 3600);
    assert_int_equal(policy->revoked_serials[0], UINT64_MAX);
    assert_string_equal(policy->revoked_key_ids[0], "laptop");
    assert_int_equal(policy->approve_by_seconds, 7200);
    tg_policy_free(policy);
}

static void test_key_owner(void **state)
{
    (void)state;
    struct tg_policy *policy = world_policy(NULL);
    struct tg_public_key *key = world_key(KEY_BOB_SECOND), *stranger = world_key(KEY_OTHER_CA);
    const struct tg_person_key *entry;
    assert_string_equal(tg_policy_key_owner(policy, key, &entry)->name, "bob");
    assert_false(entry->attested);
    assert_null(tg_policy_key_owner(policy, stranger, &entry));
    assert_null(entry);
    tg_public_key_free(key);
    tg_public_key_free(stranger);
    tg_policy_free(policy);
}

struct refusal {
    const char *changes, *part;
};

static void assert_all_refused(const struct refusal *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tg_error error = {0};
        struct tg_policy *policy;
        char *text = world_policy_text(rows[i].changes);
        if (tg_policy_parse(tg_bytes_of_text(text), &policy, &error) == 0)
            fail_msg("%s", rows[i].changes);
        assert_null(policy);
        world_assert_error(&error, TG_policy_malformed, rows[i].part);
        free(text);
    }
}

static void test_document_refused(void **state)
{
    static const struct refusal rows[] = {
        {"v=2", "'v'"},
        {"serial=0", "'serial'"},
        {"surprise=1", "'surprise'"},
        {"expires=1799999000", "'expires'"},
        {"revoked/serials+=\"007\"", "key 'revoked': key 'serials'"},
        {"revoked/serials+=\"18446744073709551616\"", "'serials'"},
        {"revoked/keys+=\"laptop\"", "'keys'"},
        {"revoked/people=[]", "'revoked'"},
        {"limits/approve_by_seconds=0", "key 'limits': key 'approve_by_seconds'"},
        {"limits/open_tickets", "'open_tickets': is missing"},
    };
    (void)state;
    assert_all_refused(rows, sizeof rows / sizeof rows[0]);
}

static void test_names_refused(void **state)
{
    static const struct refusal rows[] = {
        {"people={}", "'people'"},
        {"people/Zoe={}", "'Zoe'"},
        {"people/zoe=1", "people 'zoe': must be an object"},
        {"people/alice/age=1", "people 'alice': key 'age': is not known"},
        {"people/alice/uid=1000", "'alice': uid or gid 1000"},
        {"people/alice/uid=0", "people 'alice': key 'uid'"},
        {"people/alice/uid=61184", "61184"},
        {"people/alice/uid=65535", "65535"},
        {"people/alice/uid=20002", "same uid"},
        {"people/alice/uid=20200", "same uid"},
        {"accounts/deploy/uid=20001", "same uid"},
        {"accounts/bob={\"uid\":0}", "'bob' is the name of two things"},
        {"groups/alice={\"gid\":20300}", "'alice' is the name of two things"},
        {"accounts/self={\"uid\":0}", "'self'"},
        {"accounts/root={\"uid\":20300}", "'root'"},
        {"people/root={\"uid\":20300,\"groups\":[],\"keys\":[],\"disabled\":0}", "'root'"},
    };
    (void)state;
    assert_all_refused(rows, sizeof rows / sizeof rows[0]);
}

static void test_keys_refused(void **state)
{
    static const struct refusal rows[] = {
        {"people/alice/disabled=2", "'disabled'"},
        {"people/alice/keys/0/key=\"ssh-ed25519\"", "people 'alice': keys[0]: key 'key'"},
        {"people/alice/keys/0/key=\"nonsense\\u0020AAAA\"", "'key'"},
        {"people/alice/keys/0/uv", "'uv': is missing"},
        {"people/alice/keys/0/comment=\"x\"", "'comment'"},
        {"people/alice/keys/0/origin=\"https://approve.example.com\"", "'rp_id': is missing"},
        {"people/alice/keys/0/origin=\"https://approve.example.com\" "
         "people/alice/keys/0/rp_id=\"approve.example.com\"",
         "'origin': only sk-ecdsa"},
        {"people/bob/keys/1/key=\"%web\" people/bob/keys/1/origin=\"https://approve.example.com\" "
         "people/bob/keys/1/rp_id=\"example.com\"",
         "'rp_id'"},
        {"people/bob/keys/1/origin=\"http://approve.example.com\"", "'origin'"},
        {"people/bob/keys/1/key=\"%alice\"", "listed twice: for 'alice' and 'bob'"},
        {"user_ca=[]", "'user_ca'"},
        {"user_ca=[1]", "'user_ca'"},
        {"user_ca/0=\"nonsense\"", "'user_ca'"},
        {"user_ca/0=\"%alice\"", "listed twice"},
        {"host_ca=1", "'host_ca'"},
        {"host_ca=[1]", "'host_ca'"},
        {"host_ca=[\"nonsense\"]", "'host_ca'"},
        {"host_ca=[] host_ca+=\"%ca\"", "listed twice"},
        {"host_ca=[] host_ca+=\"%alice\"", "listed twice"},
    };
    (void)state;
    assert_all_refused(rows, sizeof rows / sizeof rows[0]);
}

static void test_rules_refused(void **state)
{
    static const struct refusal rows[] = {
        {"rules=[]", "'rules'"},
        {"rules/1/id=\"one\"", "two rules have the id 'one'"},
        {"rules/0/hosts=[]", "rules[0]: key 'hosts'"},
        {"rules/0/hosts/0=\"OPS\"", "'hosts'"},
        {"rules/0/accounts/0=\"nobody\"", "rule 'one': key 'accounts': 'nobody'"},
        {"rules/0/accounts=[]", "'accounts'"},
        {"rules/0/requesters/0=\"nobody\"", "'requesters'"},
        {"rules/0/max_seconds=0", "'max_seconds'"},
        {"rules/0/max_seconds=86401", "'max_seconds'"},
        {"rules/0/max_certificate_seconds=0", "'max_certificate_seconds'"},
        {"rules/0/hardware_key=2", "'hardware_key'"},
        {"rules/0/options+=\"everything\"", "'options'"},
        {"rules/0/permit_open=[\"db\"]", "'permit_open'"},
        {"rules/0/permit_open=[\"[::*]:1\"]", "'permit_open'"},
        {"rules/0/sources=[\"10.0.0.1/8\"]", "'sources'"},
        {"rules/0/sessions=\"1\"", "'sessions'"},
        {"rules/0/emergency", "rules[0]: key 'emergency': is missing"},
    };
    (void)state;
    assert_all_refused(rows, sizeof rows / sizeof rows[0]);
}

static void test_rights_refused(void **state)
{
    static const struct refusal rows[] = {
        {"rules/0/groups=[\"wheel\"]", "'groups': 'wheel'"},
        {"rules/3/groups=[\"docker\"]", "rule 'shared': key 'groups': must be empty"},
        {"rules/0/groups=[\"docker\"] rules/0/accounts+=\"deploy\"",
         "rule 'one': key 'groups': must be empty"},
        {"rules/0/sudo=[\"/bin/sh\"]", "rules[0]: key 'sudo'"},
        {"rules/0/sudo=[\"wheel\"]", "rule 'one': key 'sudo': 'wheel' is not in the policy's groups"},
        {"rules/3/sudo=[\"operator\"]", "rule 'shared': key 'sudo': must be empty"},
        {"rules/0/accounts+=\"deploy\"", "rule 'one': key 'sudo': must be empty"},
        {"rules/0/groups=[\"operator\"]", "key 'sudo': 'operator' is among the groups of rule 'one'"},
        {"rules/1/groups=[\"docker\",\"operator\"] rules/1/sudo=[]",
         "rule 'one': key 'sudo': 'operator' is among the groups of rule 'two'"},
    };
    (void)state;
    assert_all_refused(rows, sizeof rows / sizeof rows[0]);
}

static void test_approvers_refused(void **state)
{
    static const struct refusal rows[] = {
        {"rules/0/approvers=[]", "'approvers'"},
        {"rules/0/approvers/0/count=0", "rule 'one': approvers[0]: key 'count'"},
        {"rules/0/approvers/0/count=6", "rule 'one': key 'approvers': there are not enough people"},
        {"rules/0/approvers/0/group=\"nobody\"", "not enough people"},
        {"rules/0/approvers+={\"group\":\"sre\",\"count\":1}", "'sre' stands there twice"},
        {"rules/0/approvers/0/count=16 rules/0/approvers+={\"group\":\"lead\",\"count\":1}",
         "16 people at most"},
        /* bob and carol are one sre and one lead, but not two of them. */
        {"people/dave/groups=[] people/alice/groups=[\"dev\"] people/erin/groups=[] people/henry/groups=[] "
         "rules/2/approvers/0/count=2",
         "rule 'both': key 'approvers': there are not enough"},
    };
    (void)state;
    assert_all_refused(rows, sizeof rows / sizeof rows[0]);
}

/* What a policy says about the sessions that come of it. */
static void test_sessions_refused(void **state)
{
    static const struct refusal rows[] = {
        {"people/alice/confined=2", "people 'alice': key 'confined'"},
        {"accounts/deploy/confined=\"yes\"", "accounts 'deploy': key 'confined'"},
        {"groups/docker/confined=1", "'confined': is not known"},
        {"accounts/ubuntu/confined=1", "accounts 'ubuntu': key 'confined': a host's own account"},
        {"rules/0/end_with_certificate=2", "'end_with_certificate'"},
        {"rules/0/max_extension_seconds=86401", "'max_extension_seconds': must be 0 to 86400"},
        {"rules/0/record=2", "'record'"},
        {"rules/3/record=1 rules/3/accounts+=\"ubuntu\"", "rule 'shared': key 'record': 'ubuntu'"},
        {"rules/0/step_up=2", "'step_up'"},
        {"rules/0/step_up=1", "rule 'one': key 'step_up': needs hardware_key"},
    };
    (void)state;
    assert_all_refused(rows, sizeof rows / sizeof rows[0]);
}

static void test_sessions(void **state)
{
    (void)state;
    struct tg_policy *policy = world_policy(NULL);
    assert_false(policy->rules[0].end_with_certificate || policy->rules[0].record ||
                 policy->rules[0].step_up || policy->people[0].confined || policy->accounts[0].confined);
    assert_int_equal(policy->rules[0].max_extension_seconds, 0);
    tg_policy_free(policy);
    policy = world_policy("people/alice/confined=1 accounts/deploy/confined=1 rules/0/end_with_certificate=1 "
                          "rules/0/max_extension_seconds=86400 rules/0/record=1 rules/0/step_up=1 "
                          "rules/0/hardware_key=1 rules/3/record=1");
    const struct tg_rule *rule = &policy->rules[0];
    assert_true(rule->end_with_certificate && rule->record && rule->step_up && policy->rules[3].record);
    assert_int_equal(rule->max_extension_seconds, 86400);
    assert_true(tg_policy_person(policy, "alice")->confined);
    assert_false(tg_policy_person(policy, "bob")->confined);
    assert_true(tg_policy_account(policy, "deploy")->confined);
    tg_policy_free(policy);
}

static void test_web_key(void **state)
{
    (void)state;
    struct tg_policy *policy = world_policy(
        "people/bob/keys/1/key=\"%web\" people/bob/keys/1/origin=\"https://approve.example.com\" "
        "people/bob/keys/1/rp_id=\"approve.example.com\"");
    const struct tg_person_key *key = &tg_policy_person(policy, "bob")->keys[1];
    assert_string_equal(key->origin, "https://approve.example.com");
    assert_string_equal(key->rp_id, "approve.example.com");
    tg_policy_free(policy);
}

/* Disabling somebody in a hurry must not make a policy that is refused. */
static void test_disabled_approvers(void **state)
{
    (void)state;
    tg_policy_free(world_policy("people/dave/disabled=1 people/carol/disabled=1"));
}

/* --- Root signers and signatures
 * ----------------------------------------------------------------------------------- */

static const char signers_text[] = "# who may sign\n"
                                   "one@example.com namespaces=\"policy-v1@tegata\" " KEY_ROOT_ONE " first\n"
                                   "\n"
                                   "two@example.com " KEY_ROOT_TWO "\r\n"
                                   "three " KEY_ROOT_THREE;

static struct tg_root_signers root_signers(uint32_t threshold)
{
    struct tg_root_signers signers;
    struct tg_error error = {0};
    if (tg_root_signers_parse(signers_text, threshold, &signers, &error) != 0)
        fail_msg("%s", error.text);
    return signers;
}

static void test_root_signers(void **state)
{
    (void)state;
    struct tg_root_signers signers = root_signers(2);
    assert_int_equal(signers.count, 3);
    assert_int_equal(signers.threshold, 2);
    tg_root_signers_free(&signers);
    assert_int_equal(signers.count, 0);
}

static void test_root_signers_refused(void **state)
{
    static const struct {
        const char *text;
        uint32_t threshold;
        const char *part;
    } rows[] = {
        {"", 1, "has 0"},
        {"one " KEY_ROOT_ONE "\n", 0, "0 of them"},
        {"one " KEY_ROOT_ONE "\n", 2, "has 1"},
        {"one " KEY_ROOT_ONE "\ntwo " KEY_ROOT_ONE "\n", 1, "line 2: this key stands there twice"},
        {"one namespaces=\"file\" " KEY_ROOT_ONE "\n", 1, "line 1: the namespace"},
        {"one namespaces=\"policy-v1@tegata,file\" " KEY_ROOT_ONE "\n", 1, "line 1"},
        {"one cert-authority " KEY_ROOT_ONE "\n", 1, "line 1"},
        {"one valid-before=\"20300101\" " KEY_ROOT_ONE "\n", 1, "line 1"},
        {"one\n", 1, "line 1"},
        {KEY_ROOT_ONE "\n", 1, "line 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_error error = {0};
        struct tg_root_signers signers;
        if (tg_root_signers_parse(rows[i].text, rows[i].threshold, &signers, &error) == 0)
            fail_msg("%s", rows[i].text);
        assert_null(signers.keys);
        world_assert_error(&error, TG_config_bad, rows[i].part);
    }
}

/* Verifies with two of three, and says how that went. */
static enum tg_reason verify(const char *text, const char *const *signatures, size_t count,
                             uint64_t lowest_serial, int64_t now)
{
    struct tg_root_signers signers = root_signers(2);
    struct tg_error error = {0};
    struct tg_policy *policy;
    int result = tg_policy_verify(tg_bytes_of_text(text), signatures, count, &signers, lowest_serial, now,
                                  &policy, &error);
    assert_int_equal(result == 0, policy != NULL);
    assert_int_equal(result == 0, error.reason == TG_allowed);
    tg_policy_free(policy);
    tg_root_signers_free(&signers);
    return error.reason;
}

static void test_signatures(void **state)
{
    (void)state;
    char *text = world_policy_text(NULL), *other = world_policy_text("serial=8"),
         *broken = world_policy_text("v=2");
    char *one = world_sign(PRIVATE_ROOT_ONE, TG_NAMESPACE_POLICY, text),
         *two = world_sign(PRIVATE_ROOT_TWO, TG_NAMESPACE_POLICY, text);
    char *bob = world_sign(PRIVATE_BOB, TG_NAMESPACE_POLICY, text);
    char *approval = world_sign(PRIVATE_ROOT_TWO, TG_NAMESPACE_APPROVAL, text);
    char *broken_one = world_sign(PRIVATE_ROOT_ONE, TG_NAMESPACE_POLICY, broken);
    char *broken_two = world_sign(PRIVATE_ROOT_TWO, TG_NAMESPACE_POLICY, broken);
    const char *good[] = {bob, "nonsense", two, one}, *twice[] = {one, one}, *stranger[] = {one, bob},
               *wrong_namespace[] = {one, approval}, *of_broken[] = {broken_one, broken_two};
    assert_int_equal(verify(text, good, 4, 7, WORLD_TIME), TG_allowed);
    assert_int_equal(verify(text, good + 2, 2, 0, WORLD_TIME), TG_allowed);
    assert_int_equal(verify(text, good, 0, 0, WORLD_TIME), TG_policy_unsigned);
    assert_int_equal(verify(text, twice, 2, 0, WORLD_TIME), TG_policy_unsigned);
    assert_int_equal(verify(text, stranger, 2, 0, WORLD_TIME), TG_policy_unsigned);
    assert_int_equal(verify(text, wrong_namespace, 2, 0, WORLD_TIME), TG_policy_unsigned);
    assert_int_equal(verify(other, good, 4, 0, WORLD_TIME), TG_policy_unsigned);
    assert_int_equal(verify(broken, of_broken, 2, 0, WORLD_TIME), TG_policy_malformed);
    assert_int_equal(verify(text, good, 4, 8, WORLD_TIME), TG_policy_old);
    assert_int_equal(verify(text, good, 4, 7, WORLD_TIME + 1000000), TG_policy_expired);
    assert_int_equal(verify(text, good, 4, 7, WORLD_TIME + 999999), TG_allowed);
    assert_int_equal(verify(text, good, 4, 7, WORLD_TIME - 1120), TG_allowed);
    assert_int_equal(verify(text, good, 4, 7, WORLD_TIME - 1121), TG_policy_early);
    char *all[] = {text, other, broken, one, two, bob, approval, broken_one, broken_two};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parsed),           cmocka_unit_test(test_key_owner),
        cmocka_unit_test(test_document_refused), cmocka_unit_test(test_names_refused),
        cmocka_unit_test(test_keys_refused),     cmocka_unit_test(test_rules_refused),
        cmocka_unit_test(test_rights_refused),   cmocka_unit_test(test_approvers_refused),
        cmocka_unit_test(test_sessions_refused), cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_web_key),          cmocka_unit_test(test_disabled_approvers),
        cmocka_unit_test(test_root_signers),     cmocka_unit_test(test_root_signers_refused),
        cmocka_unit_test(test_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
