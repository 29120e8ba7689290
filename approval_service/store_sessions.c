/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sessions on the hosts, as the hosts' events tell of them, in SQLite.
 */
#include "approval_service/store_sqlite.h"

#include <string.h>

static int open_session(struct tg_store *store, const char *host, const struct tg_stored_host_event *event,
                        int64_t revision, bool *changed, struct tg_error *error)
{
    return tg_sql_write(store,
                        tg_sql_start(store, TG_SQL_host_session_open, "ttttttiii", host, event->session,
                                     event->ticket, event->person, event->account, event->source, event->time,
                                     event->ends, revision),
                        changed, error);
}

static int extend_session(struct tg_store *store, const char *host, const struct tg_stored_host_event *event,
                          int64_t revision, bool *changed, struct tg_error *error)
{
    return tg_sql_write(
        store,
        tg_sql_start(store, TG_SQL_host_session_extend, "ttii", host, event->session, event->ends, revision),
        changed, error);
}

static int end_session(struct tg_store *store, const char *host, const struct tg_stored_host_event *event,
                       int64_t revision, bool *changed, struct tg_error *error)
{
    return tg_sql_write(store,
                        tg_sql_start(store, TG_SQL_host_session_end, "ttitti", host, event->session,
                                     event->time, event->code, event->detail, revision),
                        changed, error);
}

int tg_sql_session_event(struct tg_store *store, const char *host, const struct tg_stored_host_event *event,
                         struct tg_event_effect *effect, struct tg_error *error)
{
    bool opened = strcmp(event->kind, "session_opened") == 0;
    bool extended = strcmp(event->kind, "session_extended") == 0;
    bool ended = strcmp(event->kind, "session_ended") == 0 || strcmp(event->kind, "session_closed") == 0;
    /* A session of a ticket that the service does not know for this host is none of its business. */
    if (event->session[0] == '\0' || (opened && !effect->for_ticket) || !(opened || extended || ended))
        return 0;
    int64_t revision;
    if (tg_sql_bump(store, &revision, error) < 0)
        return -1;
    if (opened)
        return open_session(store, host, event, revision, &effect->of_session, error);
    if (extended)
        return extend_session(store, host, event, revision, &effect->of_session, error);
    return end_session(store, host, event, revision, &effect->of_session, error);
}

static void read_session(sqlite3_stmt *statement, struct tg_stored_host_session *out)
{
    *out = (struct tg_stored_host_session){.host = tg_sql_text(statement, 0),
                                           .session = tg_sql_text(statement, 1),
                                           .ticket = tg_sql_text(statement, 2),
                                           .person = tg_sql_text(statement, 3),
                                           .account = tg_sql_text(statement, 4),
                                           .source = tg_sql_text(statement, 5),
                                           .opened = sqlite3_column_int64(statement, 6),
                                           .ends = sqlite3_column_int64(statement, 7),
                                           .ended = sqlite3_column_int64(statement, 8),
                                           .code = tg_sql_text(statement, 9),
                                           .how = tg_sql_text(statement, 10),
                                           .seen = sqlite3_column_int64(statement, 11),
                                           .revision = sqlite3_column_int64(statement, 12),
                                           .document = tg_sql_text(statement, 13)};
}

static sqlite3_stmt *start_walk(struct tg_store *store, const struct tg_host_session_filter *filter,
                                int64_t now)
{
    int64_t limit = filter->limit;
    if (filter->after > 0)
        return tg_sql_start(store, TG_SQL_host_sessions_changed, "ii", filter->after, limit);
    if (filter->ticket != NULL)
        return tg_sql_start(store, TG_SQL_host_sessions_ticket, "tiii", filter->ticket,
                            (int64_t)filter->open_only, now, limit);
    if (filter->open_only)
        return tg_sql_start(store, TG_SQL_host_sessions_open, "ii", now, limit);
    return tg_sql_start(store, TG_SQL_host_sessions_any, "i", limit);
}

int tg_store_host_sessions(struct tg_store *store, const struct tg_host_session_filter *filter, int64_t now,
                           tg_store_each_host_session *each, void *context, struct tg_error *error)
{
    sqlite3_stmt *statement = start_walk(store, filter, now);
    bool row;
    int result;
    while ((result = tg_sql_step(store, statement, &row, error)) == 0 && row) {
        struct tg_stored_host_session session;
        read_session(statement, &session);
        if ((result = each(context, &session)) != 0)
            break;
    }
    tg_sql_end(statement);
    return result;
}

int tg_store_host_sessions_revision(struct tg_store *store, int64_t *revision, struct tg_error *error)
{
    *revision = 0;
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_host_sessions_revision, "");
    if (tg_sql_step(store, statement, &row, error) < 0)
        return -1;
    *revision = row ? sqlite3_column_int64(statement, 0) : 0;
    tg_sql_end(statement);
    return 0;
}
