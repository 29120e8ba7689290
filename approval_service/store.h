/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the service remembers. Every function that changes something runs in one transaction: one conditional
 * write, and one event where a ticket is concerned; either all of it is stored or nothing. Functions return
 * 0, or -1 with *error filled in (store_failed where the database itself failed). Revisions count all changes
 * that a host, or who follows sessions, must learn of, from 1.
 */
#ifndef TEGATA_APPROVAL_SERVICE_STORE_H
#define TEGATA_APPROVAL_SERVICE_STORE_H

#include "lib/error.h"
#include "lib/public_key.h"
#include "lib/ticket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TG_STORE_SCHEMA = 3 };

struct tg_store;

/* Opens (and if need be creates) the database at `path`. Refuses a schema that it does not know. */
int tg_store_open(const char *path, struct tg_store **out, struct tg_error *error);
void tg_store_close(struct tg_store *store);

/* The policy in force. On 0, *document is NULL if there is none; document and signatures (a JSON array) are
 * malloc'ed. */
int tg_store_policy(struct tg_store *store, char **document, char **signatures, int64_t *revision,
                    struct tg_error *error);
int tg_store_policy_add(struct tg_store *store, uint64_t serial, const char *document, const char *signatures,
                        int64_t now, int64_t *revision, struct tg_error *error);

struct tg_stored_host {
    int64_t id; /* of this enrolment: a host that is removed and enrolled again has another */
    const char *name;
    const char *labels; /* JSON array of strings */
    const char *key;    /* public key line */
    int64_t revision;   /* of its enrolment */
    int64_t seen;
    int64_t acknowledged;
};

/* Callbacks see one row after the other; its strings live until they return. Anything but 0 ends the walk and
 * becomes its result. They must not call the store. */
typedef int tg_store_each_host(void *context, const struct tg_stored_host *host);

/* Enrols a host. The same name and key again changes nothing and sets *added to false; host_exists if the
 * name has another key or the key another name. */
int tg_store_host_add(struct tg_store *store, const char *name, const char *labels,
                      const struct tg_public_key *key, const char *key_line, int64_t now, bool *added,
                      struct tg_error *error);
/* not_found if there is no such host. Its tickets and events stay. */
int tg_store_host_remove(struct tg_store *store, const char *name, int64_t now, struct tg_error *error);
int tg_store_hosts(struct tg_store *store, tg_store_each_host *each, void *context, struct tg_error *error);
/* Calls `each` once for the host with this name (by_fingerprint: with this key), or fails with host_unknown.
 */
int tg_store_host(struct tg_store *store, const char *name, tg_store_each_host *each, void *context,
                  struct tg_error *error);
int tg_store_host_by_key(struct tg_store *store, const char *fingerprint, tg_store_each_host *each,
                         void *context, struct tg_error *error);

/* An approval and its signature as they came. */
struct tg_stored_approval {
    const char *document;
    const char *signature;
};

struct tg_stored_ticket {
    char id[TG_TICKET_ID_SIZE];
    const char *document;
    enum tg_ticket_state state;
    int64_t revision;
    int64_t opened;
};

typedef int tg_store_each_ticket(void *context, const struct tg_stored_ticket *ticket);
typedef int tg_store_each_approval(void *context, const struct tg_stored_approval *approval);

enum tg_ticket_scope { TG_SCOPE_OPEN, TG_SCOPE_ANY, TG_SCOPE_STATE };

/* Which tickets to walk through, newest first; NULL members do not narrow. */
struct tg_ticket_filter {
    const char *requester;
    enum tg_ticket_scope scope;
    enum tg_ticket_state state; /* for TG_SCOPE_STATE */
    int limit;
};

/* Stores a new ticket as pending; ticket_exists if its id is taken, request_rate if its requester has
 * `open_limit` pending ones already (0: no limit). */
int tg_store_ticket_add(struct tg_store *store, const struct tg_ticket *ticket, uint32_t open_limit,
                        int64_t now, struct tg_error *error);
/* not_found if there is none. */
int tg_store_ticket(struct tg_store *store, const char *id, tg_store_each_ticket *each, void *context,
                    struct tg_error *error);
/* Those that extend this ticket, oldest first, in any state. */
int tg_store_extensions(struct tg_store *store, const char *ticket, tg_store_each_ticket *each, void *context,
                        struct tg_error *error);
int tg_store_tickets(struct tg_store *store, const struct tg_ticket_filter *filter,
                     tg_store_each_ticket *each, void *context, struct tg_error *error);
/* The tickets of one host that changed after `after`, oldest change first. With after 0: all that could still
 * be valid. */
int tg_store_host_tickets(struct tg_store *store, const char *host, int64_t after, int64_t now, int limit,
                          tg_store_each_ticket *each, void *context, struct tg_error *error);
int tg_store_approvals(struct tg_store *store, const char *ticket, tg_store_each_approval *each,
                       void *context, struct tg_error *error);
/* The highest revision that concerns a host: its tickets, its enrolment. */
int tg_store_host_revision(struct tg_store *store, const char *host, int64_t *revision,
                           struct tg_error *error);

