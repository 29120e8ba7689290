/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where tests put their files: below $TMPDIR, which make check removes (in_own_folder), or /tmp.
 */
#ifndef TEGATA_TESTS_UNIT_TEMPORARY_H
#define TEGATA_TESTS_UNIT_TEMPORARY_H

#include <stdio.h>
#include <stdlib.h>

/* With a file name of 40 bytes behind it, a path still fits into a socket's address. */
enum { TEMPORARY_SIZE = 64 };

/* Makes a template for mkdtemp() or mkstemp(). Returns `path`. */
static inline char *temporary_template(char path[static TEMPORARY_SIZE])
{
    const char *folder = getenv("TMPDIR");
    int length = snprintf(path, TEMPORARY_SIZE, "%s/test-XXXXXX", folder != NULL ? folder : "/tmp");
    if (length < 0 || length >= TEMPORARY_SIZE) {
        (void)fprintf(stderr, "TMPDIR is too long for these tests\n");
        abort();
    }
    return path;
}

#endif
