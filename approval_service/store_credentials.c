/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The keys that people enrolled and the certificates that were issued to them, in SQLite.
 */
#include "approval_service/store_accounts.h"
#include "approval_service/store_sqlite.h"

static int check_room(struct tg_store *store, const struct tg_stored_credential *credential,
                      struct tg_error *error)
{
    bool row;
    sqlite3_stmt *statement =
        tg_sql_start(store, TG_SQL_credential_room, "tt", credential->person, credential->fingerprint);
    int result = tg_sql_step(store, statement, &row, error);
    if (result == 0 && row && sqlite3_column_int64(statement, 0) >= TG_CREDENTIALS_MAX)
        result = tg_fail(error, TG_request_rate, "%s has enrolled %d keys, which is as many as may be",
                         credential->person, TG_CREDENTIALS_MAX);
    tg_sql_end(statement);
    return result;
}

int tg_store_credential_add(struct tg_store *store, const struct tg_stored_credential *credential,
                            struct tg_error *error)
{
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    int result = check_room(store, credential, error);
    if (result == 0)
        result = tg_sql_run(store,
                            tg_sql_start(store, TG_SQL_credential_add, "tttttitti", credential->fingerprint,
                                         credential->person, credential->key, credential->credential,
                                         credential->kind, (int64_t)credential->attested, credential->device,
                                         credential->label, credential->created),
                            error);
    return tg_sql_finish(store, result, error);
}

int tg_store_credentials(struct tg_store *store, const char *person, tg_store_each_credential *each,
                         void *context, struct tg_error *error)
{
    bool row;
    int result;
    sqlite3_stmt *statement = tg_sql_start(store, TG_SQL_credentials, "t", person);
    while ((result = tg_sql_step(store, statement, &row, error)) == 0 && row) {
        struct tg_stored_credential credential = {.person = person,
                                                  .fingerprint = tg_sql_text(statement, 0),
                                                  .key = tg_sql_text(statement, 1),
                                                  .credential = tg_sql_text(statement, 2),
                                                  .kind = tg_sql_text(statement, 3),
                                                  .attested = sqlite3_column_int(statement, 4) != 0,
                                                  .device = tg_sql_text(statement, 5),
                                                  .label = tg_sql_text(statement, 6),
                                                  .created = sqlite3_column_int64(statement, 7)};
        if ((result = each(context, &credential)) != 0)
            break;
    }
    tg_sql_end(statement);
    return result;
}

int tg_store_certificate_add(struct tg_store *store, const struct tg_stored_certificate *certificate,
                             struct tg_error *error)
{
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    int result = tg_sql_run(store,
                            tg_sql_start(store, TG_SQL_certificate_add, "tttttiii", certificate->serial,
                                         certificate->person, certificate->fingerprint, certificate->line,
                                         certificate->key_id, certificate->valid_after,
                                         certificate->valid_before, certificate->issued),
                            error);
    return tg_sql_finish(store, result, error);
}

int tg_store_certificates(struct tg_store *store, const char *person, const char *fingerprint, int64_t after,
                          int64_t now, int limit, tg_store_each_certificate *each, void *context,
                          struct tg_error *error)
{
    bool row;
    int result;
    sqlite3_stmt *statement =
        tg_sql_start(store, TG_SQL_certificates, "ttiii", person, fingerprint, after, now, (int64_t)limit);
    while ((result = tg_sql_step(store, statement, &row, error)) == 0 && row) {
        struct tg_stored_certificate certificate = {.person = person,
                                                    .fingerprint = tg_sql_text(statement, 0),
                                                    .line = tg_sql_text(statement, 1),
                                                    .serial = tg_sql_text(statement, 2),
                                                    .key_id = tg_sql_text(statement, 3),
                                                    .valid_after = sqlite3_column_int64(statement, 4),
                                                    .valid_before = sqlite3_column_int64(statement, 5),
                                                    .issued = sqlite3_column_int64(statement, 6)};
        if ((result = each(context, &certificate)) != 0)
            break;
    }
    tg_sql_end(statement);
    return result;
}
