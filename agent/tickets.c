/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/tickets.h"
#include "lib/grow.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

/* FNV-1a. Who can choose names so that they collide is the service, which can only slow down its own tickets.
 */
static size_t bucket_of(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return (size_t)(hash % BUCKETS);
}

int tg_tickets_init(struct tg_ticket_store *store)
{
    *store = (struct tg_ticket_store){0};
    store->index.by_id = calloc(BUCKETS, sizeof *store->index.by_id);
    store->index.by_account = calloc(BUCKETS, sizeof *store->index.by_account);
    store->index.by_requester = calloc(BUCKETS, sizeof *store->index.by_requester);
    if (store->index.by_id != NULL && store->index.by_account != NULL && store->index.by_requester != NULL)
        return 0;
    tg_tickets_free(store);
    return -1;
}

static void raw_clear(struct tg_raw_approval *raw)
{
    free(raw->document);
    free(raw->signature);
    *raw = (struct tg_raw_approval){0};
}

static void entry_free(struct tg_ticket_entry *entry)
{
    if (entry == NULL)
        return;
    for (size_t i = 0; i < entry->held.approval_count; i++) {
        tg_held_approval_clear(&entry->held.approvals[i]);
        raw_clear(&entry->raw[i]);
    }
    free(entry->held.approvals);
    free(entry->raw);
    tg_ticket_free(entry->held.ticket);
    free(entry->document);
    free(entry);
}

static void index_free(struct tg_ticket_index *index)
{
    free(index->by_id);
    free(index->by_account);
    free(index->by_requester);
    *index = (struct tg_ticket_index){0};
}

void tg_tickets_free(struct tg_ticket_store *store)
{
    for (size_t i = 0; store->index.by_id != NULL && i < BUCKETS; i++) {
        struct tg_ticket_entry *next;
        for (struct tg_ticket_entry *entry = store->index.by_id[i]; entry != NULL; entry = next) {
            next = entry->next_by_id;
            entry_free(entry);
        }
    }
    index_free(&store->index);
    tg_marks_free(&store->marks);
    free(store->candidates);
    *store = (struct tg_ticket_store){0};
}

struct tg_ticket_entry *tg_tickets_find(const struct tg_ticket_store *store, const char *id)
{
    struct tg_ticket_entry *entry = store->index.by_id[bucket_of(id)];
    while (entry != NULL && strcmp(entry->held.ticket->id, id) != 0)
        entry = entry->next_by_id;
    return entry;
}

struct tg_ticket_entry *tg_ticket_entry_of(const struct tg_held_ticket *held)
{
    /* `held` is the first member. */
    return (struct tg_ticket_entry *)(uintptr_t)held;
}

/* What an entry takes up, and how much of that is vouched for by nobody. */
static void measure(struct tg_ticket_entry *entry)
{
    entry->sound = false;
    entry->bytes = entry->length;
    entry->unsound_bytes = 0;
    for (size_t i = 0; i < entry->held.approval_count; i++) {
        size_t size = entry->raw[i].length + strlen(entry->raw[i].signature);
        entry->bytes += size;
        if (entry->held.approvals[i].refused == TG_allowed)
            entry->sound = true;
        else
            entry->unsound_bytes += size;
    }
    if (!entry->sound)
        entry->unsound_bytes += entry->length;
}

static void count_in(struct tg_ticket_store *store, const struct tg_ticket_entry *entry)
{
    store->count++;
    store->bytes += entry->bytes;
    store->unsound_count += !entry->sound;
    store->unsound_bytes += entry->unsound_bytes;
}

static void count_out(struct tg_ticket_store *store, const struct tg_ticket_entry *entry)
{
    store->count--;
    store->bytes -= entry->bytes;
    store->unsound_count -= !entry->sound;
    store->unsound_bytes -= entry->unsound_bytes;
}

/* Its approvals, or what is thought of them, have changed. */
static void count_anew(struct tg_ticket_store *store, struct tg_ticket_entry *entry)
{
    count_out(store, entry);
    measure(entry);
    count_in(store, entry);
}

