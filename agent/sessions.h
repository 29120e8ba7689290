/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sessions that are open through Tegata, one per connection, watched by pidfd of their sshd monitor: sshd
 * does not run PAM's close if the monitor is killed. The table is on disk, so that a restarted agent watches
 * on.
 */
#ifndef TEGATA_AGENT_SESSIONS_H
#define TEGATA_AGENT_SESSIONS_H

#include "agent/admissions.h"

#include <jansson.h>

enum {
    TG_SESSIONS_MAX = 4096,
    TG_SESSION_ID_SIZE = 33, /* 32 hex characters + NUL */
};

struct tg_session {
    char id[TG_SESSION_ID_SIZE];
    struct tg_process monitor;
    int pidfd; /* -1 once it has ended */
    char ticket[TG_TICKET_ID_SIZE];
    char person[TG_ACCOUNT_SIZE];
    char account[TG_ACCOUNT_SIZE];
    char source[TG_SOURCE_SIZE];
    int64_t opened;
    int64_t ended; /* 0: it is open */
    bool counted;  /* the service has counted it, and is to be told of its end */
};

struct tg_sessions {
    struct tg_session *list;
    size_t count;
    size_t size;
};

/* 32 random hex characters; false if the kernel gives none. */
bool tg_session_new_id(char out[TG_SESSION_ID_SIZE]);

void tg_sessions_free(struct tg_sessions *sessions);

/* Adds a copy, which then owns the pidfd. NULL without memory or when there are too many. */
struct tg_session *tg_sessions_add(struct tg_sessions *sessions, const struct tg_session *session);

struct tg_session *tg_sessions_find(struct tg_sessions *sessions, const char *id);

/* Closes the pidfd and drops it from the table. */
void tg_sessions_remove(struct tg_sessions *sessions, struct tg_session *session);

size_t tg_sessions_open_count(const struct tg_sessions *sessions);

/* To and from the state file. `boot_id` is the running kernel's; sessions of another boot come back with
 * pidfd -1, those of this one with a pidfd, or -1 if their monitor is gone: the caller ends those with -1.
 * False if the object is not one of ours. */
json_t *tg_sessions_to_json(const struct tg_sessions *sessions, const char *boot_id);
bool tg_sessions_from_json(struct tg_sessions *sessions, const json_t *object, const char *proc_root,
                           const char *boot_id);

#endif
