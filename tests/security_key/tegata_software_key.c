/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command tegata with security keys in software instead of those at USB ports: the folders below the one
 * that TG_TEST_SECURITY_KEYS names (software_authenticator.h). And, for tests that have no libfido2:
 *
 *   tegata_software_key make-key DEVICE es256|eddsa APPLICATION PROTECTION [PIN]
 *
 * makes a credential in the device's folder and prints its id and its public key in hex, separated by a
 * blank.
 */
#include "cli/program.h"
#include "tests/security_key/software_authenticator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_hex(const uint8_t *bytes, size_t length, char end)
{
    for (size_t i = 0; i < length; i++)
        (void)printf("%02x", bytes[i]);
    (void)putchar(end);
}

static int make_key(int argc, char **argv)
{
    uint8_t id[64];
    uint8_t public_key[64];
    size_t id_length;
    size_t public_key_length;
    if (argc < 6) {
        (void)fputs("usage: make-key DEVICE es256|eddsa APPLICATION PROTECTION [PIN]\n", stderr);
        return 2;
    }
    int algorithm = strcmp(argv[3], "eddsa") == 0 ? COSE_EDDSA : COSE_ES256;
    int code = software_make_credential(argv[2], algorithm, argv[4], atoi(argv[5]), argc > 6 ? argv[6] : NULL,
                                        id, &id_length, public_key, &public_key_length);
    if (code != FIDO_OK) {
        (void)fprintf(stderr, "make-key: %s\n", fido_strerr(code));
        return 1;
    }
    print_hex(id, id_length, ' ');
    print_hex(public_key, public_key_length, '\n');
    return 0;
}

int main(int argc, char **argv)
{
    const char *folder = getenv("TG_TEST_SECURITY_KEYS");
    if (argc > 1 && strcmp(argv[1], "make-key") == 0)
        return make_key(argc, argv);
    struct tg_security_devices devices = software_devices(folder != NULL ? folder : "/nonexistent");
    return tg_program(argc, argv, &devices);
}
