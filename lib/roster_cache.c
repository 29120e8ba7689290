/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a process keeps between two lookups: the view now in force, without a lock, because a lock that
 * another thread held at fork() stays held in the child for ever.
 *
 * Views live in a few slots that are never freed, so their counters can be touched at any time:
 *
 *   reader   adds itself to the slot in force, then looks whether the slot is still in force. If it is, the
 * view stays until the reader takes itself off again. If it is not, the reader takes itself off and begins
 * anew. writer   (a reader that found the roster replaced) takes a free slot for itself, reads the file, and
 * puts its slot in force in one step. The slot that it displaced is retired, and unmapped once it is retired
 * and has no reader.
 *
 * All of it is sequentially consistent: either the reader sees that the slot is no longer in force, or the
 * writer sees the reader.
 *
 * A child of fork() inherits what other threads of the parent were doing: a slot that is taken or read by
 * nobody, for ever. That is a slot and at most its mapping lost; when none is left, each lookup reads the
 * file for itself, which is slow and right.
 */
#include "lib/roster_reader.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum slot_state {
    SLOT_FREE = 0,
    SLOT_TAKEN,   /* one thread has it to itself */
    SLOT_LIVE,    /* in force, or just displaced */
    SLOT_RETIRED, /* to be unmapped by whoever next finds it without readers */
};

enum {
    ATTEMPTS = 3, /* a file that is replaced while it is being read is read again; in the end any complete one
                     will do */
};

static bool change_state(struct tg_roster_slot *slot, uint32_t from, uint32_t to)
{
    return atomic_compare_exchange_strong(&slot->state, &from, to);
}

static bool is_superseded(const struct tg_roster_view *view)
{
    return atomic_load_explicit(view->superseded, memory_order_acquire) != 0;
}

/* The view in force, with this thread among its readers; or an empty handle. */
static uint32_t hold_current(struct tg_roster_cache *cache, struct tg_roster_handle *handle)
{
    uint32_t current = atomic_load(&cache->current);
    *handle = (struct tg_roster_handle){0};
    while (current != 0) {
        struct tg_roster_slot *slot = &cache->slots[current - 1];
        atomic_fetch_add(&slot->readers, 1);
        uint32_t again = atomic_load(&cache->current);
        if (again == current) {
            *handle = (struct tg_roster_handle){.view = slot->view, .slot = slot};
            return current;
        }
        atomic_fetch_sub(&slot->readers, 1);
        current = again;
    }
    return 0;
}

/* Which file this is, in one number; never 0. Two files of one number would only mean that a sound one is
 * taken for the damaged one before it, until the next is published. */
static uint64_t identity_of(const struct stat *file)
{
    const uint64_t parts[] = {(uint64_t)file->st_dev,          (uint64_t)file->st_ino,
                              (uint64_t)file->st_size,         (uint64_t)file->st_ctim.tv_sec,
                              (uint64_t)file->st_ctim.tv_nsec, (uint64_t)file->st_mtim.tv_nsec};
    uint64_t identity = 14695981039346656037u;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        identity = (identity ^ parts[i] ^ (identity >> 29)) * 1099511628211u;
    return identity | 1;
}

static int open_and_load(struct tg_roster_cache *cache, const struct tg_roster_paths *paths,
                         struct tg_roster_view **view)
{
    const char *problem = NULL;
    struct stat file;
    int fd = tg_roster_open(paths->roster, &problem);
    if (fd < 0)
        return fd;
    int status = fstat(fd, &file) == 0 ? 0 : -errno;
    uint64_t identity = status == 0 ? identity_of(&file) : 0;
    if (status == 0 && identity == atomic_load(&cache->refused))
        status = -EBADMSG;
    else if (status == 0)
        status = tg_roster_load(fd, paths, view, &problem);
    if (status == -EBADMSG)
        atomic_store(&cache->refused, identity);
    (void)close(fd);
    return status;
}

