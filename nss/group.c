/* SPDX-License-Identifier: BSD-2-Clause */
#include "nss/nss_tegata.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define NO_PASSWORD "*"

/* As in nss/passwd.c. */
static _Atomic uint32_t last_gid;

/* Returns 0 or ERANGE. */
static int fill(const struct tg_nss_call *call, uint32_t group, struct group *result, char *space,
                size_t size)
{
    struct tg_nss_buffer buffer = {.at = space, .left = size};
    result->gr_gid = tg_roster_group_gid(call->view, group);
    /* No members: who is in a group is decided for each session (pam_tegata), and a list would let newgrp and
     * sg give one session what another one's ticket grants. initgroups_dyn() tells the account's groups. */
    result->gr_mem = tg_nss_pointers(&buffer, 1);
    if (result->gr_mem != NULL)
        result->gr_mem[0] = NULL;
    result->gr_name = tg_nss_copy(&buffer, tg_roster_group_name(call->view, group));
    result->gr_passwd = tg_nss_copy(&buffer, NO_PASSWORD);
    return result->gr_mem != NULL && result->gr_name != NULL && result->gr_passwd != NULL ? 0 : ERANGE;
}

static enum nss_status answer(struct tg_nss_call *call, uint32_t group, struct group *result, char *buffer,
                              size_t size, int *errnop)
{
    int error = group == TG_ROSTER_NONE ? ENOENT : fill(call, group, result, buffer, size);
    return tg_nss_end(call, error, errnop);
}

TG_NSS_EXPORT enum nss_status _nss_tegata_getgrnam_r(const char *name, struct group *result, char *buffer,
                                                     size_t size, int *errnop)
{
    struct tg_nss_call call;
    enum nss_status status = tg_nss_begin(&call, errnop);
    if (status != NSS_STATUS_SUCCESS)
        return status;
    return answer(&call, tg_roster_group_by_name(call.view, name, call.now), result, buffer, size, errnop);
}

TG_NSS_EXPORT enum nss_status _nss_tegata_getgrgid_r(gid_t gid, struct group *result, char *buffer,
                                                     size_t size, int *errnop)
{
    struct tg_nss_call call;
    enum nss_status status = tg_nss_begin(&call, errnop);
    if (status != NSS_STATUS_SUCCESS)
        return status;
    return answer(&call, tg_roster_group_by_gid(call.view, gid, call.now), result, buffer, size, errnop);
}

TG_NSS_EXPORT enum nss_status _nss_tegata_setgrent(int stay_open)
{
    (void)stay_open;
    atomic_store(&last_gid, 0);
    return NSS_STATUS_SUCCESS;
}

TG_NSS_EXPORT enum nss_status _nss_tegata_endgrent(void)
{
    atomic_store(&last_gid, 0);
    return NSS_STATUS_SUCCESS;
}

TG_NSS_EXPORT enum nss_status _nss_tegata_getgrent_r(struct group *result, char *buffer, size_t size,
                                                     int *errnop)
{
    struct tg_nss_call call;
    enum nss_status status = tg_nss_begin(&call, errnop);
    if (status != NSS_STATUS_SUCCESS)
        return status;
    uint32_t group = tg_roster_group_after(call.view, atomic_load(&last_gid), call.now);
    status = answer(&call, group, result, buffer, size, errnop);
    if (status == NSS_STATUS_SUCCESS)
        atomic_store(&last_gid, result->gr_gid);
    return status;
}

/* glibc's growing array of gids: `used` of `size` are taken, and with a limit above 0 it may not grow beyond
 * that. It belongs to the caller, who frees it; this is the only allocation in the module. */
struct gid_list {
    long int *used;
    long int *size;
    gid_t **gids;
    long int limit;
};

static bool is_full(const struct gid_list *list)
{
    return list->limit > 0 && *list->used >= list->limit;
}

/* Returns 0 or ENOMEM. */
static int append(const struct gid_list *list, gid_t gid)
{
    if (*list->used >= *list->size) {
        long int size = *list->size < 8 ? 16 : 2 * *list->size;
        if (list->limit > 0 && size > list->limit)
            size = list->limit;
        gid_t *grown = reallocarray(*list->gids, (size_t)size, sizeof **list->gids);
        if (grown == NULL)
            return ENOMEM;
        *list->gids = grown;
        *list->size = size;
    }
    (*list->gids)[(*list->used)++] = gid;
    return 0;
}

/* Returns 0, ENOMEM, or ENOENT for a user that is not in the roster, has expired, or is asked for with a
 * primary group that is not the roster's: then it is not our user, only one of the same name. */
static int append_groups(const struct tg_nss_call *call, const char *user, gid_t primary,
                         const struct gid_list *list)
{
    struct tg_roster_account account;
    uint32_t index = tg_roster_user_by_name(call->view, user, call->now);
    if (index == TG_ROSTER_NONE)
        return ENOENT;
    tg_roster_account(call->view, index, call->now, &account);
    if (account.expired || account.uid != primary)
        return ENOENT;
    int error = 0;
    uint32_t position = 0;
    while (error == 0 && !is_full(list)) {
        gid_t gid = tg_roster_next_gid(call->view, index, call->now, &position);
        if (gid == 0)
            break;
        error = append(list, gid);
    }
    return error;
}

TG_NSS_EXPORT enum nss_status _nss_tegata_initgroups_dyn(const char *user, gid_t group, long int *start,
                                                         long int *size, gid_t **groups, long int limit,
                                                         int *errnop)
{
    const struct gid_list list = {.used = start, .size = size, .gids = groups, .limit = limit};
    struct tg_nss_call call;
    enum nss_status status = tg_nss_begin(&call, errnop);
    if (status != NSS_STATUS_SUCCESS)
        return status;
    return tg_nss_end(&call, append_groups(&call, user, group, &list), errnop);
}
