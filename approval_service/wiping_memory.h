/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Passwords arrive in JSON, whose strings belong to jansson.
 */
#ifndef TEGATA_APPROVAL_SERVICE_WIPING_MEMORY_H
#define TEGATA_APPROVAL_SERVICE_WIPING_MEMORY_H

/* From here on jansson overwrites whatever memory it gives back. Once, before it is used. */
void tg_wiping_memory(void);

#endif