struct tg_stored_ticket_host {
    const char *host;
    bool acknowledged;   /* has asked for changes after the ticket's last one */
    const char *problem; /* reason code or "" */
};
typedef int tg_store_each_ticket_host(void *context, const struct tg_stored_ticket_host *host);
int tg_store_ticket_hosts(struct tg_store *store, const char *ticket, tg_store_each_ticket_host *each,
                          void *context, struct tg_error *error);

/* What stands in a ticket's list of events. */
struct tg_ticket_event {
    int64_t number;
    int64_t time;
    const char *kind;
    const char *host;
    const char *person;
    const char *code;
    const char *text;
};
typedef int tg_store_each_event(void *context, const struct tg_ticket_event *event);
int tg_store_events(struct tg_store *store, const char *ticket, int64_t after, int limit,
                    tg_store_each_event *each, void *context, struct tg_error *error);

/* Stores an approval. approval_exists if this person's is there already, ticket_state if the ticket is not
 * pending. `complete`: with it the ticket is approved, and its window closes at `ends`. */
int tg_store_approval_add(struct tg_store *store, const char *ticket, const struct tg_approval *approval,
                          const char *signature, bool complete, int64_t ends, int64_t now,
                          struct tg_error *error);

/* pending -> approved without a new approval: the policy in force asks for fewer now. */
int tg_store_ticket_approve(struct tg_store *store, const char *ticket, int64_t ends, int64_t now,
                            struct tg_error *error);

/* A change of state by a person (or by time: person ""): only from the states in `from`, a mask of 1 <<
 * state, else ticket_state. The event has the name of the new state as its kind. */
int tg_store_ticket_end(struct tg_store *store, const char *ticket, unsigned from, enum tg_ticket_state to,
                        const char *person, const char *text, int64_t now, struct tg_error *error);

/* The same, and in the same transaction for all extensions of the ticket that are not over, with an event for
 * each. A ticket that may be taken back while it is approved may be so when it has expired, too, if it has
 * such extensions: it stays expired, and they end. */
int tg_store_ticket_end_all(struct tg_store *store, const char *ticket, unsigned from,
                            enum tg_ticket_state to, const char *person, const char *text, int64_t now,
                            struct tg_error *error);

/* The first ticket whose time has come (pending after approve_by, approved or active at the window's end).
 * *found is false if there is none. *next is when the next one comes due, 0 for never. */
int tg_store_due(struct tg_store *store, int64_t now, bool *found, char id[TG_TICKET_ID_SIZE],
                 enum tg_ticket_state *state, int64_t *next, struct tg_error *error);

/* Uses up one session of a ticket for a host: ticket_used_up, ticket_state, not_found (no such ticket for
 * this host). The same session of the same host again changes nothing and sets *opened to false. *remaining
 * is 0 for a ticket without a limit. */
int tg_store_session_open(struct tg_store *store, const char *ticket, const char *host, const char *session,
                          int64_t now, bool *opened, int64_t *remaining, struct tg_error *error);
/* not_found if this host has no such session. The first end that is told stays. */
int tg_store_session_end(struct tg_store *store, const char *host, const char *session, int64_t ended,
                         char ticket[TG_TICKET_ID_SIZE], struct tg_error *error);

/* A host has asked for what changed after `after`: everything before has arrived. Stores `acknowledged`
 * events for the approved tickets, and those that were revoked or released, of which it had not been said
 * yet, and calls `each` (after the transaction) with the id of each ticket that this settles. */
typedef void tg_store_settled(void *context, const char *ticket);
int tg_store_host_acknowledge(struct tg_store *store, int64_t host_id, const char *host, int64_t after,
                              int64_t now, tg_store_settled *each, void *context, struct tg_error *error);

/* A host's event, as host_event.h has parsed it. */
struct tg_stored_host_event {
    int64_t number;
    const char *digest;
    const char *previous;
    const char *document;
    int64_t time;
    const char *kind;
    const char *ticket;
    const char *person;
    const char *account;
    const char *source;
    const char *code;
    const char *detail;
    const char *session; /* 32 hex characters, or "" */
    int64_t ends;        /* of the session; 0: the event does not say */
};

/* What storing an event has changed. */
struct tg_event_effect {
    bool added;      /* it was not stored yet */
    bool for_ticket; /* it stands in its ticket's list */
    bool of_session; /* a session has opened, has another end, or is over */
};

/* Stores one event if it is the next of its chain, or the first of this enrolment; one that is stored already
 * (same number, same digest) is left alone. Anything else is events_unchained. Of an event about a ticket of
 * this host, the ticket's own list gets a copy; ticket_refused and approval_refused become the host's
 * `problem`; session_opened, session_extended, session_ended and session_closed are entered into the list of
 * sessions. A session that is over stays so, whatever comes later.
 */
int tg_store_host_event_add(struct tg_store *store, int64_t host_id, const char *host,
                            const struct tg_stored_host_event *event, int64_t now,
                            struct tg_event_effect *effect, struct tg_error *error);
