/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata policy check, sign, show and publish.
 */
#include "cli/files.h"
#include "cli/link.h"
#include "cli/policy_file.h"
#include "cli/policy_render.h"
#include "cli/signing_key.h"

#include "lib/sshsig.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Whose signature this is, if it is a right one: the fingerprint, else why not. */
static bool check_signature(const struct tg_policy_file *file, const char *armored,
                            struct tg_public_key **key, struct tg_error *error)
{
    uint8_t *blob = NULL;
    size_t length = 0;
    struct tg_sshsig_demands demands = {0};
    struct tg_bytes document = tg_bytes_of(file->signed_policy.document, file->signed_policy.length);
    *key = NULL;
    bool good = tg_sshsig_dearmor(armored, &blob, &length, error) == 0 &&
                tg_sshsig_signer(tg_bytes_of(blob, length), key, error) == 0 &&
                tg_sshsig_verify(tg_bytes_of(blob, length), TG_NAMESPACE_POLICY, document, *key, &demands,
                                 NULL, error) == 0;
    free(blob);
    return good;
}

static void show_signatures(struct tg_cli *cli, const struct tg_policy_file *file)
{
    for (size_t i = 0; i < file->signed_policy.signature_count; i++) {
        struct tg_public_key *key = NULL;
        struct tg_error error = {0};
        if (check_signature(file, file->signed_policy.signatures[i], &key, &error))
            tg_field(&cli->out, "signed by", "%s", key->fingerprint);
        else
            tg_field(&cli->out, "signature", "%zu is wrong: %s", i + 1, error.text);
        tg_public_key_free(key);
    }
    if (file->was_signed && file->signed_policy.signature_count == 0)
        tg_field(&cli->out, "signatures", "none");
}

int tg_command_policy_check(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_policy_file file;
    struct tg_error error = {0};
    if (tg_policy_file_read(arguments->operands[0], &file, &error) != 0)
        return tg_cli_fail(cli, &error);
    if (cli->json) {
        json_t *summary =
            json_pack("{s:I, s:I, s:i, s:i, s:i}", "serial", (json_int_t)file.policy->serial, "expires",
                      (json_int_t)file.policy->expires, "people", (int)file.policy->person_count, "rules",
                      (int)file.policy->rule_count, "signatures", (int)file.signed_policy.signature_count);
        tg_output_json(&cli->out, summary);
        json_decref(summary);
    } else {
        tg_render_policy_summary(&cli->out, file.policy, time(NULL));
        show_signatures(cli, &file);
    }
    tg_policy_file_clear(&file);
    return TG_EXIT_OK;
}

/* Makes the signature; it replaces one by the same key, and those of another document never get here. */
static int add_signature(struct tg_policy_file *file, struct tg_signer *signer, struct tg_error *error)
{
    uint8_t *blob = NULL;
    size_t length = 0;
    char *armored = NULL;
    int result = -1;
    json_t *signatures = json_object_get(file->carrier, "signatures");
    struct tg_bytes document = tg_bytes_of(file->signed_policy.document, file->signed_policy.length);
    if (tg_signer_sign(signer, TG_NAMESPACE_POLICY, document, &blob, &length, error) != 0)
        goto out;
    for (size_t i = json_array_size(signatures); i-- > 0;) {
        struct tg_public_key *key = NULL;
        struct tg_error ignored = {0};
        const char *existing = json_string_value(json_array_get(signatures, i));
        if (check_signature(file, existing, &key, &ignored) &&
            tg_bytes_equal(key->blob, tg_signer_public_key(signer)->blob))
            (void)json_array_remove(signatures, i);
        tg_public_key_free(key);
    }
    if (tg_sshsig_armor(tg_bytes_of(blob, length), &armored) != 0 ||
        json_array_append_new(signatures, json_string(armored)) != 0) {
        (void)tg_fail(error, TG_internal_error, "out of memory");
        goto out;
    }
    result = 0;
out:
    free(armored);
    free(blob);
    return result;
}

