/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading /proc. A scan of some thousand processes must take a few 10 ms, because it is made again and again
 * while sessions end: one open and one read for each file, no stdio, no paths.
 *
 * Each process's directory is opened first and its files below that: then they are of one process, even if it
 * ends meanwhile and another gets its pid (the files of a process that has ended cannot be read).
 */
#include "agent/process_table.h"
#include "lib/grow.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* /proc/PID/status has its Uid line within the first few hundred bytes, and behind it that of the groups, of
 * which the kernel may list 65536: here is room for as many as tg_process_groups() takes. */
enum { STAT_SIZE = 1024, STATUS_SIZE = 2048, CGROUP_FILE_SIZE = 4096, LOAD_SIZE = 128, PATH_SIZE = 256 };

/* Of those that come while a table is read: how often it is looked for more, and how many of the pids that
 * were given last are looked at once more, because the kernel gives a pid a little before it can be found. */
enum { ROUNDS_MAX = 64, RECENT_PIDS = 16 };

/* The whole text a decimal number up to `max`, with nothing but white space behind it. */
static bool parse_number(const char *text, unsigned long max, unsigned long *out)
{
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    *out = strtoul(text, &end, 10);
    return errno == 0 && *out <= max && end[strspn(end, " \n")] == '\0';
}

/* A kernel without audit has no such file: then no process has an id. */
static int read_audit_id(int directory, uint32_t *audit_id)
{
    char text[32];
    unsigned long number;
    *audit_id = TG_AUDIT_UNSET;
    int result = tg_process_file(directory, "sessionid", text, sizeof text);
    if (result == -ENOENT)
        return 0;
    if (result != 0)
        return result;
    if (!parse_number(text, UINT32_MAX, &number))
        return -EPROTO;
    *audit_id = (uint32_t)number;
    return 0;
}

static int read_uids(int directory, uint32_t uids[4])
{
    char text[STATUS_SIZE];
    int result = tg_process_file(directory, "status", text, sizeof text);
    if (result != 0)
        return result;
    /* Newlines in the process's name, which stands before, are escaped by the kernel. */
    const char *line = strstr(text, "\nUid:");
    if (line == NULL || sscanf(line, "\nUid: %u %u %u %u", &uids[0], &uids[1], &uids[2], &uids[3]) != 4)
        return -EPROTO;
    return 0;
}

static int read_stat(int directory, struct tg_process_entry *entry)
{
    char text[STAT_SIZE];
    struct tg_process_stat stat;
    int result = tg_process_file(directory, "stat", text, sizeof text);
    if (result == 0)
        result = tg_process_parse_stat(text, &stat);
    if (result != 0)
        return result;
    entry->process = stat.process;
    entry->parent = stat.parent;
    entry->terminal = stat.terminal;
    entry->dead = stat.dead;
    return 0;
}

/* Has the process ended while it was read? */
static bool has_ended(int result)
{
    return result == -ESRCH || result == -ENOENT;
}

/* Did reading fail because this program or the machine is short of something? Nothing that was read then says
 * that a process is not there. */
static bool is_short(int result)
{
    return result == -EMFILE || result == -ENFILE || result == -ENOMEM;
}

/* Reads what tells whose it is. What cannot be read stays unset, but the entry stays: it may still be found
 * by descent. */
static int read_owner(int directory, bool with_uids, struct tg_process_entry *entry)
{
    int result = read_audit_id(directory, &entry->audit_id);
    if (with_uids && !has_ended(result) && !is_short(result))
        result = read_uids(directory, entry->uids);
    return has_ended(result) || is_short(result) ? result : 0;
}

/* 1: *entry is the process with this name below /proc. 0: it has ended. -errno: it could not be read. */
static int read_entry(int proc, const char *name, bool with_uids, struct tg_process_entry *entry)
{
    unsigned long pid;
    *entry = (struct tg_process_entry){.audit_id = TG_AUDIT_UNSET,
                                       .uids = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}};
    if (!parse_number(name, INT32_MAX, &pid))
        return 0;
    int directory = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return has_ended(-errno) ? 0 : -errno;
    int result = read_stat(directory, entry);
    if (result == 0 && entry->process.pid != (pid_t)pid)
        result = -EPROTO;
    if (result == 0 && !entry->dead)
        result = read_owner(directory, with_uids, entry);
    (void)close(directory);
    if (result == 0)
        return 1;
    return has_ended(result) ? 0 : result;
}

static struct tg_process_entry *make_room(struct tg_process_table *table)
{
    struct tg_process_entry *list = tg_grow(table->list, table->count, &table->size, sizeof *list);
    if (list == NULL)
        return NULL;
    table->list = list;
    return &table->list[table->count];
}