static void insert(struct tg_ticket_store *store, struct tg_ticket_entry *entry)
{
    const struct tg_ticket *ticket = entry->held.ticket;
    struct tg_ticket_entry **by_id = &store->index.by_id[bucket_of(ticket->id)];
    struct tg_ticket_entry **by_account = &store->index.by_account[bucket_of(ticket->account)];
    struct tg_ticket_entry **by_requester = &store->index.by_requester[bucket_of(ticket->requester)];
    entry->next_by_id = *by_id;
    entry->next_by_account = *by_account;
    entry->next_by_requester = *by_requester;
    *by_id = *by_account = *by_requester = entry;
    count_in(store, entry);
}

static bool ticket_names_host(const struct tg_ticket *ticket, const char *host)
{
    for (size_t i = 0; i < ticket->host_count; i++) {
        if (strcmp(ticket->hosts[i], host) == 0)
            return true;
    }
    return false;
}

static char *copy_bytes(struct tg_bytes bytes)
{
    char *copy = malloc(bytes.length + 1);
    if (copy == NULL)
        return NULL;
    if (bytes.length > 0)
        memcpy(copy, bytes.data, bytes.length);
    copy[bytes.length] = '\0';
    return copy;
}

/* A new entry without approvals, not yet in the store. */
static int entry_new(const struct tg_update_ticket *offered, const char *host, struct tg_ticket_entry **out,
                     struct tg_error *error)
{
    struct tg_ticket_entry *entry = calloc(1, sizeof *entry);
    *out = NULL;
    if (entry != NULL)
        entry->document = copy_bytes(offered->document);
    if (entry == NULL || entry->document == NULL) {
        (void)tg_fail(error, TG_internal_error, "no memory for a ticket");
        goto fail;
    }
    entry->length = offered->document.length;
    if (tg_ticket_parse(tg_bytes_of(entry->document, entry->length), &entry->held.ticket, error) != 0)
        goto fail;
    if (!ticket_names_host(entry->held.ticket, host)) {
        (void)tg_fail(error, TG_ticket_other_host, "ticket %s does not name this host (%s)",
                      entry->held.ticket->id, host);
        goto fail;
    }
    *out = entry;
    return 0;
fail:
    entry_free(entry);
    return -1;
}

static bool has_approval(const struct tg_ticket_entry *entry, const struct tg_update_approval *offered)
{
    for (size_t i = 0; i < entry->held.approval_count; i++) {
        const struct tg_raw_approval *raw = &entry->raw[i];
        if (tg_bytes_equal(tg_bytes_of(raw->document, raw->length), offered->document) &&
            strcmp(raw->signature, offered->signature) == 0)
            return true;
    }
    return false;
}

/* Verifies the approval in slot `i` from its raw bytes. */
static int verify_slot(struct tg_ticket_entry *entry, size_t i, const struct tg_policy *policy,
                       struct tg_error *error)
{
    struct tg_held_approval *held = &entry->held.approvals[i];
    const struct tg_raw_approval *raw = &entry->raw[i];
    tg_held_approval_clear(held);
    *held = (struct tg_held_approval){.refused = TG_policy_missing};
    if (policy == NULL)
        return tg_fail(error, TG_policy_missing, "no policy to judge it by");
    return tg_held_approval_verify(policy, entry->held.ticket, tg_bytes_of(raw->document, raw->length),
                                   raw->signature, held, error);
}

/* A slot for one more approval: a new one, or, when all are taken, that of one which was refused.
 * TG_APPROVALS_MAX if there is none. */
static size_t free_slot(struct tg_ticket_entry *entry)
{
    for (size_t i = 0; entry->held.approval_count == TG_APPROVALS_MAX && i < TG_APPROVALS_MAX; i++) {
        if (entry->held.approvals[i].refused != TG_allowed) {
            tg_held_approval_clear(&entry->held.approvals[i]);
            raw_clear(&entry->raw[i]);
            return i;
        }
    }
    if (entry->held.approval_count == TG_APPROVALS_MAX)
        return TG_APPROVALS_MAX;
    size_t count = entry->held.approval_count + 1;
    struct tg_held_approval *approvals = realloc(entry->held.approvals, count * sizeof *approvals);
    if (approvals != NULL)
        entry->held.approvals = approvals;
    struct tg_raw_approval *raw = realloc(entry->raw, count * sizeof *raw);
    if (raw != NULL)
        entry->raw = raw;
    if (approvals == NULL || raw == NULL)
        return TG_APPROVALS_MAX;
    approvals[count - 1] = (struct tg_held_approval){0};
    raw[count - 1] = (struct tg_raw_approval){0};
    return count - 1;
}

