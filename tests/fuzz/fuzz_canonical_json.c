/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whatever passes as canonical comes out the same when it is written again.
 */
#include "lib/canonical_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *value;
    struct tg_error error;
    if (tg_canonical_json_parse(tg_bytes_of(data, size), "input", 65536, TG_ticket_malformed, &value,
                                &error) != 0)
        return 0;
    char *text;
    size_t length;
    if (tg_canonical_json_write(value, &text, &length) != 0 ||
        !tg_bytes_equal(tg_bytes_of(text, length), tg_bytes_of(data, size)))
        abort();
    free(text);
    json_decref(value);
    return 0;
}
