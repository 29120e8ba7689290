/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files under /var/lib/tegata: written whole to a temporary name, fsync'ed, renamed, and the directory
 * fsync'ed. The first line carries a SHA-256 of the rest; a file that does not agree with it is set aside
 * under another name, never half-read.
 */
#ifndef TEGATA_AGENT_STATE_H
#define TEGATA_AGENT_STATE_H

#include "lib/error.h"
#include "lib/wire.h"

#include <jansson.h>

enum { TG_STATE_FILE_MAX = 512 * 1024 * 1024 };

/* Writes `bytes` as they are. 0 or -1 with internal_error; the old file then stays. */
int tg_file_replace(const char *directory, const char *name, struct tg_bytes bytes, struct tg_error *error);

/* The same for a file that everybody may read (0644), by its path, and without waiting for the disk. */
int tg_file_publish(const char *path, struct tg_bytes bytes, struct tg_error *error);

/* The whole file (`directory` "": `name` is its path), malloc'ed, with a NUL behind it. 0; 1 if there is no
 * such file; -1. */
int tg_file_read(const char *directory, const char *name, size_t max, char **out, size_t *length,
                 struct tg_error *error);

/* Renames `name` to `name`.damaged-NOW. */
void tg_file_set_aside(const char *directory, const char *name, int64_t now);

/* One JSON object in such a file. */
int tg_state_write(const char *directory, const char *name, const json_t *object, struct tg_error *error);

/* The same without waiting for the disk: once the machine itself has gone down, the file may be the old one,
 * the new one, or damaged. For what then is of no use any more. */
int tg_state_write_soon(const char *directory, const char *name, const json_t *object,
                        struct tg_error *error);

/* On 0, *out is the object, or NULL if there is no such file. -1: it cannot be read, or it is damaged and has
 * been set aside; the text says which. */
int tg_state_read(const char *directory, const char *name, int64_t now, json_t **out, struct tg_error *error);

/* The object of a file's bytes, or NULL; for tests and the fuzzer. */
json_t *tg_state_parse(struct tg_bytes bytes);

/* A number 0..2^53-1 of a saved object; false if it is not there or not one. */
bool tg_state_number(const json_t *object, const char *key, int64_t *out);

/* A string of a saved object copied to `out`; false if it is not there or does not fit. */
bool tg_state_text(const json_t *object, const char *key, char *out, size_t size);

#endif
