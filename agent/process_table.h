/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One scan of /proc: every process with what tells whose it is.
 */
#ifndef TEGATA_AGENT_PROCESS_TABLE_H
#define TEGATA_AGENT_PROCESS_TABLE_H

#include "agent/process.h"

enum { TG_AUDIT_UNSET = UINT32_MAX, TG_PROCESS_GROUPS_MAX = 128 };

struct tg_process_entry {
    struct tg_process process;
    pid_t parent;
    uint32_t audit_id;     /* TG_AUDIT_UNSET: none */
    uint32_t uids[4];      /* real, effective, saved, file system; UINT32_MAX: not known */
    unsigned int terminal; /* dev_t of the controlling terminal as the kernel encodes it in stat; 0: none */
    bool dead;             /* a zombie: nothing is left to end; audit_id and uids are not read */
};

struct tg_process_table {
    struct tg_process_entry *list; /* by pid */
    size_t count;
    size_t size;
    pid_t last;   /* that the kernel had given when the table was complete; 0: it does not say */
    bool settled; /* nobody escaped by forking and exiting while it was read */
};

/* Reads the table anew. Processes that end meanwhile are left out, but not what they have forked: who comes
 * while it is read is in it too, as long as they do not come faster than they can be read (`settled` is false
 * then). 0, or -errno if /proc cannot be read or there is no memory. */
int tg_process_table_scan(struct tg_process_table *table, const char *proc_root);

/* The same without the uids, which take a third of the time. */
int tg_process_table_scan_sessions(struct tg_process_table *table, const char *proc_root);
void tg_process_table_free(struct tg_process_table *table);

/* The pid that the kernel gave last, to a process or to a thread; 0 if it does not say. */
pid_t tg_process_last_pid(const char *proc_root);

/* Reads one process as it is now, with the uids if asked. 1; 0: there is none (any more); or -errno. */
int tg_process_table_read(const char *proc_root, pid_t pid, bool with_uids, struct tg_process_entry *entry);

/* NULL if there is none. */
const struct tg_process_entry *tg_process_table_find(const struct tg_process_table *table, pid_t pid);

/* The parent of `entry`; NULL if it is not in the table. */
const struct tg_process_entry *tg_process_table_parent(const struct tg_process_table *table,
                                                       const struct tg_process_entry *entry);

/* Is `entry` this process, or does it descend from it as the table stands? */
bool tg_process_descends(const struct tg_process_table *table, const struct tg_process_entry *entry,
                         const struct tg_process *ancestor);

/* The kernel audit session id of a process: 0 or -errno. */
int tg_process_audit_id(const char *proc_root, pid_t pid, uint32_t *audit_id);

/* The supplementary groups of a process. */
struct tg_process_groups {
    uint32_t list[TG_PROCESS_GROUPS_MAX];
    size_t count;
};

/* Reads them: 0; -ENOENT or -ESRCH if it has ended; -E2BIG if they are more than there is room for; or
 * another -errno. */
int tg_process_groups(const char *proc_root, pid_t pid, struct tg_process_groups *out);

/* The cgroup v2 path of a process ("/user.slice/.../session-3.scope"), "" if it has none: 0 or -errno. */
int tg_process_cgroup(const char *proc_root, pid_t pid, char *out, size_t size);

#endif
