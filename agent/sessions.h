/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sessions that are open through Tegata, one per connection, watched by pidfd of their sshd monitor: sshd
 * does not run PAM's close if the monitor is killed. Each is a file in the state directory, so that opening
 * one costs the same however many there are, and a restarted agent watches on.
 */
#ifndef TEGATA_AGENT_SESSIONS_H
#define TEGATA_AGENT_SESSIONS_H

#include "agent/admissions.h"
#include "agent/events.h"

#include <jansson.h>

enum {
    TG_CGROUP_SIZE = 256,
    TG_SESSIONS_MAX = 4096,
    TG_SESSION_ID_SIZE = 33, /* 32 hex characters + NUL */
    TG_WARN_MINUTES_MAX = 16,
    TG_WARN_MINUTES_LONGEST = 1440,
};

enum tg_ending_phase {
    TG_ENDING_NOT,   /* it is open */
    TG_ENDING_BEGUN, /* nothing has been done yet */
    TG_ENDING_TOLD,  /* the last line is on its terminals; closed by itself: the monitor still has a moment */
    TG_ENDING_HANGUP,     /* SIGHUP went to its processes, but not to sshd's own */
    TG_ENDING_TERMINATED, /* SIGTERM, to the monitor too */
    TG_ENDING_KILLED,     /* SIGKILL, again and again until nothing is left */
};

/* How far the end of a session has come (ending.h). Not on disk but for `reason` and `detail`: an agent that
 * comes back begins the ending anew. */
struct tg_session_ending {
    enum tg_ending_phase phase;
    enum tg_reason reason; /* why; allowed: it was closed from the other side */
    char detail[160];
    int64_t began;       /* steady milliseconds */
    int64_t due;         /* when the next phase begins, steady milliseconds */
    size_t processes;    /* that were ended, the monitor included */
    unsigned int unsure; /* scans in a row that found none, but may have missed somebody */
};

struct tg_session {
    char id[TG_SESSION_ID_SIZE];
    struct tg_process monitor;
    int pidfd;                   /* of the monitor; -1 once that has ended */
    uint32_t audit_id;           /* /proc/MONITOR/sessionid: every process of the session has it */
    char cgroup[TG_CGROUP_SIZE]; /* of its own scope, once systemd has made one; "" before, or without systemd
                                  */
    int64_t scope_due;           /* when that is looked for next, steady milliseconds */
    char ticket[TG_TICKET_ID_SIZE];  /* that opened it */
    char carrier[TG_TICKET_ID_SIZE]; /* that carries it longest now: the same, or an extension */
    char person[TG_ACCOUNT_SIZE];
    char account[TG_ACCOUNT_SIZE];
    uint32_t uid; /* of an account of Tegata's; 0: the account is the host's own */
    char source[TG_SOURCE_SIZE];
    struct tg_known_certificate *certificate; /* that opened it; a reference is held */
    int64_t opened;
    int64_t ends;   /* as things stand; session clock (session_clock.h) */
    int64_t limit;  /* no extension moves the end beyond it */
    int64_t warned; /* the least number of minutes of which it has been warned for `ends`; 0: none yet */
    bool counted;   /* the service has counted it, and is to be told of its end */
    int64_t ended;  /* the last process has gone; 0: not yet. Kept beyond that only until the service knows */
    struct tg_session_ending ending;
};

/* When sessions are warned of their end: minutes before it, in no order. */
struct tg_warn_minutes {
    int64_t list[TG_WARN_MINUTES_MAX];
    size_t count;
};

struct tg_sessions {
    struct tg_session *list;
    size_t count;
    size_t size;
};

/* 32 random hex characters; false if the kernel gives none. */
bool tg_session_new_id(char out[TG_SESSION_ID_SIZE]);

void tg_sessions_free(struct tg_sessions *sessions);

/* Adds a copy, which then owns the pidfd and the reference to the certificate. NULL without memory or when
 * there are too many. */
struct tg_session *tg_sessions_add(struct tg_sessions *sessions, const struct tg_session *session);

struct tg_session *tg_sessions_find(struct tg_sessions *sessions, const char *id);

/* The session with this kernel audit session id that has not ended; NULL if none. */
struct tg_session *tg_sessions_find_audit(struct tg_sessions *sessions, uint32_t audit_id);

/* Closes the pidfd, gives the certificate back and drops it from the table. The last session of the table
 * takes its place. */
void tg_sessions_remove(struct tg_sessions *sessions, struct tg_session *session);

/* Gives back what a session holds that is in no table. */
void tg_session_clear(struct tg_session *session);

/* An event about a session. Points into it, and to `kind` and `detail`; `code` and `ends` are for the caller.
 */
struct tg_event tg_session_event(const struct tg_session *session, const char *kind, const char *detail);

size_t tg_sessions_open_count(const struct tg_sessions *sessions);

/* To and from its state file. `boot_id` is the running kernel's. A session of another boot comes back without
 * a monitor, audit id or scope: nothing can be left of it. One of this boot has a pidfd, or -1 if its monitor
 * is gone. A certificate that cannot be read any more is left out (NULL): such a session has no right. False
 * if the object is not one of ours. */
json_t *tg_session_to_json(const struct tg_session *session, const char *boot_id);
bool tg_session_from_json(struct tg_session *session, const json_t *object, const char *proc_root,
                          const char *boot_id);

#endif
