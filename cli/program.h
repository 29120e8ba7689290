/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command tegata, all but main().
 */
#ifndef TEGATA_CLI_PROGRAM_H
#define TEGATA_CLI_PROGRAM_H

#include "cli/security_key.h"

/* Finds the command, reads its options, runs it. Security keys come from `devices`. Returns an enum tg_exit.
 */
int tg_program(int argc, char **argv, const struct tg_security_devices *devices);

#endif
