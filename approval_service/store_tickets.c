/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tickets, approvals, sessions and the list of events of each ticket, in SQLite.
 */
#include "approval_service/store_sqlite.h"

#include <string.h>

enum { SETTLED_AT_ONCE = 100 };

int tg_sql_event(struct tg_store *store, const char *ticket, int64_t now, const char *kind, const char *host,
                 const char *person, const char *code, const char *text, struct tg_error *error)
{
    return tg_sql_run(
        store, tg_sql_start(store, TG_SQL_event_add, "itttttt", now, ticket, kind, host, person, code, text),
        error);
}

int tg_sql_touch_hosts(struct tg_store *store, const char *ticket, int64_t revision, struct tg_error *error)
{
    if (tg_sql_run(store, tg_sql_start(store, TG_SQL_ticket_await, "ti", ticket, revision), error) < 0)
        return -1;
    return tg_sql_run(store, tg_sql_start(store, TG_SQL_hosts_touch, "ti", ticket, revision), error);
}

/* When a host has the ticket as it is from now on, that is an event. */
static int tell_when_acknowledged(struct tg_store *store, const char *ticket, struct tg_error *error)
{
    return tg_sql_run(store, tg_sql_start(store, TG_SQL_ticket_tell, "t", ticket), error);
}

static int read_ticket(struct tg_store *store, sqlite3_stmt *statement, struct tg_stored_ticket *out,
                       struct tg_error *error)
{
    *out = (struct tg_stored_ticket){.document = tg_sql_text(statement, 1)};
    (void)snprintf(out->id, sizeof out->id, "%s", tg_sql_text(statement, 0));
    if (!tg_ticket_state_from_name(tg_sql_text(statement, 2), &out->state))
        return tg_fail(error, TG_store_failed, "ticket %s is in a state that this version does not know",
                       out->id);
    out->revision = sqlite3_column_int64(statement, 3);
    out->opened = sqlite3_column_int64(statement, 4);
    (void)store;
    return 0;
}

static int walk_tickets(struct tg_store *store, sqlite3_stmt *statement, tg_store_each_ticket *each,
                        void *context, struct tg_error *error)
{
    bool row;
    int result;
    while ((result = tg_sql_step(store, statement, &row, error)) == 0 && row) {
        struct tg_stored_ticket ticket;
        if ((result = read_ticket(store, statement, &ticket, error)) < 0 ||
            (result = each(context, &ticket)) != 0)
            break;
    }
    tg_sql_end(statement);
    return result;
}

int tg_store_ticket(struct tg_store *store, const char *id, tg_store_each_ticket *each, void *context,
                    struct tg_error *error)
{
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_ticket, "t", id);
    if (tg_sql_step(store, statement, &row, error) < 0)
        return -1;
    struct tg_stored_ticket ticket;
    int result = -1;
    if (!row)
        (void)tg_fail(error, TG_not_found, "there is no ticket %s", id);
    else if (read_ticket(store, statement, &ticket, error) == 0)
        result = each(context, &ticket);
    tg_sql_end(statement);
    return result;
}

int tg_store_tickets(struct tg_store *store, const struct tg_ticket_filter *filter,
                     tg_store_each_ticket *each, void *context, struct tg_error *error)
{
    const char *state = filter->scope == TG_SCOPE_STATE ? tg_ticket_state_name(filter->state) : NULL;
    return walk_tickets(store,
                        tg_sql_start(store, TG_SQL_tickets, "ttii", filter->requester, state,
                                     (int64_t)(filter->scope == TG_SCOPE_OPEN), (int64_t)filter->limit),
                        each, context, error);
}

int tg_store_extensions(struct tg_store *store, const char *ticket, tg_store_each_ticket *each, void *context,
                        struct tg_error *error)
{
    return walk_tickets(store, tg_sql_start(store, TG_SQL_ticket_extensions, "t", ticket), each, context,
                        error);
}

int tg_store_host_tickets(struct tg_store *store, const char *host, int64_t after, int64_t now, int limit,
                          tg_store_each_ticket *each, void *context, struct tg_error *error)
{
    enum tg_sql which = after > 0 ? TG_SQL_host_tickets : TG_SQL_host_tickets_valid;
    return walk_tickets(store,
                        tg_sql_start(store, which, "tii", host, after > 0 ? after : now, (int64_t)limit),
                        each, context, error);
}