int tg_command_policy_sign(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_policy_file file;
    struct tg_signer *signer = NULL;
    struct tg_error error = {0};
    const char *key = tg_argument(arguments, "key");
    const char *output = tg_argument(arguments, "output");
    if (key == NULL)
        return tg_cli_usage(cli, "policy sign: name the root key: --key FILE");
    if (tg_policy_file_read(arguments->operands[0], &file, &error) != 0)
        return tg_cli_fail(cli, &error);
    int status = TG_EXIT_REFUSED;
    if (tg_signing_key_open(&cli->means, key, "--key", false, &signer, NULL, &error) != 0 ||
        add_signature(&file, signer, &error) != 0 ||
        tg_policy_file_write(&cli->out, file.carrier, JSON_INDENT(1) | JSON_SORT_KEYS, output, &error) != 0) {
        status = tg_cli_fail(cli, &error);
    } else {
        status = TG_EXIT_OK;
        tg_line(&cli->err, "Signed policy %" PRIu64 " with %s.", file.policy->serial,
                tg_signer_public_key(signer)->fingerprint);
        if (output != NULL && strcmp(output, "-") != 0)
            tg_line(&cli->err, "Next: tegata policy publish %s", output);
    }
    tg_signer_free(signer);
    tg_policy_file_clear(&file);
    return status;
}

static int show_file(struct tg_cli *cli, const char *path)
{
    struct tg_policy_file file;
    struct tg_error error = {0};
    if (tg_policy_file_read(path, &file, &error) != 0)
        return tg_cli_fail(cli, &error);
    if (cli->json) {
        tg_output_json(&cli->out, file.carrier);
    } else {
        tg_render_policy(&cli->out, file.policy, time(NULL));
        show_signatures(cli, &file);
    }
    tg_policy_file_clear(&file);
    return TG_EXIT_OK;
}

int tg_command_policy_show(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    if (arguments->operand_count > 0)
        return show_file(cli, arguments->operands[0]);
    if (tg_link_open(cli, TG_LINK_POLICY, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    if (cli->json)
        tg_output_json(&cli->out, link.trusted.signed_policy.carrier);
    else
        tg_render_policy(&cli->out, link.trusted.policy, time(NULL));
    tg_link_close(&link);
    return TG_EXIT_OK;
}

/* Verified here first: a policy that no host would take should not even be offered. */
static int publish(struct tg_cli *cli, struct tg_link *link, const struct tg_policy_file *file,
                   struct tg_problem *problem)
{
    struct tg_trusted_policy trusted;
    json_t *answer = NULL;
    if (tg_trust_verify(&cli->config, file->carrier, &trusted, problem) != 0)
        return -1;
    tg_trusted_policy_clear(&trusted);
    char *body = json_dumps(file->carrier, JSON_COMPACT);
    if (body == NULL)
        return tg_problem_set(problem, TG_internal_error, "out of memory");
    struct tg_call call = {
        .method = "PUT", .target = "/v1/policy", .body = body, .body_length = strlen(body)};
    int result = tg_client_call(link->client, &call, &answer, problem);
    free(body);
    if (result == 0 && cli->json)
        tg_output_json(&cli->out, answer);
    else if (result == 0)
        tg_line(&cli->out, "Policy %" PRIu64 " is in force; hosts fetch it now.", file->policy->serial);
    json_decref(answer);
    return result;
}

int tg_command_policy_publish(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_policy_file file;
    struct tg_link link;
    struct tg_problem problem;
    struct tg_error error = {0};
    if (tg_policy_file_read(arguments->operands[0], &file, &error) != 0)
        return tg_cli_fail(cli, &error);
    int status = TG_EXIT_OK;
    if (tg_link_open(cli, TG_LINK_SERVICE, &link, &problem) != 0) {
        status = tg_cli_complain(cli, &problem);
    } else {
        if (publish(cli, &link, &file, &problem) != 0)
            status = tg_cli_complain(cli, &problem);
        tg_link_close(&link);
    }
    tg_policy_file_clear(&file);
    return status;
}
