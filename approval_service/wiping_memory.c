/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/wiping_memory.h"

#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>

static void wipe_and_free(void *memory)
{
    if (memory == NULL)
        return;
    OPENSSL_cleanse(memory, malloc_usable_size(memory));
    free(memory);
}

void tg_wiping_memory(void)
{
    json_set_alloc_funcs(malloc, wipe_and_free);
}
