/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ticket and the approval: docs/protocol.md, "Ticket" and "Approval". Both are parsed from the exact
 * bytes that were signed or hashed, with a closed schema: every key must be there, no other may.
 */
#ifndef TEGATA_LIB_TICKET_H
#define TEGATA_LIB_TICKET_H

#include "lib/error.h"
#include "lib/policy.h"
#include "lib/sshsig.h"

#include <stdint.h>

enum {
    TG_TICKET_MAX = 4096,   /* bytes of a ticket or an approval */
    TG_TICKET_ID_SIZE = 16, /* "T-" + 13 characters + NUL */
    TG_DIGEST_SIZE = 65,    /* lower-case hex SHA-256 + NUL */
};

struct tg_ticket {
    char id[TG_TICKET_ID_SIZE];
    char digest[TG_DIGEST_SIZE]; /* SHA-256 of `document` */
    int64_t created;
    const char *requester;
    const char *key; /* SHA256:... of the login key */
    const char **hosts;
    size_t host_count;
    const char *account;
    uint32_t uid; /* as the policy has it; 0: the account is the host's own */
    const char *shell;
    const char **groups;
    size_t group_count;
    const char **sudo;
    size_t sudo_count;
    const char **options;
    size_t option_count;
    const char **permit_open;
    size_t permit_open_count;
    const char *command; /* "": any */
    const char **source; /* addresses or CIDR networks; empty: any */
    size_t source_count;
    uint32_t seconds;
    int64_t not_before; /* 0: as soon as it is approved */
    int64_t approve_by;
    uint32_t sessions; /* 0: any number */
    const char *reason;
    const char *reference;
    const char *rule;
    uint64_t policy;
    bool emergency;
    const char *extends; /* id of the ticket whose running sessions this one lengthens; "": none */
    struct tg_bytes document;
    void *storage;
};

/* error->reason is ticket_malformed, or ticket_command for a command that sshd cannot carry; the text names
 * the key. */
int tg_ticket_parse(struct tg_bytes document, struct tg_ticket **out, struct tg_error *error);
void tg_ticket_free(struct tg_ticket *ticket);

/* A new random id, "T-" + 13 Crockford base32 characters. */
int tg_ticket_new_id(char out[TG_TICKET_ID_SIZE], struct tg_error *error);

/* What a person asks for; tg_ticket_compose() fills in the rest from the policy. NULL strings and zero counts
 * mean "not asked". */
struct tg_ticket_wish {
    const char *requester;
    const char *key; /* fingerprint of the login key */
    const char *const *hosts;
    size_t host_count;
    const char *account;       /* NULL: the requester's own */
    const char *shell;         /* NULL: /bin/bash */
    const char *const *groups; /* NULL: all that the rule grants; likewise sudo and options */
    size_t group_count;
    const char *const *sudo;
    size_t sudo_count;
    const char *const *options;
    size_t option_count;
    const char *const *permit_open;
    size_t permit_open_count;
    const char *command;
    const char *const *source;
    size_t source_count;
    uint32_t seconds;
    int64_t not_before;
    int64_t approve_by; /* 0: the latest that the policy allows */
    uint32_t sessions;
    const char *reason;
    const char *reference;
    const char *rule; /* NULL: the first rule that covers the wish */
    bool emergency;
    const char *extends; /* NULL: none */
};

/* Makes the canonical bytes of a new ticket, malloc'ed. error->reason is ticket_no_rule (the text says which
 * part of the wish the nearest rule does not cover), requester_unknown, requester_disabled,
 * certificate_key_unknown (the policy does not list wish->key for the requester), ticket_command or
 * request_malformed. */
int tg_ticket_compose(const struct tg_policy *policy, const struct tg_ticket_wish *wish, int64_t now,
                      char **document, size_t *length, struct tg_error *error);

/* What a person asks for who wants `running` to last longer: the same rights, at the same rule, for `seconds`
 * from its approval. The strings are the running ticket's; `reason` NULL: the running ticket's own. */
void tg_ticket_wish_extension(const struct tg_ticket *running, uint32_t seconds, const char *reason,
                              struct tg_ticket_wish *wish);

/* May `extension` lengthen the sessions of `running`? It must name it, be by the same requester with the same
 * key for the same account, and give exactly the same rights (uid, shell, groups, sudo, options, permit_open,
 * command, source, sessions); its hosts must be among the running ticket's. NULL if so, else the key of the
 * ticket that differs. */
const char *tg_ticket_extension_gap(const struct tg_ticket *extension, const struct tg_ticket *running);

struct tg_approval {
    char ticket[TG_DIGEST_SIZE]; /* digest of the ticket's bytes */
    const char *approver;
    int64_t at;
    uint32_t seconds; /* may only shorten; 0: as the ticket asks */
    struct tg_bytes document;
    void *storage;
};

/* error->reason is approval_malformed. */
int tg_approval_parse(struct tg_bytes document, struct tg_approval **out, struct tg_error *error);
void tg_approval_free(struct tg_approval *approval);

/* The canonical bytes of an approval, malloc'ed. */
int tg_approval_compose(const struct tg_ticket *ticket, const char *approver, int64_t at, uint32_t seconds,
                        char **document, size_t *length);

/* Where the service says that a ticket stands. It can only take away: no state opens anything by itself. */
enum tg_ticket_state {
    TG_TICKET_PENDING,
    TG_TICKET_APPROVED,
    TG_TICKET_ACTIVE,
    TG_TICKET_DENIED,
    TG_TICKET_CANCELLED,
    TG_TICKET_LAPSED,
    TG_TICKET_RELEASED,
    TG_TICKET_EXPIRED,
    TG_TICKET_REVOKED,
    TG_TICKET_EXHAUSTED,
};

const char *tg_ticket_state_name(enum tg_ticket_state state);
bool tg_ticket_state_from_name(const char *name, enum tg_ticket_state *state);
/* True for denied, cancelled, lapsed, released, expired, revoked and exhausted: nothing leads out of these.
 */
bool tg_ticket_state_is_final(enum tg_ticket_state state);

/* May `next` follow `state`? From a final state nothing may, but that an exhausted ticket, whose sessions may
 * still run, can be released or revoked. */
bool tg_ticket_state_may_become(enum tg_ticket_state state, enum tg_ticket_state next);

#endif
