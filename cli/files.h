/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading and writing whole files.
 */
#ifndef TEGATA_CLI_FILES_H
#define TEGATA_CLI_FILES_H

#include "lib/error.h"

#include <stddef.h>
#include <sys/types.h>

/* Reads a whole file ("-": standard input) of at most `max` bytes; *text is malloc'ed and ends with a NUL
 * that does not count. Refuses a NUL inside. error->reason is `reason`. */
int tg_file_read(const char *path, size_t max, enum tg_reason reason, char **text, size_t *length,
                 struct tg_error *error);

/* The same for a file that is no text; *bytes has a NUL behind it all the same. */
int tg_file_read_bytes(const char *path, size_t max, enum tg_reason reason, char **bytes, size_t *length,
                       struct tg_error *error);

/* Creates a file that must not exist yet. */
int tg_file_create(const char *path, mode_t mode, const char *text, size_t length, struct tg_error *error);

/* Replaces (or creates) a file: a temporary file beside it, fsync, rename. */
int tg_file_replace(const char *path, mode_t mode, const char *text, size_t length, struct tg_error *error);

/* Makes a directory and its missing parents, mode 0700. An existing one is left alone. */
int tg_directory_make(const char *path);

#endif
