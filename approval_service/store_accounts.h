/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the service remembers of people and is no part of the trust: passwords, invitations, nonces, tokens,
 * the keys that they enrolled and the certificates that were issued to them. Functions return 0, or -1 with
 * *error filled in, as those of store.h. Secrets come in as their SHA-256 (a password as its hash), so that a
 * copy of the database signs nobody in.
 */
#ifndef TEGATA_APPROVAL_SERVICE_STORE_ACCOUNTS_H
#define TEGATA_APPROVAL_SERVICE_STORE_ACCOUNTS_H

#include "approval_service/store.h"

/* The hash of a person's password, malloc'ed; NULL if the person has no account. */
int tg_store_password(struct tg_store *store, const char *person, char **hash, struct tg_error *error);

/* Puts `hash` in the place of `old`, which is the same password under another cost. Does nothing if the
 * password has been changed meanwhile. */
int tg_store_password_rehash(struct tg_store *store, const char *person, const char *old, const char *hash,
                             struct tg_error *error);

/* A new password in the place of `old`. Ends the person's web sessions, but for the token `keep` (a digest;
 * "": none), and takes back their nonces and invitation. sign_in_failed if the password is not `old` any
 * more.
 */
int tg_store_password_change(struct tg_store *store, const char *person, const char *old, const char *hash,
                             const char *keep, int64_t now, struct tg_error *error);

/* An invitation in the place of any earlier one of this person. */
int tg_store_invitation_add(struct tg_store *store, const char *digest, const char *person, int64_t expires,
                            struct tg_error *error);
/* The person that is invited, malloc'ed; invitation_invalid if there is no such invitation, or not any more.
 */
int tg_store_invitation(struct tg_store *store, const char *digest, int64_t now, char **person,
                        struct tg_error *error);
/* Uses an invitation up: the person's password is `hash` from now on, and what tg_store_password_change()
 * ends is ended. invitation_invalid if it was used up, replaced or over meanwhile. */
int tg_store_invitation_redeem(struct tg_store *store, const char *digest, const char *person,
                               const char *hash, int64_t now, struct tg_error *error);

/* What a nonce is good for. */
enum tg_nonce_use { TG_NONCE_SIGN_IN, TG_NONCE_ENROLMENT };

int tg_store_person_nonce_add(struct tg_store *store, enum tg_nonce_use use, const char *digest,
                              const char *person, int64_t expires, int64_t now, struct tg_error *error);
/* Uses a nonce up. nonce_invalid unless it was given to this person for this use, is not over, and was not
 * used before. */
int tg_store_person_nonce_use(struct tg_store *store, enum tg_nonce_use use, const char *digest,
                              const char *person, int64_t now, struct tg_error *error);

/* A key that a person has enrolled. It is worth nothing until the policy lists it. */
struct tg_stored_credential {
    const char *person;
    const char *fingerprint;
    const char *key;        /* public key line */
    const char *credential; /* WebAuthn credential id in base64url; "" for keys of ssh-keygen */
    const char *kind;       /* "webauthn" or "ssh" */
    bool attested;          /* the attestation was verified */
    const char *device;     /* what the attestation calls the device; may be "" */
    const char *label;
    int64_t created;
};
typedef int tg_store_each_credential(void *context, const struct tg_stored_credential *credential);

/* The same key of the same person again takes the place of the earlier entry. Two people may have one key
 * here, so that nobody can keep another from enrolling; the policy takes it for one of them only.
 * request_rate beyond TG_CREDENTIALS_MAX of one person. */
enum { TG_CREDENTIALS_MAX = 64 };
int tg_store_credential_add(struct tg_store *store, const struct tg_stored_credential *credential,
                            struct tg_error *error);
/* A person's, oldest first. */
int tg_store_credentials(struct tg_store *store, const char *person, tg_store_each_credential *each,
                         void *context, struct tg_error *error);

/* A certificate that was issued through this service. */
struct tg_stored_certificate {
    const char *person;
    const char *fingerprint; /* of the certified key */
    const char *line;        /* "TYPE BASE64 KEYID" */
    const char *serial;      /* decimal */
    const char *key_id;
    int64_t valid_after;
    int64_t valid_before;
    int64_t issued;
};
typedef int tg_store_each_certificate(void *context, const struct tg_stored_certificate *certificate);

int tg_store_certificate_add(struct tg_store *store, const struct tg_stored_certificate *certificate,
                             struct tg_error *error);
/* A person's certificates that are not over and were issued after `after`, of one key (NULL: of any), newest
 * first, at most `limit`. */
int tg_store_certificates(struct tg_store *store, const char *person, const char *fingerprint, int64_t after,
                          int64_t now, int limit, tg_store_each_certificate *each, void *context,
                          struct tg_error *error);

#endif
