/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Secrets that a person types: a password, the PIN of a security key. Always on the controlling terminal, so
 * that neither a pipe nor a here-document can stand in for the person, and never shown.
 */
#ifndef TEGATA_CLI_PROMPT_H
#define TEGATA_CLI_PROMPT_H

#include "lib/error.h"

#include <stddef.h>

#define TG_PROMPT_TERMINAL "/dev/tty"

enum { TG_PROMPT_SECRET_SIZE = 513 }; /* the longest password, and its NUL */

/* Shows `prompt` (printable text, no line feed) on `terminal`, reads one line without echo into `secret` of
 * `size` bytes, and puts the terminal back as it was, also when a signal ends or stops the process. After a
 * stop it asks again. no_terminal if the terminal cannot be used, not_confirmed at the end of input (^D) or
 * if the line does not fit. `secret` is "" after a failure; wipe it after a success. */
int tg_prompt_secret(const char *terminal, const char *prompt, char *secret, size_t size,
                     struct tg_error *error);

/* Asks for a new secret, then once more; not_confirmed if the two differ. At most TG_PROMPT_SECRET_SIZE bytes
 * of `secret` are used. */
int tg_prompt_new_secret(const char *terminal, const char *prompt, const char *again, char *secret,
                         size_t size, struct tg_error *error);

#endif