int tg_store_approvals(struct tg_store *store, const char *ticket, tg_store_each_approval *each,
                       void *context, struct tg_error *error)
{
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_approvals, "t", ticket);
    bool row;
    int result;
    while ((result = tg_sql_step(store, statement, &row, error)) == 0 && row) {
        struct tg_stored_approval approval = {.document = tg_sql_text(statement, 0),
                                              .signature = tg_sql_text(statement, 1)};
        if ((result = each(context, &approval)) != 0)
            break;
    }
    tg_sql_end(statement);
    return result;
}

int tg_store_ticket_hosts(struct tg_store *store, const char *ticket, tg_store_each_ticket_host *each,
                          void *context, struct tg_error *error)
{
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_ticket_hosts, "t", ticket);
    bool row;
    int result;
    while ((result = tg_sql_step(store, statement, &row, error)) == 0 && row) {
        struct tg_stored_ticket_host host = {.host = tg_sql_text(statement, 0),
                                             .acknowledged = sqlite3_column_int(statement, 1) != 0,
                                             .problem = tg_sql_text(statement, 2)};
        if ((result = each(context, &host)) != 0)
            break;
    }
    tg_sql_end(statement);
    return result;
}

int tg_store_events(struct tg_store *store, const char *ticket, int64_t after, int limit,
                    tg_store_each_event *each, void *context, struct tg_error *error)
{
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_events, "tii", ticket, after, (int64_t)limit);
    bool row;
    int result;
    while ((result = tg_sql_step(store, statement, &row, error)) == 0 && row) {
        struct tg_ticket_event event = {.number = sqlite3_column_int64(statement, 0),
                                        .time = sqlite3_column_int64(statement, 1),
                                        .kind = tg_sql_text(statement, 2),
                                        .host = tg_sql_text(statement, 3),
                                        .person = tg_sql_text(statement, 4),
                                        .code = tg_sql_text(statement, 5),
                                        .text = tg_sql_text(statement, 6)};
        if ((result = each(context, &event)) != 0)
            break;
    }
    tg_sql_end(statement);
    return result;
}

static int check_open_limit(struct tg_store *store, const char *requester, uint32_t limit,
                            struct tg_error *error)
{
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_ticket_open_count, "t", requester);
    if (tg_sql_step(store, statement, &row, error) < 0)
        return -1;
    int64_t count = row ? sqlite3_column_int64(statement, 0) : 0;
    tg_sql_end(statement);
    if (limit > 0 && count >= (int64_t)limit)
        return tg_fail(error, TG_request_rate,
                       "%s has as many pending tickets already (%lld) as the policy allows: cancel one",
                       requester, (long long)count);
    return 0;
}

static int add_ticket(struct tg_store *store, const struct tg_ticket *ticket, uint32_t open_limit,
                      int64_t now, struct tg_error *error)
{
    char document[TG_TICKET_MAX + 1];
    if (ticket->document.length > TG_TICKET_MAX)
        return tg_fail(error, TG_ticket_malformed, "the ticket is too long");
    memcpy(document, ticket->document.data, ticket->document.length);
    document[ticket->document.length] = '\0';

    int64_t last_begin = ticket->not_before > ticket->approve_by ? ticket->not_before : ticket->approve_by;
    int64_t revision;
    bool added;
    if (check_open_limit(store, ticket->requester, open_limit, error) < 0 ||
        tg_sql_bump(store, &revision, error) < 0 ||
        tg_sql_write(store,
                     tg_sql_start(store, TG_SQL_ticket_add, "tttiiiiit", ticket->id, document,
                                  ticket->requester, ticket->created, (int64_t)ticket->sessions,
                                  ticket->approve_by + 1, last_begin + ticket->seconds, revision,
                                  ticket->extends),
                     &added, error) < 0)
        return -1;
    if (!added)
        return tg_fail(error, TG_ticket_exists, "ticket %s is here already", ticket->id);
    for (size_t i = 0; i < ticket->host_count; i++) {
        if (tg_sql_run(store, tg_sql_start(store, TG_SQL_ticket_host_add, "tt", ticket->id, ticket->hosts[i]),
                       error) < 0)
            return -1;
    }
    if (tg_sql_touch_hosts(store, ticket->id, revision, error) < 0)
        return -1;
    return tg_sql_event(store, ticket->id, now, "submitted", "", ticket->requester, "", "", error);
}

