/* SPDX-License-Identifier: BSD-2-Clause
 *
 * inih splits the text into sections, keys and values. What it would do silently and a security tool must not
 * (cut a long line in two, take an indented line for more of the value above, drop what follows " ;" or a
 * section's bracket) is refused line by line in next_line(), before inih sees it.
 */
#include "lib/config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MAX = 65536,
    KEYS_MAX = 64,
    LINE_MAX_BYTES =
        190, /* what inih is built to take everywhere (INI_MAX_LINE 200), less its line end and terminator */
};

struct parse {
    const char *name;
    const char *text;
    size_t left;
    size_t line;
    const struct tg_config_key *keys;
    size_t key_count;
    bool seen[KEYS_MAX];
    char *structure;
    struct tg_error *error;
    bool failed;
};

/* Keeps the first error only. Returns 0, which is inih's word for failure. */
static int fail_at_line(struct parse *parse, const char *what, const char *subject)
{
    if (!parse->failed)
        (void)tg_fail(parse->error, TG_config_bad, "%s:%zu: %s%s%s", parse->name, parse->line, subject,
                      subject[0] != '\0' ? ": " : "", what);
    parse->failed = true;
    return 0;
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\t';
}

/* What is wrong with one line, without its newline; NULL if inih may have it. */
static const char *line_fault(const char *line, size_t length)
{
    size_t blanks = 0;
    if (length > LINE_MAX_BYTES)
        return "the line is longer than 190 bytes; shorten it";
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)line[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return "the line has a control character (perhaps a carriage return); remove it";
    }
    while (blanks < length && is_blank(line[blanks]))
        blanks++;
    if (blanks == length || (blanks == 0 && (line[0] == ';' || line[0] == '#')))
        return NULL;
    if (blanks > 0)
        return "the line begins with a blank; begin it in the first column";
    for (size_t i = 1; i < length; i++) {
        if (line[i] == ';' && is_blank(line[i - 1]))
            return "a comment must stand on a line of its own";
    }
    while (is_blank(line[length - 1]))
        length--;
    if (line[0] == '[' && (memchr(line, ']', length) != line + length - 1))
        return "a section line must be [NAME] and nothing else";
    return NULL;
}

/* inih calls back for keys only, so a section that nobody knows would pass as long as it is empty. */
static bool section_is_known(const struct parse *parse, const char *line, size_t length)
{
    const char *name = line + 1;
    size_t name_length = (size_t)((const char *)memchr(line, ']', length) - name);
    for (size_t i = 0; i < parse->key_count; i++) {
        const char *section = parse->keys[i].section;
        if (strlen(section) == name_length && memcmp(section, name, name_length) == 0)
            return true;
    }
    return false;
}

/* inih's fgets(): one line with its newline into `out`, NULL at the end or at the first fault. */
static char *next_line(char *out, int size, void *stream)
{
    struct parse *parse = stream;
    if (parse->failed || parse->left == 0)
        return NULL;
    const char *newline = memchr(parse->text, '\n', parse->left);
    size_t length = newline != NULL ? (size_t)(newline - parse->text) : parse->left;
    size_t taken = newline != NULL ? length + 1 : length;
    parse->line++;
    const char *fault = line_fault(parse->text, length);
    if (fault == NULL && (size < 0 || taken >= (size_t)size))
        fault = "the line is longer than this build of inih takes; shorten it";
    if (fault == NULL && length > 0 && parse->text[0] == '[' && !section_is_known(parse, parse->text, length))
        fault = "the section is not known; correct or remove it";
    if (fault != NULL) {
        (void)fail_at_line(parse, fault, "");
        return NULL;
    }
    memcpy(out, parse->text, taken);
    out[taken] = '\0';
    parse->text += taken;
    parse->left -= taken;
    return out;
}

bool tg_config_list_has(const char *list, const char *word)
{
    size_t length = strlen(word);
    if (length == 0)
        return false;
    while (*list != '\0') {
        size_t here = strcspn(list, " ");
        if (here == length && memcmp(list, word, length) == 0)
            return true;
        list += here;
        list += strspn(list, " ");
    }
    return false;
}

