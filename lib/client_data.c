/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/base64.h"
#include "lib/webauthn.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

enum { CLIENT_DATA_MAX = 4096 };

/* What the three fields must say. */
struct expected {
    const char *type;
    const char *challenge; /* base64url */
    const char *origin;
};

/* An origin is scheme, host and port in ASCII: nothing in it needs an escape in JSON, so one text has one
 * encoding. */
static bool origin_is_plain(const char *origin)
{
    for (const char *at = origin; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || *at == '"' || *at == '\\')
            return false;
    }
    return origin[0] != '\0';
}

/* Takes `text` off the beginning. */
static bool skip_text(struct tg_reader *reader, const char *text)
{
    struct tg_reader start = *reader;
    struct tg_bytes found;
    if (tg_read_bytes(reader, strlen(text), &found) && tg_bytes_equal_text(found, text))
        return true;
    *reader = start;
    return false;
}

/* The limited verification algorithm of WebAuthn Level 2 section 5.8.1.2: the beginning must be these exact
 * bytes. That alone keeps out escapes, padding, duplicates before the three fields, and whatever two JSON
 * parsers might read differently. */
static int check_prefix(struct tg_reader reader, const struct expected *expected, struct tg_error *error)
{
    if (!skip_text(&reader, "{\"type\":\"") || !skip_text(&reader, expected->type) ||
        !skip_text(&reader, "\",\"challenge\":\""))
        return tg_fail(error, TG_approval_malformed, "the browser's data is not that of a %s",
                       expected->type);
    if (!skip_text(&reader, expected->challenge) || !skip_text(&reader, "\",\"origin\":\""))
        return tg_fail(error, TG_approval_signature, "the browser signed something else (another challenge)");
    if (!skip_text(&reader, expected->origin) || !skip_text(&reader, "\""))
        return tg_fail(error, TG_approval_origin, "the browser was not on '%s'", expected->origin);
    /* The last byte, too, so that not even white space, which a JSON parser would take, can follow the
     * object. */
    if (reader.left == 0 || (reader.at[0] != ',' && reader.at[0] != '}') || reader.at[reader.left - 1] != '}')
        return tg_fail(error, TG_approval_malformed,
                       "the browser's data is not well-formed behind its origin");
    return 0;
}

static bool has_string(const json_t *object, const char *key, const char *value)
{
    const json_t *found = json_object_get(object, key);
    return json_is_string(found) && json_string_length(found) == strlen(value) &&
           strcmp(json_string_value(found), value) == 0;
}

/* What the prefix cannot see: the rest of the object. */
static int check_object(struct tg_bytes client_data, const struct expected *expected, struct tg_error *error)
{
    int result = -1;
    json_t *object =
        json_loadb((const char *)client_data.data, client_data.length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *cross_origin = json_object_get(object, "crossOrigin");
    if (!json_is_object(object))
        (void)tg_fail(error, TG_approval_malformed, "the browser's data is not one well-formed JSON object");
    else if (!has_string(object, "type", expected->type) ||
             !has_string(object, "challenge", expected->challenge) ||
             !has_string(object, "origin", expected->origin))
        (void)tg_fail(error, TG_approval_malformed, "the browser's data contradicts its beginning");
    else if ((cross_origin != NULL && !json_is_false(cross_origin)) ||
             json_object_get(object, "topOrigin") != NULL)
        (void)tg_fail(error, TG_approval_origin, "signed inside a page of another origin");
    else
        result = 0;
    json_decref(object);
    return result;
}

static int check(struct tg_bytes client_data, const char *type, struct tg_bytes challenge, const char *origin,
                 struct tg_error *error)
{
    if (client_data.length == 0 || client_data.length > CLIENT_DATA_MAX)
        return tg_fail(error, TG_approval_malformed, "browser data of %zu bytes: must have 1 to %d",
                       client_data.length, CLIENT_DATA_MAX);
    if (origin == NULL || !origin_is_plain(origin))
        return tg_fail(error, TG_approval_origin,
                       "no browser origin to compare with, or one that is not plain ASCII");
    size_t size = tg_base64_encoded_size(challenge.length);
    char *text = malloc(size);
    if (text == NULL || !tg_base64_encode(TG_BASE64URL, challenge, text, size)) {
        free(text);
        return tg_fail(error, TG_internal_error, "out of memory");
    }
    struct expected expected = {.type = type, .challenge = text, .origin = origin};
    int result = check_prefix(tg_reader_of(client_data), &expected, error);
    if (result == 0)
        result = check_object(client_data, &expected, error);
    free(text);
    return result;
}

int tg_client_data_check(struct tg_bytes client_data, struct tg_bytes challenge, const char *origin,
                         struct tg_error *error)
{
    return check(client_data, "webauthn.get", challenge, origin, error);
}

int tg_client_data_check_creation(struct tg_bytes client_data, struct tg_bytes challenge, const char *origin,
                                  struct tg_error *error)
{
    return check(client_data, "webauthn.create", challenge, origin, error);
}
