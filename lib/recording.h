/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Can this host record sessions? One answer for the agent, which refuses logins by it, for tegata-record,
 * which looks again before it starts the recorder, and for tegata doctor. libc only.
 */
#ifndef TEGATA_LIB_RECORDING_H
#define TEGATA_LIB_RECORDING_H

#include "lib/config.h"
#include "lib/error.h"

/* The value of [sessions] recordings that stands for systemd's journal; anything else is a file's path. */
#define TG_RECORDINGS_JOURNAL "journal"

/* Where the pieces lie that are not configured. */
struct tg_recording_paths {
    const char *recorder_shell; /* what the roster shows */
    const char *recorded_shell; /* what the recorder runs */
    const char *journal_socket;
};

#define TG_RECORDER_SHELL TG_LIBEXEC_DIR "/tegata-record"
#define TG_RECORDED_SHELL TG_LIBEXEC_DIR "/tegata-recorded-shell"
#define TG_RECORDING_PATHS                                                                                   \
    {                                                                                                        \
        .recorder_shell = TG_RECORDER_SHELL, .recorded_shell = TG_RECORDED_SHELL,                            \
        .journal_socket = "/run/systemd/journal/socket"                                                      \
    }

/* 0 if the recorder and both shells can be run by anybody and what takes the recordings is there: journald's
 * socket (without it, tlog would succeed and write nothing), or a file that anybody can write to, as the
 * recorder runs as the person. A recorder that is set-user-id or set-group-id is refused: tlog then keeps a
 * lock for each kernel audit session, and leaves every further terminal of the same connection unrecorded.
 * Else -1 with recording_unavailable, and what to do about it. Asks the file system each time: a few system
 * calls. */
int tg_recording_check(const struct tg_host_config *config, const struct tg_recording_paths *paths,
                       struct tg_error *error);

#endif
