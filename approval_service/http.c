/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/http.h"

#include "approval_service/page.h"

#include "lib/form.h"

#include <stdlib.h>
#include <string.h>

void tg_http_answer_clear(struct tg_http_answer *answer)
{
    json_decref(answer->json);
    free(answer->text);
    free(answer->bytes);
    tg_page_file_release(answer->file);
    *answer = (struct tg_http_answer){0};
}

int tg_http_answer_json(struct tg_http_answer *answer, unsigned status, json_t *json, struct tg_error *error)
{
    if (json == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    answer->status = status;
    answer->json = json;
    return 0;
}

/* The value of `key`, up to the next '&'. False if the key is not there. */
static bool find_value(const char *query, const char *key, const char **value, size_t *length)
{
    size_t key_length = strlen(key);
    for (const char *at = query; *at != '\0';) {
        size_t pair = strcspn(at, "&");
        if (pair > key_length && strncmp(at, key, key_length) == 0 && at[key_length] == '=') {
            *value = at + key_length + 1;
            *length = pair - key_length - 1;
            return true;
        }
        at += pair + (at[pair] == '&');
    }
    return false;
}

int tg_query_word(const char *query, const char *key, char *value, size_t size, struct tg_error *error)
{
    const char *found;
    size_t length;
    if (!find_value(query, key, &found, &length))
        return 0;
    if (length >= size || strspn(found, "abcdefghijklmnopqrstuvwxyz") < length)
        return tg_fail(error, TG_request_malformed, "query: '%s' must be a word in lower case", key);
    memcpy(value, found, length);
    value[length] = '\0';
    return 0;
}

int tg_query_ticket(const char *query, const char *key, char id[TG_TICKET_ID_SIZE], struct tg_error *error)
{
    const char *found;
    size_t length;
    if (!find_value(query, key, &found, &length))
        return 0;
    (void)snprintf(id, TG_TICKET_ID_SIZE, "%.*s", length < TG_TICKET_ID_SIZE ? (int)length : 0, found);
    if (!tg_form_ticket_id.matches(id))
        return tg_fail(error, TG_request_malformed, "query: '%s' must be T- and 13 characters", key);
    return 0;
}

/* Takes the escapes that a browser makes of a fingerprint out of `text`. False if it does not fit. */
static bool unescape(const char *text, size_t length, char *out, size_t size)
{
    static const char *const escapes[] = {"%3A:", "%3a:", "%2B+", "%2b+", "%2F/", "%2f/"};
    size_t used = 0;
    for (size_t at = 0; at < length; at++) {
        char byte = text[at];
        for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
            if (length - at >= 3 && strncmp(text + at, escapes[i], 3) == 0) {
                byte = escapes[i][3];
                at += 2;
                break;
            }
        }
        if (used + 1 >= size)
            return false;
        out[used++] = byte;
    }
    out[used] = '\0';
    return true;
}

int tg_query_fingerprint(const char *query, const char *key, char fingerprint[TG_FINGERPRINT_SIZE],
                         struct tg_error *error)
{
    const char *found;
    size_t length;
    char text[TG_FINGERPRINT_SIZE];
    if (!find_value(query, key, &found, &length))
        return 0;
    if (!unescape(found, length, text, sizeof text) || !tg_form_fingerprint.matches(text))
        return tg_fail(error, TG_request_malformed, "query: '%s' must be SHA256: and 43 characters", key);
    memcpy(fingerprint, text, sizeof text);
    return 0;
}

int tg_query_number(const char *query, const char *key, int64_t maximum, int64_t *value,
                    struct tg_error *error)
{
    const char *found;
    size_t length;
    if (!find_value(query, key, &found, &length))
        return 0;
    int64_t number = 0;
    bool good = length > 0 && length <= 16;
    for (size_t i = 0; i < length && good; i++) {
        good = found[i] >= '0' && found[i] <= '9';
        number = good ? number * 10 + (found[i] - '0') : 0;
    }
    if (!good || number > maximum)
        return tg_fail(error, TG_request_malformed, "query: '%s' must be a number from 0 to %lld", key,
                       (long long)maximum);
    *value = number;
    return 0;
}

int tg_query_check(const char *query, const char *const *keys, struct tg_error *error)
{
    unsigned seen = 0;
    for (const char *at = query; *at != '\0';) {
        size_t pair = strcspn(at, "&");
        size_t name = strcspn(at, "=&");
        unsigned index = 0;
        while (keys[index] != NULL && (strlen(keys[index]) != name || strncmp(at, keys[index], name) != 0))
            index++;
        if (keys[index] == NULL || (seen & (1U << index)) != 0)
            return tg_fail(error, TG_request_malformed, "query: '%.*s' is unknown here or comes twice",
                           (int)(name < 40 ? name : 40), at);
        seen |= 1U << index;
        at += pair + (at[pair] == '&');
    }
    return 0;
}
