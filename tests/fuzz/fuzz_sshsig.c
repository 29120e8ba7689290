/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Input: an SSHSIG blob, armored or not. It is verified by the key inside it.
 */
#include "lib/sshsig.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void verify(struct tg_bytes blob)
{
    struct tg_error error;
    struct tg_public_key *key;
    struct tg_sshsig_facts facts;
    if (tg_sshsig_signer(blob, &key, &error) == 0) {
        struct tg_sshsig_demands demands = {.origin = "https://approve.example.test",
                                            .rp_id = key->application};
        (void)tg_sshsig_verify(blob, "ticket@example.test", tg_bytes_of_text("message"), key, &demands,
                               &facts, &error);
    }
    tg_public_key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_error error;
    uint8_t *blob;
    size_t length;
    verify(tg_bytes_of(data, size));
    char *armored = strndup((const char *)data, size);
    if (armored != NULL && tg_sshsig_dearmor(armored, &blob, &length, &error) == 0) {
        verify(tg_bytes_of(blob, length));
        free(blob);
    }
    free(armored);
    return 0;
}
