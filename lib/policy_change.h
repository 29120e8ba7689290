/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Enrolment: the challenge that a new key answers, and the file by which the key then comes into the policy.
 * The file carries its evidence, so that whoever signs the policy verifies it again. docs/protocol.md,
 * "Enrolment and attestation".
 */
#ifndef TEGATA_LIB_POLICY_CHANGE_H
#define TEGATA_LIB_POLICY_CHANGE_H

#include "lib/attestation.h"
#include "lib/policy.h"

#include <jansson.h>

enum {
    TG_ENROLMENT_MAX = 1024,       /* bytes of a challenge */
    TG_POLICY_CHANGE_MAX = 131072, /* bytes of a policy change */
    TG_ENROLMENT_NONCE_SIZE = 23,  /* 128 bits in base64url, and the NUL */
    TG_ENROLMENT_LABEL_MAX = 64,   /* characters */
};

/* {"at","nonce","person","service","v"}: its exact bytes are the challenge. */
struct tg_enrolment {
    int64_t at;
    char nonce[TG_ENROLMENT_NONCE_SIZE];
    const char *person;
    const char *service; /* the service's authority, or "offline" */
    void *storage;       /* owns the strings */
};

/* Makes a challenge with a fresh nonce. On 0, *document is malloc'ed. Fails with internal_error, or where
 * tg_enrolment_parse() would. */
int tg_enrolment_compose(const char *person, const char *service, int64_t at, char **document, size_t *length,
                         struct tg_error *error);

/* Reads one: attestation_challenge says what does not fit. On 0, *out is the caller's to free. */
int tg_enrolment_parse(struct tg_bytes document, struct tg_enrolment **out, struct tg_error *error);
/* NULL-safe. */
void tg_enrolment_free(struct tg_enrolment *enrolment);

/* What a person brings. */
struct tg_enrolment_evidence {
    bool webauthn; /* else ssh */
    const char *person;
    const char *label;           /* the person's own name for the key, at most TG_ENROLMENT_LABEL_MAX */
    struct tg_bytes challenge;   /* the enrolment's bytes */
    struct tg_bytes attestation; /* attestation object, or the file of write-attestation; of ssh may be empty:
                                    the key is then not attested, and may be of any type */
    struct tg_bytes client_data; /* clientDataJSON; empty for ssh */
    const char *key;             /* ssh: "TYPE BASE64 [COMMENT]"; NULL for webauthn */
    const char *origin, *rp_id;  /* webauthn; else NULL */
};

/* Verifies the evidence, without and with attestation (tg_attestation_verify_*()), and that its challenge is
 * an enrolment of this very person. How old it may be is the caller's to judge. On 0, *out is the caller's to
 * free. */
int tg_enrolment_verify(const struct tg_enrolment_evidence *evidence,
                        const struct tg_attestation_trust *trust, int64_t now, struct tg_attestation **out,
                        struct tg_error *error);

/* Writes the policy change for evidence that tg_enrolment_verify() has turned into `attestation`. On 0,
 * *document is malloc'ed. */
int tg_policy_change_compose(const struct tg_enrolment_evidence *evidence,
                             const struct tg_attestation *attestation, char **document, size_t *length,
                             struct tg_error *error);

struct tg_policy_change {
    struct tg_enrolment_evidence evidence;
    struct tg_bytes credential; /* the credential id that it names */
    const char *line;           /* key.key */
    bool attested;              /* key.attested: what whoever made the file says */
    bool user_verification;     /* key.uv */
    void *storage;              /* owns all of it */
};

/* Reads one: canonical form, closed schema, policy_change_malformed. Nothing is verified. On 0, *out is the
 * caller's to free. */
int tg_policy_change_parse(struct tg_bytes document, struct tg_policy_change **out, struct tg_error *error);
/* NULL-safe. */
void tg_policy_change_free(struct tg_policy_change *change);

/* Verifies the evidence again and compares it with what the change says: policy_change_contradicts if key,
 * credential, uv or, with `trust`, a claim to be attested differ. Without `trust` (NULL) nothing is attested.
 * (*out)->attested is what counts, never the change's own word. On 0, *out is the caller's to free. */
int tg_policy_change_verify(const struct tg_policy_change *change, const struct tg_attestation_trust *trust,
                            int64_t now, struct tg_attestation **out, struct tg_error *error);

/* The key's entry for the policy, {"attested","key","uv"[,"origin","rp_id"]}, a new reference. NULL without
 * memory. */
json_t *tg_policy_change_entry(const struct tg_enrolment_evidence *evidence,
                               const struct tg_attestation *attestation);

#endif
