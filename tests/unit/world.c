/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/signer.h"
#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>

static json_t *person(uint32_t uid, const char *groups, const char *key, const char *second_key)
{
    json_t *keys = json_pack("[{s:s s:i s:i}]", "key", key, "attested", 1, "uv", 0);
    if (second_key != NULL)
        json_array_append_new(keys, json_pack("{s:s s:i s:i}", "key", second_key, "attested", 0, "uv", 0));
    return json_pack("{s:i s:o s:o s:i}", "uid", (int)uid, "groups", json_loads(groups, 0, NULL), "keys",
                     keys, "disabled", 0);
}

static json_t *rule(const char *id, const char *account, const char *approvers)
{
    return json_pack("{s:s s:[s] s:[s] s:[s] s:o s:i s:i s:i s:i s:[] s:o s:[s,s] s:[] s:[] s:i s:i}", "id",
                     id, "hosts", "ops*", "accounts", account, "requesters", "dev", "approvers",
                     json_loads(approvers, 0, NULL), "max_seconds", 3600, "max_certificate_seconds", 3600,
                     "hardware_key", 0, "user_verification", 0, "groups", "sudo",
                     strcmp(account, "self") == 0 ? json_pack("[s]", "operator") : json_array(), "options",
                     "pty", "agent-forwarding", "permit_open", "sources", "sessions", 0, "emergency", 0);
}

static json_t *people(void)
{
    json_t *all = json_object();
    json_object_set_new(all, "alice", person(20001, "[\"dev\",\"sre\"]", KEY_ALICE, KEY_ALICE_SK));
    json_object_set_new(all, "bob", person(20002, "[\"sre\"]", KEY_BOB, KEY_BOB_SECOND));
    json_object_set_new(all, "carol", person(20003, "[\"sre\",\"lead\"]", KEY_CAROL, NULL));
    json_object_set_new(all, "dave", person(20004, "[\"lead\"]", KEY_DAVE, NULL));
    json_object_set_new(all, "erin", person(20005, "[\"sre\"]", KEY_ERIN, NULL));
    json_object_set_new(all, "mallory", person(20006, "[\"dev\"]", KEY_MALLORY, NULL));
    json_object_set_new(all, "henry", person(20007, "[\"sre\"]", KEY_HENRY_SK, KEY_HENRY_UNATTESTED_SK));
    return all;
}

static json_t *policy_object(void)
{
    json_t *rules = json_array();
    json_array_append_new(rules, rule("one", "self", "[{\"group\":\"sre\",\"count\":1}]"));
    json_array_append_new(rules, rule("two", "self", "[{\"group\":\"sre\",\"count\":2}]"));
    json_array_append_new(
        rules, rule("both", "self", "[{\"group\":\"sre\",\"count\":1},{\"group\":\"lead\",\"count\":1}]"));
    json_array_append_new(rules, rule("shared", "deploy", "[{\"group\":\"sre\",\"count\":1}]"));
    return json_pack("{s:i s:i s:I s:I s:o s:{s:{s:i} s:{s:i}} s:{s:{s:i} s:{s:i}} s:[s] s:o s:{s:[] s:[] "
                     "s:[]} s:{s:i s:i}}",
                     "v", 1, "serial", 7, "issued", (json_int_t)(WORLD_TIME - 1000), "expires",
                     (json_int_t)(WORLD_TIME + 1000000), "people", people(), "accounts", "deploy", "uid",
                     20100, "ubuntu", "uid", 0, "groups", "docker", "gid", 20200, "operator", "gid", 20201,
                     "user_ca", KEY_CA, "rules", rules, "revoked", "keys", "serials", "key_ids", "limits",
                     "approve_by_seconds", 7200, "open_tickets", 10);
}

static json_t *ticket_object(void)
{
    struct tg_public_key *key = world_key(KEY_ALICE);
    json_t *object = json_pack(
        "{s:i s:s s:I s:s s:s s:[s,s] s:s s:i s:s s:[] s:[] s:[s] s:[] s:s s:[] s:i s:i s:I s:i s:s s:s s:s "
        "s:i s:i}",
        "v", 1, "id", "T-0123456789ABC", "created", (json_int_t)WORLD_TIME, "requester", "alice", "key",
        key->fingerprint, "hosts", "ops1", "ops2", "account", "alice", "uid", 20001, "shell", "/bin/bash",
        "groups", "sudo", "options", "pty", "permit_open", "command", "", "source", "seconds", 1800,
        "not_before", 0, "approve_by", (json_int_t)(WORLD_TIME + 3600), "sessions", 0, "reason",
        "restart the matcher", "reference", "", "rule", "one", "policy", 7, "emergency", 0);
    tg_public_key_free(key);
    return object;
}

