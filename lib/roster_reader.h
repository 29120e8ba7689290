/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading the roster, in every process that looks up a name. libc only; no stdio, no sockets, no threads, no
 * fd and no lock kept.
 *
 *   view    one roster, checked as a whole and never changed again. Lookups in a view cannot fail and make no
 * system call. cache   what a process keeps between calls: the view of the roster now in force.
 *
 * What the file says is not believed: who owns it, its checksum, every count, position, hash table, name and
 * id are checked once, when it is read, and a file with anything odd in it is refused as a whole. Accounts
 * and groups whose name or id local files hold are left out.
 */
#ifndef TEGATA_LIB_ROSTER_READER_H
#define TEGATA_LIB_ROSTER_READER_H

#include "lib/roster_format.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define TG_ROSTER_NOLOGIN "/usr/sbin/nologin"

/* No such entry. */
#define TG_ROSTER_NONE UINT32_MAX

struct tg_roster_paths {
    const char *roster; /* DIRECTORY/FILE, absolute */
    const char *passwd; /* the local files; one that does not exist holds nothing */
    const char *group;
};

/* Users or groups: records of one size that begin with a struct tg_roster_key, and their hash tables. */
struct tg_roster_set {
    const uint8_t *records;
    size_t record_size;
    uint32_t count;
    uint32_t buckets;
    const struct tg_roster_bucket *names;
    const struct tg_roster_bucket *ids;
    uint8_t *hidden; /* one bit for each record that local files hold; NULL: none */
};

struct tg_roster_view {
    struct tg_roster_header header;
    struct tg_roster_set users;
    struct tg_roster_set groups;
    const uint32_t *user_groups;
    const char *strings;
    const _Atomic uint32_t *superseded; /* in the file itself; NULL for a view of bytes in memory */
    void *header_page;
    size_t mapped;
};

/* --- Making a view
 * -------------------------------------------------------------------------------------------------- */

/* Checks a roster in memory (aligned to 8 bytes) and makes *view point into it. Returns 0, or -EBADMSG with
 * *problem naming what is wrong. Bytes that pass can be searched in every way without reading outside of them
 * and without a loop that does not end. */
int tg_roster_view_of_bytes(const void *bytes, size_t size, struct tg_roster_view *view,
                            const char **problem);

/* Leaves out of `view` what the local files hold: a user whose name, uid or own gid, a group whose name or
 * gid is in them. A local account's primary group counts even if no group file names it. Needs
 * view->users.hidden and view->groups.hidden. Returns 0 or -errno. */
int tg_roster_hide_local(struct tg_roster_view *view, const char *passwd, const char *group);

/* May a file with this owner and mode, in such a directory, be believed? A regular file that neither it nor
 * its directory lets group or others write, owned by root or by the directory's owner, who could put another
 * file there anyway. (The directory's own parent belongs to root.) Returns 0, or -EPERM with *problem saying
 * what is wrong. */
int tg_roster_check_stat(const struct stat *directory, const struct stat *file, const char **problem);

/* Opens the roster's file, following no symbolic link, and asks tg_roster_check_stat(). Returns an fd, or
 * -errno with *problem saying what is wrong. */
int tg_roster_open(const char *path, const char **problem);

/* Makes a view of the open file `fd` in memory of its own. The caller
 * unmaps it with tg_roster_unload(). Returns 0 or -errno with *problem saying what is wrong; -EBADMSG: the
 * content is. */
int tg_roster_load(int fd, const struct tg_roster_paths *paths, struct tg_roster_view **view,
                   const char **problem);
void tg_roster_unload(struct tg_roster_view *view);

/* --- Searching a view
 * ----------------------------------------------------------------------------------------------- */

/* Each returns an index, or TG_ROSTER_NONE. `now` is in seconds since 1970. Hidden entries, and users (with
 * their own groups) that are to be forgotten by now, are not found. Names match exactly. */
uint32_t tg_roster_user_by_name(const struct tg_roster_view *view, const char *name, int64_t now);
uint32_t tg_roster_user_by_uid(const struct tg_roster_view *view, uint32_t uid, int64_t now);
uint32_t tg_roster_group_by_name(const struct tg_roster_view *view, const char *name, int64_t now);
uint32_t tg_roster_group_by_gid(const struct tg_roster_view *view, uint32_t gid, int64_t now);

/* For enumeration: the entry with the lowest id above `id`; begin with 0. */
uint32_t tg_roster_user_after(const struct tg_roster_view *view, uint32_t id, int64_t now);
uint32_t tg_roster_group_after(const struct tg_roster_view *view, uint32_t id, int64_t now);

struct tg_roster_account {
    const char *name;
    uint32_t uid; /* also its primary gid */
    const char *gecos;
    const char *home;
    const char *shell; /* TG_ROSTER_NOLOGIN once it has expired */
    bool expired;
};

/* Strings point into the view. */
void tg_roster_account(const struct tg_roster_view *view, uint32_t user, int64_t now,
                       struct tg_roster_account *account);

const char *tg_roster_group_name(const struct tg_roster_view *view, uint32_t group);
uint32_t tg_roster_group_gid(const struct tg_roster_view *view, uint32_t group);

/* A user's supplementary groups, one at a time: with *position 0 at first, returns the gid of the next and
 * advances *position; 0 at the end. An expired user has none. */
uint32_t tg_roster_next_gid(const struct tg_roster_view *view, uint32_t user, int64_t now,
                            uint32_t *position);

/* --- Keeping a view between calls
 * ----------------------------------------------------------------------------------- */

/* How many views a process can have at once: the one in force, those that a thread still reads, those being
 * read in. */
#define TG_ROSTER_SLOTS 8

struct tg_roster_slot {
    _Atomic uint32_t state;
    _Atomic uint32_t readers;
    struct tg_roster_view *view;
};

/* Zeroed is empty. */
struct tg_roster_cache {
    _Atomic uint32_t current; /* number of the slot in force, plus 1; 0: none */
    _Atomic uint64_t
        refused; /* which file was found to be damaged, so that it is not read again and again; 0: none */
    struct tg_roster_slot slots[TG_ROSTER_SLOTS];
};

struct tg_roster_handle {
    const struct tg_roster_view *view;
    struct tg_roster_slot *slot; /* NULL: the view is this call's own */
};

/* The roster now in force, for the time until tg_roster_release(): no system call while the file has not been
 * replaced. Returns 0 or -errno, with *handle zeroed. May be called by any number of threads, and after fork.
 */
int tg_roster_acquire(struct tg_roster_cache *cache, const struct tg_roster_paths *paths,
                      struct tg_roster_handle *handle);
void tg_roster_release(struct tg_roster_handle *handle);

/* --- What may stand in a roster
 * ------------------------------------------------------------------------------------- */

/* [a-z_][a-z0-9_-]{0,31}, and none of the names to which sudoers, polkit or udev give power over a machine.
 */
bool tg_roster_name_allowed(const char *name);

/* At least TG_FIRST_UID, below 2^31, and not one that systemd gives to dynamic users, or nobody's (61184 to
 * 65535). */
bool tg_roster_id_allowed(uint32_t id);

/* Fit for a field of passwd(5): at most TG_ROSTER_STRING_MAX bytes, no colon, no control character. */
bool tg_roster_text_allowed(const char *text);

#endif
