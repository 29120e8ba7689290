/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/schema.h"

#include <stdlib.h>
#include <string.h>

struct allocation {
    struct allocation *next;
    max_align_t data[];
};

struct tg_storage {
    json_t *root;
    struct allocation *allocations;
};

struct tg_storage *tg_storage_new(struct tg_bytes document, struct tg_bytes *copy)
{
    *copy = (struct tg_bytes){0};
    struct tg_storage *storage = calloc(1, sizeof *storage);
    if (storage == NULL)
        return NULL;
    void *bytes = tg_storage_array(storage, document.length, 1);
    if (bytes == NULL) {
        tg_storage_free(storage);
        return NULL;
    }
    if (document.length > 0)
        memcpy(bytes, document.data, document.length);
    *copy = tg_bytes_of(bytes, document.length);
    return storage;
}

void tg_storage_keep(struct tg_storage *storage, json_t *root)
{
    json_decref(storage->root);
    storage->root = root;
}

void *tg_storage_array(struct tg_storage *storage, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct allocation), &bytes))
        return NULL;
    struct allocation *allocation = calloc(1, bytes);
    if (allocation == NULL)
        return NULL;
    allocation->next = storage->allocations;
    storage->allocations = allocation;
    return allocation->data;
}

void tg_storage_free(struct tg_storage *storage)
{
    if (storage == NULL)
        return;
    while (storage->allocations != NULL) {
        struct allocation *next = storage->allocations->next;
        free(storage->allocations);
        storage->allocations = next;
    }
    json_decref(storage->root);
    free(storage);
}

