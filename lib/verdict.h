/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verdict: one pure function. The helper's answer, PAM's answers, `tegata why` and the service's preview
 * all come from it, so they cannot disagree. No I/O, no clock, no globals, no allocation.
 */
#ifndef TEGATA_LIB_VERDICT_H
#define TEGATA_LIB_VERDICT_H

#include "lib/certificate.h"
#include "lib/policy.h"
#include "lib/ticket.h"

#include <stddef.h>
#include <stdint.h>

enum {
    TG_CLOCK_SKEW = 120,   /* seconds that a date may lie in the future */
    TG_APPROVALS_MAX = 64, /* approvals that a ticket may carry; more are refused on arrival */
};

/* An approval as it is held: parsed, and its signature checked once on arrival. */
struct tg_held_approval {
    struct tg_approval *approval; /* NULL if even its bytes were refused */
    enum tg_reason refused;       /* allowed (0), or why it does not count */
    char key[TG_FINGERPRINT_SIZE];
    struct tg_sshsig_facts facts;
};

/* A ticket as it is held, by host, service or CLI. */
struct tg_held_ticket {
    struct tg_ticket *ticket;
    struct tg_held_approval *approvals;
    size_t approval_count;
    enum tg_ticket_state state; /* as the service last said; final states are never left */
    uint32_t sessions_opened;   /* that this host knows of */
};

/* Verifies one approval for a ticket on arrival: parses the document, finds the approver's key in the policy,
 * verifies the armored signature with the policy's origin and rp_id, checks that it names this ticket. Always
 * fills in *out (out->approval may be NULL); the caller frees it with tg_held_approval_clear(). Returns 0 if
 * the approval is sound, else -1 with out->refused == error->reason. Whether it counts (group, time, distinct
 * people) is the verdict's business. */
int tg_held_approval_verify(const struct tg_policy *policy, const struct tg_ticket *ticket,
                            struct tg_bytes document, const char *armored_signature,
                            struct tg_held_approval *out, struct tg_error *error);
void tg_held_approval_clear(struct tg_held_approval *held);

struct tg_connection {
    const char *host;    /* this host's name */
    const char *account; /* the account that is logged in to */
    const char *source;  /* the client's address, numeric; NULL: not known at this point */
};

struct tg_verdict {
    enum tg_reason reason;               /* allowed, or the one reason */
    const struct tg_held_ticket *ticket; /* the one that allows, or the nearest miss; NULL if none is near */
    const struct tg_rule *rule;          /* its rule, if it has one */
    int64_t begins;                      /* the window; 0 where there is none yet */
    int64_t ends;
    char detail[160]; /* what exactly, e.g. the approver's name; "" if there is nothing to add; printable
                         ASCII */
};

/* Decides. `certificate` may be NULL: then only tickets, rules and approvals are judged (for the roster and
 * for previews) and the ticket's key is not compared. `source` NULL: addresses are not judged yet. Tickets
 * that do not name this account or this person at all may be among `tickets`; those that fit best win:
 * longest time left, then newest. The certificate must outlive nothing: a session's end is decided elsewhere.
 */
void tg_verdict(const struct tg_policy *policy, const struct tg_held_ticket *const *tickets,
                size_t ticket_count, const struct tg_certificate *certificate,
                const struct tg_connection *connection, int64_t now, struct tg_verdict *out);

/* What keeps a running session alive. */
struct tg_running_session {
    const struct tg_held_ticket *ticket;            /* that opened it */
    const struct tg_held_ticket *const *extensions; /* tickets whose `extends` names it, in any order */
    size_t extension_count;
    const struct tg_certificate *certificate; /* that opened it; NULL: refused, certificate_missing */
    int64_t limit; /* no extension moves the end beyond; 0: not known yet, see out->limit */
};

struct tg_right {
    enum tg_reason reason; /* allowed, or why the session has to end */
    const struct tg_held_ticket
        *ticket;                /* the one that carries it longest now; if refused, the one that opened it */
    const struct tg_rule *rule; /* its rule */
    int64_t ends;               /* when the right ends if nothing changes; 0 if refused */
    int64_t limit;              /* the session's limit: as given, or the end of the opening ticket's window
                                   and its rule's max_extension_seconds */
    char detail[160];
};

/* Has a session that was opened by a ticket still the right to exist, and until when? Like tg_verdict(), but
 * for what only concerns the opening of sessions: that the ticket is used up, that the certificate's time is
 * over (unless the rule says end_with_certificate), that the certificate was dated too long, and the policy's
 * own expiry, which ends no session. A revoked or released opening ticket ends it whatever the extensions
 * say; otherwise the session lives while the opening ticket or one of its extensions
 * (tg_ticket_extension_gap(), begun by the end so far) is allowed, and never beyond its limit. */
void tg_verdict_running(const struct tg_policy *policy, const struct tg_running_session *session,
                        const struct tg_connection *connection, int64_t now, struct tg_right *out);

/* Judges one ticket's approvals alone: allowed, and the window, or the reason. Also counts, for a preview,
 * how many of each approver group are still missing: missing[i] for rule->approvers[i]; may be NULL. */
enum tg_reason tg_verdict_approvals(const struct tg_policy *policy, const struct tg_rule *rule,
                                    const struct tg_held_ticket *held, int64_t now, int64_t *begins,
                                    int64_t *ends, uint32_t *missing, char *detail, size_t detail_size);

/* Does the rule cover the ticket as it stands (hosts, account, requester's groups, seconds, options, ...)?
 * Returns allowed or rule_narrowed, with the key of the ticket that it does not cover in `detail`. */
enum tg_reason tg_rule_covers(const struct tg_policy *policy, const struct tg_rule *rule,
                              const struct tg_ticket *ticket, char *detail, size_t detail_size);

/* Does a numeric address lie in one of the networks ("10.0.0.0/8", "2001:db8::1")? False for text that is no
 * address. IPv4-mapped IPv6 addresses count as IPv4. */
bool tg_address_matches(const char *address, const char *const *networks, size_t count);

/* Is the text a numeric address, with or without a prefix length? Bits behind the prefix are refused, as by
 * sshd. */
bool tg_network_is_valid(const char *network);

/* Does a network, or an address, lie inside one of the networks? */
bool tg_network_is_within(const char *network, const char *const *networks, size_t count);

#endif
