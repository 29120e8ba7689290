/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Runs another program. No shell is involved.
 */
#ifndef TEGATA_CLI_RUN_H
#define TEGATA_CLI_RUN_H

#include "lib/error.h"

#include <stddef.h>

/* Runs `arguments` (NULL at the end; [0] is looked up in PATH) with this program's standard streams and
 * waits. 0 if it exits with 0. */
int tg_run(const char *const *arguments, struct tg_error *error);

/* The same, with standard output and standard error together in *output: malloc'ed text of at most `max`
 * bytes; whatever is beyond is an error. Standard input is /dev/null. *output is set on failure too, if there
 * is any. */
int tg_run_output(const char *const *arguments, size_t max, char **output, struct tg_error *error);

#endif
