/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/events.h"

#include "agent/state.h"
#include "lib/canonical_json.h"
#include "lib/digest.h"
#include "lib/grow.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADER_SIZE = 128, TEXT_SIZE = 512, PATH_SIZE = 1280, FILE_MAX = 64 * 1024 * 1024 };

static const char file_name[] = "events";
static const char no_digest[] = "0000000000000000000000000000000000000000000000000000000000000000";

static void clear_lines(struct tg_events *events)
{
    for (size_t i = 0; i < events->count; i++)
        free(events->lines[i].text);
    free(events->lines);
    events->lines = NULL;
    events->count = events->size = events->on_disk = 0;
}

static const char *last_digest(const struct tg_events *events)
{
    return events->count == 0 ? events->before : events->lines[events->count - 1].digest;
}

/* Takes over `text`. */
static bool append_line(struct tg_events *events, char *text, size_t length)
{
    struct tg_event_line *lines = tg_grow(events->lines, events->count, &events->size, sizeof *lines);
    if (lines == NULL) {
        free(text);
        return false;
    }
    events->lines = lines;
    struct tg_event_line *line = &events->lines[events->count];
    *line = (struct tg_event_line){.text = text, .length = length};
    if (!tg_digest(tg_bytes_of(text, length), line->digest)) {
        free(text);
        return false;
    }
    events->count++;
    events->next++;
    return true;
}

/* Is this text the event that comes next in the chain? */
static bool is_next_event(const struct tg_events *events, const char *text, size_t length)
{
    struct tg_error error;
    json_t *event;
    int64_t number;
    char previous[TG_DIGEST_SIZE];
    if (tg_canonical_json_parse(tg_bytes_of(text, length), "event", 8192, TG_internal_error, &event,
                                &error) != 0)
        return false;
    bool ok = tg_state_number(event, "number", &number) && (uint64_t)number == events->next &&
              tg_state_text(event, "previous", previous, sizeof previous) &&
              strcmp(previous, last_digest(events)) == 0;
    json_decref(event);
    return ok;
}

static bool parse_line(struct tg_events *events, const char *line, size_t length)
{
    char digest[TG_DIGEST_SIZE];
    const size_t prefix = TG_DIGEST_SIZE; /* 64 characters and a blank */
    if (length <= prefix || line[prefix - 1] != ' ' || events->count >= TG_EVENTS_MAX)
        return false;
    const char *text = line + prefix;
    size_t text_length = length - prefix;
    if (!tg_digest(tg_bytes_of(text, text_length), digest) || memcmp(digest, line, prefix - 1) != 0 ||
        !is_next_event(events, text, text_length))
        return false;
    char *copy = strndup(text, text_length);
    return copy != NULL && append_line(events, copy, text_length);
}

static bool parse_header(struct tg_events *events, const char *line, size_t length)
{
    char text[HEADER_SIZE];
    char again[HEADER_SIZE];
    uint64_t first;
    char previous[TG_DIGEST_SIZE];
    if (length >= sizeof text)
        return false;
    memcpy(text, line, length);
    text[length] = '\0';
    if (sscanf(text, "tegata-events 1 %" SCNu64 " %64[0-9a-f]", &first, previous) != 2)
        return false;
    (void)snprintf(again, sizeof again, "tegata-events 1 %" PRIu64 " %s", first, previous);
    if (strcmp(again, text) != 0 || strlen(previous) != TG_DIGEST_SIZE - 1 || first == 0 ||
        first > (uint64_t)TG_INTEGER_MAX)
        return false;
    events->next = first;
    memcpy(events->before, previous, sizeof previous);
    return true;
}

int tg_events_parse(struct tg_events *events, char *data, size_t length)
{
    bool header = true;
    while (length > 0) {
        char *end = memchr(data, '\n', length);
        if (end == NULL)
            return header ? -1 : 1;
        size_t line_length = (size_t)(end - data);
        if (header ? !parse_header(events, data, line_length) : !parse_line(events, data, line_length))
            return -1;
        header = false;
        data = end + 1;
        length -= line_length + 1;
    }
    return header ? -1 : 0;
}

