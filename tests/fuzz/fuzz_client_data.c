/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Input: a clientDataJSON; the challenge is 1, 2, 3.
 */
#include "lib/webauthn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t challenge[] = {1, 2, 3};
    struct tg_error error;
    (void)tg_client_data_check(tg_bytes_of(data, size), tg_bytes_of(challenge, sizeof challenge),
                               "https://approve.example.test", &error);
    return 0;
}
