/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tickets in hand, found by id, by account and by requester. The bytes that came are kept beside what was
 * parsed from them, so that everything can be judged anew under a new policy and written to disk as it was
 * received.
 *
 * A final state is never left, but that an exhausted ticket may be revoked or released: an entry stays, with
 * its state, until the ticket could not be valid any more whatever anybody says about it. That is how a mark
 * that the service drops later is not forgotten; marks.h is for the day on which the entries themselves are
 * lost.
 */
#ifndef TEGATA_AGENT_TICKETS_H
#define TEGATA_AGENT_TICKETS_H

#include "agent/marks.h"
#include "agent/update.h"
#include "lib/verdict.h"

enum {
    TG_TICKETS_MAX = 100000,
    TG_TICKETS_BYTES_MAX = 128 * 1024 * 1024, /* of documents and signatures in all */
    TG_TICKET_KEEP_SECONDS =
        3600, /* beyond the last moment at which a ticket, or a session, could be valid */
    /* Tickets without a sound approval, and approvals that are not sound, cost the service nothing: they take
     * at most half of the store, and an approved ticket always finds room. */
    TG_TICKETS_UNSOUND_MAX = TG_TICKETS_MAX / 2,
    TG_TICKETS_UNSOUND_BYTES_MAX = TG_TICKETS_BYTES_MAX / 2,
};

struct tg_raw_approval {
    char *document;
    size_t length;
    char *signature;
};

struct tg_ticket_entry {
    struct tg_held_ticket held;
    char *document; /* the bytes that held.ticket was parsed from */
    size_t length;
    struct tg_raw_approval *raw; /* beside held.approvals, one each */
    bool imported;               /* root brought it to this very host */
    bool needed;                 /* during a purge: a session is open by it */
    bool sound;                  /* as counted in the store: has a sound approval */
    size_t bytes;                /* likewise */
    size_t unsound_bytes;        /* likewise */
    uint64_t visit;
    struct tg_ticket_entry *next_by_id;
    struct tg_ticket_entry *next_by_account;
    struct tg_ticket_entry *next_by_requester;
};

struct tg_ticket_index {
    struct tg_ticket_entry **by_id;
    struct tg_ticket_entry **by_account;
    struct tg_ticket_entry **by_requester;
};

struct tg_ticket_store {
    struct tg_ticket_index index;
    size_t count;
    size_t bytes;
    size_t unsound_count; /* of them without a sound approval */
    size_t unsound_bytes; /* of such tickets, and of approvals that are not sound */
    uint64_t visit;
    const struct tg_held_ticket **candidates; /* scratch of tg_tickets_candidates() */
    size_t candidates_size;
    struct tg_marks marks; /* as on disk: those of tickets that are not in hand again are in here alone */
};

/* What became of something that was offered. */
enum tg_intake { TG_INTAKE_SAME, TG_INTAKE_CHANGED, TG_INTAKE_REFUSED };

/* Called for each approval that does not verify when it arrives; `digest_of` are the bytes that tell it from
 * others. */
typedef void tg_approval_refused(void *context, const struct tg_ticket *ticket, const struct tg_error *error,
                                 struct tg_bytes signature);

int tg_tickets_init(struct tg_ticket_store *store);
void tg_tickets_free(struct tg_ticket_store *store);

struct tg_ticket_entry *tg_tickets_find(const struct tg_ticket_store *store, const char *id);

/* Takes one ticket in, or adds to the one in hand: approvals that are new are verified (policy may be NULL:
 * then they count for nothing until tg_tickets_reverify()), the state moves unless it is final. Refused: a
 * ticket that does not parse, that does not name `host`, an id in hand with other bytes, more than fits, one
 * not yet in hand that could be approved after `latest` (it would be kept as long). */
enum tg_intake tg_tickets_take(struct tg_ticket_store *store, const struct tg_policy *policy,
                               const char *host, int64_t latest, const struct tg_update_ticket *offered,
                               tg_approval_refused *refused, void *context, struct tg_error *error);

/* The latest approve_by that the policy covers for tickets created up to now; INT64_MAX without a policy. */
int64_t tg_tickets_latest(const struct tg_policy *policy, int64_t now);

/* Judges the approvals anew, but for tickets that were taken back: nothing is asked of those any more. Of the
 * others 1,000 with an approval each take about 0.15 s. */
void tg_tickets_reverify(struct tg_ticket_store *store, const struct tg_policy *policy);

/* Brings store->marks into step with the entries. 1 if they changed, 0 if not, -1 without memory. */
int tg_tickets_mark(struct tg_ticket_store *store, int64_t now);

/* Forgets what can never be valid again and is not needed. Returns how many. */
size_t tg_tickets_purge(struct tg_ticket_store *store, int64_t now);

/* All tickets for this account and all that were requested by one of the certificate's principals
 * (certificate may be NULL). *tickets is good until the next call. */
size_t tg_tickets_candidates(struct tg_ticket_store *store, const char *account,
                             const struct tg_certificate *certificate,
                             const struct tg_held_ticket *const **tickets);

/* All tickets that name `running` as the one that they extend, by its requester. *extensions is good until
 * the next call of this or the one above. False without memory. */
bool tg_tickets_extensions(struct tg_ticket_store *store, const struct tg_ticket *running,
                           const struct tg_held_ticket *const **extensions, size_t *count);

/* The entry that holds `held`. */
struct tg_ticket_entry *tg_ticket_entry_of(const struct tg_held_ticket *held);

/* Walks over all: start with cursor 0; NULL at the end. Nothing may be taken in or purged meanwhile. */
struct tg_ticket_cursor {
    size_t bucket;
    struct tg_ticket_entry *entry;
};
struct tg_ticket_entry *tg_tickets_next(const struct tg_ticket_store *store, struct tg_ticket_cursor *cursor);

/* To and from the state file. Loading takes entries in as tg_tickets_take() does, with `sessions_opened` and
 * `imported` as saved; what does not pass is left out, and false returned. */
json_t *tg_tickets_to_json(const struct tg_ticket_store *store);
bool tg_tickets_from_json(struct tg_ticket_store *store, const struct tg_policy *policy, const char *host,
                          const json_t *array);

#endif
