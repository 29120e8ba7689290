/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Making SSHSIG signatures: with an unencrypted OpenSSH private key file (PROTOCOL.key), with a key in an
 * ssh-agent (draft-miller-ssh-agent), or, for security keys and encrypted files, with `ssh-keygen -Y sign`,
 * which asks on the terminal.
 */
#ifndef TEGATA_LIB_SIGNER_H
#define TEGATA_LIB_SIGNER_H

#include "lib/sshsig.h"

#include <openssl/types.h>

struct tg_signer;

/* A private key held in memory. Refuses files that others can read, encrypted ones and security keys
 * (error->text says which, so that the caller can turn to another way). */
int tg_signer_from_file(const char *path, struct tg_signer **out, struct tg_error *error);

/* The same from the file's bytes, for a caller that has opened it before it gave up its privileges. */
int tg_signer_from_bytes(struct tg_bytes pem, const char *name, struct tg_signer **out,
                         struct tg_error *error);

/* A private key that somebody else holds for OpenSSL, for example a token. Takes `private_key`, also on
 * failure; `key` is its public half, copied. */
int tg_signer_from_evp(EVP_PKEY *private_key, const struct tg_public_key *key, struct tg_signer **out,
                       struct tg_error *error);

/* A key held by the ssh-agent at `socket_path`. Waits at most 60 s for each answer (somebody may have to
 * touch). */
int tg_signer_from_agent(const char *socket_path, const struct tg_public_key *key, struct tg_signer **out,
                         struct tg_error *error);

/* Runs `ssh-keygen -Y sign -f path`. `path` is the private key file or, for a key in an agent, its .pub file.
 */
int tg_signer_from_ssh_keygen(const char *path, const struct tg_public_key *key, struct tg_signer **out,
                              struct tg_error *error);

/* Whatever else can make an SSH signature blob (string type, string signature, ...) over the signed data of
 * an SSHSIG: the command's security keys. */
struct tg_signature_maker {
    int (*make)(void *context, struct tg_bytes signed_data, uint8_t **signature, size_t *length,
                struct tg_error *error); /* on 0, *signature is malloc'ed */
    void (*free)(void *context);
    void *context;
    const char *origin; /* of a WebAuthn key, else NULL; must live as long as the signer */
    const char *rp_id;  /* likewise */
};

/* A signer that has `maker` sign; it takes over maker->context in any case. */
int tg_signer_from_maker(const struct tg_signature_maker *maker, const struct tg_public_key *key,
                         struct tg_signer **out, struct tg_error *error);

/* NULL-safe; wipes what it holds. */
void tg_signer_free(struct tg_signer *signer);

const struct tg_public_key *tg_signer_public_key(const struct tg_signer *signer);

/* Signs `message` in `name_space` with hash sha512. On 0, *blob is a malloc'ed binary SSHSIG blob. */
int tg_signer_sign(struct tg_signer *signer, const char *name_space, struct tg_bytes message, uint8_t **blob,
                   size_t *length, struct tg_error *error);

/* Signs the bytes themselves, as certificates are signed: on 0, *signature is a malloc'ed SSH signature blob
 * (string type, string signature, ...; RSA with rsa-sha2-512). It is not verified here: whoever asks parses
 * what it becomes part of. Not for signers that are ssh-keygen, which signs in namespaces only. */
int tg_signer_sign_bytes(struct tg_signer *signer, struct tg_bytes data, uint8_t **signature, size_t *length,
                         struct tg_error *error);

#endif