/* The member of a container that one step of a path names. */
static json_t *step_into(json_t *container, const char *step)
{
    if (json_is_array(container))
        return json_array_get(container, (size_t)strtoul(step, NULL, 10));
    return json_object_get(container, step);
}

static void put(json_t *container, const char *step, json_t *value)
{
    if (!json_is_array(container))
        assert_int_equal(value != NULL ? json_object_set_new(container, step, value)
                                       : json_object_del(container, step),
                         0);
    else
        assert_int_equal(json_array_set_new(container, (size_t)strtoul(step, NULL, 10), value), 0);
}

static const struct {
    const char *name, *line;
} named_keys[] = {{"alice", KEY_ALICE}, {"alice_sk", KEY_ALICE_SK}, {"bob", KEY_BOB},          {"ca", KEY_CA},
                  {"erin", KEY_ERIN},   {"web", KEY_WEB},           {"other_ca", KEY_OTHER_CA}};

static void revoke(struct tg_krl *krl, const char *word)
{
    bool other = strncmp(word, "other:", strlen("other:")) == 0;
    const char *what = other ? word + strlen("other:") : word;
    const char *value = strchr(what, '=') + 1;
    struct tg_public_key *authority = world_key(other ? KEY_OTHER_CA : KEY_CA);
    struct tg_error error;
    int result = -1;
    if (strncmp(what, "serial=", strlen("serial=")) == 0) {
        uint64_t serial = strtoull(value, NULL, 10);
        result = tg_krl_add_serials(krl, authority->blob, serial, serial, &error);
    } else if (strncmp(what, "key_id=", strlen("key_id=")) == 0) {
        result = tg_krl_add_key_id(krl, authority->blob, value, &error);
    }
    for (size_t i = 0; i < sizeof named_keys / sizeof named_keys[0] && *what == 'k' && result != 0; i++) {
        struct tg_public_key *key = world_key(named_keys[i].line);
        if (strcmp(value, named_keys[i].name) == 0)
            result = tg_krl_add_key(krl, key->fingerprint, &error);
        tg_public_key_free(key);
    }
    assert_int_equal(result, 0);
    tg_public_key_free(authority);
}

struct tg_krl *world_revocations(const char *words)
{
    struct tg_krl *made = tg_krl_new(1, WORLD_TIME);
    struct tg_krl *read = NULL;
    struct tg_error error;
    uint8_t *bytes;
    size_t length;
    char *rest;
    if (words == NULL) {
        tg_krl_free(made);
        return NULL;
    }
    char *copy = strdup(words);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        revoke(made, word);
    assert_int_equal(tg_krl_write(made, &bytes, &length, &error), 0);
    assert_int_equal(tg_krl_parse(tg_bytes_of(bytes, length), &read, &error), 0);
    free(copy);
    free(bytes);
    tg_krl_free(made);
    return read;
}

/* A text that stands for a key's fingerprint or line is replaced by it. */
static json_t *with_key(json_t *value)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    for (size_t i = 0; i < sizeof named_keys / sizeof named_keys[0]; i++) {
        if ((text[0] != '@' && text[0] != '%') || strcmp(text + 1, named_keys[i].name) != 0)
            continue;
        struct tg_public_key *key = world_key(named_keys[i].line);
        json_t *replaced = json_string(text[0] == '@' ? key->fingerprint : named_keys[i].line);
        tg_public_key_free(key);
        json_decref(value);
        return replaced;
    }
    return value;
}

static void change(json_t *root, char *word)
{
    char *value_text = strchr(word, '=');
    bool append = value_text != NULL && value_text > word && value_text[-1] == '+';
    json_t *value = NULL;
    if (value_text != NULL) {
        value_text[append ? -1 : 0] = '\0';
        value = with_key(json_loads(value_text + 1, JSON_DECODE_ANY, NULL));
        assert_non_null(value);
    }
    json_t *at = root;
    char *rest = word, *step = strsep(&rest, "/");
    for (; rest != NULL; step = strsep(&rest, "/"))
        at = step_into(at, step);
    assert_non_null(at);
    if (append)
        assert_int_equal(json_array_append_new(step_into(at, step), value), 0);
    else
        put(at, step, value);
}

static char *changed_text(json_t *object, const char *changes)
{
    assert_non_null(object);
    char *copy = strdup(changes != NULL ? changes : "");
    for (char *rest = copy, *word; (word = strsep(&rest, " ")) != NULL;) {
        if (*word != '\0')
            change(object, word);
    }
    free(copy);
    /* Not tg_canonical_json_write(): a test may want what that refuses. */
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    assert_non_null(text);
    json_decref(object);
    return text;
}

char *world_policy_text(const char *changes)
{
    return changed_text(policy_object(), changes);
}

