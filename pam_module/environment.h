/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEGATA_PAM_MODULE_ENVIRONMENT_H
#define TEGATA_PAM_MODULE_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* Copies the value of the variable that a process was started with, from its environ file
 * (/proc/self/environ): what sudo shows by getenv() is the environment that it has made for the command.
 * False, and "", if there is none, or it does not fit with its terminator. */
bool tg_pam_started_with(const char *environ_path, const char *name, char *out, size_t size);

#endif
