/* SPDX-License-Identifier: BSD-2-Clause */
#include "nss/nss_tegata.h"

#include <errno.h>
#include <stdatomic.h>

/* "*": no password. With "x", pam_unix would look for a shadow entry and deny; an empty field would let
 * everybody in. */
#define NO_PASSWORD "*"

/* Where an enumeration stands: the uid that was returned last. Uids rise, so it stays right when the roster
 * is replaced in between. glibc has one enumeration for the whole process, and lets one thread at a time into
 * it. */
static _Atomic uint32_t last_uid;

/* Returns 0 or ERANGE. */
static int fill(const struct tg_nss_call *call, uint32_t user, struct passwd *result, char *space,
                size_t size)
{
    struct tg_nss_buffer buffer = {.at = space, .left = size};
    struct tg_roster_account account;
    tg_roster_account(call->view, user, call->now, &account);
    result->pw_uid = account.uid;
    result->pw_gid = account.uid;
    result->pw_name = tg_nss_copy(&buffer, account.name);
    result->pw_passwd = tg_nss_copy(&buffer, NO_PASSWORD);
    result->pw_gecos = tg_nss_copy(&buffer, account.gecos);
    result->pw_dir = tg_nss_copy(&buffer, account.home);
    result->pw_shell = tg_nss_copy(&buffer, account.shell);
    bool whole = result->pw_name != NULL && result->pw_passwd != NULL && result->pw_gecos != NULL &&
                 result->pw_dir != NULL && result->pw_shell != NULL;
    return whole ? 0 : ERANGE;
}

static enum nss_status answer(struct tg_nss_call *call, uint32_t user, struct passwd *result, char *buffer,
                              size_t size, int *errnop)
{
    int error = user == TG_ROSTER_NONE ? ENOENT : fill(call, user, result, buffer, size);
    return tg_nss_end(call, error, errnop);
}

TG_NSS_EXPORT enum nss_status _nss_tegata_getpwnam_r(const char *name, struct passwd *result, char *buffer,
                                                     size_t size, int *errnop)
{
    struct tg_nss_call call;
    enum nss_status status = tg_nss_begin(&call, errnop);
    if (status != NSS_STATUS_SUCCESS)
        return status;
    return answer(&call, tg_roster_user_by_name(call.view, name, call.now), result, buffer, size, errnop);
}

TG_NSS_EXPORT enum nss_status _nss_tegata_getpwuid_r(uid_t uid, struct passwd *result, char *buffer,
                                                     size_t size, int *errnop)
{
    struct tg_nss_call call;
    enum nss_status status = tg_nss_begin(&call, errnop);
    if (status != NSS_STATUS_SUCCESS)
        return status;
    return answer(&call, tg_roster_user_by_uid(call.view, uid, call.now), result, buffer, size, errnop);
}

TG_NSS_EXPORT enum nss_status _nss_tegata_setpwent(int stay_open)
{
    (void)stay_open;
    atomic_store(&last_uid, 0);
    return NSS_STATUS_SUCCESS;
}

TG_NSS_EXPORT enum nss_status _nss_tegata_endpwent(void)
{
    atomic_store(&last_uid, 0);
    return NSS_STATUS_SUCCESS;
}

TG_NSS_EXPORT enum nss_status _nss_tegata_getpwent_r(struct passwd *result, char *buffer, size_t size,
                                                     int *errnop)
{
    struct tg_nss_call call;
    enum nss_status status = tg_nss_begin(&call, errnop);
    if (status != NSS_STATUS_SUCCESS)
        return status;
    uint32_t user = tg_roster_user_after(call.view, atomic_load(&last_uid), call.now);
    status = answer(&call, user, result, buffer, size, errnop);
    if (status == NSS_STATUS_SUCCESS)
        atomic_store(&last_uid, result->pw_uid);
    return status;
}
