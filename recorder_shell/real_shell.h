/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What tegata-record and tegata-recorded-shell share: which shell is the real one, and becoming it.
 *
 * Both run as the person, with an environment that sshd has made. What they take from it was set by PAM,
 * after whatever the client sent (sshd_config(5), AcceptEnv), so that the client cannot choose it.
 */
#ifndef TEGATA_RECORDER_SHELL_REAL_SHELL_H
#define TEGATA_RECORDER_SHELL_REAL_SHELL_H

#include "lib/log.h"

/* The shell that the ticket names. Whoever comes to the recorder shell past PAM, as with su(1), has no ticket
 * at hand, and gets the shell that a ticket has if nothing else was asked for. */
const char *tg_real_shell(void);

/* The value of a variable that PAM has set for the session, with every unprintable byte escaped; "-" if it is
 * not there. Returns `out`. */
const char *tg_session_value(const char *name, char *out, size_t size);

/* From here on log lines are `log`'s, not those of "-tegata-record", as a login shell is called. */
void tg_name_log(const struct tg_log *log);

/* Becomes the real shell with these arguments, as a login shell if argv[0] begins with '-', having taken from
 * the environment what is not the person's, and the right to gain privileges if the session has none.
 * Returns only if that fails, with the status to exit with: the person and the log were told. */
int tg_become_real_shell(const struct tg_log *log, char **argv);

/* Tells the person on standard error, and the log. Returns the status to exit with. */
__attribute__((format(printf, 2, 3))) int tg_refuse_to_run(const struct tg_log *log, const char *format, ...);

#endif
