/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/wipe_lines.h"

#include "lib/roster_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next line without its newline. */
static bool read_line(struct tg_reader *reader, struct tg_bytes *line)
{
    struct tg_bytes newline;
    const uint8_t *end = reader->left == 0 ? NULL : memchr(reader->at, '\n', reader->left);
    return end != NULL && tg_read_bytes(reader, (size_t)(end - reader->at), line) &&
           tg_read_bytes(reader, 1, &newline);
}

/* The next word as a C string: up to a blank, which is read too, or to the end. Not empty. */
static bool read_word(struct tg_reader *line, char *out, size_t size)
{
    struct tg_bytes word;
    struct tg_bytes blank;
    out[0] = '\0';
    if (line->left == 0)
        return false;
    const uint8_t *end = memchr(line->at, ' ', line->left);
    size_t length = end == NULL ? line->left : (size_t)(end - line->at);
    if (length == 0 || length >= size || !tg_read_bytes(line, length, &word))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (word.data[i] < 0x21 || word.data[i] > 0x7e)
            return false;
    }
    memcpy(out, word.data, length);
    out[length] = '\0';
    /* A blank must have something behind it. */
    return end == NULL || (tg_read_bytes(line, 1, &blank) && line->left > 0);
}

static bool read_name(struct tg_reader *line, char name[TG_WIPE_NAME_SIZE])
{
    return read_word(line, name, TG_WIPE_NAME_SIZE) && tg_roster_name_allowed(name);
}

static bool read_number(struct tg_reader *line, uint32_t *out)
{
    char word[11];
    uint64_t value = 0;
    *out = 0;
    if (!read_word(line, word, sizeof word) || (word[0] == '0' && word[1] != '\0'))
        return false;
    for (const char *at = word; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return false;
        value = value * 10 + (uint64_t)(*at - '0');
    }
    if (value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* --- ACCOUNTS --------------------------------------------------------------------------------------------
 */

bool tg_wipe_account_write(const struct tg_wipe_account *account, char *text, size_t size)
{
    size_t used = strlen(text);
    int length = snprintf(text + used, size - used, "%s %u %s %u\n", account->name, account->uid,
                          account->home, account->sessions);
    if (length > 0 && (size_t)length < size - used)
        return true;
    text[used] = '\0';
    return false;
}

static bool read_account(struct tg_bytes bytes, struct tg_wipe_account *account)
{
    struct tg_reader line = tg_reader_of(bytes);
    *account = (struct tg_wipe_account){0};
    return read_name(&line, account->name) && read_number(&line, &account->uid) &&
           read_word(&line, account->home, sizeof account->home) && account->home[0] == '/' &&
           read_number(&line, &account->sessions) && tg_read_end(&line);
}

static bool is_listed(const struct tg_wipe_account *list, size_t count, const struct tg_wipe_account *account)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].uid == account->uid && strcmp(list[i].name, account->name) == 0)
            return true;
    }
    return false;
}

bool tg_wipe_accounts_read(struct tg_bytes text, struct tg_wipe_account **list, size_t *count)
{
    struct tg_reader reader = tg_reader_of(text);
    struct tg_bytes line;
    bool ok = true;
    *count = 0;
    *list = calloc(TG_WIPE_ACCOUNTS_MAX, sizeof **list);
    if (*list == NULL)
        return false;
    while (ok && !tg_read_end(&reader)) {
        struct tg_wipe_account account;
        ok = *count < TG_WIPE_ACCOUNTS_MAX && read_line(&reader, &line) && read_account(line, &account) &&
             !is_listed(*list, *count, &account);
        if (ok)
            (*list)[(*count)++] = account;
    }
    if (ok)
        return true;
    free(*list);
    *list = NULL;
    *count = 0;
    return false;
}

/* --- WIPED -----------------------------------------------------------------------------------------------
 */

/* The entry of a name, a new one if there is none. NULL if there are too many. */
static struct tg_wiped_account *entry_of(struct tg_wiped *wiped, const char *name)
{
    for (size_t i = 0; i < wiped->count; i++) {
        if (strcmp(wiped->list[i].name, name) == 0)
            return &wiped->list[i];
    }
    if (wiped->count == TG_WIPE_ACCOUNTS_MAX)
        return NULL;
    struct tg_wiped_account *entry = &wiped->list[wiped->count++];
    memcpy(entry->name, name, strlen(name) + 1);
    return entry;
}

static bool read_wiped_account(struct tg_reader *line, struct tg_wiped *wiped)
{
    char name[TG_WIPE_NAME_SIZE];
    struct tg_wiped_account *entry =
        read_name(line, name) && tg_read_end(line) ? entry_of(wiped, name) : NULL;
    if (entry == NULL || entry->wiped)
        return false;
    entry->wiped = true;
    return true;
}

static bool read_left(struct tg_reader *line, struct tg_wiped *wiped)
{
    char name[TG_WIPE_NAME_SIZE];
    uint32_t count;
    if (!read_name(line, name) || !read_number(line, &count) || count == 0 || !tg_read_end(line))
        return false;
    struct tg_wiped_account *entry = entry_of(wiped, name);
    if (entry == NULL || entry->count != 0)
        return false;
    entry->count = count;
    return true;
}

static bool read_report(struct tg_reader *line, struct tg_wiped *wiped)
{
    size_t used = strlen(wiped->report);
    for (size_t i = 0; i < line->left; i++) {
        if (line->at[i] < 0x20 || line->at[i] > 0x7e)
            return false;
    }
    (void)snprintf(wiped->report + used, sizeof wiped->report - used, "%s%.*s", used == 0 ? "" : "; ",
                   (int)line->left, (const char *)line->at);
    return true;
}

static bool read_wiped_line(struct tg_bytes bytes, struct tg_wiped *wiped)
{
    struct tg_reader line = tg_reader_of(bytes);
    char kind[8];
    if (!read_word(&line, kind, sizeof kind))
        return false;
    if (strcmp(kind, "account") == 0)
        return read_wiped_account(&line, wiped);
    if (strcmp(kind, "left") == 0)
        return read_left(&line, wiped);
    if (strcmp(kind, "report") == 0)
        return line.left > 0 && read_report(&line, wiped);
    if (strcmp(kind, "host") != 0 || wiped->host || !tg_read_end(&line))
        return false;
    wiped->host = true;
    return true;
}

bool tg_wiped_read(struct tg_bytes text, struct tg_wiped *wiped)
{
    struct tg_reader reader = tg_reader_of(text);
    struct tg_bytes line;
    bool ok;
    *wiped = (struct tg_wiped){.list = calloc(TG_WIPE_ACCOUNTS_MAX, sizeof *wiped->list)};
    ok = wiped->list != NULL;
    while (ok && !tg_read_end(&reader))
        ok = read_line(&reader, &line) && read_wiped_line(line, wiped);
    if (!ok)
        tg_wiped_free(wiped);
    return ok;
}

void tg_wiped_free(struct tg_wiped *wiped)
{
    free(wiped->list);
    *wiped = (struct tg_wiped){0};
}
