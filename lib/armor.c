/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/armor.h"

#include "lib/base64.h"

#include <openssl/crypto.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 70, MARK_SIZE = 64 };

/* Takes `mark` off the beginning of *text. */
static bool skip_mark(struct tg_bytes *text, const char *mark)
{
    size_t length = strlen(mark);
    if (text->length < length || memcmp(text->data, mark, length) != 0)
        return false;
    text->data += length;
    text->length -= length;
    return true;
}

/* Takes the base64 lines off *text, without their line breaks. False if they do not end at a '-'. */
static bool take_body(struct tg_bytes *text, char *body, size_t *used)
{
    *used = 0;
    while (text->length > 0 && *text->data != '-') {
        if (*text->data != '\n')
            body[(*used)++] = (char)*text->data;
        text->data++;
        text->length--;
    }
    return text->length > 0 && *used > 0;
}

bool tg_armor_decode(struct tg_bytes text, const char *label, size_t max, uint8_t **blob, size_t *length)
{
    char begin[MARK_SIZE];
    char end[MARK_SIZE];
    size_t used;
    *blob = NULL;
    *length = 0;
    (void)snprintf(begin, sizeof begin, "-----BEGIN %s-----\n", label);
    (void)snprintf(end, sizeof end, "-----END %s-----", label);
    size_t body_size = text.length;
    if (body_size > 2 * max + 2 * MARK_SIZE || !skip_mark(&text, begin))
        return false;
    char *body = malloc(body_size);
    uint8_t *decoded = malloc(max);
    bool ok = body != NULL && decoded != NULL && take_body(&text, body, &used) && skip_mark(&text, end) &&
              (text.length == 0 || (text.length == 1 && text.data[0] == '\n')) &&
              tg_base64_decode(TG_BASE64, tg_bytes_of(body, used), decoded, max, length);
    if (body != NULL)
        OPENSSL_cleanse(body, body_size); /* it may have been a private key */
    free(body);
    if (ok) {
        *blob = decoded;
        return true;
    }
    if (decoded != NULL)
        OPENSSL_cleanse(decoded, max);
    free(decoded);
    *length = 0;
    return false;
}

bool tg_armor_encode(struct tg_bytes blob, const char *label, char **text)
{
    size_t body_size = tg_base64_encoded_size(blob.length);
    size_t size = body_size + body_size / COLUMNS + 2 + 2 * MARK_SIZE;
    char *body = malloc(body_size);
    *text = malloc(size);
    if (body == NULL || *text == NULL || !tg_base64_encode(TG_BASE64, blob, body, body_size)) {
        free(body);
        free(*text);
        *text = NULL;
        return false;
    }
    size_t used = (size_t)snprintf(*text, size, "-----BEGIN %s-----\n", label);
    size_t length = strlen(body);
    for (size_t at = 0; at < length; at += COLUMNS)
        used += (size_t)snprintf(*text + used, size - used, "%.*s\n", COLUMNS, body + at);
    (void)snprintf(*text + used, size - used, "-----END %s-----\n", label);
    free(body);
    return true;
}
