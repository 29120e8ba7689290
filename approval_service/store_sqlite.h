/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Inside the SQLite store only: statements, transactions. Functions return 0, or -1 with *error filled in.
 */
#ifndef TEGATA_APPROVAL_SERVICE_STORE_SQLITE_H
#define TEGATA_APPROVAL_SERVICE_STORE_SQLITE_H

#include "approval_service/store.h"

#include <sqlite3.h>

enum tg_sql {
#define STATEMENT(name, sql) TG_SQL_##name,
#include "approval_service/store_statements.def"
#undef STATEMENT
    TG_SQL_COUNT
};

/* A durable transaction is on the disk when it is committed. A relaxed one (nonces, when a host was last
 * seen) may be lost with the power, never by itself out of order. */
enum tg_durability { TG_DURABILITY_UNSET, TG_DURABLE, TG_RELAXED };

struct tg_store {
    sqlite3 *database;
    sqlite3_stmt *statements[TG_SQL_COUNT];
    enum tg_durability durability; /* of the connection now */
};

/* Fills in *error with what the database says; returns -1. */
int tg_store_fail(struct tg_store *store, struct tg_error *error);

/* Resets a statement and binds its parameters: 'i' int64_t, 't' const char * (NULL binds NULL). NULL on
 * failure, which the functions below report. */
sqlite3_stmt *tg_sql_start(struct tg_store *store, enum tg_sql which, const char *types, ...);

/* One row, or the end. tg_sql_end() must follow when the caller stops at a row. */
int tg_sql_step(struct tg_store *store, sqlite3_stmt *statement, bool *row, struct tg_error *error);
void tg_sql_end(sqlite3_stmt *statement);

/* Runs a statement to its first row or end; tg_sql_write() also says whether it changed a row. */
int tg_sql_run(struct tg_store *store, sqlite3_stmt *statement, struct tg_error *error);
int tg_sql_write(struct tg_store *store, sqlite3_stmt *statement, bool *changed, struct tg_error *error);

/* A column as text, never NULL; or malloc'ed. */
const char *tg_sql_text(sqlite3_stmt *statement, int column);
int tg_sql_copy(struct tg_store *store, sqlite3_stmt *statement, int column, char **out,
                struct tg_error *error);

/* Every change stands between these two. tg_sql_finish() commits if `result` is 0, else rolls back; returns 0
 * only if committed. */
int tg_sql_begin(struct tg_store *store, enum tg_durability durability, struct tg_error *error);
int tg_sql_finish(struct tg_store *store, int result, struct tg_error *error);

/* The next revision. Inside a transaction. */
int tg_sql_bump(struct tg_store *store, int64_t *revision, struct tg_error *error);

/* Inside a transaction: one event in a ticket's list; all hosts of a ticket have something new. */
int tg_sql_event(struct tg_store *store, const char *ticket, int64_t now, const char *kind, const char *host,
                 const char *person, const char *code, const char *text, struct tg_error *error);
int tg_sql_touch_hosts(struct tg_store *store, const char *ticket, int64_t revision, struct tg_error *error);

/* Inside the transaction that stores a host's event: what it says about a session. Sets effect->of_session.
 */
int tg_sql_session_event(struct tg_store *store, const char *host, const struct tg_stored_host_event *event,
                         struct tg_event_effect *effect, struct tg_error *error);

#endif
