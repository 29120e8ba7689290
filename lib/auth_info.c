/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/auth_info.h"

#include <string.h>

static const char method[] = "publickey ";
static const char certificate_suffix[] = "-cert-v01@openssh.com";

static bool is_printable(struct tg_bytes line)
{
    for (size_t i = 0; i < line.length; i++) {
        if (line.data[i] < 0x20 || line.data[i] > 0x7e)
            return false;
    }
    return true;
}

static bool begins_with(struct tg_bytes bytes, const char *text)
{
    size_t length = strlen(text);
    return bytes.length >= length && memcmp(bytes.data, text, length) == 0;
}

static bool ends_with(struct tg_bytes bytes, const char *text)
{
    size_t length = strlen(text);
    return bytes.length > length && memcmp(bytes.data + bytes.length - length, text, length) == 0;
}

/* Splits "TYPE BASE64": two words with one blank between them. */
static bool split_key(struct tg_bytes words, struct tg_bytes *type, struct tg_bytes *base64)
{
    const uint8_t *blank = words.length > 0 ? memchr(words.data, ' ', words.length) : NULL;
    if (blank == NULL)
        return false;
    size_t length = (size_t)(blank - words.data);
    *type = tg_bytes_of(words.data, length);
    *base64 = tg_bytes_of(blank + 1, words.length - length - 1);
    return type->length > 0 && base64->length > 0 && memchr(base64->data, ' ', base64->length) == NULL;
}

/* Takes one line, without its newline. False if it is odd. */
static bool take_line(struct tg_bytes line, bool *found, struct tg_bytes *type, struct tg_bytes *base64)
{
    if (line.length == 0 || !is_printable(line))
        return false;
    if (!begins_with(line, method))
        return !begins_with(line, "publickey");
    size_t skip = sizeof method - 1;
    if (!split_key(tg_bytes_of(line.data + skip, line.length - skip), type, base64))
        return false;
    *found = ends_with(*type, certificate_suffix);
    return true;
}

bool tg_auth_info_certificate(const char *info, struct tg_bytes *type, struct tg_bytes *base64)
{
    bool found = false;
    *type = (struct tg_bytes){0};
    *base64 = (struct tg_bytes){0};
    while (*info != '\0') {
        const char *newline = strchr(info, '\n');
        if (newline == NULL ||
            !take_line(tg_bytes_of(info, (size_t)(newline - info)), &found, type, base64)) {
            found = false;
            break;
        }
        info = newline + 1;
    }
    if (!found) {
        *type = (struct tg_bytes){0};
        *base64 = (struct tg_bytes){0};
    }
    return found;
}
