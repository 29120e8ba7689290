/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The texts that the agent and tegata-wipe exchange, and the kernel's list of mounts.
 */
#include "lib/wipe_lines.h"
#include "wipe/mounts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_wipe_account *list;
    struct tg_wiped wiped;
    struct tg_mounts mounts;
    size_t count;
    if (tg_wipe_accounts_read(tg_bytes_of(data, size), &list, &count))
        free(list);
    if (tg_wiped_read(tg_bytes_of(data, size), &wiped))
        tg_wiped_free(&wiped);
    if (tg_mounts_parse(tg_bytes_of(data, size), &mounts))
        tg_mounts_free(&mounts);
    return 0;
}
