/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The program that tears a one-person server down. One answer for tegata-teardown, which runs it as root, and
 * for tegata doctor.
 */
#ifndef TEGATA_LIB_TEARDOWN_H
#define TEGATA_LIB_TEARDOWN_H

#include "lib/error.h"

/* 0 if [host] teardown names a program, by its absolute path, that belongs to root and that nobody else can
 * write: who can write it decides what root runs. Else -1 with config_bad, and what to do about it. */
int tg_teardown_check(const char *path, struct tg_error *error);

#endif
