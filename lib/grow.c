/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/grow.h"

#include <stdlib.h>

enum { FIRST_SIZE = 16 };

void *tg_grow(void *list, size_t count, size_t *size, size_t element)
{
    if (count < *size)
        return list;
    size_t larger = *size == 0 ? FIRST_SIZE : 2 * *size;
    void *grown = reallocarray(list, larger, element);
    if (grown != NULL)
        *size = larger;
    return grown;
}
