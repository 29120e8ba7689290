/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/sessions.h"

#include "agent/process_table.h"
#include "agent/state.h"
#include "lib/base64.h"
#include "lib/grow.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

bool tg_session_new_id(char out[TG_SESSION_ID_SIZE])
{
    uint8_t bytes[TG_SESSION_ID_SIZE / 2];
    out[0] = '\0';
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

void tg_session_clear(struct tg_session *session)
{
    if (session->pidfd >= 0)
        (void)close(session->pidfd);
    session->pidfd = -1;
    tg_known_certificate_release(session->certificate);
    session->certificate = NULL;
}

void tg_sessions_free(struct tg_sessions *sessions)
{
    for (size_t i = 0; i < sessions->count; i++)
        tg_session_clear(&sessions->list[i]);
    free(sessions->list);
    *sessions = (struct tg_sessions){0};
}

struct tg_session *tg_sessions_add(struct tg_sessions *sessions, const struct tg_session *session)
{
    if (sessions->count >= TG_SESSIONS_MAX)
        return NULL;
    struct tg_session *list = tg_grow(sessions->list, sessions->count, &sessions->size, sizeof *list);
    if (list == NULL)
        return NULL;
    sessions->list = list;
    sessions->list[sessions->count] = *session;
    return &sessions->list[sessions->count++];
}

struct tg_session *tg_sessions_find(struct tg_sessions *sessions, const char *id)
{
    for (size_t i = 0; i < sessions->count; i++) {
        if (strcmp(sessions->list[i].id, id) == 0)
            return &sessions->list[i];
    }
    return NULL;
}

struct tg_session *tg_sessions_find_audit(struct tg_sessions *sessions, uint32_t audit_id)
{
    for (size_t i = 0; i < sessions->count; i++) {
        struct tg_session *session = &sessions->list[i];
        if (session->ended == 0 && audit_id != TG_AUDIT_UNSET && session->audit_id == audit_id)
            return session;
    }
    return NULL;
}

void tg_sessions_remove(struct tg_sessions *sessions, struct tg_session *session)
{
    tg_session_clear(session);
    *session = sessions->list[--sessions->count];
}

struct tg_event tg_session_event(const struct tg_session *session, const char *kind, const char *detail)
{
    return (struct tg_event){.kind = kind,
                             .ticket = session->ticket,
                             .person = session->person,
                             .account = session->account,
                             .source = session->source,
                             .detail = detail,
                             .session = session->id};
}

size_t tg_sessions_open_count(const struct tg_sessions *sessions)
{
    size_t open = 0;
    for (size_t i = 0; i < sessions->count; i++)
        open += sessions->list[i].ended == 0;
    return open;
}

/* --- On disk
 * ------------------------------------------------------------------------------------------------------ */

/* malloc'ed; "" without a certificate, NULL without memory. */
static char *certificate_text(const struct tg_known_certificate *known)
{
    struct tg_bytes blob = {0};
    if (known != NULL)
        blob = known->certificate->blob;
    size_t size = tg_base64_encoded_size(blob.length);
    char *text = malloc(size);
    if (text != NULL)
        (void)tg_base64_encode(TG_BASE64, blob, text, size);
    return text;
}

json_t *tg_session_to_json(const struct tg_session *session, const char *boot_id)
{
    char *certificate = certificate_text(session->certificate);
    json_t *object = certificate == NULL ? NULL : json_object();
    const struct {
        const char *key;
        json_t *value;
    } members[] = {
        {"boot", json_string(boot_id)},
        {"id", json_string(session->id)},
        {"pid", json_integer(session->monitor.pid)},
        {"start", json_integer((json_int_t)session->monitor.start)},
        {"audit", json_integer(session->audit_id)},
        {"cgroup", json_string(session->cgroup)},
        {"ticket", json_string(session->ticket)},
        {"carrier", json_string(session->carrier)},
        {"person", json_string(session->person)},
        {"account", json_string(session->account)},
        {"uid", json_integer(session->uid)},
        {"source", json_string(session->source)},
        {"certificate", json_string(certificate)},
        {"opened", json_integer(session->opened)},
        {"ends", json_integer(session->ends)},
        {"limit", json_integer(session->limit)},
        {"warned", json_integer(session->warned)},
        {"counted", json_integer(session->counted)},
        {"ended", json_integer(session->ended)},
        {"reason", json_string(tg_reason_name(session->ending.reason))},
        {"detail", json_string(session->ending.detail)},
    };
    bool ok = object != NULL;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        ok &= json_object_set_new(object, members[i].key, members[i].value) == 0;
    free(certificate);
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

static bool read_number(const json_t *object, const char *key, uint32_t *out)
{
    int64_t number;
    *out = 0;
    if (!tg_state_number(object, key, &number) || number > UINT32_MAX)
        return false;
    *out = (uint32_t)number;
    return true;
}

static bool read_names(const json_t *object, struct tg_session *out)
{
    return tg_state_text(object, "id", out->id, sizeof out->id) &&
           strlen(out->id) == TG_SESSION_ID_SIZE - 1 &&
           tg_state_text(object, "cgroup", out->cgroup, sizeof out->cgroup) &&
           tg_state_text(object, "ticket", out->ticket, sizeof out->ticket) &&
           tg_state_text(object, "carrier", out->carrier, sizeof out->carrier) &&
           tg_state_text(object, "person", out->person, sizeof out->person) &&
           tg_state_text(object, "account", out->account, sizeof out->account) &&
           tg_state_text(object, "source", out->source, sizeof out->source) &&
           read_number(object, "uid", &out->uid);
}

static bool read_process(const json_t *object, struct tg_session *out)
{
    int64_t pid;
    int64_t start;
    if (!tg_state_number(object, "pid", &pid) || pid > INT32_MAX ||
        !tg_state_number(object, "start", &start) || !read_number(object, "audit", &out->audit_id))
        return false;
    out->monitor = (struct tg_process){.pid = (pid_t)pid, .start = (uint64_t)start};
    return true;
}

static bool read_times(const json_t *object, struct tg_session *out)
{
    uint32_t counted;
    bool ok = tg_state_number(object, "opened", &out->opened) &&
              tg_state_number(object, "ends", &out->ends) && tg_state_number(object, "limit", &out->limit) &&
              tg_state_number(object, "warned", &out->warned) &&
              tg_state_number(object, "ended", &out->ended) && read_number(object, "counted", &counted) &&
              counted <= 1;
    out->counted = ok && counted == 1;
    return ok;
}

static bool read_ending(const json_t *object, struct tg_session_ending *out)
{
    char reason[64];
    return tg_state_text(object, "reason", reason, sizeof reason) &&
           tg_reason_from_name(reason, &out->reason) &&
           tg_state_text(object, "detail", out->detail, sizeof out->detail);
}

static struct tg_known_certificate *read_certificate(const json_t *object)
{
    struct tg_known_certificate *known = NULL;
    struct tg_error error;
    const char *text = json_string_value(json_object_get(object, "certificate"));
    size_t size = text == NULL ? 0 : tg_base64_decoded_max(strlen(text));
    uint8_t *blob = size == 0 || size > TG_CERTIFICATE_MAX + 16 ? NULL : malloc(size);
    size_t length;
    if (blob != NULL && tg_base64_decode(TG_BASE64, tg_bytes_of_text(text), blob, size, &length))
        (void)tg_known_certificate_new(tg_bytes_of(blob, length), &known, &error);
    free(blob);
    return known;
}

bool tg_session_from_json(struct tg_session *session, const json_t *object, const char *proc_root,
                          const char *boot_id)
{
    char boot[TG_BOOT_ID_SIZE];
    *session = (struct tg_session){.pidfd = -1, .audit_id = TG_AUDIT_UNSET};
    if (!tg_state_text(object, "boot", boot, sizeof boot) || !read_names(object, session) ||
        !read_process(object, session) || !read_times(object, session) ||
        !read_ending(object, &session->ending))
        return false;
    session->certificate = read_certificate(object);
    if (strcmp(boot, boot_id) != 0) {
        /* Numbers of another boot may be somebody else's today. */
        session->monitor = (struct tg_process){0};
        session->audit_id = TG_AUDIT_UNSET;
        session->cgroup[0] = '\0';
    } else if (session->ended == 0) {
        int pidfd = tg_process_open(proc_root, &session->monitor);
        session->pidfd = pidfd < 0 ? -1 : pidfd;
    }
    return true;
}
