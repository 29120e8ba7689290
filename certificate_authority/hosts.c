/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which key each host has: a text file that administrators may read and take lines out of.
 */
#include "agent/state.h"
#include "certificate_authority/authority.h"

#include <stdlib.h>
#include <string.h>

/* "NAME TYPE BASE64": where the key line begins, or NULL. */
static const char *key_of(const char *line, size_t length)
{
    const char *blank = memchr(line, ' ', length);
    if (blank == NULL || blank == line)
        return NULL;
    const char *second = memchr(blank + 1, ' ', length - (size_t)(blank + 1 - line));
    return second == NULL || second == blank + 1 || second + 1 == line + length ? NULL : blank + 1;
}

int tg_host_pin_find(const char *text, const char *name, struct tg_bytes *line, struct tg_error *error)
{
    unsigned number = 0;
    *line = tg_bytes_of("", 0);
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        number++;
        if (length > 0 && text[0] != '#') {
            const char *key = key_of(text, length);
            if (key == NULL)
                return tg_fail(error, TG_config_bad,
                               "%s, line %u: must be NAME TYPE BASE64; correct the line, or remove it",
                               TG_CA_HOSTS_FILE, number);
            size_t name_length = (size_t)(key - 1 - text);
            if (tg_bytes_equal_text(tg_bytes_of(text, name_length), name))
                *line = tg_bytes_of(key, length - (size_t)(key - text));
        }
        text += length + (text[length] == '\n' ? 1 : 0);
    }
    return 0;
}

/* Writes the file anew with one line more. */
static int add(const char *state, const char *text, const char *name, const char *line,
               struct tg_error *error)
{
    char *all = NULL;
    size_t length = strlen(text);
    const char *between = length > 0 && text[length - 1] != '\n' ? "\n" : "";
    int written = asprintf(&all, "%s%s%s %s\n", text, between, name, line);
    if (written < 0)
        return tg_fail(error, TG_internal_error, "out of memory");
    int result = written > TG_CA_HOSTS_MAX
                     ? tg_fail(error, TG_internal_error, "%s/%s: is full", state, TG_CA_HOSTS_FILE)
                     : tg_file_replace(state, TG_CA_HOSTS_FILE, tg_bytes_of(all, (size_t)written), error);
    free(all);
    return result;
}

int tg_host_pin(const char *state, const char *name, const struct tg_public_key *key, struct tg_error *error)
{
    char *text = NULL;
    size_t length;
    struct tg_bytes pinned;
    int result = tg_file_read(state, TG_CA_HOSTS_FILE, TG_CA_HOSTS_MAX, &text, &length, error);
    if (result < 0)
        return -1;
    char *line = tg_public_key_line(key);
    if (line == NULL) {
        result = tg_fail(error, TG_internal_error, "out of memory");
        goto out;
    }
    result = tg_host_pin_find(text != NULL ? text : "", name, &pinned, error);
    if (result == 0 && pinned.length == 0)
        result = add(state, text != NULL ? text : "", name, line, error);
    else if (result == 0 && !tg_bytes_equal_text(pinned, line))
        result = tg_fail(error, TG_host_key_pinned,
                         "%s has another key: if it was made anew, remove its line from %s/%s", name, state,
                         TG_CA_HOSTS_FILE);
out:
    free(line);
    free(text);
    return result;
}