int tg_store_ticket_add(struct tg_store *store, const struct tg_ticket *ticket, uint32_t open_limit,
                        int64_t now, struct tg_error *error)
{
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    return tg_sql_finish(store, add_ticket(store, ticket, open_limit, now, error), error);
}

static int not_in_state(const char *ticket, const char *wanted, struct tg_error *error)
{
    return tg_fail(error, TG_ticket_state, "ticket %s is not %s", ticket, wanted);
}

/* pending -> approved, inside a transaction. */
static int approve_ticket(struct tg_store *store, const char *ticket, int64_t revision, int64_t ends,
                          struct tg_error *error)
{
    bool changed;
    if (tg_sql_write(store, tg_sql_start(store, TG_SQL_ticket_approve, "tii", ticket, revision, ends),
                     &changed, error) < 0)
        return -1;
    if (!changed)
        return not_in_state(ticket, "pending", error);
    /* A host needs the ticket that opened a session for as long as an extension may carry it. */
    if (tg_sql_run(store, tg_sql_start(store, TG_SQL_ticket_remember, "ti", ticket, ends), error) < 0)
        return -1;
    return tell_when_acknowledged(store, ticket, error);
}

static int touch_pending(struct tg_store *store, const char *ticket, int64_t revision, struct tg_error *error)
{
    bool changed;
    if (tg_sql_write(store, tg_sql_start(store, TG_SQL_ticket_touch, "ti", ticket, revision), &changed,
                     error) < 0)
        return -1;
    return changed ? 0 : not_in_state(ticket, "pending", error);
}

static int add_approval(struct tg_store *store, const char *ticket, const struct tg_approval *approval,
                        const char *signature, bool complete, int64_t ends, int64_t now,
                        struct tg_error *error)
{
    char document[TG_TICKET_MAX + 1];
    if (approval->document.length > TG_TICKET_MAX)
        return tg_fail(error, TG_approval_malformed, "the approval is too long");
    memcpy(document, approval->document.data, approval->document.length);
    document[approval->document.length] = '\0';

    int64_t revision;
    bool added;
    if (tg_sql_bump(store, &revision, error) < 0 ||
        tg_sql_write(store,
                     tg_sql_start(store, TG_SQL_approval_add, "tttti", ticket, approval->approver, document,
                                  signature, now),
                     &added, error) < 0)
        return -1;
    if (!added)
        return tg_fail(error, TG_approval_exists, "%s has approved ticket %s already", approval->approver,
                       ticket);
    int result = complete ? approve_ticket(store, ticket, revision, ends, error)
                          : touch_pending(store, ticket, revision, error);
    if (result < 0 || tg_sql_touch_hosts(store, ticket, revision, error) < 0)
        return -1;
    return tg_sql_event(store, ticket, now, "approved", "", approval->approver, "",
                        complete ? "" : "more approvals are needed", error);
}

int tg_store_approval_add(struct tg_store *store, const char *ticket, const struct tg_approval *approval,
                          const char *signature, bool complete, int64_t ends, int64_t now,
                          struct tg_error *error)
{
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    int result = add_approval(store, ticket, approval, signature, complete, ends, now, error);
    return tg_sql_finish(store, result, error);
}

int tg_store_ticket_approve(struct tg_store *store, const char *ticket, int64_t ends, int64_t now,
                            struct tg_error *error)
{
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    int64_t revision;
    int result = -1;
    if (tg_sql_bump(store, &revision, error) == 0 &&
        approve_ticket(store, ticket, revision, ends, error) == 0 &&
        tg_sql_touch_hosts(store, ticket, revision, error) == 0)
        result = tg_sql_event(store, ticket, now, "approved", "", "", "",
                              "the policy asks for fewer approvals now", error);
    return tg_sql_finish(store, result, error);
}

