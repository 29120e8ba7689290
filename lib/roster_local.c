/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the local files hold. They are read raw, byte by byte through a small buffer: getpwent() in here would
 * come back to the NSS module, and stdio would allocate.
 */
#include "lib/roster_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 4096,
    /* name : password : id : primary gid (passwd) or members (group) */
    NAME_FIELD = 0,
    ID_FIELD = 2,
    PRIMARY_GID_FIELD = 3,
    FIELDS = 4,
};

/* One line, as far as it has been read. */
struct line {
    unsigned int field;
    char name[TG_ROSTER_NAME_MAX + 1]; /* "" if too long for any name in a roster */
    size_t name_length;
    uint64_t number[FIELDS];
    bool is_number[FIELDS];
};

typedef void take_line(struct tg_roster_view *view, const struct line *line);

static void start_line(struct line *line)
{
    memset(line, 0, sizeof *line);
}

static void take_byte(struct line *line, char byte)
{
    if (byte == ':') {
        line->field++;
        return;
    }
    if (line->field == NAME_FIELD) {
        if (line->name_length < TG_ROSTER_NAME_MAX)
            line->name[line->name_length] = byte;
        else
            line->name[0] = '\0';
        line->name_length++;
        return;
    }
    if (line->field >= FIELDS || byte < '0' || byte > '9')
        return;
    uint64_t number = line->number[line->field] * 10 + (uint64_t)(byte - '0');
    line->is_number[line->field] = true;
    line->number[line->field] = number > UINT32_MAX ? UINT32_MAX : number;
}

static void hide(struct tg_roster_set *set, uint32_t index)
{
    if (index != TG_ROSTER_NONE)
        set->hidden[index / 8] |= (uint8_t)(1u << (index % 8));
}

/* INT64_MIN: also those that are to be forgotten. */
static void take_group_line(struct tg_roster_view *view, const struct line *line)
{
    hide(&view->groups, tg_roster_group_by_name(view, line->name, INT64_MIN));
    if (line->is_number[ID_FIELD])
        hide(&view->groups, tg_roster_group_by_gid(view, (uint32_t)line->number[ID_FIELD], INT64_MIN));
}

static void take_passwd_line(struct tg_roster_view *view, const struct line *line)
{
    hide(&view->users, tg_roster_user_by_name(view, line->name, INT64_MIN));
    if (line->is_number[ID_FIELD])
        hide(&view->users, tg_roster_user_by_uid(view, (uint32_t)line->number[ID_FIELD], INT64_MIN));
    if (line->is_number[PRIMARY_GID_FIELD])
        hide(&view->groups,
             tg_roster_group_by_gid(view, (uint32_t)line->number[PRIMARY_GID_FIELD], INT64_MIN));
}

static int read_lines(int fd, struct tg_roster_view *view, take_line *take)
{
    char buffer[BUFFER_SIZE];
    struct line line;
    start_line(&line);
    for (;;) {
        ssize_t got = read(fd, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        for (ssize_t i = 0; i < got; i++) {
            if (buffer[i] != '\n') {
                take_byte(&line, buffer[i]);
                continue;
            }
            take(view, &line);
            start_line(&line);
        }
    }
    take(view, &line);
    return 0;
}

static int read_file(const char *path, struct tg_roster_view *view, take_line *take)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    int status = read_lines(fd, view, take);
    (void)close(fd);
    return status;
}

/* A user with a hidden own group would be a member of the local group with its gid, or have one without a
 * name. */
static void hide_owners(struct tg_roster_view *view)
{
    for (uint32_t i = 0; i < view->groups.count; i++) {
        const struct tg_roster_group_record *group =
            (const void *)(view->groups.records + (size_t)i * view->groups.record_size);
        if (group->owner != 0 && (view->groups.hidden[i / 8] & (1u << (i % 8))) != 0)
            hide(&view->users, group->owner - 1);
    }
}

int tg_roster_hide_local(struct tg_roster_view *view, const char *passwd, const char *group)
{
    int status = read_file(passwd, view, take_passwd_line);
    if (status == 0)
        status = read_file(group, view, take_group_line);
    if (status == 0)
        hide_owners(view);
    return status;
}
