/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Closed schemas: a table says which keys a JSON object has, of what type and range, and where each value
 * goes. An unknown key, a missing key, a wrong type, a value out of range are refusals that name the key.
 */
#ifndef TEGATA_LIB_SCHEMA_H
#define TEGATA_LIB_SCHEMA_H

#include "lib/error.h"
#include "lib/form.h"
#include "lib/wire.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tg_field_type {
    TG_FIELD_TIME,   /* int64_t */
    TG_FIELD_NUMBER, /* uint32_t */
    TG_FIELD_SERIAL, /* uint64_t */
    TG_FIELD_FLAG,   /* bool; 0 or 1 in the document */
    TG_FIELD_TEXT,   /* const char *, alive as long as the storage */
    TG_FIELD_CHARS,  /* char[maximum + 1]; for forms of one length in ASCII */
    TG_FIELD_TEXTS,  /* const char **, and size_t at count_offset; texts given twice are refused */
    TG_FIELD_ARRAY,  /* nothing: type and size are checked, the caller reads it */
    TG_FIELD_OBJECT, /* likewise */
};

#define TG_FIELD_UNSTORED SIZE_MAX /* as `offset`: the value is checked and not kept */

struct tg_field {
    const char *key;
    enum tg_field_type type;
    int64_t minimum; /* of a number; characters of a text; members of an array or object */
    int64_t maximum;
    size_t offset; /* of the member in the structure */
    size_t count_offset;
    const struct tg_form *form; /* of the text, or of each text; NULL: any */
    bool optional;              /* the key may be missing; the member is then left alone */
};

/* What a parsed document owns: its bytes, the JSON whose strings it points to, its arrays. */
struct tg_storage;

/* Copies the document's bytes; *copy is where they are. NULL if there is no memory. */
struct tg_storage *tg_storage_new(struct tg_bytes document, struct tg_bytes *copy);
/* Takes the caller's reference. */
void tg_storage_keep(struct tg_storage *storage, json_t *root);
/* `count` zeroed members of `size` bytes, freed with the storage. Never NULL for a count of 0. */
void *tg_storage_array(struct tg_storage *storage, size_t count, size_t size);
/* NULL-safe. */
void tg_storage_free(struct tg_storage *storage);

struct tg_schema {
    const struct tg_field *fields;
    size_t count;
};

#define TG_SCHEMA(table)                                                                                     \
    {                                                                                                        \
        (table), sizeof(table) / sizeof((table)[0])                                                          \
    }

/* Where a reading stands: for errors, and for what it allocates. */
struct tg_reading {
    struct tg_storage *storage;
    enum tg_reason reason; /* of every refusal */
    struct tg_error *error;
    char where[96]; /* "ticket", "policy: rule 'ops'" */
};

/* Checks `object` against the schema and fills in `structure`. 0 or -1. */
int tg_schema_read(const struct tg_reading *reading, const struct tg_schema *schema, const json_t *object,
                   void *structure);

/* A refusal of one key: "WHERE: key 'KEY': FORMAT". Returns -1. */
__attribute__((format(printf, 3, 4))) int tg_schema_fail(const struct tg_reading *reading, const char *key,
                                                         const char *format, ...);

#endif
