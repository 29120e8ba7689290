/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Removing what an account owns. Every step is taken from an open directory and never follows a symbolic link
 * nor enters a mount (kernel.h), so whatever is planted or moved about meanwhile, only names inside the tree
 * that was begun with are removed. Nothing but names is: no file is opened, written, or given another owner
 * or mode, so a hard link to somebody else's file costs that file nothing.
 */
#ifndef TEGATA_WIPE_TREE_H
#define TEGATA_WIPE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TG_TREE_PATH_SIZE = 4096,
    TG_TREE_COMPLAINT_SIZE = 200,
    TG_TREE_DEEPEST = 1000, /* levels of other people's directories that are looked into */
};

struct tg_tree {
    bool dry_run;
    uint32_t uid;
    size_t removed; /* names; with dry_run those that would be */
    size_t failed;  /* that are still there and should not be, and places that could not be looked into */
    char complaint[TG_TREE_COMPLAINT_SIZE]; /* the first failure: path and why, printable; "" if none */
    char path[TG_TREE_PATH_SIZE];           /* where the walk is, for complaints; cut if too long */
    size_t path_length;
    uint64_t moved; /* directories that were moved up, because they lay too deep */
};

/* Names a failure by the path where the walk is; the first is kept. `cause` is an errno. */
void tg_tree_complain(struct tg_tree *tree, int cause);

/* Begins a walk at `path`. */
void tg_tree_begin(struct tg_tree *tree, const char *path);

/* Steps into `name` and back, for complaints. The return of the first is what the second takes. */
size_t tg_tree_enter(struct tg_tree *tree, const char *name);
void tg_tree_leave(struct tg_tree *tree, size_t mark);

/* Removes everything below the open directory, whoever owns it. Takes `fd` over. */
void tg_tree_empty(struct tg_tree *tree, int fd);

/* Removes what tree->uid owns below the open directory: files, and directories with all that is in them. What
 * lies in directories of others is looked at too, down to TG_TREE_DEEPEST: search.h finds the rest. Takes
 * `fd` over. */
void tg_tree_sift(struct tg_tree *tree, int fd);

#endif
