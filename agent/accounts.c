/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The accounts that tickets call for, and those that linger.
 */
#include "agent/roster_publish.h"
#include "agent/state.h"
#include "lib/grow.h"
#include "lib/roster_reader.h"

#include <stdlib.h>
#include <string.h>

void tg_accounts_free(struct tg_accounts *accounts)
{
    for (size_t i = 0; i < accounts->count; i++)
        free(accounts->list[i].gids);
    free(accounts->list);
    *accounts = (struct tg_accounts){0};
}

static struct tg_remembered_account *find(const struct tg_accounts *accounts, const char *name)
{
    for (size_t i = 0; i < accounts->count; i++) {
        if (strcmp(accounts->list[i].name, name) == 0)
            return &accounts->list[i];
    }
    return NULL;
}

static struct tg_remembered_account *add(struct tg_accounts *accounts, const char *name)
{
    if (strlen(name) >= TG_NAME_SIZE)
        return NULL;
    struct tg_remembered_account *list =
        tg_grow(accounts->list, accounts->count, &accounts->size, sizeof *list);
    if (list == NULL)
        return NULL;
    accounts->list = list;
    struct tg_remembered_account *account = &accounts->list[accounts->count++];
    *account = (struct tg_remembered_account){0};
    memcpy(account->name, name, strlen(name) + 1);
    return account;
}

static void remove_at(struct tg_accounts *accounts, size_t i)
{
    free(accounts->list[i].gids);
    accounts->list[i] = accounts->list[--accounts->count];
}

static bool add_gid(struct tg_remembered_account *account, uint32_t gid)
{
    for (size_t i = 0; i < account->gid_count; i++) {
        if (account->gids[i] == gid)
            return true;
    }
    uint32_t *grown = realloc(account->gids, (account->gid_count + 1) * sizeof *grown);
    if (grown == NULL)
        return false;
    account->gids = grown;
    account->gids[account->gid_count++] = gid;
    return true;
}

static bool want_groups(struct tg_remembered_account *account, const struct tg_policy *policy,
                        const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct tg_unix_group *group = tg_policy_group(policy, names[i]);
        if (group != NULL && !add_gid(account, group->gid))
            return false;
    }
    return true;
}

/* Puts one ticket's account among `wanted`. Two tickets for one account: the later end, and the groups of
 * both. */
static bool want(struct tg_accounts *wanted, const struct tg_policy *policy, const struct tg_ticket *ticket,
                 int64_t ends, int64_t linger_seconds)
{
    struct tg_remembered_account *account = find(wanted, ticket->account);
    if (account == NULL)
        account = add(wanted, ticket->account);
    if (account == NULL)
        return false;
    account->uid = ticket->uid;
    if (ends >= account->expires) {
        account->expires = ends;
        account->forgotten = ends + linger_seconds;
        (void)snprintf(account->shell, sizeof account->shell, "%s", ticket->shell);
    }
    const struct tg_rule *rule = tg_policy_rule(policy, ticket->rule);
    account->recorded = account->recorded || (rule != NULL && rule->record);
    return want_groups(account, policy, ticket->groups, ticket->group_count) &&
           want_groups(account, policy, ticket->sudo, ticket->sudo_count);
}

/* How the roster sees a ticket. One whose sessions are all opened lets nobody in any more, but whoever is in
 * keeps name and groups until the window ends. */
static struct tg_held_ticket for_the_roster(const struct tg_held_ticket *held)
{
    struct tg_held_ticket copy = *held;
    copy.sessions_opened = 0;
    if (copy.state == TG_TICKET_EXHAUSTED)
        copy.state = TG_TICKET_ACTIVE;
    return copy;
}

