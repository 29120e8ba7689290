/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The policy, the hosts and their events, and nonces, in SQLite.
 */
#include "approval_service/store_sqlite.h"

#include <stdlib.h>
#include <string.h>

int tg_store_policy(struct tg_store *store, char **document, char **signatures, int64_t *revision,
                    struct tg_error *error)
{
    *document = NULL;
    *signatures = NULL;
    *revision = 0;
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_policy, "");
    int result = tg_sql_step(store, statement, &row, error);
    if (result == 0 && row) {
        *revision = sqlite3_column_int64(statement, 2);
        if (tg_sql_copy(store, statement, 0, document, error) < 0 ||
            tg_sql_copy(store, statement, 1, signatures, error) < 0) {
            free(*document);
            *document = NULL;
            result = -1;
        }
    }
    tg_sql_end(statement);
    return result;
}

int tg_store_policy_add(struct tg_store *store, uint64_t serial, const char *document, const char *signatures,
                        int64_t now, int64_t *revision, struct tg_error *error)
{
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    int result = tg_sql_bump(store, revision, error);
    if (result == 0)
        result = tg_sql_run(store,
                            tg_sql_start(store, TG_SQL_policy_add, "ittii", (int64_t)serial, document,
                                         signatures, now, *revision),
                            error);
    return tg_sql_finish(store, result, error);
}

static int walk_hosts(struct tg_store *store, sqlite3_stmt *statement, tg_store_each_host *each,
                      void *context, size_t *count, struct tg_error *error)
{
    *count = 0;
    bool row;
    int result;
    while ((result = tg_sql_step(store, statement, &row, error)) == 0 && row) {
        struct tg_stored_host host = {.id = sqlite3_column_int64(statement, 0),
                                      .name = tg_sql_text(statement, 1),
                                      .labels = tg_sql_text(statement, 2),
                                      .key = tg_sql_text(statement, 3),
                                      .revision = sqlite3_column_int64(statement, 4),
                                      .seen = sqlite3_column_int64(statement, 5),
                                      .acknowledged = sqlite3_column_int64(statement, 6)};
        ++*count;
        if ((result = each(context, &host)) != 0)
            break;
    }
    tg_sql_end(statement);
    return result;
}

int tg_store_hosts(struct tg_store *store, tg_store_each_host *each, void *context, struct tg_error *error)
{
    size_t count;
    return walk_hosts(store, tg_sql_start(store, TG_SQL_hosts, ""), each, context, &count, error);
}

int tg_store_host(struct tg_store *store, const char *name, tg_store_each_host *each, void *context,
                  struct tg_error *error)
{
    size_t count;
    int result = walk_hosts(store, tg_sql_start(store, TG_SQL_host, "t", name), each, context, &count, error);
    if (result == 0 && count == 0)
        return tg_fail(error, TG_host_unknown, "no host named %s is enrolled", name);
    return result;
}

int tg_store_host_by_key(struct tg_store *store, const char *fingerprint, tg_store_each_host *each,
                         void *context, struct tg_error *error)
{
    size_t count;
    int result = walk_hosts(store, tg_sql_start(store, TG_SQL_host_by_key, "t", fingerprint), each, context,
                            &count, error);
    if (result == 0 && count == 0)
        return tg_fail(error, TG_host_unknown, "no host with the key %s is enrolled", fingerprint);
    return result;
}

/* Is there a host with this name or key? *same: it is this very one. */
static int find_clash(struct tg_store *store, const char *name, const char *fingerprint, bool *same,
                      struct tg_error *error)
{
    *same = false;
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_host_clash, "tt", name, fingerprint);
    if (tg_sql_step(store, statement, &row, error) < 0)
        return -1;
    int result = 0;
    if (row) {
        const char *other = tg_sql_text(statement, 0);
        bool same_name = strcmp(other, name) == 0;
        *same = same_name && strcmp(tg_sql_text(statement, 1), fingerprint) == 0;
        if (!*same)
            result = same_name ? tg_fail(error, TG_host_exists, "%s is enrolled with another key", name)
                               : tg_fail(error, TG_host_exists, "this key is enrolled as %s", other);
    }
    tg_sql_end(statement);
    return result;
}

