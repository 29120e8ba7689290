/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which accounts and groups NSS shows: those of tickets that are approved, and for a while those that were.
 */
#ifndef TEGATA_AGENT_ROSTER_PUBLISH_H
#define TEGATA_AGENT_ROSTER_PUBLISH_H

#include "agent/sessions.h"
#include "agent/tickets.h"
#include "lib/roster.h"

enum { TG_SHELL_SIZE = 256, TG_NAME_SIZE = 33 };

/* An account that was published, remembered until it may be forgotten. */
struct tg_remembered_account {
    char name[TG_NAME_SIZE];
    uint32_t uid;
    char shell[TG_SHELL_SIZE];
    int64_t expires; /* 0: never had a ticket here */
    int64_t forgotten;
    bool recorded;          /* a ticket in force asks for recording */
    int64_t recorded_since; /* the roster shows the recorder shell since then, steady milliseconds; 0: not
                               yet. Not on disk: an agent that comes back publishes, and counts from there */
    uint32_t *gids;
    size_t gid_count;
};

struct tg_accounts {
    struct tg_remembered_account *list; /* by name */
    size_t count;
    size_t size;
};

void tg_accounts_free(struct tg_accounts *accounts);

/* What a host's configuration says about its accounts. */
struct tg_accounts_wish {
    const char *host;
    int64_t linger_seconds;
    const struct tg_sessions *sessions; /* whose accounts stay as they are until they end; NULL: none */
    int64_t session_now;                /* what the clock by which they end shows (session_clock.h) */
    bool everybody; /* also whom the policy names and who has no ticket, without a shell and groups: sshd asks
                     * nobody about an account that does not exist */
};

/* Brings `accounts` into step: the accounts of the tickets that are allowed, or will be once their window
 * begins, and of the sessions that are open; those of other tickets end now and linger. Accounts that nobody
 * needs to remember any more go. 0, or -1 without memory. */
int tg_accounts_update(struct tg_accounts *accounts, const struct tg_policy *policy,
                       struct tg_ticket_store *tickets, const struct tg_accounts_wish *wish, int64_t now);

/* The names and numbers that local files hold and that Tegata must not touch. */
struct tg_local_names {
    char **users;
    size_t user_count;
    uint32_t *uids; /* beside users */
    char **groups;
    size_t group_count;
    uint32_t *gids; /* beside groups */
};

/* Reads /etc/passwd and /etc/group as files, never through NSS, which would ask our own module. -1 if one
 * cannot be read. */
int tg_local_names_read(struct tg_local_names *names, const char *passwd_path, const char *group_path,
                        struct tg_error *error);
void tg_local_names_free(struct tg_local_names *names);

/* Why this account or group may not be published; NULL if it may. */
const char *tg_local_names_clash(const struct tg_local_names *names, const char *name, uint32_t id);

json_t *tg_accounts_to_json(const struct tg_accounts *accounts);
bool tg_accounts_from_json(struct tg_accounts *accounts, const json_t *object);

#endif