static bool want_all(struct tg_accounts *wanted, const struct tg_policy *policy,
                     struct tg_ticket_store *tickets, const char *host, int64_t linger_seconds, int64_t now)
{
    struct tg_ticket_cursor cursor = {0};
    for (struct tg_ticket_entry *entry; (entry = tg_tickets_next(tickets, &cursor)) != NULL;) {
        const struct tg_held_ticket seen = for_the_roster(&entry->held);
        const struct tg_held_ticket *held = &seen;
        struct tg_connection connection = {.host = host, .account = held->ticket->account};
        struct tg_verdict verdict;
        if (held->ticket->uid == 0 || strlen(held->ticket->shell) >= TG_SHELL_SIZE)
            continue;
        tg_verdict(policy, &held, 1, NULL, &connection, now, &verdict);
        if ((verdict.reason == TG_allowed || verdict.reason == TG_ticket_early) && verdict.ends > now &&
            !want(wanted, policy, held->ticket, verdict.ends, linger_seconds))
            return false;
    }
    return true;
}

/* Whoever is in stays somebody until the session ends, also where no ticket would let anybody in any more:
 * the policy has expired, or the clock was set. The roster's readers go by the wall clock, the session does
 * not. */
static bool want_sessions(struct tg_accounts *wanted, const struct tg_policy *policy,
                          const struct tg_ticket_store *tickets, const struct tg_accounts_wish *wish,
                          int64_t now)
{
    for (size_t i = 0; wish->sessions != NULL && i < wish->sessions->count; i++) {
        const struct tg_session *session = &wish->sessions->list[i];
        const struct tg_ticket_entry *entry = tg_tickets_find(tickets, session->ticket);
        int64_t left = session->ends - wish->session_now;
        if (session->uid == 0 || session->ended != 0 || session->ending.phase != TG_ENDING_NOT ||
            entry == NULL || strlen(entry->held.ticket->shell) >= TG_SHELL_SIZE || left <= 0)
            continue;
        if (!want(wanted, policy, entry->held.ticket, now + left, wish->linger_seconds))
            return false;
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tg_remembered_account *)a)->name,
                  ((const struct tg_remembered_account *)b)->name);
}

/* Sorts, so that lookups need not look at each. */
static void sort(struct tg_accounts *accounts)
{
    if (accounts->count > 0)
        qsort(accounts->list, accounts->count, sizeof accounts->list[0], by_name);
}

/* Among the first `count`, which are sorted. */
static const struct tg_remembered_account *look_up(const struct tg_accounts *accounts, size_t count,
                                                   const char *name)
{
    struct tg_remembered_account key = {0};
    (void)snprintf(key.name, sizeof key.name, "%s", name);
    return count == 0 ? NULL : bsearch(&key, accounts->list, count, sizeof key, by_name);
}

/* Somebody whom the policy names. Whoever has a ticket is there already, and whoever had one lingers. */
static bool want_named(struct tg_accounts *wanted, size_t with_ticket, const struct tg_accounts *before,
                       const char *name, uint32_t uid, int64_t until, int64_t now)
{
    const struct tg_remembered_account *remembered = look_up(before, before->count, name);
    if (uid == 0 || look_up(wanted, with_ticket, name) != NULL)
        return true;
    if (remembered != NULL && remembered->expires != 0 &&
        (remembered->expires > now || remembered->forgotten > now))
        return true;
    struct tg_remembered_account *account = add(wanted, name);
    if (account == NULL)
        return false;
    account->uid = uid;
    account->forgotten = until;
    (void)snprintf(account->shell, sizeof account->shell, "%s", TG_ROSTER_NOLOGIN);
    return true;
}

static bool want_everybody(struct tg_accounts *wanted, const struct tg_accounts *before,
                           const struct tg_policy *policy, int64_t now)
{
    bool ok = true;
    size_t with_ticket = wanted->count;
    sort(wanted);
    for (size_t i = 0; ok && i < policy->person_count; i++) {
        const struct tg_person *person = &policy->people[i];
        ok = person->disabled ||
             want_named(wanted, with_ticket, before, person->name, person->uid, policy->expires, now);
    }
    for (size_t i = 0; ok && i < policy->account_count; i++)
        ok = want_named(wanted, with_ticket, before, policy->accounts[i].name, policy->accounts[i].uid,
                        policy->expires, now);
    return ok;
}