static int by_pid(const void *a, const void *b)
{
    pid_t left = ((const struct tg_process_entry *)a)->process.pid;
    pid_t right = ((const struct tg_process_entry *)b)->process.pid;
    return (left > right) - (left < right);
}

static bool is_sorted(const struct tg_process_table *table)
{
    for (size_t i = 1; i < table->count; i++) {
        if (table->list[i - 1].process.pid >= table->list[i].process.pid)
            return false;
    }
    return true;
}

static void sort(struct tg_process_table *table)
{
    if (!is_sorted(table))
        qsort(table->list, table->count, sizeof table->list[0], by_pid);
}

/* Appends the process with this name below /proc, if there is one. 1, 0 or -errno. */
static int append(struct tg_process_table *table, int proc, const char *name, bool with_uids)
{
    struct tg_process_entry *entry = make_room(table);
    if (entry == NULL)
        return -ENOMEM;
    int read = read_entry(proc, name, with_uids, entry);
    if (read > 0)
        table->count++;
    return read;
}

static int list(struct tg_process_table *table, DIR *directory, bool with_uids)
{
    table->count = 0;
    for (;;) {
        errno = 0;
        const struct dirent *file = readdir(directory);
        if (file == NULL)
            break;
        int read = isdigit((unsigned char)file->d_name[0])
                       ? append(table, dirfd(directory), file->d_name, with_uids)
                       : 0;
        if (read < 0)
            return read;
    }
    int result = -errno;
    /* The kernel lists them by pid already. */
    sort(table);
    return result;
}

/* --- Those who come meanwhile
 * --------------------------------------------------------------------------------------- */

/* Not every kernel has the first file, and in some containers the second is made up (lxcfs). */
static pid_t last_pid(int proc)
{
    static const char *const files[] = {"sys/kernel/ns_last_pid", "loadavg"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char text[LOAD_SIZE];
        unsigned long pid;
        if (tg_process_file(proc, files[i], text, sizeof text) != 0)
            continue;
        const char *word = strrchr(text, ' ');
        if (parse_number(word == NULL ? text : word + 1, INT32_MAX, &pid))
            return (pid_t)pid;
    }
    return 0;
}

/* Pids are given to threads as well, which /proc shows to those who ask for them by number. */
static bool is_thread(const struct tg_process_entry *entry)
{
    int pidfd = (int)syscall(SYS_pidfd_open, entry->process.pid, 0U);
    bool thread = pidfd < 0 && (errno == EINVAL || errno == ENOENT);
    if (pidfd >= 0)
        (void)close(pidfd);
    return thread;
}

/* Appends those from `first` to `last` that the table has not got. How many, or -errno. */
static int read_newcomers(struct tg_process_table *table, int proc, pid_t first, pid_t last, bool with_uids)
{
    const size_t known_count = table->count;
    int found = 0;
    for (pid_t pid = first; pid <= last; pid++) {
        const struct tg_process_table known = {.list = table->list, .count = known_count};
        char name[16];
        (void)snprintf(name, sizeof name, "%d", (int)pid);
        int read = tg_process_table_find(&known, pid) != NULL ? 0 : append(table, proc, name, with_uids);
        if (read < 0)
            return read;
        if (read > 0 && is_thread(&table->list[table->count - 1]))
            table->count--;
        else
            found += read;
    }
    sort(table);
    return found;
}

/* Whoever forks and exits at once, again and again, has left the pid that was listed when its turn comes to
 * be read, and the one that it has then was not listed. So every pid that the kernel has given since `first`
 * is looked at, until it gives no more: then whoever was not there has left nobody. */
static int follow(struct tg_process_table *table, int proc, pid_t first, bool with_uids)
{
    pid_t from = first;
    table->last = first;
    table->settled = first == 0;
    for (int round = 0; round < ROUNDS_MAX && !table->settled; round++) {
        pid_t last = last_pid(proc);
        /* They have begun anew at the lowest pids, some of which were passed already. */
        if (last < table->last)
            return 0;
        int found = read_newcomers(table, proc, from + 1, last, with_uids);
        if (found < 0)
            return found;
        table->settled = last == table->last && found == 0;
        table->last = last;
        from = last - first > RECENT_PIDS ? last - RECENT_PIDS : first;
    }
    return 0;
}

static int scan(struct tg_process_table *table, const char *proc_root, bool with_uids)
{
    table->count = 0;
    table->settled = false;
    DIR *directory = opendir(proc_root);
    if (directory == NULL)
        return -errno;
    pid_t first = last_pid(dirfd(directory));
    int result = list(table, directory, with_uids);
    if (result == 0)
        result = follow(table, dirfd(directory), first, with_uids);
    (void)closedir(directory);
    return result;
}

