/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shell that the recorder runs: says first whose session this is, so that it stands at the beginning of
 * the recording, and becomes the real shell. It grants nothing: whoever calls it could call that shell.
 */
#include "recorder_shell/real_shell.h"

#include <stdio.h>
#include <unistd.h>

enum { VALUE_SIZE = 300 };

int main(int argc, char **argv)
{
    const struct tg_log log = {.program = "tegata-recorded-shell", .level = LOG_INFO};
    char ticket[VALUE_SIZE];
    char person[VALUE_SIZE];
    char session[VALUE_SIZE];
    tg_name_log(&log);
    if (argc < 1)
        return tg_refuse_to_run(&log, "called without a name");
    /* Whoever is recorded is told so; this line also ties the recording to the ticket. */
    if (isatty(STDOUT_FILENO) == 1) {
        (void)printf("tegata: this session is recorded (ticket %s, person %s, session %s)\n",
                     tg_session_value("TEGATA_TICKET", ticket, sizeof ticket),
                     tg_session_value("TEGATA_PERSON", person, sizeof person),
                     tg_session_value("TEGATA_SESSION", session, sizeof session));
        (void)fflush(stdout);
    }
    return tg_become_real_shell(&log, argv);
}
