/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The policy document: who people are, which keys are theirs, which authorities sign certificates, and who
 * may go where with whose approval. Signed by k of n offline root keys, namespace policy-v1@tegata.
 * docs/protocol.md, "Policy".
 */
#ifndef TEGATA_LIB_POLICY_H
#define TEGATA_LIB_POLICY_H

#include "lib/error.h"
#include "lib/krl.h"
#include "lib/public_key.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TG_POLICY_MAX = 1048576,
    TG_EXTENSION_SECONDS_MAX = 86400, /* the greatest max_extension_seconds */
};

struct tg_person_key {
    struct tg_public_key *key;
    const char *origin;     /* where a WebAuthn key is used; NULL for keys that are not WebAuthn's */
    const char *rp_id;      /* likewise */
    bool attested;          /* the root holders have seen that it is hardware */
    bool user_verification; /* it always verifies its user: an approval without UV is refused */
};

struct tg_person {
    const char *name;
    uint32_t uid;
    const char **groups;
    size_t group_count;
    struct tg_person_key *keys;
    size_t key_count;
    bool disabled;
    bool confined; /* sessions reach only what their ticket's permit_open names, and the name server */
};

/* A shared account such as deploy. uid 0: it is the host's own, Tegata publishes nothing for it. */
struct tg_shared_account {
    const char *name;
    uint32_t uid;
    bool confined; /* as of a person */
};

/* A Unix group that tickets may grant. */
struct tg_unix_group {
    const char *name;
    uint32_t gid;
};

struct tg_approver_group {
    const char *group;
    uint32_t count;
};

struct tg_rule {
    const char *id;
    const char **hosts; /* fnmatch(3) globs over host names */
    size_t host_count;
    const char **accounts; /* "self" or names */
    size_t account_count;
    const char **requesters; /* groups */
    size_t requester_count;
    struct tg_approver_group *approvers; /* all must be met; never empty */
    size_t approver_count;
    uint32_t max_seconds;
    uint32_t max_certificate_seconds;
    bool hardware_key;      /* of the login key and of approvers' keys */
    bool user_verification; /* of approvals */
    const char **groups;    /* Unix groups that a ticket may ask for; empty unless accounts is only "self" */
    size_t group_count;
    const char **sudo; /* roles that a ticket may ask for: Unix groups of the policy that the host's sudoers
                          file maps to commands; empty unless accounts is only "self" */
    size_t sudo_count;
    const char **options; /* pty, agent-forwarding, port-forwarding, x11 */
    size_t option_count;
    const char **permit_open; /* globs over host:port */
    size_t permit_open_count;
    const char **sources; /* addresses or CIDR networks; empty: any */
    size_t source_count;
    uint32_t sessions;         /* most sessions that a ticket may ask for; 0: any number */
    bool emergency;            /* tickets under this rule may be marked as an emergency */
    bool end_with_certificate; /* a session ends with the certificate that opened it, if that is earlier */
    uint32_t max_extension_seconds; /* how far beyond its own window a ticket's sessions may be extended in
                                       all; 0: not at all */
    bool record;  /* sessions with a terminal are recorded; a host that cannot record refuses */
    bool step_up; /* sudo asks for a fresh signature of the login key, which must be a security key */
};

struct tg_policy {
    uint64_t serial;
    int64_t issued;
    int64_t expires;
    struct tg_person *people; /* sorted by name */
    size_t person_count;
    struct tg_shared_account *accounts; /* sorted by name */
    size_t account_count;
    struct tg_unix_group *groups; /* sorted by name */
    size_t group_count;
    struct tg_public_key **user_ca;
    size_t user_ca_count;
    struct tg_public_key **host_ca; /* sign host certificates; no host asks for these, tegata-ca and people do
                                     */
    size_t host_ca_count;
    struct tg_rule *rules;
    size_t rule_count;
    const char **revoked_keys; /* fingerprints */
    size_t revoked_key_count;
    uint64_t *revoked_serials;
    size_t revoked_serial_count;
    const char **revoked_key_ids;
    size_t revoked_key_id_count;
    uint32_t approve_by_seconds; /* a ticket's approve_by may be this long after created, at most */
    uint32_t open_tickets;       /* pending tickets a person may have at once (the service enforces it) */
    struct tg_bytes document;    /* the bytes it was parsed from */
    void *storage;               /* owns every string above */

    /* What was revoked since, by whoever has the policy in hand; not owned, NULL: nothing. It only takes
     * away. */
    const struct tg_krl *revocations;
};

/* Parses a policy's bytes: canonical form, closed schema, and that it makes sense (uids and gids unique and
 * at least TG_FIRST_UID, groups and approver groups that exist, enough people for each approver count,
 * expires > issued, valid keys, no key listed twice, ...). Signatures are not its business. error->reason is
 * policy_malformed; the text names the key. On 0, *out is the caller's to free. */
int tg_policy_parse(struct tg_bytes document, struct tg_policy **out, struct tg_error *error);

/* NULL-safe. */
void tg_policy_free(struct tg_policy *policy);

const struct tg_person *tg_policy_person(const struct tg_policy *policy, const char *name);
const struct tg_rule *tg_policy_rule(const struct tg_policy *policy, const char *id);
const struct tg_shared_account *tg_policy_account(const struct tg_policy *policy, const char *name);
const struct tg_unix_group *tg_policy_group(const struct tg_policy *policy, const char *name);

/* Is the key with this fingerprint among revoked.keys, or in the revocation list? */
bool tg_policy_revokes_key(const struct tg_policy *policy, const char *fingerprint);

/* The person whose key this is, and the key's entry; NULL if nobody's. */
const struct tg_person *tg_policy_key_owner(const struct tg_policy *policy, const struct tg_public_key *key,
                                            const struct tg_person_key **entry);

/* That person's entry for the key with this fingerprint; NULL if there is none. */
const struct tg_person_key *tg_person_key(const struct tg_person *person, const char *fingerprint);
bool tg_person_in_group(const struct tg_person *person, const char *group);

/* The root keys that a host, the service or a person pins: an allowed_signers file (ssh-keygen(1)), each line
 * "PRINCIPAL [namespaces="policy-v1@tegata"] KEYTYPE BASE64", and how many of them must sign. */
struct tg_root_signers {
    struct tg_public_key **keys;
    size_t count;
    uint32_t threshold;
};

/* `text` is the file's content. Refuses options it does not know, duplicate keys, a threshold of 0 or above
 * the count. */
int tg_root_signers_parse(const char *text, uint32_t threshold, struct tg_root_signers *out,
                          struct tg_error *error);
void tg_root_signers_free(struct tg_root_signers *signers);

/* Verifies first, then parses: at least `threshold` distinct root keys must have signed `document`;
 * signatures are armored SSHSIGs. Then issued <= now + 120 s, now < expires, and serial >= lowest_serial.
 * Reasons: policy_unsigned, policy_malformed, policy_expired, policy_old. On 0, *out is the caller's to free.
 */
int tg_policy_verify(struct tg_bytes document, const char *const *signatures, size_t signature_count,
                     const struct tg_root_signers *signers, uint64_t lowest_serial, int64_t now,
                     struct tg_policy **out, struct tg_error *error);

#endif
