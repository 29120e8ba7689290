/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists that grow by doubling.
 */
#ifndef TEGATA_LIB_GROW_H
#define TEGATA_LIB_GROW_H

#include <stddef.h>

/* Makes room for one more than the `count` elements that a list has, and returns where the list is then;
 * *size is how many have room. NULL without memory: the list stays as it is. */
void *tg_grow(void *list, size_t count, size_t *size, size_t element);

#endif
