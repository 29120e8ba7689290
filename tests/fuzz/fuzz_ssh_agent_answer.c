/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an ssh-agent answers: it is the person's, and read inside sudo.
 */
#include "lib/ssh_agent_ask.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_bytes signature;
    if (!tg_ssh_agent_read_answer(tg_bytes_of(data, size), &signature)) {
        if (signature.length != 0)
            abort();
        return 0;
    }
    /* A kind, a length, and the signature to the end. */
    if (signature.length == 0 || signature.data != data + 5 || signature.length != size - 5)
        abort();
    return 0;
}
