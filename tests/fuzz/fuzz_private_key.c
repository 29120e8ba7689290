/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Input: an OpenSSH private key file, or what is inside its armor.
 */
#include "lib/armor.h"
#include "lib/openssh_private_key.h"
#include "lib/signer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(struct tg_bytes pem)
{
    struct tg_error error;
    struct tg_signer *signer;
    struct tg_security_key_file file;
    (void)tg_signer_from_bytes(pem, "input", &signer, &error);
    tg_signer_free(signer);
    (void)tg_openssh_security_key_parse(pem, "input", &file, &error);
    tg_security_key_file_clear(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *armored;
    parse(tg_bytes_of(data, size));
    if (!tg_armor_encode(tg_bytes_of(data, size), "OPENSSH PRIVATE KEY", &armored))
        return 0;
    parse(tg_bytes_of_text(armored));
    free(armored);
    return 0;
}
