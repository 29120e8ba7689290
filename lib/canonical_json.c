/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/canonical_json.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8 };

/* Characters that a document may not hold because a person could not see them for what they are: C0, DEL and
 * C1 controls, and those that reverse the direction of the text around them (Unicode TR 36, 3.2). */
static bool is_hidden(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character <= 0x9f) || character == 0x061c ||
           character == 0x200e || character == 0x200f || (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

/* Takes one character off a text that jansson has found to be UTF-8. */
static uint32_t next_character(const unsigned char **at)
{
    uint32_t character = *(*at)++;
    if (character >= 0xf0)
        character &= 0x07;
    else if (character >= 0xe0)
        character &= 0x0f;
    else if (character >= 0xc0)
        character &= 0x1f;
    while ((**at & 0xc0) == 0x80)
        character = character << 6 | (*(*at)++ & 0x3f);
    return character;
}

static const char *fault_of_text(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        if (is_hidden(next_character(&at)))
            return "has a control character";
    }
    return NULL;
}

/* What is not canonical about a value, or NULL. */
static const char *fault_of(const json_t *value, unsigned depth)
{
    const char *fault = NULL;
    if (depth > DEPTH_MAX)
        return "is nested too deeply";
    if (json_is_string(value))
        return fault_of_text(json_string_value(value));
    if (json_is_integer(value)) {
        json_int_t number = json_integer_value(value);
        return number < 0 || number > TG_INTEGER_MAX ? "has an integer outside 0 to 2^53-1" : NULL;
    }
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value) && fault == NULL; i++)
            fault = fault_of(json_array_get(value, i), depth + 1);
        return fault;
    }
    if (!json_is_object(value))
        return "has a value other than text, integer, array or object";
    /* jansson's iterator could change the object, hence the cast; nothing here does. */
    json_t *object = (json_t *)(uintptr_t)value;
    for (void *at = json_object_iter(object); at != NULL && fault == NULL;
         at = json_object_iter_next(object, at)) {
        fault = fault_of_text(json_object_iter_key(at));
        if (fault == NULL)
            fault = fault_of(json_object_iter_value(at), depth + 1);
    }
    return fault;
}

int tg_canonical_json_write(const json_t *object, char **text, size_t *length)
{
    *text = NULL;
    *length = 0;
    if (!json_is_object(object) || fault_of(object, 1) != NULL)
        return -1;
    *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    if (*text == NULL)
        return -1;
    *length = strlen(*text);
    return 0;
}

static int check_canonical(struct tg_bytes bytes, const char *what, enum tg_reason reason,
                           const json_t *value, struct tg_error *error)
{
    if (!json_is_object(value))
        return tg_fail(error, reason, "%s: must be a JSON object", what);
    const char *fault = fault_of(value, 1);
    if (fault != NULL)
        return tg_fail(error, reason, "%s: %s", what, fault);
    char *text;
    size_t length;
    if (tg_canonical_json_write(value, &text, &length) != 0)
        return tg_fail(error, reason, "%s: cannot be written again", what);
    bool same = tg_bytes_equal(bytes, tg_bytes_of(text, length));
    free(text);
    if (!same)
        return tg_fail(error, reason, "%s: is not in canonical form (keys sorted, no white space)", what);
    return 0;
}

int tg_canonical_json_parse(struct tg_bytes bytes, const char *what, size_t max, enum tg_reason reason,
                            json_t **out, struct tg_error *error)
{
    *out = NULL;
    if (bytes.length == 0 || bytes.length > max)
        return tg_fail(error, reason, "%s: must be 1 to %zu bytes", what, max);
    json_error_t fault;
    json_t *value = json_loadb((const char *)bytes.data, bytes.length, JSON_REJECT_DUPLICATES, &fault);
    if (value == NULL)
        return tg_fail(error, reason, "%s: is not JSON: %s (byte %d)", what, fault.text, fault.position);
    if (check_canonical(bytes, what, reason, value, error) != 0) {
        json_decref(value);
        return -1;
    }
    *out = value;
    return 0;
}
