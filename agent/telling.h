/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a session's people are told: on its terminals, and nowhere else. A session without a terminal (scp,
 * rsync, git) is never written into.
 */
#ifndef TEGATA_AGENT_TELLING_H
#define TEGATA_AGENT_TELLING_H

#include "agent/agent.h"
#include "agent/process_table.h"

enum { TG_LINE_SIZE = 256 };

/* Writes one line to each terminal that controls a process of the session, without waiting for one that is
 * stopped and without regard to one that refuses (mesg n). A terminal is written to only if it belongs to a
 * user as whom one of those processes runs: the table must have been scanned with uids. Returns to how many.
 */
size_t tg_session_tell(struct tg_agent *agent, const struct tg_session *session,
                       const struct tg_process_table *table, const char *line);

/* "Tegata: this session ends in 10 minutes (ticket T-...). To go on: tegata extend T-... 30m" */
void tg_warning_text(const struct tg_session *session, int64_t minutes, char *out, size_t size);

/* "Tegata: session ended: the ticket was revoked (T-...)" */
void tg_ended_text(const struct tg_session *session, char *out, size_t size);

#endif
