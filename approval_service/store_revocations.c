/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What was revoked, in SQLite. Rows are added and never changed or taken out.
 */
#include "approval_service/store_sqlite.h"

int tg_store_revocation_list(struct tg_store *store, struct tg_stored_revocation_list *list,
                             struct tg_error *error)
{
    *list = (struct tg_stored_revocation_list){0};
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_revocation_list, "");
    int result = tg_sql_step(store, statement, &row, error);
    if (result == 0 && row) {
        list->version = sqlite3_column_int64(statement, 0);
        list->generated = sqlite3_column_int64(statement, 1);
        list->revision = sqlite3_column_int64(statement, 2);
    }
    tg_sql_end(statement);
    return result;
}

int tg_store_revocations(struct tg_store *store, tg_store_each_revocation *each, void *context,
                         struct tg_error *error)
{
    bool row;
    int result;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_revocations, "");
    while ((result = tg_sql_step(store, statement, &row, error)) == 0 && row) {
        struct tg_stored_revocation revocation = {.key = tg_sql_text(statement, 0),
                                                  .authority = tg_sql_text(statement, 1),
                                                  .serial = tg_sql_text(statement, 2),
                                                  .key_id = tg_sql_text(statement, 3)};
        if ((result = each(context, &revocation)) != 0)
            break;
    }
    tg_sql_end(statement);
    return result;
}

int tg_store_revocations_by(struct tg_store *store, const char *person, int64_t *count,
                            struct tg_error *error)
{
    *count = 0;
    bool row;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_revocations_by, "t", person);
    int result = tg_sql_step(store, statement, &row, error);
    if (result == 0 && row)
        *count = sqlite3_column_int64(statement, 0);
    tg_sql_end(statement);
    return result;
}

static int add_all(struct tg_store *store, const struct tg_new_revocations *new, int64_t now, bool *added,
                   struct tg_error *error)
{
    for (size_t i = 0; i < new->count; i++) {
        const struct tg_stored_revocation *one = &new->list[i];
        bool changed;
        if (tg_sql_write(store,
                         tg_sql_start(store, TG_SQL_revocation_add, "tttttti", one->key, one->authority,
                                      one->serial, one->key_id, new->person, new->reason, now),
                         &changed, error) < 0)
            return -1;
        *added = *added || changed;
    }
    return 0;
}

int tg_store_revocations_add(struct tg_store *store, const struct tg_new_revocations *new, int64_t now,
                             bool *added, int64_t *revision, struct tg_error *error)
{
    *added = false;
    *revision = 0;
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    int result = add_all(store, new, now, added, error);
    if (result == 0 && *added)
        result = tg_sql_bump(store, revision, error);
    if (result == 0 && *added)
        result = tg_sql_run(
            store, tg_sql_start(store, TG_SQL_revocation_list_set, "iii", new->version, now, *revision),
            error);
    return tg_sql_finish(store, result, error);
}
