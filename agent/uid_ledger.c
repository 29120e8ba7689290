/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/uid_ledger.h"

#include "agent/gates.h"
#include "agent/state.h"
#include "lib/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void tg_uid_ledger_free(struct tg_uid_ledger *ledger)
{
    free(ledger->published.list);
    free(ledger->refused.list);
    *ledger = (struct tg_uid_ledger){0};
}

static bool add(struct tg_uid_entries *entries, const char *name, uint32_t uid)
{
    if (strlen(name) >= TG_WIPE_NAME_SIZE)
        return false;
    struct tg_uid_entry *list = tg_grow(entries->list, entries->count, &entries->size, sizeof *list);
    if (list == NULL)
        return false;
    entries->list = list;
    struct tg_uid_entry *entry = &entries->list[entries->count++];
    *entry = (struct tg_uid_entry){.uid = uid};
    memcpy(entry->name, name, strlen(name) + 1);
    return true;
}

static bool has(const struct tg_uid_entries *entries, const char *name, uint32_t uid)
{
    for (size_t i = 0; i < entries->count; i++) {
        if (entries->list[i].uid == uid && strcmp(entries->list[i].name, name) == 0)
            return true;
    }
    return false;
}

static const struct tg_uid_entry *by_name(const struct tg_uid_entries *entries, const char *name)
{
    for (size_t i = 0; i < entries->count; i++) {
        if (strcmp(entries->list[i].name, name) == 0)
            return &entries->list[i];
    }
    return NULL;
}

const char *tg_uid_ledger_holder(const struct tg_uid_ledger *ledger, uint32_t number)
{
    for (size_t i = 0; i < ledger->published.count; i++) {
        if (ledger->published.list[i].uid == number)
            return ledger->published.list[i].name;
    }
    return NULL;
}

static bool is_free(const struct tg_uid_ledger *ledger, const struct tg_remembered_account *account)
{
    return tg_uid_ledger_holder(ledger, account->uid) == NULL &&
           by_name(&ledger->published, account->name) == NULL;
}

void tg_uid_ledger_take(struct tg_agent *agent)
{
    struct tg_uid_entries *published = &agent->uid_ledger.published;
    size_t before = published->count;
    for (size_t i = 0; i < agent->accounts.count; i++) {
        const struct tg_remembered_account *account = &agent->accounts.list[i];
        if (account->expires != 0 && is_free(&agent->uid_ledger, account))
            (void)add(published, account->name, account->uid);
    }
    /* What is not on disk is not remembered, and then not published. */
    if (published->count != before && !tg_agent_save_uids(agent))
        published->count = before;
}

/* Logs and reports a refusal, unless it was already. */
static void tell(struct tg_agent *agent, const struct tg_remembered_account *account, const char *detail)
{
    struct tg_uid_entries *refused = &agent->uid_ledger.refused;
    if (has(refused, account->name, account->uid))
        return;
    (void)add(refused, account->name, account->uid);
    tg_log_refusal(&agent->log, TG_uid_in_use, "account %s (uid %u) is not published: %s", account->name,
                   account->uid, detail);
    (void)tg_events_add(
        &agent->events,
        &(struct tg_event){
            .kind = "account_refused", .account = account->name, .code = TG_uid_in_use, .detail = detail},
        agent->now);
}

const char *tg_uid_ledger_clash(struct tg_agent *agent, const struct tg_remembered_account *account)
{
    const struct tg_uid_ledger *ledger = &agent->uid_ledger;
    char detail[128];
    const char *holder = tg_uid_ledger_holder(ledger, account->uid);
    const struct tg_uid_entry *own = by_name(&ledger->published, account->name);
    if (has(&ledger->published, account->name, account->uid))
        return NULL;
    if (holder != NULL) {
        (void)snprintf(detail, sizeof detail, "uid %u was %s's here: tegata-wipe --account %s", account->uid,
                       holder, holder);
        tell(agent, account, detail);
        return "its number was another account's here";
    }
    if (own != NULL) {
        (void)snprintf(detail, sizeof detail, "%s had uid %u here: tegata-wipe --account %s", account->name,
                       own->uid, account->name);
        tell(agent, account, detail);
        return "it had another number here";
    }
    return account->expires == 0 ? NULL : "its number could not be recorded";
}

