/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/claims.h"
#include "lib/grow.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a process that nobody may claim. */
enum { NOBODYS = -2 };

bool tg_claims_add(struct tg_claims *claims, const struct tg_claim *claim)
{
    struct tg_claim *list = tg_grow(claims->list, claims->count, &claims->size, sizeof *list);
    if (list == NULL)
        return false;
    claims->list = list;
    claims->list[claims->count++] = *claim;
    return true;
}

void tg_claims_clear(struct tg_claims *claims)
{
    claims->count = 0;
}

void tg_claims_free(struct tg_claims *claims)
{
    free(claims->list);
    free(claims->before);
    free(claims->owner);
    *claims = (struct tg_claims){0};
}

/* By audit id, those without one behind; among those by key, so that swept accounts stand by uid. */
static int by_audit_id(const void *a, const void *b)
{
    const struct tg_claim *left = a;
    const struct tg_claim *right = b;
    if (left->audit_id != right->audit_id)
        return left->audit_id < right->audit_id ? -1 : 1;
    if (left->key.pid != right->key.pid)
        return left->key.pid < right->key.pid ? -1 : 1;
    return (left->key.start > right->key.start) - (left->key.start < right->key.start);
}

static int owner_by_audit_id(const struct tg_claims *claims, uint32_t audit_id)
{
    size_t low = 0;
    size_t high = claims->count;
    if (audit_id == TG_AUDIT_UNSET)
        return TG_CLAIM_NONE;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (claims->list[middle].audit_id < audit_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < claims->count && claims->list[low].audit_id == audit_id ? (int)low : TG_CLAIM_NONE;
}

static int owner_by_uid(const struct tg_claims *claims, uint32_t uid)
{
    struct tg_claim key = {.key = {.pid = 0, .start = uid}, .audit_id = TG_AUDIT_UNSET};
    if (uid == 0 || uid == UINT32_MAX)
        return TG_CLAIM_NONE;
    const struct tg_claim *found =
        bsearch(&key, claims->list, claims->count, sizeof claims->list[0], by_audit_id);
    return found == NULL ? TG_CLAIM_NONE : (int)(found - claims->list);
}

static int owner_by_key(const struct tg_claims *claims, const struct tg_process *key)
{
    for (size_t i = 0; i < claims->count; i++) {
        if (tg_process_same(&claims->list[i].key, key))
            return (int)i;
    }
    return TG_CLAIM_NONE;
}

static int by_pid(const void *a, const void *b)
{
    pid_t left = ((const struct tg_claimed *)a)->process.pid;
    pid_t right = ((const struct tg_claimed *)b)->process.pid;
    return (left > right) - (left < right);
}

static const struct tg_claimed *find_before(const struct tg_claims *claims, const struct tg_process *process)
{
    struct tg_claimed key = {.process = *process};
    if (claims->before_count == 0)
        return NULL;
    const struct tg_claimed *found =
        bsearch(&key, claims->before, claims->before_count, sizeof claims->before[0], by_pid);
    return found != NULL && tg_process_same(&found->process, process) ? found : NULL;
}

bool tg_claims_knew(const struct tg_claims *claims, const struct tg_process *process)
{
    return find_before(claims, process) != NULL;
}

/* The kernel's threads have no audit session, no uid but 0 and no parent but one of their own: nothing claims
 * them. In a container theirs are the numbers of other processes. */
static bool may_be_claimed(const struct tg_process_entry *entry)
{
    return !entry->dead && entry->process.pid > 1 && entry->process.pid != getpid();
}

static void assign_known(struct tg_claims *claims, const struct tg_process_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct tg_process_entry *entry = &table->list[i];
        claims->owner[i] = may_be_claimed(entry) ? owner_by_audit_id(claims, entry->audit_id) : NOBODYS;
        if (claims->owner[i] != TG_CLAIM_NONE)
            continue;
        const struct tg_claimed *before = find_before(claims, &entry->process);
        if (before != NULL)
            claims->owner[i] = owner_by_key(claims, &before->key);
    }
    for (size_t i = 0; i < claims->count; i++) {
        const struct tg_process *monitor = &claims->list[i].key;
        const struct tg_process_entry *entry =
            monitor->pid == 0 ? NULL : tg_process_table_find(table, monitor->pid);
        if (entry != NULL && tg_process_same(&entry->process, monitor) && may_be_claimed(entry))
            claims->owner[entry - table->list] = (int)i;
    }
}

static int owner_by_cgroup(const struct tg_claims *claims, const char *cgroup)
{
    for (size_t i = 0; i < claims->count; i++) {
        const char *scope = claims->list[i].cgroup;
        size_t length = scope == NULL ? 0 : strlen(scope);
        if (length > 0 && strncmp(cgroup, scope, length) == 0 &&
            (cgroup[length] == '\0' || cgroup[length] == '/'))
            return (int)i;
    }
    return TG_CLAIM_NONE;
}

