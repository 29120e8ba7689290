/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One SSH signature blob (RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709, OpenSSH PROTOCOL.u2f): what
 * stands in a certificate, in an SSHSIG and in an agent's answer.
 */
#ifndef TEGATA_LIB_SSH_SIGNATURE_H
#define TEGATA_LIB_SSH_SIGNATURE_H

#include "lib/sshsig.h"

#include <openssl/evp.h>

enum { TG_SSH_SIGNATURE_MAX = 8192 };

/* The fields; all point into the blob. */
struct tg_ssh_signature {
    struct tg_bytes algorithm;
    struct tg_bytes value;
    bool security_key; /* `flags` and `counter` are there */
    uint8_t flags;
    uint32_t counter;
    bool webauthn; /* the last three are there */
    struct tg_bytes origin;
    struct tg_bytes client_data;
    struct tg_bytes extensions;
};

/* False for unknown algorithms, SHA-1 RSA ("ssh-rsa"), and anything before or behind the fields. */
bool tg_ssh_signature_parse(struct tg_bytes blob, struct tg_ssh_signature *out);

/* Verifies a parsed signature over `data`: of security keys through tg_assertion_verify() with `demands`, of
 * webauthn's form the client data as well. Plain keys are checked against the demands, too. Reasons as for
 * tg_sshsig_verify(). */
int tg_ssh_signature_verify(const struct tg_public_key *key, const struct tg_ssh_signature *signature,
                            struct tg_bytes data, const struct tg_sshsig_demands *demands,
                            struct tg_sshsig_facts *facts, struct tg_error *error);

/* Signs `data` with the private half of `key` (no security key) and writes the blob; RSA with rsa-sha2-512.
 */
int tg_ssh_signature_make(const struct tg_public_key *key, EVP_PKEY *private_key, struct tg_bytes data,
                          struct tg_writer *writer, struct tg_error *error);

/* Writes an ECDSA signature in OpenSSL's DER form as SSH's string(mpint r, mpint s); the writer fails for
 * anything else. */
void tg_write_ecdsa(struct tg_writer *writer, struct tg_bytes der);

#endif