static int end_ticket(struct tg_store *store, const char *ticket, unsigned from, enum tg_ticket_state to,
                      const char *person, const char *text, int64_t now, struct tg_error *error)
{
    const char *state = tg_ticket_state_name(to);
    int64_t revision;
    bool changed;
    if (tg_sql_bump(store, &revision, error) < 0 ||
        tg_sql_write(store,
                     tg_sql_start(store, TG_SQL_ticket_end, "ttii", ticket, state, revision, (int64_t)from),
                     &changed, error) < 0)
        return -1;
    if (!changed)
        return tg_fail(error, TG_ticket_state, "ticket %s cannot become %s%s", ticket, state,
                       to == TG_TICKET_RELEASED || to == TG_TICKET_REVOKED
                           ? " now: that is for approved ones; one that is pending is cancelled or denied"
                           : " any more");
    if (tg_sql_touch_hosts(store, ticket, revision, error) < 0 ||
        tell_when_acknowledged(store, ticket, error) < 0)
        return -1;
    return tg_sql_event(store, ticket, now, state, "", person, "", text, error);
}

int tg_store_ticket_end(struct tg_store *store, const char *ticket, unsigned from, enum tg_ticket_state to,
                        const char *person, const char *text, int64_t now, struct tg_error *error)
{
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    return tg_sql_finish(store, end_ticket(store, ticket, from, to, person, text, now, error), error);
}

int tg_store_due(struct tg_store *store, int64_t now, bool *found, char id[TG_TICKET_ID_SIZE],
                 enum tg_ticket_state *state, int64_t *next, struct tg_error *error)
{
    *found = false;
    *next = 0;
    id[0] = '\0';
    *state = TG_TICKET_PENDING;
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_ticket_due, "i", now);
    if (tg_sql_step(store, statement, &row, error) < 0)
        return -1;
    if (row) {
        (void)snprintf(id, TG_TICKET_ID_SIZE, "%s", tg_sql_text(statement, 0));
        *found = tg_ticket_state_from_name(tg_sql_text(statement, 1), state);
        tg_sql_end(statement);
        return *found ? 0 : tg_fail(error, TG_store_failed, "ticket %s is in an unknown state", id);
    }
    statement = tg_sql_start(store, TG_SQL_ticket_next_due, "");
    if (tg_sql_step(store, statement, &row, error) < 0)
        return -1;
    *next = row ? sqlite3_column_int64(statement, 0) : 0;
    tg_sql_end(statement);
    return 0;
}

struct claims {
    enum tg_ticket_state state;
    int64_t opened;
    int64_t sessions;
};

static int read_claims(struct tg_store *store, const char *ticket, struct claims *out, struct tg_error *error)
{
    *out = (struct claims){0};
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_ticket_claims, "t", ticket);
    if (tg_sql_step(store, statement, &row, error) < 0)
        return -1;
    bool known = row && tg_ticket_state_from_name(tg_sql_text(statement, 0), &out->state);
    out->opened = known ? sqlite3_column_int64(statement, 1) : 0;
    out->sessions = known ? sqlite3_column_int64(statement, 2) : 0;
    tg_sql_end(statement);
    return known ? 0 : tg_fail(error, TG_not_found, "there is no ticket %s", ticket);
}

/* The first extension of a ticket that is not over; "" if there is none. */
static int next_extension(struct tg_store *store, const char *ticket, char id[TG_TICKET_ID_SIZE],
                          struct tg_error *error)
{
    id[0] = '\0';
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_ticket_next_extension, "t", ticket);
    if (tg_sql_step(store, statement, &row, error) < 0)
        return -1;
    if (row)
        (void)snprintf(id, TG_TICKET_ID_SIZE, "%s", tg_sql_text(statement, 0));
    tg_sql_end(statement);
    return 0;
}

/* Ends the extensions of a ticket that are not over. */
static int end_extensions(struct tg_store *store, const char *ticket, enum tg_ticket_state to,
                          const char *person, int64_t now, struct tg_error *error)
{
    static const unsigned unended = 1U << TG_TICKET_PENDING | 1U << TG_TICKET_APPROVED |
                                    1U << TG_TICKET_ACTIVE | 1U << TG_TICKET_EXHAUSTED;
    char text[64];
    (void)snprintf(text, sizeof text, "with %s, which it extends", ticket);
    for (;;) {
        char extension[TG_TICKET_ID_SIZE];
        if (next_extension(store, ticket, extension, error) < 0)
            return -1;
        if (extension[0] == '\0')
            return 0;
        if (end_ticket(store, extension, unended, to, person, text, now, error) < 0)
            return -1;
    }
}

