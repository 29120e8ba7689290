/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sign-ins of both kinds: the first byte chooses. What is accepted must come out as it went in.
 */
#include "lib/sign_in.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_sign_in *sign_in;
    struct tg_error error;
    char *text;
    size_t length;
    if (size == 0)
        return 0;
    enum tg_sign_in_kind kind = (data[0] & 1) != 0 ? TG_SIGN_IN_CERTIFICATE : TG_SIGN_IN_SESSION;
    if (tg_sign_in_parse(kind, tg_bytes_of(data + 1, size - 1), &sign_in, &error) != 0) {
        if (error.reason != TG_sign_in_malformed)
            abort();
        return 0;
    }
    if (tg_sign_in_compose(kind, sign_in, &text, &length) != 0 || length != size - 1 ||
        memcmp(text, data + 1, length) != 0)
        abort();
    free(text);
    tg_sign_in_free(sign_in);
    return 0;
}