int tg_store_host_add(struct tg_store *store, const char *name, const char *labels,
                      const struct tg_public_key *key, const char *key_line, int64_t now, bool *added,
                      struct tg_error *error)
{
    *added = false;
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    bool same;
    int64_t revision;
    int result = find_clash(store, name, key->fingerprint, &same, error);
    if (result == 0 && !same) {
        result = tg_sql_bump(store, &revision, error);
        if (result == 0)
            result = tg_sql_run(store,
                                tg_sql_start(store, TG_SQL_host_add, "ttttii", name, labels, key_line,
                                             key->fingerprint, now, revision),
                                error);
    }
    if (tg_sql_finish(store, result, error) < 0)
        return -1;
    *added = !same;
    return 0;
}

int tg_store_host_remove(struct tg_store *store, const char *name, int64_t now, struct tg_error *error)
{
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    bool changed;
    int result =
        tg_sql_write(store, tg_sql_start(store, TG_SQL_host_remove, "ti", name, now), &changed, error);
    if (result == 0 && !changed)
        result = tg_fail(error, TG_not_found, "no host named %s is enrolled", name);
    return tg_sql_finish(store, result, error);
}

int tg_store_host_revision(struct tg_store *store, const char *host, int64_t *revision,
                           struct tg_error *error)
{
    *revision = 0;
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_host_revision, "t", host);
    if (tg_sql_step(store, statement, &row, error) < 0)
        return -1;
    if (row)
        *revision = sqlite3_column_int64(statement, 0);
    tg_sql_end(statement);
    return row ? 0 : tg_fail(error, TG_host_unknown, "no host named %s is enrolled", host);
}

int tg_store_host_event_last(struct tg_store *store, int64_t host_id, int64_t *number,
                             char digest[TG_DIGEST_SIZE], struct tg_error *error)
{
    *number = 0;
    memset(digest, '0', TG_DIGEST_SIZE - 1);
    digest[TG_DIGEST_SIZE - 1] = '\0';
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_host_event_last, "i", host_id);
    if (tg_sql_step(store, statement, &row, error) < 0)
        return -1;
    if (row) {
        *number = sqlite3_column_int64(statement, 0);
        (void)snprintf(digest, TG_DIGEST_SIZE, "%s", tg_sql_text(statement, 1));
    }
    tg_sql_end(statement);
    return 0;
}

/* An event that was sent before must be the same one. */
static int check_known_event(struct tg_store *store, int64_t host_id,
                             const struct tg_stored_host_event *event, struct tg_error *error)
{
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_host_event_digest, "ii", host_id, event->number);
    if (tg_sql_step(store, statement, &row, error) < 0)
        return -1;
    bool same = row && strcmp(tg_sql_text(statement, 0), event->digest) == 0;
    tg_sql_end(statement);
    if (!same)
        return tg_fail(error, TG_events_unchained,
                       "event %lld differs from the one stored under this number, or none is",
                       (long long)event->number);
    return 0;
}

static int insert_event(struct tg_store *store, int64_t host_id, const struct tg_stored_host_event *event,
                        int64_t now, struct tg_error *error)
{
    return tg_sql_run(store,
                      tg_sql_start(store, TG_SQL_host_event_add, "iittiittttttt", host_id, event->number,
                                   event->digest, event->document, now, event->time, event->kind,
                                   event->ticket, event->person, event->account, event->source, event->code,
                                   event->detail),
                      error);
}

/* The ticket's own list gets a copy, if the ticket is this host's business. */
static int copy_to_ticket(struct tg_store *store, const char *host, const struct tg_stored_host_event *event,
                          bool *for_ticket, struct tg_error *error)
{
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_ticket_has_host, "tt", event->ticket, host);
    int result = tg_sql_step(store, statement, for_ticket, error);
    tg_sql_end(statement);
    if (result < 0 || !*for_ticket)
        return result;
    if (tg_sql_event(store, event->ticket, event->time, event->kind, host, event->person, event->code,
                     event->detail, error) < 0)
        return -1;
    if (strcmp(event->kind, "ticket_refused") != 0 && strcmp(event->kind, "approval_refused") != 0)
        return 0;
    return tg_sql_run(
        store, tg_sql_start(store, TG_SQL_ticket_problem, "ttt", event->ticket, host, event->code), error);
}

/* Must this event be the next of the chain, and is it? The first of an enrolment only begins the chain: a
 * host that was removed and enrolled again goes on with its journal. */
