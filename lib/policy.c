/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/policy.h"

#include "lib/canonical_json.h"
#include "lib/policy_check.h"
#include "lib/schema.h"

#include <stdlib.h>
#include <string.h>

enum {
    SECONDS_MAX = 86400,                /* of a window */
    CERTIFICATE_SECONDS_MAX = 31536000, /* a year */
    APPROVE_BY_SECONDS_MAX = 2592000,   /* 30 days */
    SESSIONS_MAX = 1000000,
    LIST_MAX = 64, /* entries of a list in a rule or of a person */
    PEOPLE_MAX = 10000,
    REVOKED_MAX = 10000,
};

#define LIST(structure, member, count)                                                                       \
    .offset = offsetof(structure, member), .count_offset = offsetof(structure, count)

static const struct tg_field policy_fields[] = {
    {"v", TG_FIELD_NUMBER, 1, 1, .offset = TG_FIELD_UNSTORED},
    {"serial", TG_FIELD_SERIAL, 1, TG_INTEGER_MAX, .offset = offsetof(struct tg_policy, serial)},
    {"issued", TG_FIELD_TIME, 0, TG_INTEGER_MAX, .offset = offsetof(struct tg_policy, issued)},
    {"expires", TG_FIELD_TIME, 0, TG_INTEGER_MAX, .offset = offsetof(struct tg_policy, expires)},
    {"people", TG_FIELD_OBJECT, 1, PEOPLE_MAX, .offset = TG_FIELD_UNSTORED},
    {"accounts", TG_FIELD_OBJECT, 0, PEOPLE_MAX, .offset = TG_FIELD_UNSTORED},
    {"groups", TG_FIELD_OBJECT, 0, PEOPLE_MAX, .offset = TG_FIELD_UNSTORED},
    {"user_ca", TG_FIELD_ARRAY, 1, LIST_MAX, .offset = TG_FIELD_UNSTORED},
    {"host_ca", TG_FIELD_ARRAY, 0, LIST_MAX, .offset = TG_FIELD_UNSTORED, .optional = true},
    {"rules", TG_FIELD_ARRAY, 1, PEOPLE_MAX, .offset = TG_FIELD_UNSTORED},
    {"revoked", TG_FIELD_OBJECT, 0, 3, .offset = TG_FIELD_UNSTORED},
    {"limits", TG_FIELD_OBJECT, 0, 2, .offset = TG_FIELD_UNSTORED},
};

static const struct tg_field person_fields[] = {
    {"uid", TG_FIELD_NUMBER, 1, INT32_MAX, .offset = offsetof(struct tg_person, uid)},
    {"groups", TG_FIELD_TEXTS, 0, LIST_MAX, LIST(struct tg_person, groups, group_count),
     .form = &tg_form_name},
    {"keys", TG_FIELD_ARRAY, 0, LIST_MAX, .offset = TG_FIELD_UNSTORED},
    {"disabled", TG_FIELD_FLAG, .offset = offsetof(struct tg_person, disabled)},
    {"confined", TG_FIELD_FLAG, .offset = offsetof(struct tg_person, confined), .optional = true},
};

/* A person's key before its line is parsed. */
struct key_entry {
    const char *line;
    const char *origin;
    const char *rp_id;
    bool attested;
    bool user_verification;
};

static const struct tg_field key_fields[] = {
    {"key", TG_FIELD_TEXT, 1, 8192, .offset = offsetof(struct key_entry, line)},
    {"attested", TG_FIELD_FLAG, .offset = offsetof(struct key_entry, attested)},
    {"uv", TG_FIELD_FLAG, .offset = offsetof(struct key_entry, user_verification)},
    {"origin", TG_FIELD_TEXT, 1, 160, .offset = offsetof(struct key_entry, origin), .form = &tg_form_origin,
     .optional = true},
    {"rp_id", TG_FIELD_TEXT, 1, 64, .offset = offsetof(struct key_entry, rp_id), .form = &tg_form_host,
     .optional = true},
};

static const struct tg_field account_fields[] = {
    {"uid", TG_FIELD_NUMBER, 0, INT32_MAX, .offset = offsetof(struct tg_shared_account, uid)},
    {"confined", TG_FIELD_FLAG, .offset = offsetof(struct tg_shared_account, confined), .optional = true},
};

static const struct tg_field group_fields[] = {
    {"gid", TG_FIELD_NUMBER, 1, INT32_MAX, .offset = offsetof(struct tg_unix_group, gid)},
};

