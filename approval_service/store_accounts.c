/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Passwords, invitations and the nonces of sign-ins, in SQLite.
 */
#include "approval_service/store_accounts.h"
#include "approval_service/store_sqlite.h"

static const char *use_name(enum tg_nonce_use use)
{
    return use == TG_NONCE_SIGN_IN ? "sign-in" : "enrolment";
}

/* The first column of the first row, malloc'ed; NULL without a row. */
static int read_text(struct tg_store *store, sqlite3_stmt *statement, char **out, struct tg_error *error)
{
    bool row;
    *out = NULL;
    int result = tg_sql_step(store, statement, &row, error);
    if (result == 0 && row)
        result = tg_sql_copy(store, statement, 0, out, error);
    tg_sql_end(statement);
    return result;
}

int tg_store_password(struct tg_store *store, const char *person, char **hash, struct tg_error *error)
{
    return read_text(store, tg_sql_start(store, TG_SQL_password, "t", person), hash, error);
}

int tg_store_password_rehash(struct tg_store *store, const char *person, const char *old, const char *hash,
                             struct tg_error *error)
{
    if (tg_sql_begin(store, TG_RELAXED, error) < 0)
        return -1;
    int result =
        tg_sql_run(store, tg_sql_start(store, TG_SQL_password_rehash, "ttt", person, old, hash), error);
    return tg_sql_finish(store, result, error);
}

/* Inside a transaction: whoever got in by the old password is out. */
static int end_everything(struct tg_store *store, const char *person, const char *keep,
                          struct tg_error *error)
{
    if (tg_sql_run(store, tg_sql_start(store, TG_SQL_tokens_end, "tt", person, keep), error) < 0 ||
        tg_sql_run(store, tg_sql_start(store, TG_SQL_person_nonces_end, "t", person), error) < 0)
        return -1;
    return tg_sql_run(store, tg_sql_start(store, TG_SQL_invitation_end, "t", person), error);
}

int tg_store_password_change(struct tg_store *store, const char *person, const char *old, const char *hash,
                             const char *keep, int64_t now, struct tg_error *error)
{
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    bool changed;
    int result = tg_sql_write(
        store, tg_sql_start(store, TG_SQL_password_change, "ttti", person, old, hash, now), &changed, error);
    if (result == 0 && !changed)
        result = tg_fail(error, TG_sign_in_failed, "the password was changed meanwhile");
    if (result == 0)
        result = end_everything(store, person, keep, error);
    return tg_sql_finish(store, result, error);
}

int tg_store_invitation_add(struct tg_store *store, const char *digest, const char *person, int64_t expires,
                            struct tg_error *error)
{
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    int result =
        tg_sql_run(store, tg_sql_start(store, TG_SQL_invitation_add, "tti", digest, person, expires), error);
    return tg_sql_finish(store, result, error);
}

int tg_store_invitation(struct tg_store *store, const char *digest, int64_t now, char **person,
                        struct tg_error *error)
{
    if (read_text(store, tg_sql_start(store, TG_SQL_invitation, "ti", digest, now), person, error) < 0)
        return -1;
    return *person != NULL
               ? 0
               : tg_fail(error, TG_invitation_invalid, "this invitation is unknown, used or over");
}

int tg_store_invitation_redeem(struct tg_store *store, const char *digest, const char *person,
                               const char *hash, int64_t now, struct tg_error *error)
{
    if (tg_sql_begin(store, TG_DURABLE, error) < 0)
        return -1;
    bool used;
    int result = tg_sql_write(store, tg_sql_start(store, TG_SQL_invitation_use, "tti", digest, person, now),
                              &used, error);
    if (result == 0 && !used)
        result = tg_fail(error, TG_invitation_invalid, "this invitation is unknown, used or over");
    if (result == 0)
        result = tg_sql_run(store, tg_sql_start(store, TG_SQL_password_set, "tti", person, hash, now), error);
    if (result == 0)
        result = end_everything(store, person, "", error);
    return tg_sql_finish(store, result, error);
}

int tg_store_person_nonce_add(struct tg_store *store, enum tg_nonce_use use, const char *digest,
                              const char *person, int64_t expires, int64_t now, struct tg_error *error)
{
    if (tg_sql_begin(store, TG_RELAXED, error) < 0)
        return -1;
    int result = tg_sql_run(store, tg_sql_start(store, TG_SQL_person_nonce_prune, "i", now), error);
    if (result == 0)
        result = tg_sql_run(
            store,
            tg_sql_start(store, TG_SQL_person_nonce_add, "ttti", digest, person, use_name(use), expires),
            error);
    return tg_sql_finish(store, result, error);
}

int tg_store_person_nonce_use(struct tg_store *store, enum tg_nonce_use use, const char *digest,
                              const char *person, int64_t now, struct tg_error *error)
{
    if (tg_sql_begin(store, TG_RELAXED, error) < 0)
        return -1;
    bool used;
    int result = tg_sql_write(
        store, tg_sql_start(store, TG_SQL_person_nonce_use, "ttti", digest, person, use_name(use), now),
        &used, error);
    if (result == 0 && !used)
        result = tg_fail(error, TG_nonce_invalid, "the nonce is not of %s, was used, or is over", person);
    return tg_sql_finish(store, result, error);
}
