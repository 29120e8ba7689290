/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the tests of keys and signatures share: a temporary folder, OpenSSH's programs, files.
 */
#ifndef TEGATA_TESTS_UNIT_CRYPTO_HELP_H
#define TEGATA_TESTS_UNIT_CRYPTO_HELP_H

#include "lib/signer.h"

/* cmocka group fixtures: *state is the path of a new folder, removed with all that is in it. */
int make_folder(void **state);
int remove_folder(void **state);

/* Makes "FOLDER/NAME" in a buffer that the next calls but three overwrite. */
const char *in_folder(void **state, const char *name);

/* The same in the tree's tests/vectors/ssh. */
const char *in_vectors(const char *name);

/* Runs a program of PATH with standard input from /dev/null and its output thrown away; the list ends with
 * NULL. Returns its exit status. */
int run_program(const char *const *arguments);

/* `ssh-keygen -q -N "" -f PATH OPTION...`; must succeed. */
void generate_key(const char *path, const char *const *options);

/* The whole file, malloc'ed with a NUL behind it. */
char *read_file(const char *path, size_t *length);
void write_file(const char *path, struct tg_bytes bytes, unsigned mode);

/* The key of PATH.pub. */
struct tg_public_key *read_public_key(const char *path);

/* The binary blob of an armored signature file. */
uint8_t *read_signature(const char *path, size_t *length);

/* Asserts that `error` has this reason and says something. */
void assert_refused(int result, const struct tg_error *error, enum tg_reason reason);

#endif