/* Reads the file that now has the name. One that says that it is superseded has just been replaced, or its
 * writer died before it had replaced it: then it is still the best there is. */
static int load_newest(struct tg_roster_cache *cache, const struct tg_roster_paths *paths,
                       struct tg_roster_view **view)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        tg_roster_unload(*view);
        *view = NULL;
        int status = open_and_load(cache, paths, view);
        if (status != 0)
            return status;
        if (!is_superseded(*view))
            return 0;
    }
    return 0;
}

/* Unmaps what nobody needs any more. */
static void sweep(struct tg_roster_cache *cache)
{
    for (size_t i = 0; i < TG_ROSTER_SLOTS; i++) {
        struct tg_roster_slot *slot = &cache->slots[i];
        if (!change_state(slot, SLOT_RETIRED, SLOT_TAKEN))
            continue;
        if (atomic_load(&slot->readers) != 0) {
            atomic_store(&slot->state, SLOT_RETIRED);
            continue;
        }
        tg_roster_unload(slot->view);
        slot->view = NULL;
        atomic_store(&slot->state, SLOT_FREE);
    }
}

static uint32_t take_slot(struct tg_roster_cache *cache)
{
    for (uint32_t i = 0; i < TG_ROSTER_SLOTS; i++) {
        if (change_state(&cache->slots[i], SLOT_FREE, SLOT_TAKEN))
            return i + 1;
    }
    return 0;
}

/* Puts `view` in force in the place of slot number `displaced`. Where that cannot be done, because another
 * thread was faster or no slot is left, the view stays this call's own. */
static void publish(struct tg_roster_cache *cache, struct tg_roster_view *view, uint32_t displaced,
                    struct tg_roster_handle *handle)
{
    *handle = (struct tg_roster_handle){.view = view};
    sweep(cache);
    uint32_t number = take_slot(cache);
    if (number == 0)
        return;
    struct tg_roster_slot *slot = &cache->slots[number - 1];
    slot->view = view;
    atomic_fetch_add(&slot->readers, 1);
    atomic_store(&slot->state, SLOT_LIVE);
    uint32_t expected = displaced;
    if (atomic_compare_exchange_strong(&cache->current, &expected, number)) {
        handle->slot = slot;
        if (displaced != 0)
            atomic_store(&cache->slots[displaced - 1].state, SLOT_RETIRED);
        sweep(cache);
        return;
    }
    slot->view = NULL;
    atomic_fetch_sub(&slot->readers, 1);
    atomic_store(&slot->state, SLOT_FREE);
}

static int renew(struct tg_roster_cache *cache, const struct tg_roster_paths *paths, uint32_t displaced,
                 struct tg_roster_handle *handle)
{
    struct tg_roster_view *view = NULL;
    int cancellation = PTHREAD_CANCEL_ENABLE;
    /* open() and read() are points where a thread can be cancelled, and would leave an fd behind. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellation);
    int status = load_newest(cache, paths, &view);
    if (status == 0)
        publish(cache, view, displaced, handle);
    (void)pthread_setcancelstate(cancellation, NULL);
    return status;
}

int tg_roster_acquire(struct tg_roster_cache *cache, const struct tg_roster_paths *paths,
                      struct tg_roster_handle *handle)
{
    uint32_t current = hold_current(cache, handle);
    if (current != 0 && !is_superseded(handle->view))
        return 0;
    tg_roster_release(handle);
    /* What has been replaced is not served, even if its replacement cannot be: better no answer than a wrong
     * one. */
    return renew(cache, paths, current, handle);
}

void tg_roster_release(struct tg_roster_handle *handle)
{
    if (handle->slot != NULL)
        atomic_fetch_sub(&handle->slot->readers, 1);
    else if (handle->view != NULL)
        tg_roster_unload((struct tg_roster_view *)(uintptr_t)handle->view);
    *handle = (struct tg_roster_handle){0};
}