/* An account that was there before and that no ticket calls for now: it ends at once, and keeps its name for
 * a while. One that never had a ticket has left nothing here that needs a name. */
static bool linger(struct tg_accounts *wanted, const struct tg_remembered_account *before,
                   int64_t linger_seconds, int64_t now)
{
    if (before->expires == 0)
        return true;
    for (size_t i = 0; i < wanted->count; i++) {
        if (strcmp(wanted->list[i].name, before->name) == 0 || wanted->list[i].uid == before->uid)
            return true;
    }
    bool ends_now = before->expires > now;
    int64_t forgotten = ends_now ? now + linger_seconds : before->forgotten;
    if (forgotten <= now)
        return true;
    struct tg_remembered_account *account = add(wanted, before->name);
    if (account == NULL)
        return false;
    account->uid = before->uid;
    account->expires = ends_now ? now : before->expires;
    account->forgotten = forgotten;
    memcpy(account->shell, before->shell, sizeof account->shell);
    return true;
}

/* What was shown before is shown still. */
static void keep_recorded_since(struct tg_accounts *wanted, const struct tg_accounts *before)
{
    for (size_t i = 0; i < wanted->count; i++) {
        const struct tg_remembered_account *same = look_up(before, before->count, wanted->list[i].name);
        if (wanted->list[i].recorded && same != NULL && same->recorded && same->uid == wanted->list[i].uid)
            wanted->list[i].recorded_since = same->recorded_since;
    }
}

int tg_accounts_update(struct tg_accounts *accounts, const struct tg_policy *policy,
                       struct tg_ticket_store *tickets, const struct tg_accounts_wish *wish, int64_t now)
{
    struct tg_accounts wanted = {0};
    bool ok = policy == NULL || (want_all(&wanted, policy, tickets, wish->host, wish->linger_seconds, now) &&
                                 want_sessions(&wanted, policy, tickets, wish, now));
    if (ok && policy != NULL && wish->everybody)
        ok = want_everybody(&wanted, accounts, policy, now);
    for (size_t i = 0; ok && i < accounts->count; i++)
        ok = linger(&wanted, &accounts->list[i], wish->linger_seconds, now);
    if (!ok) {
        tg_accounts_free(&wanted);
        return -1;
    }
    sort(&wanted);
    keep_recorded_since(&wanted, accounts);
    tg_accounts_free(accounts);
    *accounts = wanted;
    return 0;
}

json_t *tg_accounts_to_json(const struct tg_accounts *accounts)
{
    json_t *array = json_array();
    for (size_t i = 0; i < accounts->count; i++) {
        const struct tg_remembered_account *account = &accounts->list[i];
        json_t *json = json_pack("{s:s, s:I, s:s, s:I, s:I}", "name", account->name, "uid",
                                 (json_int_t)account->uid, "shell", account->shell, "expires",
                                 (json_int_t)account->expires, "forgotten", (json_int_t)account->forgotten);
        if (json_array_append_new(array, json) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return json_pack("{s:o}", "accounts", array);
}

/* Groups are not saved: a ticket in hand brings them again, and an account that only lingers has none. */
bool tg_accounts_from_json(struct tg_accounts *accounts, const json_t *object)
{
    const json_t *array = json_object_get(object, "accounts");
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *json = json_array_get(array, i);
        char name[TG_NAME_SIZE];
        int64_t uid;
        struct tg_remembered_account *account =
            tg_state_text(json, "name", name, sizeof name) ? add(accounts, name) : NULL;
        if (account == NULL)
            return false;
        if (!tg_state_number(json, "uid", &uid) || uid > UINT32_MAX ||
            !tg_state_text(json, "shell", account->shell, sizeof account->shell) ||
            !tg_state_number(json, "expires", &account->expires) ||
            !tg_state_number(json, "forgotten", &account->forgotten)) {
            remove_at(accounts, accounts->count - 1);
            return false;
        }
        account->uid = (uint32_t)uid;
    }
    return json_is_array(array);
}
