/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The key that signs certificates, as the configuration names it: in a file, in an ssh-agent, in a token.
 */
#ifndef TEGATA_CERTIFICATE_AUTHORITY_SIGNING_KEY_H
#define TEGATA_CERTIFICATE_AUTHORITY_SIGNING_KEY_H

#include "certificate_authority/token.h"
#include "lib/signer.h"

/* One section of the configuration; texts are the configuration's. */
struct tg_signing_key_settings {
    const char *section; /* "user_ca", for errors */
    const char *key;
    const char *public_key;
    const char *token;
    const char *pin_file;
};

/* An open key. Zeroed: none. */
struct tg_signing_key {
    struct tg_signer *signer;
    struct tg_token *token; /* for a key in a token, else NULL */
};

/* Does the configured key live in a token? */
bool tg_signing_key_is_in_token(const struct tg_signing_key_settings *settings);

/* Opens the key, unless settings->key is empty. A key in an ssh-agent is not asked to sign yet: somebody may
 * have to touch it. error->reason is config_bad or key_unusable. */
int tg_signing_key_open(const struct tg_signing_key_settings *settings, struct tg_signing_key *out,
                        struct tg_error *error);

/* Frees and wipes; the signer first, because it uses the token. */
void tg_signing_key_close(struct tg_signing_key *key);

#endif
