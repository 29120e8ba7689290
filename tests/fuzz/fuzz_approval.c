/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ticket.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_approval *approval;
    struct tg_error error;
    if (tg_approval_parse(tg_bytes_of(data, size), &approval, &error) == 0) {
        if (strlen(approval->ticket) != TG_DIGEST_SIZE - 1 || approval->at < 0 || approval->seconds > 86400)
            abort();
        tg_approval_free(approval);
    } else if (error.reason != TG_approval_malformed) {
        abort();
    }
    return 0;
}
