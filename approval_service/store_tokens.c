/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bearer tokens, in SQLite.
 */
#include "approval_service/store_sqlite.h"

#include <stdlib.h>
#include <string.h>

static const char *const scope_names[] = {
    [TG_TOKEN_REQUEST] = "request", [TG_TOKEN_WEB] = "web", [TG_TOKEN_ENROLMENT] = "enrolment"};

int tg_store_token_add(struct tg_store *store, const char *digest, const char *person, const char *key,
                       enum tg_token_scope scope, int64_t expires, int64_t now, struct tg_error *error)
{
    if (tg_sql_begin(store, TG_RELAXED, error) < 0)
        return -1;
    int result = tg_sql_run(store, tg_sql_start(store, TG_SQL_token_prune, "i", now), error);
    if (result == 0)
        result = tg_sql_run(
            store,
            tg_sql_start(store, TG_SQL_token_add, "tttit", digest, person, key, expires, scope_names[scope]),
            error);
    return tg_sql_finish(store, result, error);
}

/* A scope that is not known is the narrowest. */
static enum tg_token_scope scope_of(const char *name)
{
    enum tg_token_scope scope = TG_TOKEN_ENROLMENT;
    for (size_t i = 0; i < sizeof scope_names / sizeof scope_names[0]; i++)
        scope = strcmp(scope_names[i], name) == 0 ? (enum tg_token_scope)i : scope;
    return scope;
}

int tg_store_token(struct tg_store *store, const char *digest, int64_t now, struct tg_stored_token *out,
                   struct tg_error *error)
{
    *out = (struct tg_stored_token){.scope = TG_TOKEN_ENROLMENT};
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_token, "ti", digest, now);
    int result = tg_sql_step(store, statement, &row, error);
    if (result == 0 && !row)
        result = tg_fail(error, TG_token_invalid, "the service does not know this token (any more)");
    if (result == 0) {
        out->scope = scope_of(tg_sql_text(statement, 2));
        if (tg_sql_copy(store, statement, 0, &out->person, error) < 0 ||
            tg_sql_copy(store, statement, 1, &out->key, error) < 0) {
            tg_stored_token_clear(out);
            result = -1;
        }
    }
    tg_sql_end(statement);
    return result;
}

void tg_stored_token_clear(struct tg_stored_token *token)
{
    free(token->person);
    free(token->key);
    *token = (struct tg_stored_token){.scope = TG_TOKEN_ENROLMENT};
}
