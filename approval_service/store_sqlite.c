/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The store on SQLite: the connection, the prepared statements and transactions. What is stored is in
 * store_tickets.c and store_hosts.c.
 */
#include "approval_service/store_sqlite.h"

#include "approval_service/store_schema.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What every walk through the sessions of hosts reads. */
#define HOST_SESSIONS                                                                                        \
    "SELECT s.host, s.session, s.ticket, s.person, s.account, s.source, s.opened, s.ends, s.ended, s.code, " \
    "s.how, ifnull(h.seen, 0), s.revision, t.document FROM host_sessions s JOIN tickets t ON t.id = "        \
    "s.ticket LEFT JOIN hosts h ON h.name = s.host AND h.removed IS NULL "

static const char *const statement_text[] = {
#define STATEMENT(name, sql) [TG_SQL_##name] = sql,
#include "approval_service/store_statements.def"
#undef STATEMENT
};

int tg_store_fail(struct tg_store *store, struct tg_error *error)
{
    return tg_fail(error, TG_store_failed, "the database: %s; look at its disk and its permissions",
                   store->database == NULL ? "out of memory" : sqlite3_errmsg(store->database));
}

static int bind_one(sqlite3_stmt *statement, int index, char type, va_list *arguments)
{
    if (type == 'i')
        return sqlite3_bind_int64(statement, index, va_arg(*arguments, int64_t));
    const char *text = va_arg(*arguments, const char *);
    return text == NULL ? sqlite3_bind_null(statement, index)
                        : sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);
}

sqlite3_stmt *tg_sql_start(struct tg_store *store, enum tg_sql which, const char *types, ...)
{
    sqlite3_stmt *statement = store->statements[which];
    (void)sqlite3_reset(statement);
    int result = SQLITE_OK;
    va_list arguments;
    va_start(arguments, types);
    for (int index = 0; types[index] != '\0' && result == SQLITE_OK; index++)
        result = bind_one(statement, index + 1, types[index], &arguments);
    va_end(arguments);
    return result == SQLITE_OK ? statement : NULL;
}

int tg_sql_step(struct tg_store *store, sqlite3_stmt *statement, bool *row, struct tg_error *error)
{
    *row = false;
    if (statement == NULL)
        return tg_store_fail(store, error);
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        *row = true;
        return 0;
    }
    if (result == SQLITE_DONE) {
        (void)sqlite3_reset(statement);
        return 0;
    }
    (void)tg_store_fail(store, error);
    (void)sqlite3_reset(statement);
    return -1;
}

void tg_sql_end(sqlite3_stmt *statement)
{
    if (statement == NULL)
        return;
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
}

int tg_sql_run(struct tg_store *store, sqlite3_stmt *statement, struct tg_error *error)
{
    bool row;
    int result = tg_sql_step(store, statement, &row, error);
    tg_sql_end(statement);
    return result;
}

int tg_sql_write(struct tg_store *store, sqlite3_stmt *statement, bool *changed, struct tg_error *error)
{
    *changed = false;
    if (tg_sql_run(store, statement, error) < 0)
        return -1;
    *changed = sqlite3_changes(store->database) > 0;
    return 0;
}

const char *tg_sql_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text == NULL ? "" : text;
}

int tg_sql_copy(struct tg_store *store, sqlite3_stmt *statement, int column, char **out,
                struct tg_error *error)
{
    *out = strdup(tg_sql_text(statement, column));
    return *out == NULL ? tg_store_fail(store, error) : 0;
}

int tg_sql_begin(struct tg_store *store, enum tg_durability durability, struct tg_error *error)
{
    if (store->durability != durability) {
        enum tg_sql which = durability == TG_DURABLE ? TG_SQL_durable : TG_SQL_relaxed;
        if (tg_sql_run(store, tg_sql_start(store, which, ""), error) < 0)
            return -1;
        store->durability = durability;
    }
    return tg_sql_run(store, tg_sql_start(store, TG_SQL_begin, ""), error);
}

int tg_sql_finish(struct tg_store *store, int result, struct tg_error *error)
{
    if (result == 0 && tg_sql_run(store, tg_sql_start(store, TG_SQL_commit, ""), error) == 0)
        return 0;
    /* A failed statement may have rolled back already; then this says so and nothing is lost. */
    (void)tg_sql_run(store, tg_sql_start(store, TG_SQL_rollback, ""), NULL);
    return -1;
}