#define RULE_LIST(member, count) LIST(struct tg_rule, member, count)
static const struct tg_field rule_fields[] = {
    {"id", TG_FIELD_TEXT, 1, 32, .offset = offsetof(struct tg_rule, id), .form = &tg_form_name},
    {"hosts", TG_FIELD_TEXTS, 1, LIST_MAX, RULE_LIST(hosts, host_count), .form = &tg_form_host_glob},
    {"accounts", TG_FIELD_TEXTS, 1, LIST_MAX, RULE_LIST(accounts, account_count), .form = &tg_form_name},
    {"requesters", TG_FIELD_TEXTS, 1, LIST_MAX, RULE_LIST(requesters, requester_count),
     .form = &tg_form_name},
    {"approvers", TG_FIELD_ARRAY, 1, 16, .offset = TG_FIELD_UNSTORED},
    {"max_seconds", TG_FIELD_NUMBER, 1, SECONDS_MAX, .offset = offsetof(struct tg_rule, max_seconds)},
    {"max_certificate_seconds", TG_FIELD_NUMBER, 1, CERTIFICATE_SECONDS_MAX,
     .offset = offsetof(struct tg_rule, max_certificate_seconds)},
    {"hardware_key", TG_FIELD_FLAG, .offset = offsetof(struct tg_rule, hardware_key)},
    {"user_verification", TG_FIELD_FLAG, .offset = offsetof(struct tg_rule, user_verification)},
    {"groups", TG_FIELD_TEXTS, 0, LIST_MAX, RULE_LIST(groups, group_count), .form = &tg_form_name},
    {"sudo", TG_FIELD_TEXTS, 0, LIST_MAX, RULE_LIST(sudo, sudo_count), .form = &tg_form_name},
    {"options", TG_FIELD_TEXTS, 0, LIST_MAX, RULE_LIST(options, option_count), .form = &tg_form_option},
    {"permit_open", TG_FIELD_TEXTS, 0, LIST_MAX, RULE_LIST(permit_open, permit_open_count),
     .form = &tg_form_destination_glob},
    {"sources", TG_FIELD_TEXTS, 0, LIST_MAX, RULE_LIST(sources, source_count), .form = &tg_form_network},
    {"sessions", TG_FIELD_NUMBER, 0, SESSIONS_MAX, .offset = offsetof(struct tg_rule, sessions)},
    {"emergency", TG_FIELD_FLAG, .offset = offsetof(struct tg_rule, emergency)},
    {"end_with_certificate", TG_FIELD_FLAG, .offset = offsetof(struct tg_rule, end_with_certificate),
     .optional = true},
    {"max_extension_seconds", TG_FIELD_NUMBER, 0, TG_EXTENSION_SECONDS_MAX,
     .offset = offsetof(struct tg_rule, max_extension_seconds), .optional = true},
    {"record", TG_FIELD_FLAG, .offset = offsetof(struct tg_rule, record), .optional = true},
    {"step_up", TG_FIELD_FLAG, .offset = offsetof(struct tg_rule, step_up), .optional = true},
};

static const struct tg_field approver_fields[] = {
    {"group", TG_FIELD_TEXT, 1, 32, .offset = offsetof(struct tg_approver_group, group),
     .form = &tg_form_name},
    {"count", TG_FIELD_NUMBER, 1, 16, .offset = offsetof(struct tg_approver_group, count)},
};

/* The revoked serials before they are numbers. */
struct revoked {
    const char **keys;
    size_t key_count;
    const char **serials;
    size_t serial_count;
    const char **key_ids;
    size_t key_id_count;
};

static const struct tg_field revoked_fields[] = {
    {"keys", TG_FIELD_TEXTS, 0, REVOKED_MAX, LIST(struct revoked, keys, key_count),
     .form = &tg_form_fingerprint},
    {"serials", TG_FIELD_TEXTS, 0, REVOKED_MAX, LIST(struct revoked, serials, serial_count),
     .form = &tg_form_serial},
    {"key_ids", TG_FIELD_TEXTS, 0, REVOKED_MAX, LIST(struct revoked, key_ids, key_id_count)},
};

static const struct tg_field limits_fields[] = {
    {"approve_by_seconds", TG_FIELD_NUMBER, 1, APPROVE_BY_SECONDS_MAX,
     .offset = offsetof(struct tg_policy, approve_by_seconds)},
    {"open_tickets", TG_FIELD_NUMBER, 1, 1000, .offset = offsetof(struct tg_policy, open_tickets)},
};

