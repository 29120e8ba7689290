/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What tegata-ca decides: one question in, a certificate or one reason out. It composes every certificate
 * itself, from two things that it verifies itself: the policy, by root keys of its own, and the person's own
 * signed document. Whoever asks only carries them.
 */
#ifndef TEGATA_CERTIFICATE_AUTHORITY_AUTHORITY_H
#define TEGATA_CERTIFICATE_AUTHORITY_AUTHORITY_H

#include "approval_service/rate.h"
#include "lib/ca_protocol.h"
#include "lib/certificate_make.h"
#include "lib/log.h"
#include "lib/sign_in.h"
#include "lib/ticket.h"

enum {
    TG_CA_BACK_DATED = 60, /* seconds that certificates begin in the past, for clocks that are behind */
    TG_CA_USED_NONCES = 4096,
    TG_CA_HOSTS_MAX = 16777216, /* bytes of the file of hosts */
};

#define TG_CA_SERIAL_FILE "policy_serial"
#define TG_CA_HOSTS_FILE  "hosts"

struct tg_ca_limits {
    int64_t user_seconds;
    int64_t host_seconds;
    int64_t each_per_minute;
    int64_t all_per_minute;
};

/* A nonce that was used, and until when its document could come again. */
struct tg_used_nonce {
    char nonce[TG_SIGN_IN_NONCE_SIZE];
    int64_t until;
};

struct tg_authority {
    struct tg_log log;
    struct tg_ca_limits limits;
    const char *service; /* the authority that sign-ins must name */
    const char *state;   /* the state directory */
    struct tg_root_signers roots;
    struct tg_signer *user_ca;
    struct tg_signer *host_ca;   /* NULL: none */
    struct tg_policy *policy;    /* the last one that was verified; NULL: none yet */
    uint64_t lowest_serial;      /* of a policy; in the state directory */
    char digest[TG_DIGEST_SIZE]; /* of the policy with that serial; "": none was seen yet */
    /* Each in a table of its own, so that no host's name, which the service chooses, can take the place of a
     * person's, or of what counts everybody. Untouched slots take no memory. */
    struct tg_rates people;
    struct tg_rates hosts;
    struct tg_rates all;
    struct tg_used_nonce used[TG_CA_USED_NONCES];
};

/* The moment of a question. */
struct tg_ca_moment {
    int64_t now;       /* seconds since 1970 */
    int64_t steady_ms; /* on a monotonic clock */
};

/* Reads the policy serial from the state directory. A file that is there but not as it was written is an
 * error: to begin anew would be to forget what has been seen. */
int tg_authority_load(struct tg_authority *authority, struct tg_error *error);

/* Frees what the authority owns: roots, signers, policy. */
void tg_authority_clear(struct tg_authority *authority);

/* Answers one question. On 0, *line is the certificate, "TYPE BASE64 KEYID", malloc'ed. Logs the certificate,
 * or the refusal. */
int tg_authority_answer(struct tg_authority *authority, const struct tg_ca_request *request,
                        struct tg_ca_moment moment, char **line, struct tg_error *error);

/* --- What that is made of ------------------------------------------------------------------------------ */

/* Verifies a policy, unless it is the one that was verified last, and keeps its serial on the disk before
 * anything is done by it. policy_unsigned, policy_malformed, policy_old, policy_early, policy_expired. */
int tg_authority_take_policy(struct tg_authority *authority, struct tg_bytes document,
                             struct tg_bytes signatures, int64_t now, struct tg_error *error);

/* Makes a person's, or a host's, certificate by authority->policy. */
int tg_authority_user(struct tg_authority *authority, const struct tg_ca_request *request,
                      struct tg_ca_moment moment, struct tg_certificate **out, struct tg_error *error);
int tg_authority_host(struct tg_authority *authority, const struct tg_ca_request *request,
                      struct tg_ca_moment moment, struct tg_certificate **out, struct tg_error *error);

/* Signs with `signer`, which must be among `listed` (policy->user_ca or host_ca) and not revoked. Chooses
 * serial and nonce; the key id becomes "NAME#SERIAL". certificate_ca_unknown, ca_unreachable. */
int tg_authority_issue(struct tg_authority *authority, struct tg_signer *signer,
                       struct tg_certificate_content *content, const char *name, struct tg_certificate **out,
                       struct tg_error *error);
int tg_authority_is_listed(const struct tg_policy *policy, const struct tg_signer *signer, const char *key,
                           struct tg_public_key *const *listed, size_t count, struct tg_error *error);

/* Pins the host's key on first use, in the file of hosts: "NAME TYPE BASE64" a line. host_key_pinned if it
 * has another one. */
int tg_host_pin(const char *state, const char *name, const struct tg_public_key *key, struct tg_error *error);

/* What the pins in `text` say of `name`: its key line, which points into the text, or "" if there is none.
 * -1 with config_bad for a line that is not "NAME TYPE BASE64" or a comment. For the fuzzer. */
int tg_host_pin_find(const char *text, const char *name, struct tg_bytes *line, struct tg_error *error);

#endif