/* Copies the words of `value`, with one blank between them. `out` has room for the value. */
static void copy_words(const char *value, char *out)
{
    size_t used = 0;
    for (value += strspn(value, " \t"); *value != '\0'; value += strspn(value, " \t")) {
        size_t length = strcspn(value, " \t");
        if (used > 0)
            out[used++] = ' ';
        memcpy(out + used, value, length);
        used += length;
        value += length;
    }
    out[used] = '\0';
}

/* Decimal digits with an optional minus, nothing else. */
static const char *set_number(const struct tg_config_key *key, const char *value, int64_t *out)
{
    const char *digits = value[0] == '-' ? value + 1 : value;
    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return "must be a whole number";
    errno = 0;
    long long number = strtoll(value, NULL, 10);
    if (errno != 0 || number < key->minimum || number > key->maximum)
        return "";
    *out = number;
    return NULL;
}

static const char *set_boolean(const char *value, bool *out)
{
    *out = strcmp(value, "yes") == 0;
    return *out || strcmp(value, "no") == 0 ? NULL : "must be yes or no";
}

static const char *text_fault(const struct tg_config_key *key, const char *value)
{
    if (value[0] == '\0' && (key->fallback == NULL || key->fallback[0] != '\0'))
        return "must not be empty; give a value or remove the line";
    if (strlen(value) >= TG_CONFIG_VALUE_SIZE)
        return "is too long";
    for (const char *at = value; *at != '\0'; at++) {
        if ((*at < 0x20 || *at > 0x7e) && *at != '\t')
            return "must be plain ASCII";
    }
    if (key->type == TG_CONFIG_PATH && value[0] != '/' && value[0] != '\0')
        return "must be a path that begins with /";
    return NULL;
}

/* Sets one member. Returns NULL, or what is wrong; "" stands for a number out of range or a word that is no
 * choice. */
static const char *set_value(struct parse *parse, const struct tg_config_key *key, const char *value)
{
    void *member = parse->structure + key->offset;
    const char *fault = text_fault(key, value);
    if (fault != NULL)
        return fault;
    switch (key->type) {
    case TG_CONFIG_NUMBER:
        return set_number(key, value, member);
    case TG_CONFIG_BOOLEAN:
        return set_boolean(value, member);
    case TG_CONFIG_LIST:
        copy_words(value, member);
        return NULL;
    case TG_CONFIG_CHOICE:
        if (!tg_config_list_has(key->choices, value))
            return "";
        break;
    case TG_CONFIG_TEXT:
    case TG_CONFIG_PATH:
        break;
    }
    memcpy(member, value, strlen(value) + 1);
    return NULL;
}

static int fail_value(struct parse *parse, const struct tg_config_key *key, const char *fault)
{
    char text[160];
    char subject[80];
    (void)snprintf(subject, sizeof subject, "key '%s' in [%s]", key->key, key->section);
    (void)snprintf(text, sizeof text, "%s", fault);
    if (fault[0] == '\0' && key->type == TG_CONFIG_NUMBER)
        (void)snprintf(text, sizeof text, "must be %lld to %lld", (long long)key->minimum,
                       (long long)key->maximum);
    if (fault[0] == '\0' && key->type == TG_CONFIG_CHOICE)
        (void)snprintf(text, sizeof text, "must be one of: %s", key->choices);
    return fail_at_line(parse, text, subject);
}

/* inih's handler, called once for each key. */
static int take_key(void *user, const char *section, const char *name, const char *value)
{
    struct parse *parse = user;
    char subject[120];
    if (parse->failed)
        return 0;
    for (size_t i = 0; i < parse->key_count; i++) {
        const struct tg_config_key *key = &parse->keys[i];
        if (strcmp(key->section, section) != 0 || strcmp(key->key, name) != 0)
            continue;
        if (parse->seen[i])
            return fail_value(parse, key, "is given twice; remove one line");
        parse->seen[i] = true;
        const char *fault = set_value(parse, key, value);
        return fault == NULL ? 1 : fail_value(parse, key, fault);
    }
    (void)snprintf(subject, sizeof subject, "key '%s' in [%s]", name, section);
    return fail_at_line(parse, "is not known; correct or remove it", subject);
}

