/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The approval page: the files of one directory, read into memory at start and at SIGHUP. A request is
 * answered from there and never reaches the file system.
 */
#ifndef TEGATA_APPROVAL_SERVICE_PAGE_H
#define TEGATA_APPROVAL_SERVICE_PAGE_H

#include "lib/error.h"
#include "lib/wire.h"

#include <stddef.h>

enum { TG_PAGE_NAME_SIZE = 64, TG_PAGE_ETAG_SIZE = 67 /* a quoted hex SHA-256 */ };

/* One file. It lives as long as somebody holds it, so that an answer that is being sent survives a reload. */
struct tg_page_file {
    char path[TG_PAGE_NAME_SIZE + 1]; /* "/app.js" */
    const char *type;                 /* for Content-Type; static */
    char etag[TG_PAGE_ETAG_SIZE];
    struct tg_bytes content;
    size_t holders;
};

struct tg_page;

/* Reads a directory; "": an empty page. Takes the regular files, neither hidden nor symbolic links, whose
 * name is letters, digits, '.', '-' and '_' and whose extension is one that pages are made of; it leaves the
 * others. config_bad if the directory cannot be read, has no index.html, or is larger than 8 MiB or 256
 * files. */
int tg_page_read(const char *directory, struct tg_page **out, struct tg_error *error);

/* The file for a path ("/" is index.html), or NULL. It is not held yet. NULL-safe. */
struct tg_page_file *tg_page_find(const struct tg_page *page, const char *path);

struct tg_page_file *tg_page_file_hold(struct tg_page_file *file);
/* Both are NULL-safe. */
void tg_page_file_release(struct tg_page_file *file);
void tg_page_free(struct tg_page *page);

#endif
