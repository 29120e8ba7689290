/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/base64.h"
#include "lib/log.h"
#include "tests/vectors/vectors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 16777216, TEXT_SIZE = 512 };

void report_pass(struct report *report, const char *name)
{
    char escaped[TEXT_SIZE];
    (void)printf("PASS %s\n", tg_escape(name, escaped, sizeof escaped));
    report->passed++;
}

void report_fail(struct report *report, const char *name, const char *format, ...)
{
    char why[TEXT_SIZE];
    char escaped_name[TEXT_SIZE];
    char escaped_why[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    (void)printf("FAIL %s: %s\n", tg_escape(name, escaped_name, sizeof escaped_name),
                 tg_escape(why, escaped_why, sizeof escaped_why));
    report->failed++;
}

void report_verdict(struct report *report, const char *name, bool expected, bool accepted,
                    const struct tg_error *error)
{
    if (expected == accepted)
        report_pass(report, name);
    else if (accepted)
        report_fail(report, name, "accepted, but must be refused");
    else
        report_fail(report, name, "refused: %s", error->text);
}

static bool join(const char *folder, const char *file, char out[4096])
{
    int length = snprintf(out, 4096, "%s/%s", folder, file);
    return length > 0 && length < 4096;
}

json_t *load_json(const char *folder, const char *file)
{
    char path[4096];
    /* Texts in the manifest may show what a vector hides, such as a NUL. */
    return join(folder, file, path) ? json_load_file(path, JSON_ALLOW_NUL, NULL) : NULL;
}

char *load_file(const char *folder, const char *file, size_t *length)
{
    char path[4096];
    char *text = NULL;
    long size = -1;
    *length = 0;
    FILE *stream = join(folder, file, path) ? fopen(path, "rb") : NULL;
    if (stream == NULL)
        return NULL;
    if (fseek(stream, 0, SEEK_END) == 0)
        size = ftell(stream);
    if (size >= 0 && size <= FILE_MAX && fseek(stream, 0, SEEK_SET) == 0)
        text = malloc((size_t)size + 1);
    if (text != NULL) {
        *length = fread(text, 1, (size_t)size, stream);
        text[*length] = '\0';
    }
    (void)fclose(stream);
    return text;
}

const char *member_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int hex_value(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *found = digit == '\0' ? NULL : strchr(digits, digit);
    return found == NULL ? -1 : (int)(found - digits);
}

bool member_hex(const json_t *object, const char *key, uint8_t **bytes, size_t *length)
{
    const char *text = member_text(object, key);
    *length = 0;
    *bytes = text == NULL ? NULL : malloc(strlen(text) / 2 + 1);
    if (*bytes == NULL)
        return false;
    for (; text[0] != '\0'; text += 2) {
        int high = hex_value(text[0]);
        int low = hex_value(text[1]);
        if (high < 0 || low < 0) {
            free(*bytes);
            *bytes = NULL;
            return false;
        }
        (*bytes)[(*length)++] = (uint8_t)(high * 16 + low);
    }
    return true;
}

bool member_base64url(const json_t *object, const char *key, uint8_t **bytes, size_t *length)
{
    const char *text = member_text(object, key);
    *length = 0;
    *bytes = text == NULL ? NULL : malloc(tg_base64_decoded_max(strlen(text)));
    if (*bytes == NULL)
        return false;
    struct tg_bytes encoded = tg_bytes_of_text(text);
    while (encoded.length > 0 && encoded.data[encoded.length - 1] == '=')
        encoded.length--;
    if (tg_base64_decode(TG_BASE64URL, encoded, *bytes, tg_base64_decoded_max(strlen(text)), length))
        return true;
    free(*bytes);
    *bytes = NULL;
    *length = 0;
    return false;
}

bool member_number(const json_t *object, const char *key, uint64_t *number)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    char *end = NULL;
    *number = 0;
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *number = (uint64_t)json_integer_value(value);
        return true;
    }
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

const char *entry_name(const json_t *entry)
{
    const char *name = member_text(entry, "name");
    if (name == NULL)
        name = member_text(entry, "file");
    return name == NULL ? "(no name)" : name;
}

void apply_policy(const json_t *policy, struct tg_sshsig_demands *demands)
{
    const json_t *verification = json_object_get(policy, "uvRequired");
    const json_t *bound = json_object_get(policy, "hardwareBound");
    if (json_is_boolean(verification))
        demands->user_verification = json_is_true(verification);
    if (json_is_boolean(bound))
        demands->device_bound = json_is_true(bound);
}
