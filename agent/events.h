/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Audit events: numbered, chained by SHA-256, on disk until the service has acknowledged them
 * (docs/protocol.md, "Events").
 *
 * The file is "tegata-events 1 FIRST PREVIOUS\n" (the number that the first event has, and the hash that it
 * follows), then one line "SHA256 EVENT\n" for each. Events are appended and synced; a line that was cut
 * short by a crash is dropped and logged; anything else that does not agree sets the file aside.
 */
#ifndef TEGATA_AGENT_EVENTS_H
#define TEGATA_AGENT_EVENTS_H

#include "lib/error.h"
#include "lib/log.h"
#include "lib/ticket.h"

#include <jansson.h>

enum {
    TG_EVENTS_MAX = 10000,        /* that may wait */
    TG_EVENTS_RESERVED = 1000,    /* of them for sessions alone, so that refusals cannot crowd them out */
    TG_EVENT_BATCH_MAX = 50,      /* events in one request */
    TG_EVENT_BATCH_BYTES = 49152, /* the service takes bodies of 64 KiB */
};

/* Members that do not apply may be NULL. Unprintable bytes are escaped here. */
struct tg_event {
    const char *kind;
    const char *ticket;
    const char *person;
    const char *account;
    const char *source;
    enum tg_reason code; /* allowed: none */
    const char *detail;
    const char *session;
    int64_t ends; /* of a session; 0: does not apply, and the event has no such key */
};

struct tg_event_line {
    char *text;
    size_t length;
    char digest[TG_DIGEST_SIZE];
};

struct tg_events {
    char *directory;
    char *host;
    struct tg_log log;
    struct tg_event_line *lines; /* waiting, in order */
    size_t count;
    size_t size;
    size_t on_disk;              /* of them */
    uint64_t next;               /* number of the next event */
    char before[TG_DIGEST_SIZE]; /* what lines[0] follows */
    uint64_t dropped;            /* since the queue was last below its limit */
    int fd;                      /* append; -1: none */
    int64_t file_size;
    bool write_failed; /* said once until it works again */
    bool restarted;    /* the chain was restarted and the service has acknowledged nothing since */
};

/* Opens the queue in `directory`, or starts one. A damaged file is set aside and said so: the numbers then
 * begin at 1 again until the service says how far it is. -1 only if nothing can be written there. */
int tg_events_open(struct tg_events *events, const char *directory, const char *host,
                   const struct tg_log *log, int64_t now, struct tg_error *error);
void tg_events_close(struct tg_events *events);

/* Queues one event in memory; tg_events_flush() brings it to disk. False if the queue is full: logged, and
 * counted. */
bool tg_events_add(struct tg_events *events, const struct tg_event *event, int64_t now);

/* Is there room for an event of a session? */
bool tg_events_have_room(const struct tg_events *events);

/* Appends what is not on disk yet. False: it could not; the events stay in memory and are tried again. */
bool tg_events_flush(struct tg_events *events);

/* The body for POST /v1/host/events, malloc'ed: the first events that fit. NULL if nothing waits, or without
 * memory. */
char *tg_events_batch(const struct tg_events *events);

/* The last event that the service has of this host is `number`, with this digest. True if that is a place in
 * our chain: what stands before it is forgotten. False if it is not, because this journal was lost, or the
 * service's database was put back: then the waiting events are numbered anew behind it, with an event
 * chain_restarted after them. Numbers that no service can have come to change nothing. */
bool tg_events_acknowledge(struct tg_events *events, uint64_t number, const char *digest, int64_t now);

/* Reads the bytes of an events file into `events` (no directory, no fd needed). 0; 1 if a torn last line was
 * dropped; -1 if damaged. For tests and the fuzzer too. */
int tg_events_parse(struct tg_events *events, char *data, size_t length);

#endif
