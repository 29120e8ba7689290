/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata policy add-key and diff.
 */
#include "cli/command.h"
#include "cli/files.h"
#include "cli/key_words.h"
#include "cli/policy_diff.h"
#include "cli/policy_file.h"

#include "lib/canonical_json.h"
#include "lib/policy_change.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A change with its evidence verified. */
struct verified_change {
    struct tg_policy_change *change;
    struct tg_attestation *attestation;
};

static void clear(struct verified_change *verified)
{
    tg_attestation_free(verified->attestation);
    tg_policy_change_free(verified->change);
    *verified = (struct verified_change){0};
}

static int read_change(const char *path, const char *trust_directory, struct verified_change *verified,
                       struct tg_error *error)
{
    char *text = NULL;
    size_t length = 0;
    struct tg_attestation_trust *trust = NULL;
    *verified = (struct verified_change){0};
    if (trust_directory != NULL && tg_attestation_trust_read(trust_directory, &trust, error) != 0)
        return -1;
    int result = tg_file_read(path, TG_POLICY_CHANGE_MAX, TG_file_failed, &text, &length, error);
    if (result == 0 && length > 0 && text[length - 1] == '\n') /* an editor's or a mailer's */
        length--;
    if (result == 0)
        result = tg_policy_change_parse(tg_bytes_of(text, length), &verified->change, error);
    if (result == 0)
        result = tg_policy_change_verify(verified->change, trust, (int64_t)time(NULL), &verified->attestation,
                                         error);
    if (result != 0)
        clear(verified);
    free(text);
    tg_attestation_trust_free(trust);
    return result;
}

/* Somebody who has no such key yet. */
static int check_person(const struct tg_policy *policy, const struct verified_change *verified,
                        struct tg_error *error)
{
    const struct tg_person_key *entry;
    const char *name = verified->change->evidence.person;
    const struct tg_public_key *key = verified->attestation->key;
    if (tg_policy_person(policy, name) == NULL)
        return tg_fail(error, TG_policy_change_person, "the policy has nobody called '%s'", name);
    const struct tg_person *owner = tg_policy_key_owner(policy, key, &entry);
    if (owner != NULL)
        return tg_fail(error, TG_policy_change_listed, "%s is listed already, for '%s'", key->fingerprint,
                       owner->name);
    if (tg_policy_revokes_key(policy, key->fingerprint))
        return tg_fail(error, TG_policy_change_listed, "%s is listed among the revoked keys",
                       key->fingerprint);
    return 0;
}

/* The policy with the key in it and the next serial; it must be one that hosts take. */
static int apply(const struct tg_policy_file *file, const struct verified_change *verified, json_t **out,
                 struct tg_error *error)
{
    char *text = NULL;
    size_t length = 0;
    struct tg_policy *parsed = NULL;
    json_t *changed = json_deep_copy(file->content);
    json_t *people = json_object_get(changed, "people");
    json_t *keys = json_object_get(json_object_get(people, verified->change->evidence.person), "keys");
    json_t *entry = tg_policy_change_entry(&verified->change->evidence, verified->attestation);
    int result = -1;
    if (json_array_append_new(keys, entry) != 0 ||
        json_object_set_new(changed, "serial", json_integer((json_int_t)(file->policy->serial + 1))) != 0 ||
        tg_canonical_json_write(changed, &text, &length) != 0)
        (void)tg_fail(error, TG_internal_error, "out of memory");
    else
        result = tg_policy_parse(tg_bytes_of(text, length), &parsed, error);
    tg_policy_free(parsed);
    free(text);
    if (result != 0) {
        json_decref(changed);
        return -1;
    }
    *out = changed;
    return 0;
}

static void show(const struct tg_output *out, const struct tg_policy_file *file, const json_t *changed,
                 const struct verified_change *verified, bool trusting)
{
    char words[TG_KEY_WORDS_SIZE];
    const struct tg_attestation *attestation = verified->attestation;
    const struct tg_enrolment_evidence *evidence = &verified->change->evidence;
    tg_line(out, "A key for %s:", evidence->person);
    (void)tg_policy_diff(out, file->content, changed);
    tg_field(out, "key", "%s %s", tg_key_type_name(attestation->key->type), attestation->key->fingerprint);
    if (evidence->label[0] != '\0')
        tg_field(out, "label", "%s", evidence->label);
    if (evidence->webauthn)
        tg_field(out, "used at", "%s", evidence->origin);
    if (attestation->attested)
        tg_field(out, "attested", "%s (%s)", attestation->device, attestation->aaguid);
    tg_field_styled(out, TG_STYLE_STRONG, "words", "%s", tg_key_words(attestation->key, words));
    if (!attestation->attested && !trusting)
        tg_field_styled(out, TG_STYLE_WARNING, "warning",
                        "not attested: nobody has looked; give --attestation-trust DIRECTORY");
    else if (!attestation->attested)
        tg_field_styled(out, TG_STYLE_WARNING, "warning",
                        "not attested: no hardware is proved; rules with hardware_key will not take it");
    if (attestation->backup_eligible)
        tg_field_styled(out, TG_STYLE_WARNING, "warning", "the key can be copied to other devices");
    if (!attestation->user_verified)
        tg_field_styled(out, TG_STYLE_WARNING, "warning",
                        "it did not ask for PIN or fingerprint when it was made (uv 0)");
    tg_line(
        out,
        "Before you sign: have %s read the words to you, face to face or by telephone, not by what brought "
        "this file.",
        evidence->person);
}

int tg_command_policy_add_key(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_policy_file file;
    struct verified_change verified = {0};
    json_t *changed = NULL;
    struct tg_error error = {0};
    const char *trust = tg_argument(arguments, "attestation-trust");
    const char *output = tg_argument(arguments, "output");
    if (tg_policy_file_read(arguments->operands[0], &file, &error) != 0)
        return tg_cli_fail(cli, &error);
    int status = TG_EXIT_OK;
    if (read_change(arguments->operands[1], trust, &verified, &error) != 0 ||
        check_person(file.policy, &verified, &error) != 0 || apply(&file, &verified, &changed, &error) != 0 ||
        tg_policy_file_write(&cli->out, changed, JSON_INDENT(2), output, &error) != 0) {
        status = tg_cli_fail(cli, &error);
    } else {
        show(&cli->err, &file, changed, &verified, trust != NULL);
        if (output != NULL && strcmp(output, "-") != 0)
            tg_line(&cli->err, "Next: tegata policy sign %s --key ROOT", output);
    }
    json_decref(changed);
    clear(&verified);
    tg_policy_file_clear(&file);
    return status;
}

int tg_command_policy_diff(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_policy_file old;
    struct tg_policy_file now;
    struct tg_error error = {0};
    if (tg_policy_file_read(arguments->operands[0], &old, &error) != 0)
        return tg_cli_fail(cli, &error);
    if (tg_policy_file_read(arguments->operands[1], &now, &error) != 0) {
        tg_policy_file_clear(&old);
        return tg_cli_fail(cli, &error);
    }
    tg_line(&cli->out, "From policy %" PRIu64 " to policy %" PRIu64 ":", old.policy->serial,
            now.policy->serial);
    if (tg_policy_diff(&cli->out, old.content, now.content) == 0)
        tg_line(&cli->out, "  no difference");
    if (now.policy->serial <= old.policy->serial)
        tg_field_styled(&cli->out, TG_STYLE_WARNING, "warning",
                        "the serial does not rise: hosts that have seen the first refuse the second");
    tg_policy_file_clear(&now);
    tg_policy_file_clear(&old);
    return TG_EXIT_OK;
}
