/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/policy_diff.h"

#include "lib/public_key.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 512, NAME_SIZE = 160 };

/* Where in the document, in words. */
struct place {
    char path[PATH_SIZE];
};

static struct place inside(const struct place *place, const char *name)
{
    struct place inner;
    (void)snprintf(inner.path, sizeof inner.path, "%.300s%s%.200s", place->path,
                   place->path[0] == '\0' ? "" : " ", name);
    return inner;
}

/* "TYPE FINGERPRINT" for a public key line, else the text itself. */
static const char *readable_text(const char *text, char out[NAME_SIZE])
{
    struct tg_public_key *key = NULL;
    if (tg_public_key_parse_line(text, &key, NULL) != 0)
        return text;
    (void)snprintf(out, NAME_SIZE, "%s %s", tg_key_type_name(key->type), key->fingerprint);
    tg_public_key_free(key);
    return out;
}

/* A copy in which keys are readable. */
static json_t *readable(const json_t *value)
{
    char text[NAME_SIZE];
    const char *key;
    size_t index;
    json_t *member;
    json_t *copy = NULL;
    if (json_is_string(value))
        return json_string(readable_text(json_string_value(value), text));
    if (json_is_object(value)) {
        copy = json_object();
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
        {
            (void)json_object_set_new(copy, key, readable(member));
        }
    } else if (json_is_array(value)) {
        copy = json_array();
        json_array_foreach(value, index, member)
        {
            (void)json_array_append_new(copy, readable(member));
        }
    } else {
        copy = json_deep_copy(value);
    }
    return copy;
}

static char *written(const json_t *value)
{
    json_t *copy = readable(value);
    char *text = json_dumps(copy, JSON_SORT_KEYS | JSON_ENCODE_ANY);
    json_decref(copy);
    return text;
}

static size_t tell(const struct tg_output *out, const struct place *place, const json_t *old,
                   const json_t *now)
{
    char *before = old == NULL ? NULL : written(old);
    char *after = now == NULL ? NULL : written(now);
    if (old == NULL)
        tg_line(out, "  + %s: %s", place->path, after != NULL ? after : "?");
    else if (now == NULL)
        tg_line(out, "  - %s: %s", place->path, before != NULL ? before : "?");
    else
        tg_line(out, "  ~ %s: %s -> %s", place->path, before != NULL ? before : "?",
                after != NULL ? after : "?");
    free(before);
    free(after);
    return 1;
}

/* What tells a member of an array from the others. */
static const json_t *identity(const json_t *member)
{
    static const char *const names[] = {"key", "id", "group"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *found = json_object_get(member, names[i]);
        if (found != NULL)
            return found;
    }
    return member;
}

static const json_t *find(const json_t *array, const json_t *wanted)
{
    size_t index;
    const json_t *member;
    json_array_foreach(array, index, member)
    {
        if (json_equal(identity(member), identity(wanted)))
            return member;
    }
    return NULL;
}

static size_t compare(const struct tg_output *out, const struct place *place, const json_t *old,
                      const json_t *now);

static size_t compare_objects(const struct tg_output *out, const struct place *place, const json_t *old,
                              const json_t *now)
{
    size_t count = 0;
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)old, key, member)
    {
        struct place inner = inside(place, key);
        count += compare(out, &inner, member, json_object_get(now, key));
    }
    json_object_foreach((json_t *)(uintptr_t)now, key, member)
    {
        struct place inner = inside(place, key);
        if (json_object_get(old, key) == NULL)
            count += tell(out, &inner, NULL, member);
    }
    return count;
}

static size_t compare_arrays(const struct tg_output *out, const struct place *place, const json_t *old,
                             const json_t *now)
{
    size_t count = 0;
    size_t index;
    char text[NAME_SIZE];
    const json_t *member;
    json_array_foreach(old, index, member)
    {
        const json_t *same = find(now, member);
        const char *name = json_string_value(identity(member));
        struct place inner = same == NULL || name == NULL ? *place : inside(place, readable_text(name, text));
        count += compare(out, &inner, member, same);
    }
    json_array_foreach(now, index, member)
    {
        if (find(old, member) == NULL)
            count += tell(out, place, NULL, member);
    }
    if (count == 0 && !json_equal(old, now)) /* the same members in another order, or one twice */
        count += tell(out, place, old, now);
    return count;
}

static size_t compare(const struct tg_output *out, const struct place *place, const json_t *old,
                      const json_t *now)
{
    if (now != NULL && json_equal(old, now))
        return 0;
    if (json_is_object(old) && json_is_object(now))
        return compare_objects(out, place, old, now);
    if (json_is_array(old) && json_is_array(now))
        return compare_arrays(out, place, old, now);
    return tell(out, place, old, now);
}

size_t tg_policy_diff(const struct tg_output *out, const json_t *old, const json_t *now)
{
    struct place top = {.path = ""};
    return compare(out, &top, old, now);
}
