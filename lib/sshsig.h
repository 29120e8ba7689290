/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SSHSIG (OpenSSH PROTOCOL.sshsig): the one envelope for everything that is signed. Verification is stricter
 * than `ssh-keygen -Y verify` and fido_assert_verify(): see docs/protocol.md, "Signatures".
 */
#ifndef TEGATA_LIB_SSHSIG_H
#define TEGATA_LIB_SSHSIG_H

#include "lib/public_key.h"

#define TG_NAMESPACE_POLICY      "policy-v1@tegata"
#define TG_NAMESPACE_APPROVAL    "approval-v1@tegata"
#define TG_NAMESPACE_REQUEST     "request-v1@tegata"
#define TG_NAMESPACE_STEP_UP     "step-up-v1@tegata"
#define TG_NAMESPACE_SESSION     "session-v1@tegata"
#define TG_NAMESPACE_CERTIFICATE "certificate-v1@tegata"

enum {
    TG_SSHSIG_MAX = 16384
}; /* bytes of a binary blob; an armored text may have twice as many characters */

/* What the verifier demands beyond a right signature. Zeroed = touch demanded of security keys, nothing else.
 */
struct tg_sshsig_demands {
    const char *origin; /* the web origin that a webauthn signature must name; NULL: webauthn is refused */
    const char *rp_id;  /* the key's application must equal it for webauthn; NULL: webauthn is refused */
    bool user_verification; /* UV must be set on sk and webauthn signatures; plain keys are then refused */
    bool security_key;      /* plain keys are refused */
    bool device_bound;      /* BE must be clear (webauthn) */
};

/* What a good signature says of itself. */
struct tg_sshsig_facts {
    bool security_key;
    bool webauthn;
    bool user_verified;
    bool backup_eligible;
    uint32_t counter;
};

/* Takes the armor off ("-----BEGIN SSH SIGNATURE-----"). On 0, *blob is malloc'ed. */
int tg_sshsig_dearmor(const char *armored, uint8_t **blob, size_t *length, struct tg_error *error);

/* Puts it on, 70 columns a line as ssh-keygen does. On 0, *armored is malloc'ed. */
int tg_sshsig_armor(struct tg_bytes blob, char **armored);

/* Who claims to have signed: the key inside a binary SSHSIG blob. Not verified! Use it to look the key up in
 * what is trusted. On 0, *key is the caller's to free. A certificate there is refused with
 * approval_by_certificate. */
int tg_sshsig_signer(struct tg_bytes blob, struct tg_public_key **key, struct tg_error *error);

/* Verifies a binary SSHSIG blob over `message` in `name_space`, by exactly `key`. On 0, *facts (may be NULL)
 * is filled in. error->reason is one of approval_malformed, approval_namespace, approval_signature,
 * approval_by_certificate, approver_unknown (another key than `key`), approval_no_touch,
 * approval_no_user_verification, approval_synced_key, approval_software_key, approval_origin. Callers for
 * other documents map it to their own code. */
int tg_sshsig_verify(struct tg_bytes blob, const char *name_space, struct tg_bytes message,
                     const struct tg_public_key *key, const struct tg_sshsig_demands *demands,
                     struct tg_sshsig_facts *facts, struct tg_error *error);

/* Puts the binary SSHSIG blob around an SSH signature (string type, string signature, ...) over
 * tg_sshsig_signed_data(). On 0, *blob is malloc'ed. */
int tg_sshsig_wrap(const struct tg_public_key *key, const char *name_space, struct tg_bytes signature,
                   uint8_t **blob, size_t *length, struct tg_error *error);

/* The bytes that an SSHSIG signature with sha512 covers: "SSHSIG", namespace, empty reserved, "sha512",
 * H(message). On 0, *data is malloc'ed. */
int tg_sshsig_signed_data(const char *name_space, struct tg_bytes message, uint8_t **data, size_t *length);

#endif
