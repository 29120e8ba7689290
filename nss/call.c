/* SPDX-License-Identifier: BSD-2-Clause */
#include "nss/nss_tegata.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* The module's paths are fixed when it is built: an environment variable or a file that said otherwise would
 * be a way into every set-user-id program. The tests build a second module with paths of their own. */
#ifndef TG_NSS_ROSTER
#define TG_NSS_ROSTER TG_RUNTIME_DIR "/roster"
#define TG_NSS_PASSWD "/etc/passwd"
#define TG_NSS_GROUP  "/etc/group"
#endif

static const struct tg_roster_paths paths = {
    .roster = TG_NSS_ROSTER, .passwd = TG_NSS_PASSWD, .group = TG_NSS_GROUP};

/* The one thing that outlives a call. */
static struct tg_roster_cache cache;

enum nss_status tg_nss_begin(struct tg_nss_call *call, int *errnop)
{
    struct timespec now;
    *call = (struct tg_nss_call){.saved_errno = errno};
    /* Answered by the vDSO, without a system call. */
    int status = clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0 ? 0 : -errno;
    if (status == 0)
        status = tg_roster_acquire(&cache, &paths, &call->handle);
    if (status != 0) {
        *errnop = -status;
        return NSS_STATUS_UNAVAIL;
    }
    call->view = call->handle.view;
    call->now = now.tv_sec;
    return NSS_STATUS_SUCCESS;
}

enum nss_status tg_nss_end(struct tg_nss_call *call, int error, int *errnop)
{
    tg_roster_release(&call->handle);
    if (error == 0) {
        errno = call->saved_errno;
        return NSS_STATUS_SUCCESS;
    }
    *errnop = error;
    return error == ENOENT ? NSS_STATUS_NOTFOUND : NSS_STATUS_TRYAGAIN;
}

char *tg_nss_copy(struct tg_nss_buffer *buffer, const char *text)
{
    size_t size = strlen(text) + 1;
    if (size > buffer->left)
        return NULL;
    char *copy = memcpy(buffer->at, text, size);
    buffer->at += size;
    buffer->left -= size;
    return copy;
}

char **tg_nss_pointers(struct tg_nss_buffer *buffer, size_t count)
{
    size_t odd = (uintptr_t)buffer->at % sizeof(char *);
    size_t skip = odd == 0 ? 0 : sizeof(char *) - odd;
    if (skip > buffer->left || count > (buffer->left - skip) / sizeof(char *))
        return NULL;
    char **pointers = (void *)(buffer->at + skip);
    buffer->at += skip + count * sizeof(char *);
    buffer->left -= skip + count * sizeof(char *);
    return pointers;
}