static int apply_fallbacks(struct parse *parse)
{
    for (size_t i = 0; i < parse->key_count; i++) {
        const struct tg_config_key *key = &parse->keys[i];
        if (parse->seen[i])
            continue;
        if (key->fallback == NULL)
            return tg_fail(parse->error, TG_config_bad, "%s: key '%s' in [%s] is missing; add it",
                           parse->name, key->key, key->section);
        if (set_value(parse, key, key->fallback) != NULL)
            return tg_fail(parse->error, TG_internal_error, "%s: key '%s' in [%s] has a wrong default",
                           parse->name, key->key, key->section);
    }
    return 0;
}

int tg_config_parse(const char *text, size_t length, const char *name, const struct tg_config_key *keys,
                    size_t key_count, void *structure, struct tg_error *error)
{
    struct parse parse = {.name = name,
                          .text = text,
                          .left = length,
                          .keys = keys,
                          .key_count = key_count,
                          .structure = structure,
                          .error = error};
    if (key_count > KEYS_MAX)
        return tg_fail(error, TG_internal_error, "%s: the table of keys is too long", name);
    int line = ini_parse_stream(next_line, &parse, take_key, &parse);
    if (parse.failed)
        return -1;
    if (line < 0)
        return tg_fail(error, TG_config_bad, "%s: out of memory", name);
    if (line > 0)
        return tg_fail(error, TG_config_bad, "%s:%d: neither [SECTION] nor KEY = VALUE; correct or remove it",
                       name, line);
    return apply_fallbacks(&parse);
}

/* A file that somebody else could have written must not be believed. */
static int check_file(int fd, const char *path, struct tg_error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return tg_fail(error, TG_config_bad, "%s: cannot be examined: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return tg_fail(error, TG_config_bad, "%s: is not a regular file", path);
    if (status.st_uid != 0 && status.st_uid != geteuid())
        return tg_fail(error, TG_config_bad, "%s: belongs to uid %lu, not to root; chown root it", path,
                       (unsigned long)status.st_uid);
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return tg_fail(error, TG_config_bad, "%s: others may write it (mode %04o); chmod go-w it", path,
                       (unsigned)(status.st_mode & 07777));
    return 0;
}

/* Reads all of the file, at most `size` bytes. */
static int read_all(int fd, const char *path, char *out, size_t size, size_t *used, struct tg_error *error)
{
    *used = 0;
    for (;;) {
        if (*used == size)
            return tg_fail(error, TG_config_bad, "%s: is larger than %d bytes", path, FILE_MAX);
        ssize_t got = read(fd, out + *used, size - *used);
        if (got == 0)
            return 0;
        if (got > 0)
            *used += (size_t)got;
        else if (errno != EINTR)
            return tg_fail(error, TG_config_bad, "%s: cannot be read: %s", path, strerror(errno));
    }
}

int tg_config_read(const char *path, const struct tg_config_key *keys, size_t key_count, void *structure,
                   struct tg_error *error)
{
    int result = -1;
    size_t used;
    /* O_NONBLOCK: a FIFO in the place of the file must not hold up a login. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return tg_fail(error, TG_config_bad, "%s: cannot be opened: %s", path, strerror(errno));
    char *text = malloc(FILE_MAX + 1);
    if (text == NULL) {
        (void)tg_fail(error, TG_config_bad, "%s: out of memory", path);
        goto out;
    }
    if (check_file(fd, path, error) != 0 || read_all(fd, path, text, FILE_MAX + 1, &used, error) != 0)
        goto out;
    result = tg_config_parse(text, used, path, keys, key_count, structure, error);
out:
    free(text);
    (void)close(fd);
    return result;
}