static const struct tg_schema policy_schema = TG_SCHEMA(policy_fields);
static const struct tg_schema person_schema = TG_SCHEMA(person_fields);
static const struct tg_schema key_schema = TG_SCHEMA(key_fields);
static const struct tg_schema account_schema = TG_SCHEMA(account_fields);
static const struct tg_schema group_schema = TG_SCHEMA(group_fields);
static const struct tg_schema rule_schema = TG_SCHEMA(rule_fields);
static const struct tg_schema approver_schema = TG_SCHEMA(approver_fields);
static const struct tg_schema revoked_schema = TG_SCHEMA(revoked_fields);
static const struct tg_schema limits_schema = TG_SCHEMA(limits_fields);

/* The same reading, one step further in. */
static struct tg_reading inside(const struct tg_reading *reading, const char *key, const char *name)
{
    struct tg_reading inner = *reading;
    (void)snprintf(inner.where, sizeof inner.where, "policy: %s '%.40s'", key, name);
    return inner;
}

static struct tg_reading inside_nth(const struct tg_reading *reading, const char *key, size_t index)
{
    struct tg_reading inner = *reading;
    (void)snprintf(inner.where, sizeof inner.where, "%.60s: %s[%zu]", reading->where, key, index);
    return inner;
}

/* "TYPE BASE64" and nothing else, so that a document has one way to write a key. */
static int read_key_line(const struct tg_reading *reading, const char *key, const char *line,
                         struct tg_public_key **out)
{
    struct tg_error fault = {0};
    const char *blank = strchr(line, ' ');
    *out = NULL;
    if (blank == NULL || strchr(blank + 1, ' ') != NULL)
        return tg_schema_fail(reading, key, "must be a public key line without comment: TYPE BASE64");
    if (tg_public_key_parse_line(line, out, &fault) != 0)
        return tg_schema_fail(reading, key, "%.150s", fault.text);
    return 0;
}

/* A browser signs for the relying party that its key was made for, with ES256 (docs/protocol.md,
 * "Signatures"). */
static int check_web_key(const struct tg_reading *reading, const struct tg_person_key *key)
{
    if ((key->origin == NULL) != (key->rp_id == NULL))
        return tg_schema_fail(reading, key->origin == NULL ? "origin" : "rp_id",
                              "is missing: origin and rp_id go together");
    if (key->origin == NULL)
        return 0;
    if (key->key->type != TG_KEY_SK_ECDSA_P256)
        return tg_schema_fail(reading, "origin",
                              "only sk-ecdsa-sha2-nistp256@openssh.com keys are used in a browser");
    if (strcmp(key->key->application, key->rp_id) != 0)
        return tg_schema_fail(reading, "rp_id", "must be the key's own application");
    return 0;
}

static int read_person_key(const struct tg_reading *reading, const json_t *object, struct tg_person_key *key)
{
    struct key_entry entry = {0};
    if (tg_schema_read(reading, &key_schema, object, &entry) != 0)
        return -1;
    key->origin = entry.origin;
    key->rp_id = entry.rp_id;
    key->attested = entry.attested;
    key->user_verification = entry.user_verification;
    if (read_key_line(reading, "key", entry.line, &key->key) != 0)
        return -1;
    return check_web_key(reading, key);
}

static int read_person(const struct tg_reading *reading, const json_t *object, struct tg_person *person)
{
    if (tg_schema_read(reading, &person_schema, object, person) != 0)
        return -1;
    const json_t *keys = json_object_get(object, "keys");
    person->keys = tg_storage_array(reading->storage, json_array_size(keys), sizeof *person->keys);
    if (person->keys == NULL)
        return tg_schema_fail(reading, "keys", "no memory");
    person->key_count = json_array_size(keys);
    for (size_t i = 0; i < person->key_count; i++) {
        struct tg_reading inner = inside_nth(reading, "keys", i);
        if (read_person_key(&inner, json_array_get(keys, i), &person->keys[i]) != 0)
            return -1;
    }
    return 0;
}

/* A member of one of the policy's three objects of names. All three structures begin with the name. */
static int read_named(const struct tg_reading *reading, const char *key, const char *name,
                      const json_t *value, void *member)
{
    if (!tg_form_name.matches(name))
        return tg_schema_fail(reading, key, "'%.64s' must be %s", name, tg_form_name.description);
    memcpy(member, &name, sizeof name);
    struct tg_reading inner = inside(reading, key, name);
    if (strcmp(key, "people") == 0)
        return read_person(&inner, value, member);
    if (strcmp(key, "accounts") == 0)
        return tg_schema_read(&inner, &account_schema, value, member);
    return tg_schema_read(&inner, &group_schema, value, member);
}

