/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/policy_file.h"

#include "cli/files.h"

#include "lib/canonical_json.h"

#include <stdlib.h>
#include <string.h>

enum { POLICY_FILE_MAX = 4 * 1024 * 1024 };

void tg_policy_file_clear(struct tg_policy_file *file)
{
    tg_policy_free(file->policy);
    tg_signed_policy_clear(&file->signed_policy);
    json_decref(file->content);
    json_decref(file->carrier);
    *file = (struct tg_policy_file){0};
}

static bool is_carrier(const json_t *json)
{
    return json_object_get(json, "document") != NULL || json_object_get(json, "signatures") != NULL;
}

/* Wraps the canonical form of a plain policy. */
static json_t *wrap(const json_t *policy)
{
    char *text = NULL;
    size_t length = 0;
    json_t *carrier = NULL;
    if (json_is_object(policy) && tg_canonical_json_write(policy, &text, &length) == 0)
        carrier = json_pack("{s:s%, s:[]}", "document", text, length, "signatures");
    free(text);
    return carrier;
}

int tg_policy_file_read(const char *path, struct tg_policy_file *file, struct tg_error *error)
{
    char *text = NULL;
    size_t length = 0;
    json_error_t fault;
    *file = (struct tg_policy_file){0};
    if (tg_file_read(path, POLICY_FILE_MAX, TG_policy_malformed, &text, &length, error) != 0)
        return -1;
    int result = -1;
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &fault);
    if (json == NULL) {
        (void)tg_fail(error, TG_policy_malformed, "%s:%d:%d: %s", path, fault.line, fault.column, fault.text);
        goto out;
    }
    file->was_signed = is_carrier(json);
    file->carrier = file->was_signed ? json_incref(json) : wrap(json);
    if (file->carrier == NULL) {
        (void)tg_fail(error, TG_policy_malformed,
                      "%s: it is not a JSON object of strings, whole numbers, arrays and objects", path);
        goto out;
    }
    if (tg_signed_policy_read(file->carrier, &file->signed_policy, error) != 0 ||
        tg_policy_parse(tg_bytes_of(file->signed_policy.document, file->signed_policy.length), &file->policy,
                        error) != 0)
        goto out;
    file->content = file->was_signed
                        ? json_loadb(file->signed_policy.document, file->signed_policy.length, 0, NULL)
                        : json_incref(json);
    result = file->content != NULL ? 0 : tg_fail(error, TG_internal_error, "out of memory");
out:
    if (result != 0)
        tg_policy_file_clear(file);
    json_decref(json);
    free(text);
    return result;
}

int tg_policy_file_write(const struct tg_output *out, const json_t *json, size_t flags, const char *output,
                         struct tg_error *error)
{
    char *text = json_dumps(json, flags);
    char *lines = NULL;
    int result = 0;
    if (text == NULL || asprintf(&lines, "%s\n", text) < 0) {
        lines = NULL;
        result = tg_fail(error, TG_internal_error, "out of memory");
    } else if (output != NULL && strcmp(output, "-") != 0) {
        result = tg_file_replace(output, 0644, lines, strlen(lines), error);
    } else if (fputs(lines, out->stream) < 0) {
        result = tg_fail(error, TG_file_failed, "standard output cannot be written");
    }
    free(lines);
    free(text);
    return result;
}
