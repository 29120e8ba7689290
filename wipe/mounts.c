/* SPDX-License-Identifier: BSD-2-Clause */
#include "wipe/mounts.h"
#include "lib/grow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words of a line that are looked at; behind the sixth come optional ones, up to a lone "-". */
enum { ID, PARENT, DEVICE, ROOT, PLACE, OPTIONS, FIXED_WORDS };

static bool read_line(struct tg_reader *reader, struct tg_bytes *line)
{
    struct tg_bytes newline;
    const uint8_t *end = reader->left == 0 ? NULL : memchr(reader->at, '\n', reader->left);
    return end != NULL && tg_read_bytes(reader, (size_t)(end - reader->at), line) &&
           tg_read_bytes(reader, 1, &newline);
}

static bool read_word(struct tg_reader *line, struct tg_bytes *word)
{
    struct tg_bytes blank;
    const uint8_t *end = line->left == 0 ? NULL : memchr(line->at, ' ', line->left);
    size_t length = end == NULL ? line->left : (size_t)(end - line->at);
    return length > 0 && tg_read_bytes(line, length, word) && (end == NULL || tg_read_bytes(line, 1, &blank));
}

static bool is_octal(const uint8_t *at)
{
    return at[0] >= '0' && at[0] <= '3' && at[1] >= '0' && at[1] <= '7' && at[2] >= '0' && at[2] <= '7';
}

/* The kernel writes blank, tab, line feed and backslash as \ooo. */
static char *unescape(struct tg_bytes word)
{
    char *out = malloc(word.length + 1);
    size_t used = 0;
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < word.length; i++) {
        const uint8_t *at = word.data + i;
        if (at[0] == '\\' && word.length - i >= 4 && is_octal(at + 1)) {
            out[used++] = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
            i += 3;
        } else {
            out[used++] = (char)at[0];
        }
    }
    out[used] = '\0';
    return out;
}

static bool number_of(struct tg_bytes word, uint64_t *out)
{
    *out = 0;
    if (word.length > 18)
        return false;
    for (size_t i = 0; i < word.length; i++) {
        if (word.data[i] < '0' || word.data[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(word.data[i] - '0');
    }
    return word.length > 0;
}

static bool parse_line(struct tg_bytes bytes, struct tg_mount *mount)
{
    struct tg_reader line = tg_reader_of(bytes);
    struct tg_bytes words[FIXED_WORDS];
    struct tg_bytes word;
    *mount = (struct tg_mount){0};
    for (size_t i = 0; i < FIXED_WORDS; i++) {
        if (!read_word(&line, &words[i]))
            return false;
    }
    do {
        if (!read_word(&line, &word))
            return false;
    } while (!tg_bytes_equal_text(word, "-"));
    if (!read_word(&line, &word) || !number_of(words[ID], &mount->id) ||
        words[DEVICE].length >= sizeof mount->device)
        return false;
    memcpy(mount->device, words[DEVICE].data, words[DEVICE].length);
    memcpy(mount->type, word.data, word.length < sizeof mount->type ? word.length : sizeof mount->type - 1);
    mount->root = unescape(words[ROOT]);
    mount->place = unescape(words[PLACE]);
    return mount->root != NULL && mount->place != NULL;
}

static struct tg_mount *add(struct tg_mounts *mounts)
{
    struct tg_mount *list = tg_grow(mounts->list, mounts->count, &mounts->size, sizeof *list);
    if (list == NULL)
        return NULL;
    mounts->list = list;
    struct tg_mount *mount = &mounts->list[mounts->count++];
    *mount = (struct tg_mount){0};
    return mount;
}

bool tg_mounts_parse(struct tg_bytes text, struct tg_mounts *mounts)
{
    struct tg_reader reader = tg_reader_of(text);
    struct tg_bytes line;
    bool ok = true;
    *mounts = (struct tg_mounts){0};
    while (ok && !tg_read_end(&reader)) {
        struct tg_mount *mount = add(mounts);
        ok = mount != NULL && read_line(&reader, &line) && parse_line(line, mount);
    }
    if (!ok)
        tg_mounts_free(mounts);
    return ok;
}

int tg_mounts_read(const char *path, struct tg_mounts *mounts)
{
    char *text = NULL;
    size_t size = 0;
    int result = 0;
    *mounts = (struct tg_mounts){0};
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -errno;
    /* The kernel's text has no NUL: all of it is one "line". */
    ssize_t length = getdelim(&text, &size, '\0', file);
    if (length < 0)
        result = ferror(file) != 0 ? -EIO : -EPROTO;
    else if (!tg_mounts_parse(tg_bytes_of(text, (size_t)length), mounts))
        result = -EPROTO;
    free(text);
    (void)fclose(file);
    return result;
}

void tg_mounts_free(struct tg_mounts *mounts)
{
    for (size_t i = 0; i < mounts->count; i++) {
        free(mounts->list[i].root);
        free(mounts->list[i].place);
    }
    free(mounts->list);
    *mounts = (struct tg_mounts){0};
}

/* Is there a line "[FLAG]<tab>TYPE"? */
static bool is_listed(const char *filesystems, const char *flag, const char *type)
{
    char line[64];
    int length = snprintf(line, sizeof line, "%s\t%s\n", flag, type);
    for (const char *at = filesystems; length > 0 && at != NULL && *at != '\0';) {
        if (strncmp(at, line, (size_t)length) == 0)
            return true;
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    return false;
}

bool tg_mount_is_local(const char *type, const char *filesystems)
{
    static const char *const in_memory_or_layered[] = {"tmpfs",  "ramfs", "overlay", "aufs",
                                                       "rootfs", "zfs",   "ubifs",   "devtmpfs"};
    for (size_t i = 0; i < sizeof in_memory_or_layered / sizeof in_memory_or_layered[0]; i++) {
        if (strcmp(type, in_memory_or_layered[i]) == 0)
            return true;
    }
    return is_listed(filesystems, "", type);
}

bool tg_mount_covers(const struct tg_mount *wide, const struct tg_mount *narrow)
{
    size_t length = strlen(wide->root);
    if (strcmp(wide->device, narrow->device) != 0)
        return false;
    if (strcmp(wide->root, "/") == 0)
        return true;
    return strncmp(wide->root, narrow->root, length) == 0 &&
           (narrow->root[length] == '\0' || narrow->root[length] == '/');
}