static int compare_named(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Reads such an object into a sorted array. *count goes up with each member, so that whatever was read can be
 * freed. */
static int read_all_named(const struct tg_reading *reading, const json_t *root, const char *key, size_t size,
                          void **array, size_t *count)
{
    json_t *object = json_object_get(root, key);
    char *member = tg_storage_array(reading->storage, json_object_size(object), size);
    if (member == NULL)
        return tg_schema_fail(reading, key, "no memory");
    *array = member;
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        (*count)++; /* before it is read, so that tg_policy_free() sees a key of a member that fails halfway
                     */
        if (read_named(reading, key, json_object_iter_key(at), json_object_iter_value(at), member) != 0)
            return -1;
        member += size;
    }
    qsort(*array, *count, size, compare_named);
    return 0;
}

static int read_rule(const struct tg_reading *reading, const json_t *object, struct tg_rule *rule)
{
    if (tg_schema_read(reading, &rule_schema, object, rule) != 0)
        return -1;
    struct tg_reading named = inside(reading, "rule", rule->id);
    const json_t *approvers = json_object_get(object, "approvers");
    size_t count = json_array_size(approvers);
    rule->approvers = tg_storage_array(reading->storage, count, sizeof *rule->approvers);
    if (rule->approvers == NULL)
        return tg_schema_fail(reading, "approvers", "no memory");
    rule->approver_count = count;
    for (size_t i = 0; i < count; i++) {
        struct tg_reading inner = inside_nth(&named, "approvers", i);
        if (tg_schema_read(&inner, &approver_schema, json_array_get(approvers, i), &rule->approvers[i]) != 0)
            return -1;
    }
    return 0;
}

static int read_rules(const struct tg_reading *reading, const json_t *array, struct tg_policy *policy)
{
    policy->rules = tg_storage_array(reading->storage, json_array_size(array), sizeof *policy->rules);
    if (policy->rules == NULL)
        return tg_schema_fail(reading, "rules", "no memory");
    policy->rule_count = json_array_size(array);
    for (size_t i = 0; i < policy->rule_count; i++) {
        struct tg_reading inner = inside_nth(reading, "rules", i);
        if (read_rule(&inner, json_array_get(array, i), &policy->rules[i]) != 0)
            return -1;
    }
    return 0;
}

/* An array of public key lines. */
static int read_authorities(const struct tg_reading *reading, const json_t *root, const char *key,
                            struct tg_public_key ***authorities, size_t *count)
{
    const json_t *array = json_object_get(root, key);
    *authorities = tg_storage_array(reading->storage, json_array_size(array), sizeof(struct tg_public_key *));
    if (*authorities == NULL)
        return tg_schema_fail(reading, key, "no memory");
    *count = json_array_size(array);
    for (size_t i = 0; i < *count; i++) {
        const char *line = json_string_value(json_array_get(array, i));
        if (line == NULL)
            return tg_schema_fail(reading, key, "must be public key lines");
        if (read_key_line(reading, key, line, &(*authorities)[i]) != 0)
            return -1;
    }
    return 0;
}

static int read_revoked(const struct tg_reading *reading, const json_t *object, struct tg_policy *policy)
{
    struct revoked revoked = {0};
    if (tg_schema_read(reading, &revoked_schema, object, &revoked) != 0)
        return -1;
    policy->revoked_keys = revoked.keys;
    policy->revoked_key_count = revoked.key_count;
    policy->revoked_key_ids = revoked.key_ids;
    policy->revoked_key_id_count = revoked.key_id_count;
    policy->revoked_serials = tg_storage_array(reading->storage, revoked.serial_count, sizeof(uint64_t));
    if (policy->revoked_serials == NULL)
        return tg_schema_fail(reading, "serials", "no memory");
    policy->revoked_serial_count = revoked.serial_count;
    for (size_t i = 0; i < revoked.serial_count; i++) {
        if (!tg_serial_from_text(revoked.serials[i], &policy->revoked_serials[i]))
            return tg_schema_fail(reading, "serials", "must be %s", tg_form_serial.description);
    }
    return 0;
}

static int read_names(const struct tg_reading *reading, const json_t *root, struct tg_policy *policy)
{
    void *people = NULL, *accounts = NULL, *groups = NULL;
    int result =
        read_all_named(reading, root, "people", sizeof *policy->people, &people, &policy->person_count);
    policy->people = people;
    if (result == 0)
        result = read_all_named(reading, root, "accounts", sizeof *policy->accounts, &accounts,
                                &policy->account_count);
    policy->accounts = accounts;
    if (result == 0)
        result =
            read_all_named(reading, root, "groups", sizeof *policy->groups, &groups, &policy->group_count);
    policy->groups = groups;
    return result;
}

