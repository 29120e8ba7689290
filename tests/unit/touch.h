/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A security key in the test's own memory, for signatures with any flags: as OpenSSH makes them, and as a
 * browser does.
 */
#ifndef TEGATA_TESTS_UNIT_TOUCH_H
#define TEGATA_TESTS_UNIT_TOUCH_H

#include "lib/sshsig.h"

#include <openssl/types.h>

enum { TOUCHED = 0x01, VERIFIED = 0x04, BACKUP_ELIGIBLE = 0x08 };

#define TOUCH_ORIGIN "https://approve.example.com"
#define TOUCH_RP_ID  "approve.example.com"

struct touch_key {
    EVP_PKEY *private_key;
    struct tg_public_key *key;
    char line[1024];      /* "TYPE BASE64" */
    char json_line[1024]; /* the same as JSON without the quotes and without a blank: TYPE\u0020BASE64 */
};

/* sk-ssh-ed25519@openssh.com, application "ssh:"; or, for a browser, sk-ecdsa-sha2-nistp256@openssh.com for
 * TOUCH_RP_ID. */
void touch_key_make(struct touch_key *key, bool browser);
void touch_key_free(struct touch_key *key);

/* Signs `text`; the caller frees the armored signature. `origin`: NULL for OpenSSH's form, else a browser's.
 */
char *touch_sign(const struct touch_key *key, const char *name_space, const char *text, uint8_t flags,
                 const char *origin);

#endif
