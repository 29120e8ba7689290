/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Questions to the person, on the terminal itself: what is asked while ssh sets up a connection must reach
 * neither its input nor its output.
 */
#ifndef TEGATA_CLI_ASK_H
#define TEGATA_CLI_ASK_H

#include "lib/error.h"

#include <stddef.h>

/* Shows `question`, and what an empty answer stands for if `otherwise` is not NULL, and reads one line.
 * Without `otherwise` it asks until something is typed. no_terminal, or not_confirmed at the end of input. */
int tg_ask(const char *question, const char *otherwise, char *answer, size_t size, struct tg_error *error);

#endif
