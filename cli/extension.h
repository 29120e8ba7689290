/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A ticket that lengthens the sessions of another, for people: what it would do, and which ones a ticket has.
 */
#ifndef TEGATA_CLI_EXTENSION_H
#define TEGATA_CLI_EXTENSION_H

#include "cli/link.h"
#include "cli/ticket_view.h"

/* Until when the sessions of `running` would go on if `extension` were approved now, with at most `seconds`
 * (0: as it asks); 0 if it would not lengthen anything: they differ, or the window of `running` is not known.
 */
int64_t tg_extension_end(const struct tg_ticket_view *extension, const struct tg_ticket_view *running,
                         uint32_t seconds, int64_t now);

/* For whoever is to approve `extension`: which sessions it would lengthen, and until when. Nothing for a
 * ticket that is no extension. */
void tg_render_extension(const struct tg_output *out, struct tg_link *link,
                         const struct tg_ticket_view *extension, uint32_t seconds, int64_t now);

/* The tickets that extend this one, each looked at for itself. */
void tg_render_extensions(const struct tg_output *out, struct tg_link *link,
                          const struct tg_ticket_view *running);

/* The sessions of a ticket, open and over. */
void tg_render_sessions(const struct tg_output *out, struct tg_link *link, const char *ticket, int64_t now);

#endif