void tg_uid_ledger_list(struct tg_uid_ledger *ledger)
{
    for (size_t i = 0; i < ledger->published.count; i++)
        ledger->published.list[i].listed = true;
}

void tg_uid_ledger_opened(struct tg_uid_ledger *ledger, const char *name)
{
    for (size_t i = 0; i < ledger->published.count; i++) {
        if (strcmp(ledger->published.list[i].name, name) == 0)
            ledger->published.list[i].listed = false;
    }
}

bool tg_uid_ledger_is_listed(const struct tg_uid_ledger *ledger, const char *name)
{
    const struct tg_uid_entry *entry = by_name(&ledger->published, name);
    return entry != NULL && entry->listed;
}

bool tg_uid_ledger_wiped(struct tg_agent *agent, const char *name)
{
    struct tg_uid_entries *published = &agent->uid_ledger.published;
    size_t kept = 0;
    struct tg_uid_entry *before = calloc(published->count + 1, sizeof *before);
    size_t count = published->count;
    if (before == NULL)
        return false;
    if (count > 0)
        memcpy(before, published->list, count * sizeof *before);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(before[i].name, name) != 0)
            published->list[kept++] = before[i];
    }
    published->count = kept;
    bool forgotten = kept < count && tg_agent_save_uids(agent);
    if (forgotten) {
        agent->uid_ledger.refused.count = 0;
    } else if (count > 0) {
        memcpy(published->list, before, count * sizeof *before);
        published->count = count;
    }
    free(before);
    return forgotten;
}

bool tg_home_may_open(const struct tg_agent *agent, const char *account, uint32_t uid, const char *ticket,
                      struct tg_agent_answer *answer)
{
    char path[TG_CONFIG_VALUE_SIZE];
    char detail[160];
    struct stat status;
    if (uid == 0)
        return true;
    int length = snprintf(path, sizeof path, "%s/%s", agent->home_root, account);
    if (length < 0 || (size_t)length >= sizeof path) {
        tg_refuse(answer, TG_internal_error, ticket, "the home's name is too long");
        return false;
    }
    if (lstat(path, &status) != 0) {
        if (errno == ENOENT)
            return true;
        (void)snprintf(detail, sizeof detail, "%.100s cannot be looked at: %s", path, strerror(errno));
    } else if (!S_ISDIR(status.st_mode)) {
        (void)snprintf(detail, sizeof detail, "%.100s is no directory", path);
    } else if (status.st_uid != uid) {
        (void)snprintf(detail, sizeof detail, "%.100s belongs to uid %u, and the account is %u", path,
                       status.st_uid, uid);
    } else {
        return true;
    }
    tg_refuse(answer, TG_uid_in_use, ticket, detail);
    return false;
}

json_t *tg_uid_ledger_to_json(const struct tg_uid_ledger *ledger)
{
    json_t *array = json_array();
    for (size_t i = 0; i < ledger->published.count; i++) {
        const struct tg_uid_entry *entry = &ledger->published.list[i];
        json_t *json = json_pack("{s:s, s:I}", "name", entry->name, "uid", (json_int_t)entry->uid);
        if (json_array_append_new(array, json) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return json_pack("{s:o}", "uids", array);
}

bool tg_uid_ledger_from_json(struct tg_uid_ledger *ledger, const json_t *object)
{
    const json_t *array = json_object_get(object, "uids");
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *json = json_array_get(array, i);
        char name[TG_WIPE_NAME_SIZE];
        int64_t uid;
        if (!tg_state_text(json, "name", name, sizeof name) || !tg_state_number(json, "uid", &uid) ||
            uid > UINT32_MAX || !add(&ledger->published, name, (uint32_t)uid))
            return false;
    }
    return json_is_array(array);
}