/* A ticket whose own window is over may have sessions that extensions carry: who revokes or releases it ends
 * those. */
static int end_ticket_or_extensions(struct tg_store *store, const char *ticket, unsigned from,
                                    enum tg_ticket_state to, const char *person, const char *text,
                                    int64_t now, struct tg_error *error)
{
    struct claims claims;
    char extension[TG_TICKET_ID_SIZE];
    if (read_claims(store, ticket, &claims, error) < 0 || next_extension(store, ticket, extension, error) < 0)
        return -1;
    if ((from & 1U << TG_TICKET_APPROVED) != 0 && claims.state == TG_TICKET_EXPIRED && extension[0] != '\0')
        return tg_sql_event(store, ticket, now, tg_ticket_state_name(to), "", person, "", text, error);
    return end_ticket(store, ticket, from, to, person, text, now, error);
}

int tg_store_ticket_end_all(struct tg_store *store, const char *ticket, unsigned from,
                            enum tg_ticket_state to, const char *person, const char *text, int64_t now,
                            struct tg_error *error)
{
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    int result = end_ticket_or_extensions(store, ticket, from, to, person, text, now, error);
    if (result == 0)
        result = end_extensions(store, ticket, to, person, now, error);
    return tg_sql_finish(store, result, error);
}

static int refuse_claim(const char *ticket, const struct claims *claims, struct tg_error *error)
{
    if (claims->sessions > 0 && claims->opened >= claims->sessions)
        return tg_fail(error, TG_ticket_used_up, "every session of ticket %s (%lld in all) has been opened",
                       ticket, (long long)claims->sessions);
    return tg_fail(error, TG_ticket_state, "ticket %s is %s", ticket, tg_ticket_state_name(claims->state));
}

/* Has this very session been opened before? Then *known is true; by another host or for another ticket it is
 * an error. */
static int find_session(struct tg_store *store, const char *ticket, const char *host, const char *session,
                        bool *known, struct tg_error *error)
{
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_session, "t", session);
    if (tg_sql_step(store, statement, known, error) < 0)
        return -1;
    bool same = *known && strcmp(tg_sql_text(statement, 0), host) == 0 &&
                strcmp(tg_sql_text(statement, 1), ticket) == 0;
    tg_sql_end(statement);
    if (*known && !same)
        return tg_fail(error, TG_request_malformed, "this session id stands for another session");
    return 0;
}

static int check_ticket_host(struct tg_store *store, const char *ticket, const char *host, bool *named,
                             struct tg_error *error)
{
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_ticket_has_host, "tt", ticket, host);
    int result = tg_sql_step(store, statement, named, error);
    tg_sql_end(statement);
    return result;
}

static int claim_session(struct tg_store *store, const char *ticket, const char *host, const char *session,
                         int64_t now, struct tg_error *error)
{
    int64_t revision;
    bool claimed;
    struct claims claims;
    if (tg_sql_bump(store, &revision, error) < 0 ||
        tg_sql_write(store, tg_sql_start(store, TG_SQL_session_claim, "ti", ticket, revision), &claimed,
                     error) < 0 ||
        read_claims(store, ticket, &claims, error) < 0)
        return -1;
    if (!claimed)
        return refuse_claim(ticket, &claims, error);
    if (tg_sql_run(store, tg_sql_start(store, TG_SQL_session_add, "ttti", session, ticket, host, now),
                   error) < 0 ||
        tg_sql_touch_hosts(store, ticket, revision, error) < 0)
        return -1;
    if (claims.state != TG_TICKET_EXHAUSTED)
        return 0;
    return tg_sql_event(store, ticket, now, "exhausted", host, "", "", "", error);
}