static int read_policy(const struct tg_reading *reading, const json_t *root, struct tg_policy *policy)
{
    struct tg_reading revoked = inside(reading, "key", "revoked");
    struct tg_reading limits = inside(reading, "key", "limits");
    if (tg_schema_read(reading, &policy_schema, root, policy) != 0 ||
        read_names(reading, root, policy) != 0 ||
        read_authorities(reading, root, "user_ca", &policy->user_ca, &policy->user_ca_count) != 0 ||
        read_authorities(reading, root, "host_ca", &policy->host_ca, &policy->host_ca_count) != 0 ||
        read_rules(reading, json_object_get(root, "rules"), policy) != 0 ||
        read_revoked(&revoked, json_object_get(root, "revoked"), policy) != 0 ||
        tg_schema_read(&limits, &limits_schema, json_object_get(root, "limits"), policy) != 0)
        return -1;
    return tg_policy_check(policy, reading->error);
}

int tg_policy_parse(struct tg_bytes document, struct tg_policy **out, struct tg_error *error)
{
    json_t *root;
    struct tg_reading reading = {.reason = TG_policy_malformed, .error = error, .where = "policy"};
    *out = NULL;
    if (tg_canonical_json_parse(document, "policy", TG_POLICY_MAX, TG_policy_malformed, &root, error) != 0)
        return -1;
    struct tg_policy *policy = calloc(1, sizeof *policy);
    if (policy != NULL)
        policy->storage = reading.storage = tg_storage_new(document, &policy->document);
    if (reading.storage == NULL) {
        json_decref(root);
        tg_policy_free(policy);
        return tg_fail(error, TG_policy_malformed, "policy: no memory");
    }
    tg_storage_keep(reading.storage, root);
    if (read_policy(&reading, root, policy) != 0) {
        tg_policy_free(policy);
        return -1;
    }
    *out = policy;
    return 0;
}

void tg_policy_free(struct tg_policy *policy)
{
    if (policy == NULL)
        return;
    for (size_t i = 0; i < policy->person_count; i++) {
        for (size_t j = 0; j < policy->people[i].key_count; j++)
            tg_public_key_free(policy->people[i].keys[j].key);
    }
    for (size_t i = 0; i < policy->user_ca_count; i++)
        tg_public_key_free(policy->user_ca[i]);
    for (size_t i = 0; i < policy->host_ca_count; i++)
        tg_public_key_free(policy->host_ca[i]);
    tg_storage_free(policy->storage);
    free(policy);
}

static void *find_named(const void *array, size_t count, size_t size, const char *name)
{
    if (name == NULL || count == 0)
        return NULL;
    return bsearch(&name, array, count, size, compare_named);
}

const struct tg_person *tg_policy_person(const struct tg_policy *policy, const char *name)
{
    return find_named(policy->people, policy->person_count, sizeof *policy->people, name);
}

const struct tg_shared_account *tg_policy_account(const struct tg_policy *policy, const char *name)
{
    return find_named(policy->accounts, policy->account_count, sizeof *policy->accounts, name);
}

const struct tg_unix_group *tg_policy_group(const struct tg_policy *policy, const char *name)
{
    return find_named(policy->groups, policy->group_count, sizeof *policy->groups, name);
}

bool tg_policy_revokes_key(const struct tg_policy *policy, const char *fingerprint)
{
    return tg_is_among(fingerprint, policy->revoked_keys, policy->revoked_key_count) ||
           tg_krl_revokes_key(policy->revocations, fingerprint);
}

const struct tg_rule *tg_policy_rule(const struct tg_policy *policy, const char *id)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (strcmp(policy->rules[i].id, id) == 0)
            return &policy->rules[i];
    }
    return NULL;
}

const struct tg_person *tg_policy_key_owner(const struct tg_policy *policy, const struct tg_public_key *key,
                                            const struct tg_person_key **entry)
{
    *entry = NULL;
    for (size_t i = 0; i < policy->person_count; i++) {
        const struct tg_person *person = &policy->people[i];
        for (size_t j = 0; j < person->key_count; j++) {
            if (!tg_bytes_equal(person->keys[j].key->blob, key->blob))
                continue;
            *entry = &person->keys[j];
            return person;
        }
    }
    return NULL;
}

const struct tg_person_key *tg_person_key(const struct tg_person *person, const char *fingerprint)
{
    for (size_t i = 0; i < person->key_count; i++) {
        if (strcmp(person->keys[i].key->fingerprint, fingerprint) == 0)
            return &person->keys[i];
    }
    return NULL;
}

bool tg_person_in_group(const struct tg_person *person, const char *group)
{
    return tg_is_among(group, person->groups, person->group_count);
}