int tg_sql_bump(struct tg_store *store, int64_t *revision, struct tg_error *error)
{
    *revision = 0;
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_bump, "");
    if (tg_sql_step(store, statement, &row, error) < 0)
        return -1;
    if (row)
        *revision = sqlite3_column_int64(statement, 0);
    /* RETURNING wants to be stepped to its end. */
    return row ? tg_sql_run(store, statement, error) : tg_store_fail(store, error);
}

static int prepare_statements(struct tg_store *store, struct tg_error *error)
{
    for (int which = 0; which < TG_SQL_COUNT; which++) {
        if (sqlite3_prepare_v3(store->database, statement_text[which], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statements[which], NULL) != SQLITE_OK)
            return tg_store_fail(store, error);
    }
    return 0;
}

static int execute(struct tg_store *store, const char *sql, struct tg_error *error)
{
    return sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
                                                                             : tg_store_fail(store, error);
}

/* The version of the schema in the file; 0 for an empty file. */
static int schema_version(struct tg_store *store, int64_t *version, struct tg_error *error)
{
    *version = 0;
    sqlite3_stmt *statement = NULL;
    int result = -1;
    if (sqlite3_prepare_v2(store->database,
                           "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'", -1, &statement,
                           NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        goto out;
    bool known = sqlite3_column_int(statement, 0) > 0;
    (void)sqlite3_finalize(statement);
    statement = NULL;
    if (known) {
        if (sqlite3_prepare_v2(store->database, "SELECT max(version) FROM schema_version", -1, &statement,
                               NULL) != SQLITE_OK ||
            sqlite3_step(statement) != SQLITE_ROW)
            goto out;
        *version = sqlite3_column_int64(statement, 0);
    }
    result = 0;
out:
    if (result < 0)
        (void)tg_store_fail(store, error);
    (void)sqlite3_finalize(statement);
    return result;
}

static int prepare_schema(struct tg_store *store, struct tg_error *error)
{
    if (execute(store, "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;",
                error) < 0)
        return -1;
    int64_t version;
    if (schema_version(store, &version, error) < 0)
        return -1;
    if (version == 0)
        return execute(
            store, "BEGIN EXCLUSIVE;" TG_STORE_SCHEMA_1 TG_STORE_SCHEMA_2 TG_STORE_SCHEMA_3 "COMMIT", error);
    if (version == 1)
        return execute(store, "BEGIN EXCLUSIVE;" TG_STORE_SCHEMA_2 TG_STORE_SCHEMA_3 "COMMIT", error);
    if (version == 2)
        return execute(store, "BEGIN EXCLUSIVE;" TG_STORE_SCHEMA_3 "COMMIT", error);
    if (version != TG_STORE_SCHEMA)
        return tg_fail(
            error, TG_store_failed,
            "the database has schema %lld, this tegata-approvald knows %d: use the version that made it",
            (long long)version, TG_STORE_SCHEMA);
    return 0;
}

int tg_store_open(const char *path, struct tg_store **out, struct tg_error *error)
{
    *out = NULL;
    struct tg_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return tg_fail(error, TG_store_failed, "out of memory");
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    if (sqlite3_open_v2(path, &store->database, flags, NULL) != SQLITE_OK) {
        (void)tg_fail(error, TG_store_failed, "%s: %s; the service's user must be able to write there", path,
                      store->database == NULL ? "out of memory" : sqlite3_errmsg(store->database));
        goto fail;
    }
    (void)sqlite3_busy_timeout(store->database, 2000);
    (void)sqlite3_db_config(store->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (prepare_schema(store, error) < 0 || prepare_statements(store, error) < 0)
        goto fail;
    *out = store;
    return 0;
fail:
    tg_store_close(store);
    return -1;
}

void tg_store_close(struct tg_store *store)
{
    if (store == NULL)
        return;
    for (int which = 0; which < TG_SQL_COUNT; which++)
        (void)sqlite3_finalize(store->statements[which]);
    (void)sqlite3_close(store->database);
    free(store);
}

int tg_store_check(struct tg_store *store, struct tg_error *error)
{
    return tg_sql_run(store, tg_sql_start(store, TG_SQL_revision, ""), error);
}