int tg_store_session_open(struct tg_store *store, const char *ticket, const char *host, const char *session,
                          int64_t now, bool *opened, int64_t *remaining, struct tg_error *error)
{
    *opened = false;
    *remaining = 0;
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    bool named;
    bool known = false;
    struct claims claims;
    int result = check_ticket_host(store, ticket, host, &named, error);
    if (result == 0 && !named)
        result = tg_fail(error, TG_not_found, "this host has no ticket %s", ticket);
    if (result == 0)
        result = find_session(store, ticket, host, session, &known, error);
    if (result == 0 && !known)
        result = claim_session(store, ticket, host, session, now, error);
    if (result == 0)
        result = read_claims(store, ticket, &claims, error);
    if (tg_sql_finish(store, result, error) < 0)
        return -1;
    *opened = !known;
    *remaining = claims.sessions > 0 ? claims.sessions - claims.opened : 0;
    return 0;
}

int tg_store_session_end(struct tg_store *store, const char *host, const char *session, int64_t ended,
                         char ticket[TG_TICKET_ID_SIZE], struct tg_error *error)
{
    ticket[0] = '\0';
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_session_end, "tti", session, host, ended);
    int result = tg_sql_step(store, statement, &row, error);
    if (result == 0 && !row)
        result = tg_fail(error, TG_not_found, "this host has no session %s", session);
    if (result == 0) {
        (void)snprintf(ticket, TG_TICKET_ID_SIZE, "%s", tg_sql_text(statement, 0));
        result = tg_sql_run(store, statement, error);
    }
    tg_sql_end(statement);
    return tg_sql_finish(store, result, error);
}

static int settle_one(struct tg_store *store, const char *host, int64_t after, int64_t now,
                      char ticket[TG_TICKET_ID_SIZE], bool *found, struct tg_error *error)
{
    *found = false;
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_settled, "ti", host, after);
    if (tg_sql_step(store, statement, &row, error) < 0)
        return -1;
    if (!row)
        return 0;
    (void)snprintf(ticket, TG_TICKET_ID_SIZE, "%s", tg_sql_text(statement, 0));
    bool worth_telling = sqlite3_column_int(statement, 1) != 0;
    tg_sql_end(statement);
    *found = true;
    if (tg_sql_run(store, tg_sql_start(store, TG_SQL_settle, "tt", ticket, host), error) < 0)
        return -1;
    return worth_telling ? tg_sql_event(store, ticket, now, "acknowledged", host, "", "", "", error) : 0;
}

/* A host that comes back may have thousands in hand: some at a time in one transaction. */
static int settle_some(struct tg_store *store, const char *host, int64_t after, int64_t now,
                       char tickets[SETTLED_AT_ONCE][TG_TICKET_ID_SIZE], size_t *count,
                       struct tg_error *error)
{
    bool found = true;
    *count = 0;
    while (*count < SETTLED_AT_ONCE) {
        if (settle_one(store, host, after, now, tickets[*count], &found, error) < 0)
            return -1;
        if (!found)
            return 0;
        (*count)++;
    }
    return 0;
}

int tg_store_host_acknowledge(struct tg_store *store, int64_t host_id, const char *host, int64_t after,
                              int64_t now, tg_store_settled *each, void *context, struct tg_error *error)
{
    if (tg_sql_begin(store, TG_RELAXED, error) < 0)
        return -1;
    int result = tg_sql_run(store, tg_sql_start(store, TG_SQL_host_seen, "iii", host_id, now, after), error);
    /* A host that starts afresh has nothing in hand until it has asked again. */
    if (result == 0 && after == 0)
        result = tg_sql_run(store, tg_sql_start(store, TG_SQL_unsettle, "t", host), error);
    if (tg_sql_finish(store, result, error) < 0)
        return -1;
    size_t count = after > 0 ? SETTLED_AT_ONCE : 0;
    while (count == SETTLED_AT_ONCE) {
        char tickets[SETTLED_AT_ONCE][TG_TICKET_ID_SIZE];
        if (tg_sql_begin(store, TG_RELAXED, error) < 0 ||
            tg_sql_finish(store, settle_some(store, host, after, now, tickets, &count, error), error) < 0)
            return -1;
        for (size_t i = 0; i < count; i++)
            each(context, tickets[i]);
    }
    return 0;
}
