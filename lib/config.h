/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Configuration files: INI, read with inih, every key from one table per file (lib/host_config.def,
 * approval_service/service_config.def, cli/client_config.def). The same tables make the lists in the man
 * pages. libc and static inih only, so that the PAM module can read its part.
 *
 * An unknown section or key, a key given twice, a value of the wrong type or out of range, an empty value
 * where the fallback is not empty, a missing required key, a file that is not a regular file owned by root
 * (or by the caller), that others can write or that is larger than 64 KiB: each is an error that names file,
 * line and key. So is what inih alone would read otherwise than it looks: a line over 190 bytes, a line that
 * begins with a blank (inih's continuation lines), a comment behind a value (" ;"), anything behind a
 * section's bracket, control characters. A comment is a line that begins with '#' or ';'. A '#', and a ';'
 * without a blank before it, are part of a value.
 */
#ifndef TEGATA_LIB_CONFIG_H
#define TEGATA_LIB_CONFIG_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tg_config_type {
    TG_CONFIG_TEXT,    /* char[TG_CONFIG_VALUE_SIZE] */
    TG_CONFIG_PATH,    /* the same, must begin with '/' */
    TG_CONFIG_NUMBER,  /* int64_t, between minimum and maximum */
    TG_CONFIG_BOOLEAN, /* bool: yes or no */
    TG_CONFIG_LIST,    /* char[TG_CONFIG_VALUE_SIZE]: words separated by blanks, stored with one blank between
                          them */
    TG_CONFIG_CHOICE,  /* the same as TEXT, must be one of the words in `choices` */
};

enum { TG_CONFIG_VALUE_SIZE = 1024 };

struct tg_config_key {
    const char *section;
    const char *key;
    enum tg_config_type type;
    const char *fallback; /* as it would stand in the file; NULL: the key is required */
    int64_t minimum;      /* of a number */
    int64_t maximum;
    const char *choices; /* "both session" */
    size_t offset;       /* of the member in the structure that is filled in */
    const char *help;    /* one sentence */
};

/* Reads `path` into `structure` by `keys` (at most 64). On an error the structure holds nothing that may be
 * used. error->reason is config_bad; error->text is "PATH:LINE: what and what to do". */
int tg_config_read(const char *path, const struct tg_config_key *keys, size_t key_count, void *structure,
                   struct tg_error *error);

/* The same from memory; `name` stands for the file in errors. */
int tg_config_parse(const char *text, size_t length, const char *name, const struct tg_config_key *keys,
                    size_t key_count, void *structure, struct tg_error *error);

/* Is `word` one of the words of a LIST value? */
bool tg_config_list_has(const char *list, const char *word);

/* A host's configuration: /etc/tegata/tegata.conf, tegata.conf(5). */
struct tg_host_config {
#define KEY_TEXT(section, key, fallback, help)                    char key[TG_CONFIG_VALUE_SIZE];
#define KEY_PATH(section, key, fallback, help)                    char key[TG_CONFIG_VALUE_SIZE];
#define KEY_LIST(section, key, fallback, help)                    char key[TG_CONFIG_VALUE_SIZE];
#define KEY_CHOICE(section, key, fallback, choices, help)         char key[TG_CONFIG_VALUE_SIZE];
#define KEY_NUMBER(section, key, fallback, lowest, highest, help) int64_t key;
#define KEY_BOOLEAN(section, key, fallback, help)                 bool key;
#include "lib/host_config.def"
#undef KEY_TEXT
#undef KEY_PATH
#undef KEY_LIST
#undef KEY_CHOICE
#undef KEY_NUMBER
#undef KEY_BOOLEAN
};

#define TG_HOST_CONFIG_PATH TG_CONFIG_DIR "/tegata.conf"

int tg_host_config_read(const char *path, struct tg_host_config *config, struct tg_error *error);

#endif
