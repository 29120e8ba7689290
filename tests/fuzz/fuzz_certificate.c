/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Input: a certificate or public key blob, or a line of a .pub file.
 */
#include "lib/certificate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_error error;
    struct tg_certificate *certificate;
    struct tg_public_key *key;
    if (tg_certificate_parse(tg_bytes_of(data, size), &certificate, &error) == 0)
        (void)tg_certificate_has_principal(certificate, "alice");
    tg_certificate_free(certificate);
    (void)tg_public_key_parse(tg_bytes_of(data, size), &key, &error);
    tg_public_key_free(key);
    char *line = strndup((const char *)data, size);
    if (line != NULL) {
        (void)tg_certificate_parse_line(line, &certificate, &error);
        tg_certificate_free(certificate);
        (void)tg_public_key_parse_line(line, &key, &error);
        tg_public_key_free(key);
    }
    free(line);
    return 0;
}
