/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keys and certificates that are lost: revoked by their people or by an administrator, handed out as a
 * revocation list. The list only takes away, so it needs no root key; and nothing is ever taken out of it.
 */
#include "approval_service/body.h"
#include "approval_service/service.h"

#include "lib/base64.h"
#include "lib/form.h"
#include "lib/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    AUTHORITIES_MAX = 16,                    /* for each, a serial takes one entry */
    ENTRIES_MAX = AUTHORITIES_MAX + 2,       /* of one call */
    PER_PERSON_MAX = 100,                    /* so that nobody alone can fill the list */
    VERSIONS_PER_SECOND = 1000,              /* tg_post_revocations() */
    KEY_ID_SIZE = TG_HTTP_CAPTURE_SIZE + 32, /* of PERSON#SERIAL */
    BLOB_TEXT_SIZE = TG_PUBLIC_KEY_BLOB_MAX * 4 / 3 + 8,
};

/* --- The list
 * ------------------------------------------------------------------------------------------------------- */

/* Puts one stored entry into a list that is being made. */
static int add_entry(struct tg_krl *krl, const struct tg_stored_revocation *entry, struct tg_error *error)
{
    uint8_t blob[TG_PUBLIC_KEY_BLOB_MAX];
    size_t length = 0;
    uint64_t serial;
    if (!tg_base64_decode(TG_BASE64, tg_bytes_of_text(entry->authority), blob, sizeof blob, &length))
        return tg_fail(error, TG_store_failed, "the database: a revocation whose authority is no key");
    struct tg_bytes authority = tg_bytes_of(blob, length);
    if (entry->key[0] != '\0')
        return tg_krl_add_key(krl, entry->key, error);
    if (entry->key_id[0] != '\0')
        return tg_krl_add_key_id(krl, authority, entry->key_id, error);
    if (!tg_serial_from_text(entry->serial, &serial))
        return tg_fail(error, TG_store_failed, "the database: a revocation of no serial");
    return tg_krl_add_serials(krl, authority, serial, serial, error);
}

struct making {
    struct tg_krl *krl;
    struct tg_error *error;
};

static int take_revocation(void *context, const struct tg_stored_revocation *revocation)
{
    const struct making *making = context;
    return add_entry(making->krl, revocation, making->error);
}

/* The list of all that is stored and of `more`. Parsed again from its own bytes: what hosts would refuse is
 * refused here. */