static uint64_t first_number(const struct tg_events *events)
{
    return events->next - events->count;
}

/* The whole file as it should be. malloc'ed. */
static char *file_text(const struct tg_events *events, size_t *length)
{
    size_t size = HEADER_SIZE;
    for (size_t i = 0; i < events->count; i++)
        size += TG_DIGEST_SIZE + events->lines[i].length + 1;
    char *text = malloc(size);
    if (text == NULL)
        return NULL;
    int used = snprintf(text, size, "tegata-events 1 %" PRIu64 " %s\n", first_number(events), events->before);
    *length = (size_t)used;
    for (size_t i = 0; i < events->count; i++) {
        used = snprintf(text + *length, size - *length, "%s %s\n", events->lines[i].digest,
                        events->lines[i].text);
        *length += (size_t)used;
    }
    return text;
}

/* Writes the file anew and opens it for appending. */
static int rewrite(struct tg_events *events, struct tg_error *error)
{
    char path[PATH_SIZE];
    size_t length = 0;
    char *text = file_text(events, &length);
    if (text == NULL)
        return tg_fail(error, TG_internal_error, "no memory to write the events");
    int result = tg_file_replace(events->directory, file_name, tg_bytes_of(text, length), error);
    free(text);
    if (result != 0)
        return -1;
    if (events->fd >= 0)
        (void)close(events->fd);
    (void)snprintf(path, sizeof path, "%s/%s", events->directory, file_name);
    events->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (events->fd < 0)
        return tg_fail(error, TG_internal_error, "%s: cannot open: %s", path, strerror(errno));
    events->file_size = (int64_t)length;
    events->on_disk = events->count;
    return 0;
}

static void load(struct tg_events *events, int64_t now)
{
    struct tg_error error = {0};
    char *data;
    size_t length;
    int result = tg_file_read(events->directory, file_name, FILE_MAX, &data, &length, &error);
    if (result == 1)
        return;
    int parsed = result == 0 ? tg_events_parse(events, data, length) : -1;
    free(data);
    if (parsed == 1)
        tg_log(&events->log, LOG_WARNING, "%s/%s: the last event was cut short by a crash and is dropped",
               events->directory, file_name);
    if (parsed >= 0)
        return;
    tg_log_refusal(&events->log, TG_internal_error, "%s/%s: damaged; set aside as %s.damaged-%lld",
                   events->directory, file_name, file_name, (long long)now);
    tg_file_set_aside(events->directory, file_name, now);
    clear_lines(events);
    events->next = 1;
    memcpy(events->before, no_digest, sizeof no_digest);
}

int tg_events_open(struct tg_events *events, const char *directory, const char *host,
                   const struct tg_log *log, int64_t now, struct tg_error *error)
{
    *events = (struct tg_events){.fd = -1, .next = 1, .log = *log};
    memcpy(events->before, no_digest, sizeof no_digest);
    events->directory = strdup(directory);
    events->host = strdup(host);
    if (events->directory == NULL || events->host == NULL) {
        tg_events_close(events);
        return tg_fail(error, TG_internal_error, "no memory for the events");
    }
    load(events, now);
    if (rewrite(events, error) == 0)
        return 0;
    tg_events_close(events);
    return -1;
}

void tg_events_close(struct tg_events *events)
{
    clear_lines(events);
    free(events->directory);
    free(events->host);
    if (events->fd >= 0)
        (void)close(events->fd);
    *events = (struct tg_events){.fd = -1};
}

static const char *printable(const char *text, char out[TEXT_SIZE])
{
    return text == NULL ? "" : tg_escape(text, out, TEXT_SIZE);
}

