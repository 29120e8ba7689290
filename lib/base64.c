/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/base64.h"

#include <string.h>

static const char alphabet[2][65] = {
    [TG_BASE64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [TG_BASE64URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

/* The value of one character, 0 to 63, or -1. */
static int value_of(enum tg_base64_form form, uint8_t character)
{
    if (character >= 'A' && character <= 'Z')
        return character - 'A';
    if (character >= 'a' && character <= 'z')
        return character - 'a' + 26;
    if (character >= '0' && character <= '9')
        return character - '0' + 52;
    if (character == (uint8_t)alphabet[form][62])
        return 62;
    if (character == (uint8_t)alphabet[form][63])
        return 63;
    return -1;
}

/* Takes the padding off the end of `text`. False if it is not exactly what the form asks for. */
static bool strip_padding(enum tg_base64_form form, struct tg_bytes *text)
{
    size_t padding = 0;
    if (form == TG_BASE64) {
        if (text->length % 4 != 0)
            return false;
        while (padding < 2 && padding < text->length && text->data[text->length - 1 - padding] == '=')
            padding++;
    }
    text->length -= padding;
    return text->length % 4 != 1;
}

bool tg_base64_decode(enum tg_base64_form form, struct tg_bytes text, uint8_t *out, size_t size, size_t *used)
{
    uint32_t pending = 0;
    unsigned bits = 0;
    *used = 0;
    if (!strip_padding(form, &text))
        return false;
    for (size_t i = 0; i < text.length; i++) {
        int value = value_of(form, text.data[i]);
        if (value < 0)
            return false;
        pending = (pending << 6 | (uint32_t)value) & 0xffffff;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        if (*used == size)
            return false;
        out[(*used)++] = (uint8_t)(pending >> bits);
    }
    return (pending & ((1U << bits) - 1)) == 0;
}

bool tg_base64_encode(enum tg_base64_form form, struct tg_bytes bytes, char *out, size_t size)
{
    size_t used = 0;
    if (size > 0)
        out[0] = '\0';
    if (size < tg_base64_encoded_size(bytes.length))
        return false;
    for (size_t i = 0; i < bytes.length; i += 3) {
        size_t taken = bytes.length - i < 3 ? bytes.length - i : 3;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        if (taken > 1)
            group |= (uint32_t)bytes.data[i + 1] << 8;
        if (taken > 2)
            group |= bytes.data[i + 2];
        for (size_t j = 0; j < 4; j++) {
            if (j <= taken)
                out[used++] = alphabet[form][group >> (18 - 6 * j) & 63];
            else if (form == TG_BASE64)
                out[used++] = '=';
        }
    }
    out[used] = '\0';
    return true;
}
