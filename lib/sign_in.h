/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a person signs with a touch of a security key to sign in (namespace session-v1@tegata), and to have
 * one of their own keys certified (certificate-v1@tegata). docs/protocol.md, "Sign-in". The service and
 * tegata-ca verify the same bytes, each for itself.
 */
#ifndef TEGATA_LIB_SIGN_IN_H
#define TEGATA_LIB_SIGN_IN_H

#include "lib/policy.h"
#include "lib/sshsig.h"

enum {
    TG_SIGN_IN_MAX = 8192,
    TG_SIGN_IN_NONCE_SIZE = 23, /* 22 base64url characters (16 bytes) + NUL */
    TG_SIGN_IN_SKEW = 120,      /* seconds between `at` and the reader's clock, at most */
};

enum tg_sign_in_kind { TG_SIGN_IN_SESSION, TG_SIGN_IN_CERTIFICATE };

/* One document. All pointers live as long as it does. */
struct tg_sign_in {
    int64_t at;
    char nonce[TG_SIGN_IN_NONCE_SIZE]; /* chosen by the service, good for one use */
    const char *person;
    const char *service;      /* the service's authority, "approve.example.com:8443" */
    const char *key;          /* certificate: the public key to be certified, "TYPE BASE64"; session: NULL */
    uint32_t seconds;         /* certificate: how long it is to live; 0: as the policy says */
    struct tg_bytes document; /* the bytes it was parsed from */
    void *storage;            /* owns every string above */
};

/* Writes the document of this kind. `document` and `storage` of *sign_in are not looked at. On 0, *text is
 * malloc'ed and *length is its length without the NUL. -1 without memory, or for a text that JSON cannot
 * carry. */
int tg_sign_in_compose(enum tg_sign_in_kind kind, const struct tg_sign_in *sign_in, char **text,
                       size_t *length);

/* Parses the bytes: canonical form, closed schema of the kind. Does not look at the signature or at the key's
 * own form. error->reason is sign_in_malformed. On 0, *out is the caller's to free. */
int tg_sign_in_parse(enum tg_sign_in_kind kind, struct tg_bytes document, struct tg_sign_in **out,
                     struct tg_error *error);

/* NULL-safe. */
void tg_sign_in_free(struct tg_sign_in *sign_in);

/* A verified document. `person` and `entry` point into the policy. */
struct tg_signed_in {
    struct tg_sign_in *sign_in;
    const struct tg_person *person;
    const struct tg_person_key *entry; /* whose signature it is */
    struct tg_public_key *key;         /* certificate: sign_in->key, parsed; else NULL */
    struct tg_sshsig_facts facts;
};

/* Verifies a document and its armored signature over the received bytes, by the policy: the signer's key is
 * listed for the person that the document names, who is not disabled, and is not revoked; the signature is a
 * security key's, touched, with the user verified where the key's entry asks for it or the signature is a
 * browser's, of a key that cannot be copied where the entry is attested; `at` is within TG_SIGN_IN_SKEW of
 * `now`; the document names `service`. Whether the nonce is one that the service gave out, and used for the
 * first time, is the caller's to know.
 *
 * On 0, *out is filled in; clear it before the policy is freed. error->reason is one of sign_in_malformed,
 * sign_in_signature, sign_in_key, sign_in_software_key, sign_in_no_touch, sign_in_time, sign_in_service,
 * requester_disabled. */
int tg_sign_in_verify(const struct tg_policy *policy, enum tg_sign_in_kind kind, struct tg_bytes document,
                      const char *armored_signature, const char *service, int64_t now,
                      struct tg_signed_in *out, struct tg_error *error);

/* NULL-safe; frees what it owns. */
void tg_signed_in_clear(struct tg_signed_in *signed_in);

#endif