/* The cgroup is read later than the table, perhaps of another process with the same pid: who signals compares
 * the start time after that, and then it was the same one all the time. */
static void assign_by_cgroup(struct tg_claims *claims, const struct tg_process_table *table,
                             const char *proc_root)
{
    char cgroup[4096];
    bool any = false;
    for (size_t i = 0; i < claims->count; i++)
        any = any || (claims->list[i].cgroup != NULL && claims->list[i].cgroup[0] != '\0');
    for (size_t i = 0; any && i < table->count; i++) {
        if (claims->owner[i] == TG_CLAIM_NONE &&
            tg_process_cgroup(proc_root, table->list[i].process.pid, cgroup, sizeof cgroup) == 0)
            claims->owner[i] = owner_by_cgroup(claims, cgroup);
    }
}

/* Who claims the nearest ancestor that is claimed. NOBODYS if none is. */
static int owner_by_descent(const struct tg_claims *claims, const struct tg_process_table *table,
                            size_t index)
{
    const struct tg_process_entry *entry = &table->list[index];
    /* Bounded by the table, should parents ever form a circle. */
    for (size_t steps = 0; entry != NULL && steps <= table->count; steps++) {
        int owner = claims->owner[entry - table->list];
        if (owner != TG_CLAIM_NONE)
            return owner;
        entry = tg_process_table_parent(table, entry);
    }
    return NOBODYS;
}

/* What is found holds for all on the way, so that long chains of processes are walked once. */
static void assign_by_descent(struct tg_claims *claims, const struct tg_process_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        if (claims->owner[i] != TG_CLAIM_NONE)
            continue;
        int owner = owner_by_descent(claims, table, i);
        const struct tg_process_entry *entry = &table->list[i];
        while (entry != NULL && claims->owner[entry - table->list] == TG_CLAIM_NONE) {
            claims->owner[entry - table->list] = owner;
            entry = tg_process_table_parent(table, entry);
        }
    }
}

static int owner_by_uids(const struct tg_claims *claims, const struct tg_process_entry *entry)
{
    int owner = TG_CLAIM_NONE;
    for (size_t i = 0; entry->uids[0] != 0 && owner == TG_CLAIM_NONE && i < 4; i++)
        owner = owner_by_uid(claims, entry->uids[i]);
    return owner;
}

/* Whoever nobody has claimed so far by one of the uids; then what those have started under another. */
static void assign_by_uid(struct tg_claims *claims, const struct tg_process_table *table)
{
    bool any = false;
    for (size_t i = 0; i < claims->count; i++)
        any = any || claims->list[i].key.pid == 0;
    if (!any)
        return;
    for (size_t i = 0; i < table->count; i++) {
        if (claims->owner[i] == NOBODYS && may_be_claimed(&table->list[i]))
            claims->owner[i] = owner_by_uids(claims, &table->list[i]);
    }
    assign_by_descent(claims, table);
}

int tg_claims_assign(struct tg_claims *claims, const struct tg_process_table *table, const char *proc_root)
{
    if (claims->owner_size < table->count) {
        int *grown = reallocarray(claims->owner, table->size, sizeof *grown);
        if (grown == NULL)
            return -1;
        claims->owner = grown;
        claims->owner_size = table->size;
    }
    if (claims->count > 0)
        qsort(claims->list, claims->count, sizeof claims->list[0], by_audit_id);
    assign_known(claims, table);
    assign_by_cgroup(claims, table, proc_root);
    assign_by_descent(claims, table);
    assign_by_uid(claims, table);
    for (size_t i = 0; i < table->count; i++) {
        if (claims->owner[i] == NOBODYS)
            claims->owner[i] = TG_CLAIM_NONE;
    }
    return 0;
}

int tg_claims_owner(const struct tg_claims *claims, const struct tg_process_entry *entry)
{
    int owner = may_be_claimed(entry) ? owner_by_audit_id(claims, entry->audit_id) : NOBODYS;
    if (owner == TG_CLAIM_NONE)
        owner = owner_by_uids(claims, entry);
    return owner < 0 ? TG_CLAIM_NONE : owner;
}

int tg_claims_remember(struct tg_claims *claims, const struct tg_process_table *table)
{
    claims->before_count = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (claims->owner[i] == TG_CLAIM_NONE || claims->list[claims->owner[i]].spared)
            continue;
        struct tg_claimed *before =
            tg_grow(claims->before, claims->before_count, &claims->before_size, sizeof *before);
        if (before == NULL)
            return -1;
        claims->before = before;
        claims->before[claims->before_count++] =
            (struct tg_claimed){.process = table->list[i].process, .key = claims->list[claims->owner[i]].key};
    }
    return 0;
}