static void drop_slot(struct tg_ticket_entry *entry, size_t slot)
{
    size_t last = --entry->held.approval_count;
    tg_held_approval_clear(&entry->held.approvals[slot]);
    raw_clear(&entry->raw[slot]);
    if (slot == last)
        return;
    entry->held.approvals[slot] = entry->held.approvals[last];
    entry->raw[slot] = entry->raw[last];
}

static int no_room_for_approval(const struct tg_ticket_entry *entry, struct tg_error *error)
{
    return tg_fail(error, TG_internal_error, "no room for another approval of ticket %s",
                   entry->held.ticket->id);
}

/* The caller counts the entry anew afterwards. */
static int add_approval(const struct tg_ticket_store *store, struct tg_ticket_entry *entry,
                        const struct tg_policy *policy, const struct tg_update_approval *offered,
                        struct tg_error *error)
{
    size_t size = offered->document.length + strlen(offered->signature);
    char *document = copy_bytes(offered->document);
    char *signature = strdup(offered->signature);
    size_t slot = TG_APPROVALS_MAX;
    if (document != NULL && signature != NULL && store->bytes + size <= TG_TICKETS_BYTES_MAX)
        slot = free_slot(entry);
    if (slot == TG_APPROVALS_MAX) {
        free(document);
        free(signature);
        return no_room_for_approval(entry, error);
    }
    entry->raw[slot] = (struct tg_raw_approval){
        .document = document, .length = offered->document.length, .signature = signature};
    if (slot == entry->held.approval_count)
        entry->held.approval_count++;
    int result = verify_slot(entry, slot, policy, error);
    if (result == 0 || store->unsound_bytes + size <= TG_TICKETS_UNSOUND_BYTES_MAX)
        return result;
    drop_slot(entry, slot);
    return no_room_for_approval(entry, error);
}

/* Adds what is new of the approvals. True if there was anything. */
static bool take_approvals(const struct tg_ticket_store *store, struct tg_ticket_entry *entry,
                           const struct tg_policy *policy, const struct tg_update_ticket *offered,
                           tg_approval_refused *refused, void *context)
{
    bool changed = false;
    for (size_t i = 0; i < offered->approval_count; i++) {
        struct tg_error error = {0};
        if (has_approval(entry, &offered->approvals[i]))
            continue;
        changed = true;
        if (add_approval(store, entry, policy, &offered->approvals[i], &error) != 0 && refused != NULL)
            refused(context, entry->held.ticket, &error, tg_bytes_of_text(offered->approvals[i].signature));
    }
    return changed;
}

/* What is remembered of a ticket that was in hand before. */
static void apply_mark(const struct tg_ticket_store *store, struct tg_ticket_entry *entry)
{
    const struct tg_mark *mark = tg_marks_find(&store->marks, entry->held.ticket->id);
    if (mark == NULL)
        return;
    if (tg_ticket_state_is_final(mark->state))
        entry->held.state = mark->state;
    entry->held.sessions_opened = mark->opened;
}

int64_t tg_tickets_latest(const struct tg_policy *policy, int64_t now)
{
    return policy == NULL ? INT64_MAX : now + TG_CLOCK_SKEW + (int64_t)policy->approve_by_seconds;
}

static bool has_room(const struct tg_ticket_store *store, const struct tg_ticket_entry *entry)
{
    if (store->count >= TG_TICKETS_MAX || store->bytes + entry->bytes > TG_TICKETS_BYTES_MAX)
        return false;
    return entry->sound || (store->unsound_count < TG_TICKETS_UNSOUND_MAX &&
                            store->unsound_bytes + entry->unsound_bytes <= TG_TICKETS_UNSOUND_BYTES_MAX);
}

/* Puts an entry, with its approvals, into the store. */
static int take_fresh(struct tg_ticket_store *store, struct tg_ticket_entry *fresh, int64_t latest,
                      struct tg_error *error)
{
    const struct tg_ticket *ticket = fresh->held.ticket;
    if (ticket->approve_by > latest)
        return tg_fail(error, TG_rule_narrowed, "approve_by is further ahead than the policy allows");
    measure(fresh);
    if (!has_room(store, fresh))
        return tg_fail(error, TG_internal_error, "no room for ticket %s: %zu in hand, %zu of them unapproved",
                       ticket->id, store->count, store->unsound_count);
    insert(store, fresh);
    apply_mark(store, fresh);
    return 0;
}