/* The last event of the enrolment's chain; 0 and 64 zeros if there is none. */
int tg_store_host_event_last(struct tg_store *store, int64_t host_id, int64_t *number,
                             char digest[TG_DIGEST_SIZE], struct tg_error *error);

/* A host's last refusals (login_refused, session_refused) of a person, or, where the host could not tell the
 * person, of the account; newest first, at most ten. */
typedef int tg_store_each_refusal(void *context, const struct tg_stored_host_event *event);
int tg_store_refusals(struct tg_store *store, int64_t host_id, const char *person, const char *account,
                      tg_store_each_refusal *each, void *context, struct tg_error *error);

/* A session as its host tells of it. */
struct tg_stored_host_session {
    const char *host;
    const char *session;
    const char *ticket; /* that opened it */
    const char *person;
    const char *account;
    const char *source;
    int64_t opened;
    int64_t ends;  /* as the host said last; 0: it did not say */
    int64_t ended; /* 0: open, as far as the host has told */
    const char *code;
    const char *how;
    int64_t seen;         /* when the host was last in touch; 0: it is not enrolled any more */
    int64_t revision;     /* of its last change */
    const char *document; /* the ticket's */
};
typedef int tg_store_each_host_session(void *context, const struct tg_stored_host_session *session);

/* Which sessions to walk through. With `after`: all that changed since that revision, oldest change first;
 * else the last change first. Open are those that have not ended; those of a host that was removed only until
 * their end by the clock. */
struct tg_host_session_filter {
    const char *ticket; /* NULL: of any */
    bool open_only;
    int64_t after;
    int limit;
};
int tg_store_host_sessions(struct tg_store *store, const struct tg_host_session_filter *filter, int64_t now,
                           tg_store_each_host_session *each, void *context, struct tg_error *error);
/* The revision of the last change of any session. */
int tg_store_host_sessions_revision(struct tg_store *store, int64_t *revision, struct tg_error *error);

/* Remembers a nonce until `expires`, and forgets those that have expired; request_replayed if it is
 * remembered. */
int tg_store_nonce_use(struct tg_store *store, const char *key, const char *nonce, int64_t expires,
                       int64_t now, struct tg_error *error);

/* Bearer tokens, by their SHA-256. */
enum tg_token_scope {
    TG_TOKEN_REQUEST,   /* of a signed request; for everything that a person may do */
    TG_TOKEN_WEB,       /* of a sign-in; likewise, and ended by a new password */
    TG_TOKEN_ENROLMENT, /* of an invitation; for enrolling keys only */
};

/* A token stands for a person and the key (its fingerprint) that asked for it; no key with
 * TG_TOKEN_ENROLMENT. */
struct tg_stored_token {
    char *person; /* malloc'ed, as is the key */
    char *key;
    enum tg_token_scope scope;
};

int tg_store_token_add(struct tg_store *store, const char *digest, const char *person, const char *key,
                       enum tg_token_scope scope, int64_t expires, int64_t now, struct tg_error *error);
/* token_invalid if there is none or it has expired. */
int tg_store_token(struct tg_store *store, const char *digest, int64_t now, struct tg_stored_token *out,
                   struct tg_error *error);
void tg_stored_token_clear(struct tg_stored_token *token);

/* --- store_revocations.c ---------------------------------------------------------------------------------
 */

/* One thing that is revoked: a key by its fingerprint, or certificates by serial or by key id. */
struct tg_stored_revocation {
    const char *key;       /* one of key, serial and key_id is not "" */
    const char *authority; /* base64 of the blob of the key that signed the certificates; "" for any */
    const char *serial;    /* decimal */
    const char *key_id;
};

struct tg_new_revocations {
    const struct tg_stored_revocation *list;
    size_t count;
    const char *person; /* who revokes */
    const char *reason;
    int64_t version; /* of the list with them */
};

/* The list that hosts have, or are to have; all 0 as long as nothing was revoked. */
struct tg_stored_revocation_list {
    int64_t version;
    int64_t generated;
    int64_t revision;
};
int tg_store_revocation_list(struct tg_store *store, struct tg_stored_revocation_list *list,
                             struct tg_error *error);

typedef int tg_store_each_revocation(void *context, const struct tg_stored_revocation *revocation);
int tg_store_revocations(struct tg_store *store, tg_store_each_revocation *each, void *context,
                         struct tg_error *error);

/* How many entries this person has put in. */
int tg_store_revocations_by(struct tg_store *store, const char *person, int64_t *count,
                            struct tg_error *error);

/* Adds what is not there yet. *added is false if all of it was: then nothing changes, and the list keeps its
 * version. Nothing is ever taken out. */
int tg_store_revocations_add(struct tg_store *store, const struct tg_new_revocations *new, int64_t now,
                             bool *added, int64_t *revision, struct tg_error *error);

struct tg_store_counts {
    int64_t tickets[TG_TICKET_EXHAUSTED + 1];
    int64_t hosts;
    int64_t revision;
};
int tg_store_counts(struct tg_store *store, struct tg_store_counts *counts, struct tg_error *error);

/* Can the database be read? For healthz. */
int tg_store_check(struct tg_store *store, struct tg_error *error);

#endif
