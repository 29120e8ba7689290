/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/trust.h"

#include "cli/files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIGNERS_FILE_MAX = 65536, SERIAL_FILE_MAX = 64, SIGNATURES_MAX = 64 };

int tg_signed_policy_read(json_t *carrier, struct tg_signed_policy *out, struct tg_error *error)
{
    *out = (struct tg_signed_policy){0};
    json_t *document = json_object_get(carrier, "document");
    json_t *signatures = json_object_get(carrier, "signatures");
    size_t count = json_array_size(signatures);
    if (!json_is_string(document) || !json_is_array(signatures) || json_object_size(carrier) != 2)
        return tg_fail(error, TG_policy_malformed,
                       "a signed policy is {\"document\": TEXT, \"signatures\": [TEXT, ...]}");
    if (count > SIGNATURES_MAX)
        return tg_fail(error, TG_policy_malformed, "the policy carries more than %d signatures",
                       SIGNATURES_MAX);
    out->signatures = calloc(count + 1, sizeof *out->signatures);
    if (out->signatures == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    for (size_t i = 0; i < count; i++) {
        out->signatures[i] = json_string_value(json_array_get(signatures, i));
        if (out->signatures[i] == NULL) {
            tg_signed_policy_clear(out);
            return tg_fail(error, TG_policy_malformed, "signature %zu is not a string", i + 1);
        }
    }
    out->signature_count = count;
    out->carrier = json_incref(carrier);
    out->document = json_string_value(document);
    out->length = json_string_length(document);
    return 0;
}

void tg_signed_policy_clear(struct tg_signed_policy *policy)
{
    free(policy->signatures);
    json_decref(policy->carrier);
    *policy = (struct tg_signed_policy){0};
}

int tg_trust_root_signers(const struct tg_client_config *config, struct tg_root_signers *out,
                          struct tg_error *error)
{
    char *text = NULL;
    size_t length = 0;
    struct tg_error fault = {0};
    *out = (struct tg_root_signers){0};
    if (tg_file_read(config->root_signers, SIGNERS_FILE_MAX, TG_file_failed, &text, &length, error) != 0)
        return -1;
    int result = tg_root_signers_parse(text, (uint32_t)config->root_threshold, out, &fault);
    if (result != 0)
        (void)tg_fail(error, TG_client_config, "%s: %s", config->root_signers, fault.text);
    free(text);
    return result;
}

/* Where the highest serial is kept: one file for each set of root keys. NULL: nowhere. */
static char *serial_path(const struct tg_root_signers *signers)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    char *directory = NULL;
    char *path = NULL;
    char digest[TG_FINGERPRINT_SIZE];
    if (signers->count == 0)
        return NULL;
    if (state != NULL && *state == '/') {
        if (asprintf(&directory, "%s/tegata", state) < 0)
            return NULL;
    } else if (home != NULL && *home == '/') {
        if (asprintf(&directory, "%s/.local/state/tegata", home) < 0)
            return NULL;
    } else {
        return NULL;
    }
    (void)snprintf(digest, sizeof digest, "%s", signers->keys[0]->fingerprint);
    for (char *at = digest; *at != '\0'; at++) {
        if (*at == '/' || *at == ':' || *at == '+')
            *at = '_';
    }
    if (tg_directory_make(directory) == 0 && asprintf(&path, "%s/policy-serial-%s", directory, digest) < 0)
        path = NULL;
    free(directory);
    return path;
}

static uint64_t read_serial(const char *path)
{
    char *text = NULL;
    size_t length = 0;
    uint64_t serial = 0;
    if (path != NULL && tg_file_read(path, SERIAL_FILE_MAX, TG_file_failed, &text, &length, NULL) == 0)
        serial = strtoull(text, NULL, 10);
    free(text);
    return serial;
}

/* Best effort: who has no home to keep it in is still protected by the policy's own expiry. */
static void keep_serial(const char *path, uint64_t seen, uint64_t serial)
{
    char text[32];
    if (path == NULL || serial <= seen)
        return;
    int length = snprintf(text, sizeof text, "%" PRIu64 "\n", serial);
    (void)tg_file_replace(path, 0600, text, (size_t)length, NULL);
}

int tg_trust_verify(const struct tg_client_config *config, json_t *carrier, struct tg_trusted_policy *out,
                    struct tg_problem *problem)
{
    struct tg_root_signers signers = {0};
    struct tg_error error = {0};
    char *path = NULL;
    int result = -1;
    *out = (struct tg_trusted_policy){0};
    if (tg_trust_root_signers(config, &signers, &error) != 0 ||
        tg_signed_policy_read(carrier, &out->signed_policy, &error) != 0)
        goto out;
    path = serial_path(&signers);
    uint64_t seen = read_serial(path);
    struct tg_bytes document = tg_bytes_of(out->signed_policy.document, out->signed_policy.length);
    if (tg_policy_verify(document, out->signed_policy.signatures, out->signed_policy.signature_count,
                         &signers, seen, time(NULL), &out->policy, &error) != 0)
        goto out;
    keep_serial(path, seen, out->policy->serial);
    result = 0;
out:
    if (result != 0) {
        tg_trusted_policy_clear(out);
        (void)tg_problem_from_error(problem, &error);
    }
    free(path);
    tg_root_signers_free(&signers);
    return result;
}

int tg_trust_fetch(struct tg_client *client, const struct tg_client_config *config,
                   struct tg_trusted_policy *out, struct tg_problem *problem)
{
    json_t *carrier = NULL;
    struct tg_call call = {.method = "GET", .target = "/v1/policy"};
    *out = (struct tg_trusted_policy){0};
    if (tg_client_call(client, &call, &carrier, problem) != 0)
        return -1;
    int result = tg_trust_verify(config, carrier, out, problem);
    json_decref(carrier);
    return result;
}

void tg_trusted_policy_clear(struct tg_trusted_policy *policy)
{
    tg_policy_free(policy->policy);
    tg_signed_policy_clear(&policy->signed_policy);
    *policy = (struct tg_trusted_policy){0};
}
