/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/code_words.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { WORD_BITS = 11, DIGIT_BITS = 4, DIGITS = (TG_CODE_WORDS * WORD_BITS + DIGIT_BITS - 1) / DIGIT_BITS };

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

const char *tg_code_words(const char *digest, char out[TG_CODE_WORDS_SIZE])
{
    uint32_t bits = 0;
    unsigned int held = 0; /* how many of the low bits of `bits` are not used yet */
    size_t used = 0;
    int words = 0;
    out[0] = '\0';
    for (int i = 0; i < DIGITS; i++) {
        int value = digit_value(digest[i]);
        if (value < 0) {
            out[0] = '\0';
            return out;
        }
        bits = bits << DIGIT_BITS | (uint32_t)value;
        held += DIGIT_BITS;
        if (held < WORD_BITS || words == TG_CODE_WORDS)
            continue;
        held -= WORD_BITS;
        const char *word = tg_code_word_table[bits >> held & (TG_CODE_WORD_COUNT - 1)];
        used += (size_t)snprintf(out + used, TG_CODE_WORDS_SIZE - used, "%s%s", words > 0 ? "-" : "", word);
        words++;
    }
    return out;
}
