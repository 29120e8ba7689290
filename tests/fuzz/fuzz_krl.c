/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Input: a revocation list. What was read is written and read again, and must be the same.
 */
#include "lib/krl.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(struct tg_krl *krl)
{
    struct tg_error error;
    struct tg_krl *again;
    uint8_t *bytes;
    size_t length;
    if (tg_krl_write(krl, &bytes, &length, &error) != 0)
        return; /* bitmaps may become longer than a list may be */
    if (tg_krl_parse(tg_bytes_of(bytes, length), &again, &error) != 0)
        abort();
    struct tg_krl_counts before = tg_krl_count(krl);
    struct tg_krl_counts after = tg_krl_count(again);
    if (memcmp(&before, &after, sizeof before) != 0 || tg_krl_version(krl) != tg_krl_version(again))
        abort();
    tg_krl_free(again);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_error error;
    struct tg_krl *krl;
    if (tg_krl_parse(tg_bytes_of(data, size), &krl, &error) == 0) {
        (void)tg_krl_revokes_key(krl, "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        (void)tg_krl_revokes_certificate(krl, tg_bytes_of(data, size), 42, "alice#42");
        write_again(krl);
    }
    tg_krl_free(krl);
    return 0;
}