int tg_schema_fail(const struct tg_reading *reading, const char *key, const char *format, ...)
{
    char what[200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return tg_fail(reading->error, reading->reason, "%s: key '%.40s': %s", reading->where, key, what);
}

static int refuse_range(const struct tg_reading *reading, const struct tg_field *field, const char *unit)
{
    if (field->minimum == field->maximum)
        return tg_schema_fail(reading, field->key, "must be %lld%s", (long long)field->minimum, unit);
    return tg_schema_fail(reading, field->key, "must be %lld to %lld%s", (long long)field->minimum,
                          (long long)field->maximum, unit);
}

static bool in_range(const struct tg_field *field, size_t size)
{
    return (int64_t)size >= field->minimum && (int64_t)size <= field->maximum;
}

/* Copies a value of `size` bytes to its place in the structure. */
static void store(const struct tg_field *field, void *structure, const void *value, size_t size)
{
    if (field->offset != TG_FIELD_UNSTORED)
        memcpy((char *)structure + field->offset, value, size);
}

static int read_integer(const struct tg_reading *reading, const struct tg_field *field, const json_t *value,
                        void *structure)
{
    if (!json_is_integer(value))
        return tg_schema_fail(reading, field->key, "must be an integer");
    int64_t number = json_integer_value(value);
    if (field->type == TG_FIELD_FLAG) {
        if (number != 0 && number != 1)
            return tg_schema_fail(reading, field->key, "must be 0 or 1");
        store(field, structure, &(bool){number == 1}, sizeof(bool));
        return 0;
    }
    if (number < field->minimum || number > field->maximum)
        return refuse_range(reading, field, "");
    if (field->type == TG_FIELD_NUMBER)
        store(field, structure, &(uint32_t){(uint32_t)number}, sizeof(uint32_t));
    else if (field->type == TG_FIELD_SERIAL)
        store(field, structure, &(uint64_t){(uint64_t)number}, sizeof(uint64_t));
    else
        store(field, structure, &number, sizeof number);
    return 0;
}

/* Characters, not bytes: whatever is no continuation byte of UTF-8. */
static size_t count_characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static int check_form(const struct tg_reading *reading, const struct tg_field *field, const json_t *value)
{
    if (!json_is_string(value))
        return tg_schema_fail(reading, field->key, "must be text");
    const char *text = json_string_value(value);
    if (field->form != NULL && !field->form->matches(text))
        return tg_schema_fail(reading, field->key, "'%.64s' must be %s", text, field->form->description);
    return 0;
}

static int read_text(const struct tg_reading *reading, const struct tg_field *field, const json_t *value,
                     void *structure)
{
    if (check_form(reading, field, value) != 0)
        return -1;
    const char *text = json_string_value(value);
    if (!in_range(field, count_characters(text)))
        return refuse_range(reading, field, " characters");
    if (field->type == TG_FIELD_CHARS)
        store(field, structure, text, (size_t)field->maximum + 1);
    else
        store(field, structure, &text, sizeof text);
    return 0;
}

static int read_texts(const struct tg_reading *reading, const struct tg_field *field, const json_t *value,
                      void *structure)
{
    size_t count = json_array_size(value);
    const char **texts = tg_storage_array(reading->storage, count, sizeof *texts);
    if (texts == NULL)
        return tg_schema_fail(reading, field->key, "no memory");
    for (size_t i = 0; i < count; i++) {
        const json_t *member = json_array_get(value, i);
        if (check_form(reading, field, member) != 0)
            return -1;
        texts[i] = json_string_value(member);
        if (count_characters(texts[i]) < 1 || count_characters(texts[i]) > 1024)
            return tg_schema_fail(reading, field->key, "each must be 1 to 1024 characters");
        if (tg_is_among(texts[i], texts, i))
            return tg_schema_fail(reading, field->key, "'%.64s' stands there twice", texts[i]);
    }
    store(field, structure, &texts, sizeof texts);
    memcpy((char *)structure + field->count_offset, &count, sizeof count);
    return 0;
}

static int read_container(const struct tg_reading *reading, const struct tg_field *field, const json_t *value,
                          void *structure)
{
    bool object = field->type == TG_FIELD_OBJECT;
    if (object ? !json_is_object(value) : !json_is_array(value))
        return tg_schema_fail(reading, field->key, "must be an %s", object ? "object" : "array");
    if (!in_range(field, object ? json_object_size(value) : json_array_size(value)))
        return refuse_range(reading, field, " entries");
    if (field->type == TG_FIELD_TEXTS)
        return read_texts(reading, field, value, structure);
    return 0;
}

static int read_field(const struct tg_reading *reading, const struct tg_field *field, const json_t *object,
                      void *structure)
{
    const json_t *value = json_object_get(object, field->key);
    if (value == NULL)
        return field->optional ? 0 : tg_schema_fail(reading, field->key, "is missing");
    switch (field->type) {
    case TG_FIELD_TEXT:
    case TG_FIELD_CHARS:
        return read_text(reading, field, value, structure);
    case TG_FIELD_TEXTS:
    case TG_FIELD_ARRAY:
    case TG_FIELD_OBJECT:
        return read_container(reading, field, value, structure);
    default:
        return read_integer(reading, field, value, structure);
    }
}

static bool has_field(const struct tg_schema *schema, const char *key)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (strcmp(schema->fields[i].key, key) == 0)
            return true;
    }
    return false;
}

int tg_schema_read(const struct tg_reading *reading, const struct tg_schema *schema, const json_t *object,
                   void *structure)
{
    if (!json_is_object(object))
        return tg_fail(reading->error, reading->reason, "%s: must be an object", reading->where);
    for (size_t i = 0; i < schema->count; i++) {
        if (read_field(reading, &schema->fields[i], object, structure) != 0)
            return -1;
    }
    /* jansson's iterator could change the object, hence the cast; nothing here does. */
    json_t *iterated = (json_t *)(uintptr_t)object;
    for (void *at = json_object_iter(iterated); at != NULL; at = json_object_iter_next(iterated, at)) {
        if (!has_field(schema, json_object_iter_key(at)))
            return tg_schema_fail(reading, json_object_iter_key(at), "is not known");
    }
    return 0;
}
