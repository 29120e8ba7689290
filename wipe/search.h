/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Looking for files that still have a number, on all local file systems: also under what is mounted over
 * them, and in mounts that other paths lead to. Network and pseudo file systems are not searched.
 */
#ifndef TEGATA_WIPE_SEARCH_H
#define TEGATA_WIPE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum { TG_FOUND_SHOWN = 10, TG_FOUND_PATH_SIZE = 256 };

struct tg_found {
    uint32_t uid; /* and gid: an account's own group has the same number */
    uint32_t count;
    char first[TG_FOUND_SHOWN][TG_FOUND_PATH_SIZE]; /* printable; cut if long */
};

/* A directory that lay too deep to be searched on the way, for afterwards. */
struct tg_deep {
    int fd;
    char *path;
};

struct tg_search {
    struct tg_found *list;
    size_t count;
    struct tg_deep *deep; /* that wait */
    size_t deep_count;
    size_t unseen;       /* places that could not be searched */
    char complaint[256]; /* the first of them, and why; "" if none */
};

/* Searches everything for all numbers of the list at once. */
void tg_search_everything(struct tg_search *search);

/* Below one open directory, which is called `path`; takes `fd` over. For one mount, and for tests. */
void tg_search_below(struct tg_search *search, int fd, const char *path);

#endif
