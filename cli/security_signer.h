/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A tg_signer for a security key that is plugged in here.
 */
#ifndef TEGATA_CLI_SECURITY_SIGNER_H
#define TEGATA_CLI_SECURITY_SIGNER_H

#include "cli/security_key.h"
#include "lib/signer.h"

/* What the command signs with beyond files. Both must outlive every signer. */
struct tg_signing_means {
    const struct tg_security_devices *devices;
    const struct tg_security_user *user;
};

struct tg_security_signer_wish {
    const struct tg_public_key *key;
    struct tg_bytes credential; /* key handle, or id of the WebAuthn credential */
    const char *origin;         /* of a WebAuthn key; NULL: an OpenSSH one */
    bool user_verification;
};

/* Copies what it needs of `wish`. Nothing is asked of a device before something is to be signed. */
int tg_signer_from_security_key(const struct tg_signing_means *means,
                                const struct tg_security_signer_wish *wish, struct tg_signer **out,
                                struct tg_error *error);

struct tg_output;

/* Asks on the terminal (cli/prompt.h) and tells on `err`, which must outlive it. */
struct tg_security_user tg_security_user_at_terminal(struct tg_output *err);

#endif