pid_t tg_process_last_pid(const char *proc_root)
{
    int proc = open(proc_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    pid_t last = proc < 0 ? 0 : last_pid(proc);
    if (proc >= 0)
        (void)close(proc);
    return last;
}

int tg_process_table_read(const char *proc_root, pid_t pid, bool with_uids, struct tg_process_entry *entry)
{
    char name[16];
    int proc = open(proc_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0)
        return -errno;
    (void)snprintf(name, sizeof name, "%d", (int)pid);
    int read = read_entry(proc, name, with_uids, entry);
    (void)close(proc);
    return read;
}

int tg_process_table_scan(struct tg_process_table *table, const char *proc_root)
{
    return scan(table, proc_root, true);
}

int tg_process_table_scan_sessions(struct tg_process_table *table, const char *proc_root)
{
    return scan(table, proc_root, false);
}

void tg_process_table_free(struct tg_process_table *table)
{
    free(table->list);
    *table = (struct tg_process_table){0};
}

const struct tg_process_entry *tg_process_table_find(const struct tg_process_table *table, pid_t pid)
{
    struct tg_process_entry key = {.process.pid = pid};
    if (table->count == 0)
        return NULL;
    return bsearch(&key, table->list, table->count, sizeof key, by_pid);
}

const struct tg_process_entry *tg_process_table_parent(const struct tg_process_table *table,
                                                       const struct tg_process_entry *entry)
{
    const struct tg_process_entry *parent = tg_process_table_find(table, entry->parent);
    /* A scan takes its time: if the parent has ended since and its pid is in use again, whoever has it now
     * began later than the child. */
    return parent == NULL || parent == entry || parent->process.start > entry->process.start ? NULL : parent;
}

bool tg_process_descends(const struct tg_process_table *table, const struct tg_process_entry *entry,
                         const struct tg_process *ancestor)
{
    /* Bounded by the table, should parents ever form a circle. */
    for (size_t steps = 0; entry != NULL && steps <= table->count; steps++) {
        if (tg_process_same(&entry->process, ancestor))
            return true;
        entry = tg_process_table_parent(table, entry);
    }
    return false;
}

/* Opens /proc/PID, to read files of this process alone. A descriptor or -errno. */
static int open_process(const char *proc_root, pid_t pid)
{
    char path[PATH_SIZE];
    if (pid <= 0)
        return -ESRCH;
    (void)snprintf(path, sizeof path, "%s/%d", proc_root, (int)pid);
    int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return directory < 0 ? -errno : directory;
}

int tg_process_audit_id(const char *proc_root, pid_t pid, uint32_t *audit_id)
{
    *audit_id = TG_AUDIT_UNSET;
    int directory = open_process(proc_root, pid);
    if (directory < 0)
        return directory;
    int result = read_audit_id(directory, audit_id);
    (void)close(directory);
    return result;
}

/* From behind the line's name. Without an end of the line the text was cut. */
static int parse_groups(const char *text, struct tg_process_groups *out)
{
    for (text += strspn(text, " \t"); *text != '\n'; text += strspn(text, " \t")) {
        char *end;
        if (*text == '\0' || out->count == TG_PROCESS_GROUPS_MAX)
            return -E2BIG;
        errno = 0;
        unsigned long gid = strtoul(text, &end, 10);
        if (!isdigit((unsigned char)*text) || errno != 0 || gid > UINT32_MAX)
            return -EPROTO;
        out->list[out->count++] = (uint32_t)gid;
        text = end;
    }
    return 0;
}

int tg_process_groups(const char *proc_root, pid_t pid, struct tg_process_groups *out)
{
    static const char name[] = "\nGroups:";
    char text[STATUS_SIZE];
    out->count = 0;
    int directory = open_process(proc_root, pid);
    if (directory < 0)
        return directory;
    int result = tg_process_file(directory, "status", text, sizeof text);
    (void)close(directory);
    if (result != 0)
        return result;
    const char *line = strstr(text, name);
    return line == NULL ? -EPROTO : parse_groups(line + strlen(name), out);
}

int tg_process_cgroup(const char *proc_root, pid_t pid, char *out, size_t size)
{
    char text[CGROUP_FILE_SIZE];
    out[0] = '\0';
    int directory = open_process(proc_root, pid);
    if (directory < 0)
        return directory;
    int result = tg_process_file(directory, "cgroup", text, sizeof text);
    (void)close(directory);
    if (result != 0)
        return result == -ENOENT ? 0 : result;
    /* Lines of cgroup v1 hierarchies may stand before; a path cannot hold a newline that is not escaped. */
    const char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (line == NULL)
        return 0;
    line += line[0] == '\n' ? 4 : 3;
    size_t length = strcspn(line, "\n");
    if (line[length] != '\n' || length >= size)
        return -ENAMETOOLONG;
    memcpy(out, line, length);
    out[length] = '\0';
    return 0;
}
