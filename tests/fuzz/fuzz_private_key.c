/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Input: an OpenSSH private key file, or what is inside its armor.
 */
#include "lib/armor.h"
#include "lib/signer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_error error;
    struct tg_signer *signer;
    char *armored;
    (void)tg_signer_from_bytes(tg_bytes_of(data, size), "input", &signer, &error);
    tg_signer_free(signer);
    if (!tg_armor_encode(tg_bytes_of(data, size), "OPENSSH PRIVATE KEY", &armored))
        return 0;
    (void)tg_signer_from_bytes(tg_bytes_of_text(armored), "input", &signer, &error);
    tg_signer_free(signer);
    free(armored);
    return 0;
}
