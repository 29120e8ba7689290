/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A digest as six words, short enough to be read out, so that two people can make sure that they look at the
 * same thing: the command and the approval page show the same six. The words are those of
 * approval_page/words.txt, from which the table here is made when it is built.
 */
#ifndef TEGATA_LIB_CODE_WORDS_H
#define TEGATA_LIB_CODE_WORDS_H

#include <stddef.h>

enum {
    TG_CODE_WORDS = 6, /* words of a code: 66 bits */
    TG_CODE_WORD_COUNT = 2048,
    TG_CODE_WORDS_SIZE =
        80, /* of the code with its hyphens and its NUL; lib/code_words.awk holds the words to it */
};

/* The first 66 bits of the SHA-256 that `digest` is the hex of, in groups of 11 from the most significant bit
 * on, each the index of a word: "word-word-word-word-word-word". Returns out, which is "" if `digest` does
 * not begin with 17 hexadecimal digits. */
const char *tg_code_words(const char *digest, char out[TG_CODE_WORDS_SIZE]);

/* The table, made by lib/code_words.awk; sorted. */
extern const char *const tg_code_word_table[TG_CODE_WORD_COUNT];

#endif
