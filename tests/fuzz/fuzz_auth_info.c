/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SSH_AUTH_INFO_0, and the base64 in it.
 */
#include "lib/auth_info.h"
#include "lib/base64.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_base64(struct tg_bytes base64)
{
    size_t decoded_size = tg_base64_decoded_max(base64.length);
    size_t text_size = tg_base64_encoded_size(decoded_size);
    uint8_t *decoded = malloc(decoded_size);
    char *text = malloc(text_size);
    size_t used;
    if (decoded == NULL || text == NULL)
        abort();
    if (tg_base64_decode(TG_BASE64, base64, decoded, decoded_size, &used)) {
        if (!tg_base64_encode(TG_BASE64, tg_bytes_of(decoded, used), text, text_size) ||
            !tg_bytes_equal_text(base64, text))
            abort();
    }
    free(decoded);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_bytes type;
    struct tg_bytes base64;
    char *info = malloc(size + 1);
    if (info == NULL)
        abort();
    memcpy(info, data, size);
    info[size] = '\0';
    if (tg_auth_info_certificate(info, &type, &base64))
        try_base64(base64);
    else if (type.length + base64.length > 0)
        abort();
    free(info);
    return 0;
}
