/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Security keys in software, for tests: CTAP2 authenticators behind libfido2's I/O functions, so that the
 * whole of libfido2 and of cli/security_key.c is run. Each is a folder below one folder; its name is the
 * device's name, and in it are, each read anew whenever it matters, so that a test can change it at any time:
 *
 *   credentials  lines "ID APPLICATION PROTECTION", the id in hex: "SOFTSK01", one byte of algorithm (0
 * ES256, 1 EdDSA), 32 bytes of private key, as tests/security_key/tg_sk_provider.c has it, so that both sign
 * with the same keys. PROTECTION is that of credProtect, 1 to 3 pin          the PIN; no file: none is set
 *   retries      tries of the PIN that are left; no file: 8
 *   counter      the signature counter
 *   behaviour    one word:
 *                  touched     at once (also if there is no file)
 *                  untouched   nobody touches it: it goes on saying that it waits
 *                  refuses     it gives up waiting, as real ones do after half a minute
 *                  removed     it is taken out while it waits for the touch
 *                  absent      it is not plugged in
 *                  busy        another program is using it
 *                  locked      it is, but this user may not open it
 *   flags        the authenticator's flags of each signature, whatever was asked for
 */
#ifndef TEGATA_TESTS_SECURITY_KEY_SOFTWARE_AUTHENTICATOR_H
#define TEGATA_TESTS_SECURITY_KEY_SOFTWARE_AUTHENTICATOR_H

#include "cli/security_key.h"

/* The devices below `folder`, which must live as long as the result. */
struct tg_security_devices software_devices(const char *folder);

/* Has the device in `path` make a credential, through libfido2 (fido_dev_make_cred(): the PIN, if one is set,
 * must be given). `id` has room for 64 bytes, `public_key` for x||y (ES256) or 32 bytes (EdDSA). Returns
 * libfido2's code. */
int software_make_credential(const char *path, int cose_algorithm, const char *application, int protection,
                             const char *pin, uint8_t id[64], size_t *id_length, uint8_t public_key[64],
                             size_t *public_key_length);

#endif