static int check_chain(const struct tg_stored_host_event *event, int64_t last, const char *digest,
                       struct tg_error *error)
{
    if (last == 0)
        return 0;
    if (event->number != last + 1)
        return tg_fail(error, TG_events_unchained, "event %lld came, %lld is the next",
                       (long long)event->number, (long long)last + 1);
    if (strcmp(event->previous, digest) != 0)
        return tg_fail(error, TG_events_unchained,
                       "event %lld does not follow event %lld: its 'previous' is wrong",
                       (long long)event->number, (long long)last);
    return 0;
}

static int add_host_event(struct tg_store *store, int64_t host_id, const char *host,
                          const struct tg_stored_host_event *event, int64_t now,
                          struct tg_event_effect *effect, struct tg_error *error)
{
    int64_t last;
    char digest[TG_DIGEST_SIZE];
    if (tg_store_host_event_last(store, host_id, &last, digest, error) < 0)
        return -1;
    if (event->number <= last)
        return check_known_event(store, host_id, event, error);
    if (check_chain(event, last, digest, error) < 0 || insert_event(store, host_id, event, now, error) < 0)
        return -1;
    effect->added = true;
    if (event->ticket[0] != '\0' && copy_to_ticket(store, host, event, &effect->for_ticket, error) < 0)
        return -1;
    return tg_sql_session_event(store, host, event, effect, error);
}

int tg_store_host_event_add(struct tg_store *store, int64_t host_id, const char *host,
                            const struct tg_stored_host_event *event, int64_t now,
                            struct tg_event_effect *effect, struct tg_error *error)
{
    *effect = (struct tg_event_effect){0};
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    int result = add_host_event(store, host_id, host, event, now, effect, error);
    return tg_sql_finish(store, result, error);
}

int tg_store_refusals(struct tg_store *store, int64_t host_id, const char *person, const char *account,
                      tg_store_each_refusal *each, void *context, struct tg_error *error)
{
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_refusals, "itt", host_id, person, account);
    bool row;
    int result;
    while ((result = tg_sql_step(store, statement, &row, error)) == 0 && row) {
        struct tg_stored_host_event event = {.time = sqlite3_column_int64(statement, 0),
                                             .code = tg_sql_text(statement, 1),
                                             .ticket = tg_sql_text(statement, 2),
                                             .detail = tg_sql_text(statement, 3),
                                             .account = tg_sql_text(statement, 4),
                                             .source = tg_sql_text(statement, 5)};
        if ((result = each(context, &event)) != 0)
            break;
    }
    tg_sql_end(statement);
    return result;
}

int tg_store_nonce_use(struct tg_store *store, const char *key, const char *nonce, int64_t expires,
                       int64_t now, struct tg_error *error)
{
    if (tg_sql_begin(store, TG_RELAXED, error) < 0)
        return -1;
    bool added = false;
    int result = tg_sql_run(store, tg_sql_start(store, TG_SQL_nonce_prune, "i", now), error);
    if (result == 0)
        result = tg_sql_write(store, tg_sql_start(store, TG_SQL_nonce_add, "tti", key, nonce, expires),
                              &added, error);
    if (result == 0 && !added)
        result = tg_fail(error, TG_request_replayed, "this key has used this nonce before");
    return tg_sql_finish(store, result, error);
}

int tg_store_counts(struct tg_store *store, struct tg_store_counts *counts, struct tg_error *error)
{
    *counts = (struct tg_store_counts){0};
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_count_tickets, "");
    bool row;
    int result;
    while ((result = tg_sql_step(store, statement, &row, error)) == 0 && row) {
        enum tg_ticket_state state;
        if (tg_ticket_state_from_name(tg_sql_text(statement, 0), &state))
            counts->tickets[state] = sqlite3_column_int64(statement, 1);
    }
    if (result == 0) {
        statement = tg_sql_start(store, TG_SQL_count_hosts, "");
        result = tg_sql_step(store, statement, &row, error);
        counts->hosts = result == 0 && row ? sqlite3_column_int64(statement, 0) : 0;
        tg_sql_end(statement);
    }
    if (result == 0) {
        statement = tg_sql_start(store, TG_SQL_revision, "");
        result = tg_sql_step(store, statement, &row, error);
        counts->revision = result == 0 && row ? sqlite3_column_int64(statement, 0) : 0;
        tg_sql_end(statement);
    }
    return result;
}
