/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Attestation: what a security key proves of itself when a key pair is made on it (WebAuthn Level 2 sections
 * 6.5, 7.1 and 8; OpenSSH PROTOCOL.u2f). docs/protocol.md, "Enrolment and attestation".
 *
 * libfido2 checks the signature of the attestation. Everything that it leaves to its caller is checked here:
 * the certificate chain, the shape of the certificate, the model, the flags, the key, the challenge.
 */
#ifndef TEGATA_LIB_ATTESTATION_H
#define TEGATA_LIB_ATTESTATION_H

#include "lib/public_key.h"

enum {
    TG_AAGUID_SIZE = 37,         /* "01020304-0506-..." in lower case, and the NUL */
    TG_DEVICE_NAME_SIZE = 65,    /* printable ASCII */
    TG_ATTESTATION_MAX = 32768,  /* bytes of an attestation object or of an ssh-sk-attest blob */
    TG_CREDENTIAL_ID_MAX = 1023, /* bytes (WebAuthn Level 2 section 7.1 step 25) */
};

/* Which devices are believed: the roots that sign attestation certificates, and the models. */
struct tg_attestation_trust;

/* Reads a directory: roots/NAME.pem (at least one certificate), intermediates/NAME.pem (may be missing), and
 * `aaguids`, lines of "AAGUID [without-extension] NAME" with # comments (tegata-attestation(5)). Refuses what
 * others can write, what is not understood, and a model named twice: attestation_trust. On 0, *out is the
 * caller's to free. */
int tg_attestation_trust_read(const char *directory, struct tg_attestation_trust **out,
                              struct tg_error *error);
/* NULL-safe. */
void tg_attestation_trust_free(struct tg_attestation_trust *trust);

/* What good evidence says. */
struct tg_attestation {
    struct tg_public_key *key; /* WebAuthn: sk-ecdsa-sha2-nistp256@openssh.com with the rpId as application */
    uint8_t credential_id[TG_CREDENTIAL_ID_MAX];
    size_t credential_id_length;
    char aaguid[TG_AAGUID_SIZE];
    char device[TG_DEVICE_NAME_SIZE]; /* the model's name in the trust directory; "" unless attested */
    bool attested;                    /* hardware of a listed model, by a chain to a configured root */
    bool user_verified;               /* the device verified its user when it made the key */
    bool backup_eligible;             /* the key can be copied to other devices; never with `attested` */
    unsigned credential_protection;   /* credProtect, CTAP 2.1 section 12.1: 1 to 3; 0: not said */
};

/* Verifies a registration of a browser. `attestation_object` and `client_data` are the bytes as received,
 * `challenge` those that navigator.credentials.create() was given. `trust` may be NULL: then the statement is
 * not looked at and the key is not attested. So it is with format "none". With `trust`, a statement that does
 * not hold is refused, never taken for none.
 *
 * Reasons: attestation_malformed, attestation_challenge, attestation_origin, attestation_key,
 * attestation_no_touch, attestation_synced, attestation_self, attestation_signature, attestation_untrusted,
 * attestation_certificate, attestation_device. On 0, *out is the caller's to free. */
int tg_attestation_verify_webauthn(const struct tg_attestation_trust *trust,
                                   struct tg_bytes attestation_object, struct tg_bytes client_data,
                                   struct tg_bytes challenge, const char *origin, const char *rp_id,
                                   int64_t now, struct tg_attestation **out, struct tg_error *error);

/* Verifies what `ssh-keygen -O write-attestation=FILE` wrote: `blob` is the file, `challenge` the content of
 * the -O challenge file, `key` the public key that it made. The same otherwise. */
int tg_attestation_verify_ssh(const struct tg_attestation_trust *trust, struct tg_bytes blob,
                              struct tg_bytes challenge, const struct tg_public_key *key, int64_t now,
                              struct tg_attestation **out, struct tg_error *error);

/* NULL-safe. */
void tg_attestation_free(struct tg_attestation *attestation);

#endif
