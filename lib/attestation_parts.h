/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of lib/attestation*.c share: the evidence taken apart, and what is trusted.
 */
#ifndef TEGATA_LIB_ATTESTATION_PARTS_H
#define TEGATA_LIB_ATTESTATION_PARTS_H

#include "lib/attestation.h"
#include "lib/webauthn.h"

#include <openssl/x509.h>

enum { TG_AAGUID_BYTES = 16, TG_CHAIN_MAX = 4 };

/* Authenticator data with a new credential (WebAuthn Level 2 section 6.1). All points into the bytes read. */
struct tg_credential_data {
    struct tg_bytes whole;
    struct tg_bytes rp_id_hash;
    uint8_t flags;
    struct tg_bytes aaguid;
    struct tg_bytes credential_id;
    enum tg_cose_algorithm algorithm; /* ES256 or EdDSA */
    struct tg_bytes x;                /* 32 bytes; EdDSA: the whole key */
    struct tg_bytes y;                /* 32 bytes, ES256 only */
    unsigned credential_protection;
    bool hmac_secret;
};

enum { TG_FLAG_UP = 0x01, TG_FLAG_UV = 0x04, TG_FLAG_BE = 0x08, TG_FLAG_BS = 0x10, TG_FLAG_AT = 0x40 };

/* An attestation statement, from either of its envelopes. */
struct tg_attestation_statement {
    const char *format; /* "packed", "fido-u2f", "none"; of ssh it follows from the data */
    struct tg_bytes signature;
    struct tg_bytes chain[TG_CHAIN_MAX]; /* DER, the device's own certificate first */
    size_t chain_length;                 /* 0: self attestation, or none */
    struct tg_credential_data data;
};

/* Takes apart an attestation object: exactly the three keys, canonical CBOR, nothing behind it. */
int tg_attestation_read_object(struct tg_bytes object, struct tg_attestation_statement *statement,
                               struct tg_error *error);

/* Takes apart an ssh-sk-attest-v01 blob (OpenSSH PROTOCOL.u2f). */
int tg_attestation_read_ssh(struct tg_bytes blob, struct tg_attestation_statement *statement,
                            struct tg_error *error);

/* Takes apart authenticator data: known flags, the exact encoding of an ES256 or Ed25519 key, no extension
 * but credProtect and hmac-secret, nothing behind them. */
int tg_credential_data_read(struct tg_bytes bytes, struct tg_credential_data *data, struct tg_error *error);

/* A model that is believed. */
struct tg_attestation_model {
    uint8_t aaguid[TG_AAGUID_BYTES];
    bool without_extension; /* its certificates need not name the model */
    char name[TG_DEVICE_NAME_SIZE];
};

struct tg_attestation_trust {
    X509_STORE *roots;
    STACK_OF(X509) * intermediates;
    struct tg_attestation_model *models;
    size_t model_count;
};

/* NULL if the model is not listed. */
const struct tg_attestation_model *tg_attestation_model(const struct tg_attestation_trust *trust,
                                                        struct tg_bytes aaguid);

/* Checks the certificate's shape (WebAuthn Level 2 sections 8.2.1 and 8.6), that it speaks of `model`, and
 * its chain to the roots at `now`. */
int tg_attestation_check_chain(const struct tg_attestation_trust *trust,
                               const struct tg_attestation_statement *statement,
                               const struct tg_attestation_model *model, int64_t now, struct tg_error *error);

#endif