static json_t *event_json(const struct tg_events *events, const struct tg_event *event, int64_t now)
{
    char account[TEXT_SIZE];
    char detail[TEXT_SIZE];
    char source[TEXT_SIZE];
    char person[TEXT_SIZE];
    json_t *json =
        json_pack("{s:i, s:s, s:I, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "v", 1, "host",
                  events->host, "number", (json_int_t)events->next, "previous", last_digest(events), "time",
                  (json_int_t)now, "kind", event->kind, "ticket", event->ticket == NULL ? "" : event->ticket,
                  "person", printable(event->person, person), "account", printable(event->account, account),
                  "source", printable(event->source, source), "code",
                  event->code == TG_allowed ? "" : tg_reason_name(event->code), "detail",
                  printable(event->detail, detail), "session", event->session == NULL ? "" : event->session);
    if (event->ends == 0 || json_object_set_new(json, "ends", json_integer(event->ends)) == 0)
        return json;
    json_decref(json);
    return NULL;
}

bool tg_events_have_room(const struct tg_events *events)
{
    return events->count < TG_EVENTS_MAX;
}

static bool full_for(const struct tg_events *events, const struct tg_event *event)
{
    /* What a session comes to only once or a few times. Not session_refused: refusals can be had for
     * nothing. */
    static const char *const reserved[] = {"session_opened", "session_extended", "session_ended",
                                           "session_closed", "exempt_login"};
    bool of_session = false;
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        of_session |= strcmp(event->kind, reserved[i]) == 0;
    return events->count >= (of_session ? TG_EVENTS_MAX : TG_EVENTS_MAX - TG_EVENTS_RESERVED);
}

bool tg_events_add(struct tg_events *events, const struct tg_event *event, int64_t now)
{
    char *text = NULL;
    size_t length = 0;
    if (full_for(events, event)) {
        /* The log is then the only record, so each one goes there. */
        tg_log(
            &events->log, LOG_CRIT,
            "the event queue is full (%zu wait for the service): not queued: %s ticket=%s account=%s code=%s",
            events->count, event->kind, event->ticket == NULL ? "" : event->ticket,
            event->account == NULL ? "" : event->account, tg_reason_name(event->code));
        events->dropped++;
        return false;
    }
    json_t *json = event_json(events, event, now);
    int result = json == NULL ? -1 : tg_canonical_json_write(json, &text, &length);
    json_decref(json);
    if (result == 0 && append_line(events, text, length))
        return true;
    tg_log(&events->log, LOG_CRIT, "an event could not be made: %s", event->kind);
    return false;
}

/* Appends the lines from on_disk on; on failure the file is cut back to what it was. */
static bool append_to_file(struct tg_events *events)
{
    int64_t size = events->file_size;
    size_t i = events->on_disk;
    for (; i < events->count; i++) {
        const struct tg_event_line *line = &events->lines[i];
        int length = dprintf(events->fd, "%s %s\n", line->digest, line->text);
        if (length < 0 || (size_t)length != TG_DIGEST_SIZE + line->length + 1)
            break;
        size += length;
    }
    if (i == events->count && fdatasync(events->fd) == 0) {
        events->file_size = size;
        events->on_disk = events->count;
        return true;
    }
    int cause = errno;
    /* If even this fails, the next start finds a torn or doubled line, and says so. */
    int ignored = ftruncate(events->fd, events->file_size);
    (void)ignored;
    errno = cause;
    return false;
}

bool tg_events_flush(struct tg_events *events)
{
    if (events->on_disk == events->count)
        return true;
    if (append_to_file(events)) {
        events->write_failed = false;
        return true;
    }
    if (!events->write_failed)
        tg_log(&events->log, LOG_CRIT, "%s/%s: cannot write: %s; events wait in memory", events->directory,
               file_name, strerror(errno));
    events->write_failed = true;
    return false;
}

char *tg_events_batch(const struct tg_events *events)
{
    json_t *array = json_array();
    json_t *body = NULL;
    char *text = NULL;
    size_t bytes = 0;
    for (size_t i = 0; i < events->on_disk && i < TG_EVENT_BATCH_MAX; i++) {
        /* As JSON text inside JSON text, at most every byte is escaped. */
        bytes += 2 * events->lines[i].length;
        if (i > 0 && bytes > TG_EVENT_BATCH_BYTES)
            break;
        if (json_array_append_new(array, json_string(events->lines[i].text)) != 0)
            goto out;
    }
    if (json_array_size(array) == 0)
        goto out;
    body = json_pack("{s:O}", "events", array);
    text = json_dumps(body, JSON_COMPACT);
out:
    json_decref(body);
    json_decref(array);
    return text;
}