char *world_ticket_text(const char *changes)
{
    return changed_text(ticket_object(), changes);
}

struct tg_policy *world_policy(const char *changes)
{
    struct tg_error error = {0};
    struct tg_policy *policy;
    char *text = world_policy_text(changes);
    if (tg_policy_parse(tg_bytes_of_text(text), &policy, &error) != 0)
        fail_msg("%s", error.text);
    free(text);
    return policy;
}

struct tg_ticket *world_ticket(const char *changes)
{
    struct tg_error error = {0};
    struct tg_ticket *ticket;
    char *text = world_ticket_text(changes);
    if (tg_ticket_parse(tg_bytes_of_text(text), &ticket, &error) != 0)
        fail_msg("%s", error.text);
    free(text);
    return ticket;
}

struct tg_public_key *world_key(const char *line)
{
    struct tg_error error = {0};
    struct tg_public_key *key;
    if (tg_public_key_parse_line(line, &key, &error) != 0)
        fail_msg("%s", error.text);
    return key;
}

char *world_sign(const char *private_key, const char *name_space, const char *text)
{
    struct tg_error error = {0};
    struct tg_signer *signer = NULL;
    uint8_t *blob = NULL;
    size_t length = 0;
    char *armored = NULL;
    if (tg_signer_from_bytes(tg_bytes_of_text(private_key), "test key", &signer, &error) != 0 ||
        tg_signer_sign(signer, name_space, tg_bytes_of_text(text), &blob, &length, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(tg_sshsig_armor(tg_bytes_of(blob, length), &armored), 0);
    tg_signer_free(signer);
    free(blob);
    return armored;
}

/* One word of world_hold_approvals(). */
static void hold_approval(const struct tg_policy *policy, const struct tg_ticket *ticket, char *word,
                          struct tg_held_approval *held)
{
    char *flags = word, *when = strsep(&flags, ":");
    char *who = strsep(&when, "@"), *slash = strchr(who, '/'), *equals = strchr(who, '=');
    size_t index = slash != NULL ? strtoul(slash + 1, NULL, 10) : 0;
    uint32_t seconds = 0;
    struct tg_ticket named = *ticket;
    if (who[0] == '!') {
        assert_true(tg_reason_from_name(who + 1, &held->refused));
        return;
    }
    if (slash != NULL)
        *slash = '\0';
    if (equals != NULL)
        *equals = '\0';
    const struct tg_person *owner = tg_policy_person(policy, equals != NULL ? equals + 1 : who);
    if (owner != NULL && index < owner->key_count)
        memcpy(held->key, owner->keys[index].key->fingerprint, sizeof held->key);
    for (char *flag; (flag = strsep(&flags, ":")) != NULL;) {
        held->facts.security_key |= strcmp(flag, "sk") == 0;
        held->facts.user_verified |= strcmp(flag, "uv") == 0;
        held->facts.backup_eligible |= strcmp(flag, "be") == 0;
        if (flag[0] == '!')
            assert_true(tg_reason_from_name(flag + 1, &held->refused));
        else if (strcmp(flag, "other") == 0)
            named.digest[0] = named.digest[0] == '0' ? '1' : '0';
        else if (flag[0] == 's' && flag[1] != 'k')
            seconds = (uint32_t)strtoul(flag + 1, NULL, 10);
    }
    char *text;
    size_t length;
    struct tg_error error = {0};
    assert_int_equal(
        tg_approval_compose(&named, who, WORLD_TIME + strtol(when, NULL, 10), seconds, &text, &length), 0);
    assert_int_equal(tg_approval_parse(tg_bytes_of(text, length), &held->approval, &error), 0);
    free(text);
}

void world_hold_approvals(const struct tg_policy *policy, const char *text, struct tg_held_ticket *held)
{
    char *copy = strdup(text != NULL ? text : "bob@30");
    held->approvals = calloc(TG_APPROVALS_MAX, sizeof *held->approvals);
    for (char *rest = copy, *word; (word = strsep(&rest, " ")) != NULL;) {
        if (*word != '\0')
            hold_approval(policy, held->ticket, word, &held->approvals[held->approval_count++]);
    }
    free(copy);
}

void world_release(struct tg_held_ticket *held)
{
    for (size_t i = 0; i < held->approval_count; i++)
        tg_held_approval_clear(&held->approvals[i]);
    free(held->approvals);
    tg_ticket_free(held->ticket);
}

void world_assert_error(const struct tg_error *error, enum tg_reason reason, const char *part)
{
    if (error->reason != reason)
        fail_msg("%s (%s), not %s", tg_reason_name(error->reason), error->text, tg_reason_name(reason));
    if (strstr(error->text, part) == NULL)
        fail_msg("'%s' does not say '%s'", error->text, part);
}
