/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/telling.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Pseudoterminals are all that a session has: devices 136 to 143 of the kernel's list. */
enum {
    PTS_MAJOR_FIRST = 136,
    PTS_MAJOR_LAST = 143,
    PTS_PER_MAJOR = 256,
    TERMINALS_MAX = 64,
    PATH_SIZE = 128
};

/* The device numbers as /proc/PID/stat encodes them: new_encode_dev() of the kernel. */
static unsigned int major_of(unsigned int terminal)
{
    return (terminal >> 8) & 0xfff;
}

static unsigned int minor_of(unsigned int terminal)
{
    return (terminal & 0xff) | ((terminal >> 12) & 0xfff00);
}

static bool is_pts(unsigned int terminal)
{
    return major_of(terminal) >= PTS_MAJOR_FIRST && major_of(terminal) <= PTS_MAJOR_LAST;
}

/* Opens the terminal if it is there and `owner`'s. In a mount namespace of its own a process may have a
 * terminal of the same number as somebody else's in ours: that one must not be written to. */
static int open_terminal(const char *dev_root, unsigned int terminal, uid_t owner)
{
    char path[PATH_SIZE];
    struct stat status;
    unsigned int number = (major_of(terminal) - PTS_MAJOR_FIRST) * PTS_PER_MAJOR + minor_of(terminal);
    (void)snprintf(path, sizeof path, "%s/pts/%u", dev_root, number);
    int fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    if (fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_uid == owner &&
        status.st_rdev == makedev(major_of(terminal), minor_of(terminal)))
        return fd;
    (void)close(fd);
    return -1;
}

/* Whole or not at all as far as the terminal takes it: one that is stopped takes nothing. */
static bool write_line(int fd, const char *line)
{
    char text[TG_LINE_SIZE + 8];
    int length = snprintf(text, sizeof text, "\r\n%s\r\n", line);
    return length > 0 && (size_t)length < sizeof text && write(fd, text, (size_t)length) > 0;
}

/* Whose parents they are is only asked where the kernel's audit does not say it: 500 sessions may be told at
 * once. */
static bool is_of_session(const struct tg_session *session, const struct tg_process_table *table,
                          const struct tg_process_entry *entry)
{
    if (session->audit_id != TG_AUDIT_UNSET && entry->audit_id != TG_AUDIT_UNSET)
        return entry->audit_id == session->audit_id;
    return tg_process_descends(table, entry, &session->monitor);
}

static bool is_among(const unsigned int *terminals, size_t count, unsigned int terminal)
{
    for (size_t i = 0; i < count; i++) {
        if (terminals[i] == terminal)
            return true;
    }
    return false;
}

/* Who has this process now, which takes a third of the time of a scan to find out for all: only those on a
 * terminal are asked. UINT32_MAX, which is nobody, if it has ended. */
static uid_t owner_of(const struct tg_agent *agent, const struct tg_process_entry *entry)
{
    struct tg_process_entry now;
    if (tg_process_table_read(agent->proc_root, entry->process.pid, true, &now) != 1 ||
        !tg_process_same(&now.process, &entry->process))
        return UINT32_MAX;
    return now.uids[0];
}

size_t tg_session_tell(struct tg_agent *agent, const struct tg_session *session,
                       const struct tg_process_table *table, const char *line)
{
    unsigned int told[TERMINALS_MAX];
    size_t count = 0;
    for (size_t i = 0; agent->dev_root != NULL && i < table->count && count < TERMINALS_MAX; i++) {
        const struct tg_process_entry *entry = &table->list[i];
        if (entry->dead || !is_pts(entry->terminal) || is_among(told, count, entry->terminal) ||
            !is_of_session(session, table, entry))
            continue;
        int fd = open_terminal(agent->dev_root, entry->terminal, owner_of(agent, entry));
        if (fd >= 0 && write_line(fd, line))
            told[count++] = entry->terminal;
        if (fd >= 0)
            (void)close(fd);
    }
    return count;
}

void tg_warning_text(const struct tg_session *session, int64_t minutes, char *out, size_t size)
{
    (void)snprintf(out, size,
                   "Tegata: this session ends in %" PRId64
                   " minute%s (ticket %s). To go on: tegata extend %s 30m",
                   minutes, minutes == 1 ? "" : "s", session->ticket, session->ticket);
}

void tg_ended_text(const struct tg_session *session, char *out, size_t size)
{
    (void)snprintf(out, size, "Tegata: session ended: %s (%s)", tg_reason_text(session->ending.reason),
                   session->ticket);
}