enum tg_intake tg_tickets_take(struct tg_ticket_store *store, const struct tg_policy *policy,
                               const char *host, int64_t latest, const struct tg_update_ticket *offered,
                               tg_approval_refused *refused, void *context, struct tg_error *error)
{
    struct tg_ticket_entry *fresh;
    bool changed = false;
    if (entry_new(offered, host, &fresh, error) != 0)
        return TG_INTAKE_REFUSED;
    struct tg_ticket_entry *entry = tg_tickets_find(store, fresh->held.ticket->id);
    if (entry == NULL) {
        (void)take_approvals(store, fresh, policy, offered, refused, context);
        if (take_fresh(store, fresh, latest, error) != 0) {
            entry_free(fresh);
            return TG_INTAKE_REFUSED;
        }
        entry = fresh;
        changed = true;
    } else {
        bool same = strcmp(entry->held.ticket->digest, fresh->held.ticket->digest) == 0;
        entry_free(fresh);
        if (!same) {
            (void)tg_fail(error, TG_ticket_malformed,
                          "ticket %s came again with other bytes; the first stands", entry->held.ticket->id);
            return TG_INTAKE_REFUSED;
        }
        changed = take_approvals(store, entry, policy, offered, refused, context);
        count_anew(store, entry);
    }
    if (entry->held.state != offered->state &&
        tg_ticket_state_may_become(entry->held.state, offered->state)) {
        entry->held.state = offered->state;
        changed = true;
    }
    return changed ? TG_INTAKE_CHANGED : TG_INTAKE_SAME;
}

struct tg_ticket_entry *tg_tickets_next(const struct tg_ticket_store *store, struct tg_ticket_cursor *cursor)
{
    if (cursor->entry != NULL)
        cursor->entry = cursor->entry->next_by_id;
    while (cursor->entry == NULL && cursor->bucket < BUCKETS)
        cursor->entry = store->index.by_id[cursor->bucket++];
    return cursor->entry;
}

/* Is its final state all that will ever be asked of it? One whose sessions are used up still gives its
 * account a name, by its approvals; and they still say when the window of one that has expired began, on
 * which the limit of a session depends that was extended. */
static bool is_closed(const struct tg_ticket_entry *entry)
{
    return tg_ticket_state_is_final(entry->held.state) && entry->held.state != TG_TICKET_EXHAUSTED &&
           entry->held.state != TG_TICKET_EXPIRED;
}

void tg_tickets_reverify(struct tg_ticket_store *store, const struct tg_policy *policy)
{
    struct tg_ticket_cursor cursor = {0};
    for (struct tg_ticket_entry *entry; (entry = tg_tickets_next(store, &cursor)) != NULL;) {
        if (is_closed(entry))
            continue;
        for (size_t i = 0; i < entry->held.approval_count; i++)
            (void)verify_slot(entry, i, policy, NULL);
        count_anew(store, entry);
    }
}

/* The last moment at which anybody could take the ticket for valid, and an hour; one that was approved may
 * have opened a session, which extensions may keep alive for another while. Cannot overflow: all are below
 * 2^53. */
static int64_t keep_until(const struct tg_ticket_entry *entry)
{
    const struct tg_ticket *ticket = entry->held.ticket;
    int64_t begins = ticket->approve_by > ticket->not_before ? ticket->approve_by : ticket->not_before;
    int64_t ends = begins + ticket->seconds + TG_TICKET_KEEP_SECONDS;
    return entry->sound ? ends + TG_EXTENSION_SECONDS_MAX : ends;
}

static bool mark_entries(struct tg_ticket_store *store, struct tg_marks *marks)
{
    struct tg_ticket_cursor cursor = {0};
    for (struct tg_ticket_entry *entry; (entry = tg_tickets_next(store, &cursor)) != NULL;) {
        const struct tg_held_ticket *held = &entry->held;
        struct tg_mark mark = {.state = held->state, .until = keep_until(entry)};
        if (held->ticket->sessions > 0)
            mark.opened = held->sessions_opened;
        if (mark.opened == 0 && !tg_ticket_state_is_final(held->state))
            continue;
        memcpy(mark.ticket, held->ticket->id, sizeof mark.ticket);
        if (!tg_marks_add(marks, &mark))
            return false;
    }
    return true;
}

