/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the two maps of the NSS module share. Its code runs inside every program that looks up a name: libc
 * only, no stdio, no sockets, no threads, nothing kept between calls but the roster's view, nothing written
 * to any fd, no log.
 *
 * The roster in force is unavailable when its file is missing or damaged; every function then returns
 * NSS_STATUS_UNAVAIL with the errno of the failure, never NSS_STATUS_NOTFOUND. The module says nothing about
 * it in any log: syslog() would keep a socket open in a program that knows nothing of it. tegatad and tegata
 * doctor report a bad roster (tg_roster_check()).
 */
#ifndef TEGATA_NSS_NSS_TEGATA_H
#define TEGATA_NSS_NSS_TEGATA_H

#include "lib/roster_reader.h"

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stddef.h>
#include <stdint.h>

#define TG_NSS_EXPORT __attribute__((visibility("default")))

/* One call: the view that it reads, and the time. */
struct tg_nss_call {
    struct tg_roster_handle handle;
    const struct tg_roster_view *view;
    int64_t now;
    int saved_errno;
};

/* Begins a call. Unless it returns NSS_STATUS_SUCCESS, the call is over, and *errnop is set. */
enum nss_status tg_nss_begin(struct tg_nss_call *call, int *errnop);

/* Ends it: 0 is success and leaves errno as it was before; ERANGE asks for a larger buffer; ENOENT means not
 * found. */
enum nss_status tg_nss_end(struct tg_nss_call *call, int error, int *errnop);

/* The caller's buffer, as it is filled. */
struct tg_nss_buffer {
    char *at;
    size_t left;
};

/* Copies a string into it; NULL if it does not fit. */
char *tg_nss_copy(struct tg_nss_buffer *buffer, const char *text);

/* Takes room for `count` pointers out of it, aligned; NULL if there is not enough. */
char **tg_nss_pointers(struct tg_nss_buffer *buffer, size_t count);

/* The functions that glibc looks up by name (nss/nss_tegata.map lets out nothing else). Their contracts are
 * those of "NSS Modules Interface" in the manual of glibc. */
enum nss_status _nss_tegata_getpwnam_r(const char *name, struct passwd *result, char *buffer, size_t size,
                                       int *errnop);
enum nss_status _nss_tegata_getpwuid_r(uid_t uid, struct passwd *result, char *buffer, size_t size,
                                       int *errnop);
enum nss_status _nss_tegata_setpwent(int stay_open);
enum nss_status _nss_tegata_getpwent_r(struct passwd *result, char *buffer, size_t size, int *errnop);
enum nss_status _nss_tegata_endpwent(void);

enum nss_status _nss_tegata_getgrnam_r(const char *name, struct group *result, char *buffer, size_t size,
                                       int *errnop);
enum nss_status _nss_tegata_getgrgid_r(gid_t gid, struct group *result, char *buffer, size_t size,
                                       int *errnop);
enum nss_status _nss_tegata_setgrent(int stay_open);
enum nss_status _nss_tegata_getgrent_r(struct group *result, char *buffer, size_t size, int *errnop);
enum nss_status _nss_tegata_endgrent(void);
enum nss_status _nss_tegata_initgroups_dyn(const char *user, gid_t group, long int *start, long int *size,
                                           gid_t **groups, long int limit, int *errnop);

#endif