/* Numbers the waiting events anew, behind event `last` with this digest. False without memory: then nothing
 * has changed. */
static bool renumber(struct tg_events *events, uint64_t last, const char *digest)
{
    struct tg_events fresh = {.next = last + 1, .fd = -1};
    memcpy(fresh.before, digest, sizeof fresh.before);
    for (size_t i = 0; i < events->count; i++) {
        char *text = NULL;
        size_t length;
        json_t *event = json_loads(events->lines[i].text, 0, NULL);
        bool ok = event != NULL &&
                  json_object_set_new(event, "number", json_integer((json_int_t)fresh.next)) == 0 &&
                  json_object_set_new(event, "previous", json_string(last_digest(&fresh))) == 0 &&
                  tg_canonical_json_write(event, &text, &length) == 0 && append_line(&fresh, text, length);
        json_decref(event);
        if (!ok) {
            clear_lines(&fresh);
            return false;
        }
    }
    clear_lines(events);
    events->lines = fresh.lines;
    events->count = fresh.count;
    events->size = fresh.size;
    events->next = fresh.next;
    memcpy(events->before, fresh.before, sizeof fresh.before);
    return true;
}

/* Is the event with this number and digest one of ours, or the one that ours follow? */
static bool is_in_chain(const struct tg_events *events, uint64_t number, const char *digest)
{
    uint64_t before = first_number(events) - 1;
    if (number < before || number >= events->next)
        return false;
    const char *ours = number == before ? events->before : events->lines[number - before - 1].digest;
    return strcmp(ours, digest) == 0;
}

/* An audit trail that was cut must show it, on both sides. */
static void restart_chain(struct tg_events *events, uint64_t number, const char *digest, int64_t now)
{
    char detail[96];
    if (!renumber(events, number, digest))
        return;
    tg_log(&events->log, LOG_WARNING,
           "the service's last event of this host, number %" PRIu64
           ", is none of this journal: one of them was lost or put back; continuing behind it",
           number);
    if (events->restarted)
        return;
    (void)snprintf(detail, sizeof detail, "this journal did not know event %" PRIu64, number);
    events->restarted =
        tg_events_add(events, &(struct tg_event){.kind = "chain_restarted", .detail = detail}, now);
}

static void forget_stored(struct tg_events *events, uint64_t number)
{
    size_t stored = (size_t)(number + 1 - first_number(events));
    events->restarted = false;
    if (stored == 0)
        return;
    memcpy(events->before, events->lines[stored - 1].digest, TG_DIGEST_SIZE);
    for (size_t i = 0; i < stored; i++)
        free(events->lines[i].text);
    events->count -= stored;
    memmove(events->lines, events->lines + stored, events->count * sizeof *events->lines);
}

bool tg_events_acknowledge(struct tg_events *events, uint64_t number, const char *digest, int64_t now)
{
    struct tg_error error;
    bool ours = is_in_chain(events, number, digest);
    /* Both go into the journal's first line, which must be readable at the next start, and ever after: from
     * half of what it may hold, numbers that go up by one never come to the end. */
    if (!ours && (number >= (uint64_t)TG_INTEGER_MAX / 2 || strlen(digest) != TG_DIGEST_SIZE - 1 ||
                  strspn(digest, "0123456789abcdef") != TG_DIGEST_SIZE - 1))
        return false;
    if (ours)
        forget_stored(events, number);
    else
        restart_chain(events, number, digest, now);
    events->on_disk = 0;
    if (rewrite(events, &error) != 0)
        tg_log(&events->log, LOG_CRIT, "%s", error.text);
    if (events->dropped > 0 && events->count < TG_EVENTS_MAX - TG_EVENTS_RESERVED) {
        tg_log(&events->log, LOG_ERR,
               "the event queue has room again; %" PRIu64 " events are in this log alone", events->dropped);
        events->dropped = 0;
    }
    return ours;
}
