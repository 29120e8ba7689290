/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whose each process of the host is: claimed by an open session, by one that is ending, or by the sweep of an
 * account without sessions; or nobody's of ours.
 */
#ifndef TEGATA_AGENT_CLAIMS_H
#define TEGATA_AGENT_CLAIMS_H

#include "agent/process_table.h"

enum { TG_CLAIM_NONE = -1 };

/* One session, or one account that is swept. */
struct tg_claim {
    /* A session's monitor. Of an account that is swept: pid 0, and the uid as `start`. No two are alike. */
    struct tg_process key;
    uint32_t audit_id;  /* TG_AUDIT_UNSET: it has none that tells its processes from others */
    const char *cgroup; /* of the session's own scope; "": none */
    bool spared;        /* an open session: what it claims is nobody else's, and nothing of it is ended */
    size_t target;      /* the caller's own */
};

/* A process that was claimed in the scan before: it stays its session's even if its parents, by which it was
 * found, are gone. */
struct tg_claimed {
    struct tg_process process;
    struct tg_process key;
};

struct tg_claims {
    struct tg_claim *list; /* tg_claims_assign() orders it */
    size_t count;
    size_t size;
    struct tg_claimed *before; /* by pid */
    size_t before_count;
    size_t before_size;
    int *owner; /* beside the table's entries: index into `list` or TG_CLAIM_NONE */
    size_t owner_size;
};

/* Adds a claim. False without memory. Its strings must live until tg_claims_clear(). */
bool tg_claims_add(struct tg_claims *claims, const struct tg_claim *claim);

/* Drops the claims, not what was claimed. */
void tg_claims_clear(struct tg_claims *claims);
void tg_claims_free(struct tg_claims *claims);

/* Says of each process of the table who claims it: claims->owner. In this order: it is a monitor; its audit
 * session id; it was claimed before; its cgroup; its parent's claim; one of its uids (but a process whose
 * real uid is 0 only borrows the others, as sshd does while it reads a user's files). The dead, init and this
 * very process are nobody's. -1 without memory. */
int tg_claims_assign(struct tg_claims *claims, const struct tg_process_table *table, const char *proc_root);

/* Who claims this process, that came after the scan, by its audit session id or one of its uids: index into
 * `list` or TG_CLAIM_NONE. */
int tg_claims_owner(const struct tg_claims *claims, const struct tg_process_entry *entry);

/* Was this process claimed in the scan before? */
bool tg_claims_knew(const struct tg_claims *claims, const struct tg_process *process);

/* Remembers what the claims that are not spared hold now. -1 without memory. */
int tg_claims_remember(struct tg_claims *claims, const struct tg_process_table *table);

#endif
