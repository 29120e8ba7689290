/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/sessions.h"

#include "agent/state.h"

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

void tg_sessions_free(struct tg_sessions *sessions)
{
    for (size_t i = 0; i < sessions->count; i++) {
        if (sessions->list[i].pidfd >= 0)
            (void)close(sessions->list[i].pidfd);
    }
    free(sessions->list);
    *sessions = (struct tg_sessions){0};
}

struct tg_session *tg_sessions_add(struct tg_sessions *sessions, const struct tg_session *session)
{
    if (sessions->count >= TG_SESSIONS_MAX)
        return NULL;
    if (sessions->count == sessions->size) {
        size_t size = sessions->size == 0 ? 16 : 2 * sessions->size;
        struct tg_session *grown = realloc(sessions->list, size * sizeof *grown);
        if (grown == NULL)
            return NULL;
        sessions->list = grown;
        sessions->size = size;
    }
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

void tg_sessions_remove(struct tg_sessions *sessions, struct tg_session *session)
{
    if (session->pidfd >= 0)
        (void)close(session->pidfd);
    *session = sessions->list[--sessions->count];
}

size_t tg_sessions_open_count(const struct tg_sessions *sessions)
{
    size_t open = 0;
    for (size_t i = 0; i < sessions->count; i++)
        open += sessions->list[i].ended == 0;
    return open;
}

static json_t *session_to_json(const struct tg_session *session)
{
    return json_pack("{s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:i}", "id", session->id, "pid",
                     (json_int_t)session->monitor.pid, "start", (json_int_t)session->monitor.start, "ticket",
                     session->ticket, "person", session->person, "account", session->account, "source",
                     session->source, "opened", (json_int_t)session->opened, "ended",
                     (json_int_t)session->ended, "counted", session->counted ? 1 : 0);
}

json_t *tg_sessions_to_json(const struct tg_sessions *sessions, const char *boot_id)
{
    json_t *array = json_array();
    for (size_t i = 0; i < sessions->count; i++) {
        if (json_array_append_new(array, session_to_json(&sessions->list[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o}", "boot", boot_id, "sessions", array);
}

static bool session_from_json(const json_t *json, struct tg_session *out)
{
    int64_t pid;
    int64_t start;
    int64_t counted;
    *out = (struct tg_session){.pidfd = -1};
    bool ok = tg_state_text(json, "id", out->id, sizeof out->id) &&
              strlen(out->id) == TG_SESSION_ID_SIZE - 1 && tg_state_number(json, "pid", &pid) &&
              pid <= INT32_MAX && tg_state_number(json, "start", &start) &&
              tg_state_text(json, "ticket", out->ticket, sizeof out->ticket) &&
              tg_state_text(json, "person", out->person, sizeof out->person) &&
              tg_state_text(json, "account", out->account, sizeof out->account) &&
              tg_state_text(json, "source", out->source, sizeof out->source) &&
              tg_state_number(json, "opened", &out->opened) && tg_state_number(json, "ended", &out->ended) &&
              tg_state_number(json, "counted", &counted) && counted <= 1;
    if (!ok)
        return false;
    out->monitor = (struct tg_process){.pid = (pid_t)pid, .start = (uint64_t)start};
    out->counted = counted == 1;
    return true;
}

bool tg_sessions_from_json(struct tg_sessions *sessions, const json_t *object, const char *proc_root,
                           const char *boot_id)
{
    char boot[TG_BOOT_ID_SIZE];
    const json_t *array = json_object_get(object, "sessions");
    if (!tg_state_text(object, "boot", boot, sizeof boot) || !json_is_array(array))
        return false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct tg_session session;
        if (!session_from_json(json_array_get(array, i), &session))
            return false;
        if (session.ended == 0 && strcmp(boot, boot_id) == 0) {
            int pidfd = tg_process_open(proc_root, &session.monitor);
            session.pidfd = pidfd < 0 ? -1 : pidfd;
        }
        if (tg_sessions_add(sessions, &session) == NULL) {
            if (session.pidfd >= 0)
                (void)close(session.pidfd);
            return false;
        }
    }
    return true;
}