static int make_list(struct tg_service *service, int64_t version, int64_t generated,
                     const struct tg_new_revocations *more, struct tg_revocation_list *out,
                     struct tg_error *error)
{
    struct tg_krl *krl = tg_krl_new((uint64_t)version, (uint64_t)generated);
    struct making making = {.krl = krl, .error = error};
    *out = (struct tg_revocation_list){0};
    if (krl == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    int result = tg_store_revocations(service->store, take_revocation, &making, error);
    for (size_t i = 0; result == 0 && i < more->count; i++)
        result = add_entry(krl, &more->list[i], error);
    if (result == 0)
        result = tg_krl_write(krl, &out->bytes, &out->length, error);
    if (result == 0)
        result = tg_krl_parse(tg_bytes_of(out->bytes, out->length), &out->krl, error);
    tg_krl_free(krl);
    if (result != 0)
        tg_revocation_list_clear(out);
    return result;
}

void tg_revocation_list_clear(struct tg_revocation_list *list)
{
    tg_krl_free(list->krl);
    free(list->bytes);
    *list = (struct tg_revocation_list){0};
}

/* Takes the list over, and judges by it from now on. */
static void adopt(struct tg_service *service, const struct tg_revocation_list *list, int64_t revision)
{
    struct tg_revocation_list before = service->revocations;
    service->revocations = *list;
    service->revocations.revision = revision;
    if (service->policy != NULL)
        service->policy->revocations = list->krl;
    tg_revocation_list_clear(&before);
}

int tg_revocations_load(struct tg_service *service, struct tg_error *error)
{
    struct tg_stored_revocation_list stored;
    const struct tg_new_revocations none = {0};
    struct tg_revocation_list list;
    if (tg_store_revocation_list(service->store, &stored, error) < 0 ||
        make_list(service, stored.version, stored.generated, &none, &list, error) < 0)
        return -1;
    adopt(service, &list, stored.revision);
    return 0;
}

int tg_get_revocations(struct tg_service *service, const struct tg_http_request *request,
                       struct tg_http_answer *answer, struct tg_error *error)
{
    (void)request;
    answer->bytes = malloc(service->revocations.length + 1);
    if (answer->bytes == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    memcpy(answer->bytes, service->revocations.bytes, service->revocations.length);
    answer->length = service->revocations.length;
    answer->status = 200;
    return 0;
}

/* --- One call
 * ------------------------------------------------------------------------------------------------------- */

/* What a call asks for, with the texts that its entries point into. */
struct wish {
    struct tg_stored_revocation list[ENTRIES_MAX];
    size_t count;
    char authorities[AUTHORITIES_MAX][BLOB_TEXT_SIZE];
    char key_id[KEY_ID_SIZE];
};

static void add(struct wish *wish, struct tg_stored_revocation entry)
{
    wish->list[wish->count] = entry;
    if (entry.key == NULL)
        wish->list[wish->count].key = "";
    if (entry.authority == NULL)
        wish->list[wish->count].authority = "";
    if (entry.serial == NULL)
        wish->list[wish->count].serial = "";
    if (entry.key_id == NULL)
        wish->list[wish->count].key_id = "";
    wish->count++;
}

static int wish_key(const struct tg_service *service, const char *name, bool administrator, const char *key,
                    struct wish *wish, struct tg_error *error)
{
    const struct tg_person *owner = NULL;
    if (!tg_form_fingerprint.matches(key))
        return tg_fail(error, TG_request_malformed, "body: key 'key': must be a fingerprint, SHA256:...");
    for (size_t i = 0; i < service->policy->person_count && owner == NULL; i++) {
        if (tg_person_key(&service->policy->people[i], key) != NULL)
            owner = &service->policy->people[i];
    }
    /* Not the keys of authorities: to take one of those away is for the root holders alone. */
    if (owner == NULL)
        return tg_fail(error, TG_not_found, "the policy lists %s for nobody", key);
    if (!administrator && strcmp(owner->name, name) != 0)
        return tg_fail(error, TG_request_forbidden,
                       "%s is a key of %s: they, or an administrator, may revoke it", key, owner->name);
    add(wish, (struct tg_stored_revocation){.key = key});
    return 0;
}

/* An administrator's serial counts under each authority of the policy. Anybody else's is that of a
 * certificate of their own, whose key id says so: PERSON#SERIAL. */
static int wish_serial(const struct tg_service *service, const char *name, bool administrator,
                       const char *text, struct wish *wish, struct tg_error *error)
{
    uint64_t serial;
    if (!tg_serial_from_text(text, &serial) || serial == 0)
        return tg_fail(error, TG_request_malformed, "body: key 'serial': must be a number from 1");
    if (!administrator) {
        (void)snprintf(wish->key_id, sizeof wish->key_id, "%s#%" PRIu64, name, serial);
        add(wish, (struct tg_stored_revocation){.key_id = wish->key_id});
        return 0;
    }
    if (service->policy->user_ca_count > AUTHORITIES_MAX)
        return tg_fail(error, TG_request_malformed, "more than %d authorities: revoke by key id",
                       AUTHORITIES_MAX);
    for (size_t i = 0; i < service->policy->user_ca_count; i++) {
        if (!tg_base64_encode(TG_BASE64, service->policy->user_ca[i]->blob, wish->authorities[i],
                              sizeof wish->authorities[i]))
            return tg_fail(error, TG_internal_error, "an authority's key is too long");
        add(wish, (struct tg_stored_revocation){.authority = wish->authorities[i], .serial = text});
    }
    return 0;
}

/* Anybody's own certificates have key ids of the form PERSON#SERIAL. */
static bool is_own_key_id(const char *name, const char *key_id)
{
    size_t length = strlen(name);
    uint64_t serial;
    return strncmp(key_id, name, length) == 0 && key_id[length] == '#' &&
           tg_serial_from_text(key_id + length + 1, &serial);
}

static int wish_key_id(const char *name, bool administrator, const char *key_id, struct wish *wish,
                       struct tg_error *error)
{
    if (!administrator && !is_own_key_id(name, key_id))
        return tg_fail(error, TG_request_forbidden,
                       "the key id is not that of a certificate of yours, %s#SERIAL: ask an administrator",
                       name);
    add(wish, (struct tg_stored_revocation){.key_id = key_id});
    return 0;
}

static int read_wish(struct tg_service *service, const struct tg_http_request *request, struct wish *wish,
                     struct tg_error *error)
{
    const char *name = request->caller.name;
    bool administrator = tg_is_administrator(service, name);
    const char *key = tg_body_text(request->parsed, "key");
    const char *serial = tg_body_text(request->parsed, "serial");
    const char *key_id = tg_body_text(request->parsed, "key_id");
    int64_t before;
    if (tg_body_text(request->parsed, "reason")[0] == '\0')
        return tg_fail(error, TG_request_malformed, "body: key 'reason': must not be empty");
    if (key[0] == '\0' && serial[0] == '\0' && key_id[0] == '\0')
        return tg_fail(error, TG_request_malformed, "body: give one of key, serial, key_id");
    if ((key[0] != '\0' && wish_key(service, name, administrator, key, wish, error) < 0) ||
        (serial[0] != '\0' && wish_serial(service, name, administrator, serial, wish, error) < 0) ||
        (key_id[0] != '\0' && wish_key_id(name, administrator, key_id, wish, error) < 0))
        return -1;
    if (administrator)
        return 0;
    if (tg_store_revocations_by(service->store, name, &before, error) < 0)
        return -1;
    return before < PER_PERSON_MAX
               ? 0
               : tg_fail(error, TG_request_rate, "%s has revoked %" PRId64 " things: ask an administrator",
                         name, before);
}

/* Stores it and puts the new list in force. A version is the time in milliseconds, and greater than the one
 * before: hosts refuse one from the future, so that whoever takes the service over cannot spend all numbers.
 */
static int revoke(struct tg_service *service, struct tg_new_revocations *new, bool *added,
                  struct tg_error *error)
{
    int64_t now = tg_service_now(service);
    int64_t version = (int64_t)tg_krl_version(service->revocations.krl) + 1;
    struct tg_revocation_list list;
    int64_t revision;
    new->version = version < now *VERSIONS_PER_SECOND ? now *VERSIONS_PER_SECOND : version;
    if (make_list(service, new->version, now, new, &list, error) < 0)
        return -1;
    int result = tg_store_revocations_add(service->store, new, now, added, &revision, error);
    if (result < 0 || !*added) {
        tg_revocation_list_clear(&list);
        return result;
    }
    adopt(service, &list, revision);
    tg_waiting_wake(&service->waiting, TG_WAIT_HOST, NULL);
    return 0;
}

static void log_entries(struct tg_service *service, const struct tg_new_revocations *new)
{
    char reason[600];
    char key_id[600];
    (void)tg_escape(new->reason, reason, sizeof reason);
    for (size_t i = 0; i < new->count; i++) {
        (void)tg_escape(new->list[i].key_id, key_id, sizeof key_id);
        tg_log(&service->log, LOG_NOTICE, "%s revoked %s%s%s%s: %s", new->person, new->list[i].key,
               new->list[i].serial[0] != '\0' ? "serial " : "", new->list[i].serial, key_id, reason);
    }
}

int tg_post_revocations(struct tg_service *service, const struct tg_http_request *request,
                        struct tg_http_answer *answer, struct tg_error *error)
{
    struct wish *wish = calloc(1, sizeof *wish);
    bool added = false;
    if (wish == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    int result = read_wish(service, request, wish, error);
    struct tg_new_revocations new = {.list = wish->list,
                                     .count = wish->count,
                                     .person = request->caller.name,
                                     .reason = tg_body_text(request->parsed, "reason")};
    if (result == 0)
        result = revoke(service, &new, &added, error);
    if (result == 0 && added)
        log_entries(service, &new);
    free(wish);
    if (result < 0)
        return -1;
    json_int_t version = (json_int_t)tg_krl_version(service->revocations.krl);
    return tg_http_answer_json(answer, added ? 201 : 200, json_pack("{s:I}", "version", version), error);
}