static bool keep_marks_of_lost_tickets(const struct tg_ticket_store *store, struct tg_marks *marks,
                                       int64_t now)
{
    for (size_t i = 0; i < store->marks.count; i++) {
        const struct tg_mark *mark = &store->marks.list[i];
        if (mark->until >= now && tg_tickets_find(store, mark->ticket) == NULL && !tg_marks_add(marks, mark))
            return false;
    }
    return true;
}

int tg_tickets_mark(struct tg_ticket_store *store, int64_t now)
{
    struct tg_marks marks = {0};
    if (!mark_entries(store, &marks) || !keep_marks_of_lost_tickets(store, &marks, now)) {
        tg_marks_free(&marks);
        return -1;
    }
    tg_marks_sort(&marks);
    bool same = tg_marks_same(&marks, &store->marks);
    tg_marks_free(&store->marks);
    store->marks = marks;
    return same ? 0 : 1;
}

/* Can it never be valid again, and does no session need it? A clock that is set forward ends no session. */
static bool is_past(const struct tg_ticket_entry *entry, int64_t now)
{
    return !entry->needed && keep_until(entry) < now;
}

size_t tg_tickets_purge(struct tg_ticket_store *store, int64_t now)
{
    struct tg_ticket_store kept;
    struct tg_ticket_cursor cursor = {0};
    size_t purged = 0;
    for (struct tg_ticket_entry *entry; (entry = tg_tickets_next(store, &cursor)) != NULL;)
        purged += is_past(entry, now);
    if (purged == 0 || tg_tickets_init(&kept) != 0)
        return 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct tg_ticket_entry *next;
        for (struct tg_ticket_entry *entry = store->index.by_id[i]; entry != NULL; entry = next) {
            next = entry->next_by_id;
            if (is_past(entry, now)) {
                entry_free(entry);
                continue;
            }
            insert(&kept, entry);
        }
    }
    index_free(&store->index);
    store->index = kept.index;
    store->count = kept.count;
    store->bytes = kept.bytes;
    store->unsound_count = kept.unsound_count;
    store->unsound_bytes = kept.unsound_bytes;
    return purged;
}

/* Puts an entry among the candidates of this visit, once. False without memory. */
static bool add_candidate(struct tg_ticket_store *store, struct tg_ticket_entry *entry, size_t *count)
{
    if (entry->visit == store->visit)
        return true;
    const struct tg_held_ticket **candidates =
        tg_grow(store->candidates, *count, &store->candidates_size, sizeof *candidates);
    if (candidates == NULL)
        return false;
    store->candidates = candidates;
    entry->visit = store->visit;
    store->candidates[(*count)++] = &entry->held;
    return true;
}

size_t tg_tickets_candidates(struct tg_ticket_store *store, const char *account,
                             const struct tg_certificate *certificate,
                             const struct tg_held_ticket *const **tickets)
{
    size_t count = 0;
    bool fits = true;
    size_t principals = certificate == NULL ? 0 : certificate->principal_count;
    store->visit++;
    struct tg_ticket_entry *entry = store->index.by_account[bucket_of(account)];
    for (; fits && entry != NULL; entry = entry->next_by_account) {
        if (strcmp(entry->held.ticket->account, account) == 0)
            fits = add_candidate(store, entry, &count);
    }
    for (size_t i = 0; fits && i < principals; i++) {
        entry = store->index.by_requester[bucket_of(certificate->principals[i])];
        for (; fits && entry != NULL; entry = entry->next_by_requester) {
            if (strcmp(entry->held.ticket->requester, certificate->principals[i]) == 0)
                fits = add_candidate(store, entry, &count);
        }
    }
    *tickets = store->candidates;
    return count;
}

bool tg_tickets_extensions(struct tg_ticket_store *store, const struct tg_ticket *running,
                           const struct tg_held_ticket *const **extensions, size_t *count)
{
    bool fits = true;
    struct tg_ticket_entry *entry = store->index.by_requester[bucket_of(running->requester)];
    *count = 0;
    store->visit++;
    for (; fits && entry != NULL; entry = entry->next_by_requester) {
        const struct tg_ticket *ticket = entry->held.ticket;
        if (strcmp(ticket->extends, running->id) == 0 && strcmp(ticket->requester, running->requester) == 0)
            fits = add_candidate(store, entry, count);
    }
    *extensions = store->candidates;
    return fits;
}
