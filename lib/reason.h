/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The one table of refusals (lib/reason.def), as an enum and three look-ups. libc only.
 */
#ifndef TEGATA_LIB_REASON_H
#define TEGATA_LIB_REASON_H

#include <stdbool.h>
#include <stdint.h>

enum tg_reason {
#define REASON(name, number, text, advice) TG_##name = number,
#include "lib/reason.def"
#undef REASON
};

/* The code as programs see it ("ticket_none"), the sentence for a person, and what to do about it. Static
 * strings, never NULL; a number that is not in the table yields those of internal_error. */
const char *tg_reason_name(enum tg_reason reason);
const char *tg_reason_text(enum tg_reason reason);
const char *tg_reason_advice(enum tg_reason reason);

/* The reason with this code. False if there is none; *reason is then internal_error. */
bool tg_reason_from_name(const char *name, enum tg_reason *reason);

/* The reason with this number, as read from the agent's socket; internal_error if there is none. */
enum tg_reason tg_reason_from_number(uint32_t number);

#endif
