/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Steps up: a fresh signature of the session's login key for one command. A challenge belongs to one process
 * (sudo), is good for one answer, and what was proved is good for one command, by the same process.
 *
 * What is signed is the canonical JSON object
 * {account, command, host, nonce, session, ticket, time, v: 1} as an SSHSIG message of the namespace
 * step-up-v1@tegata, so that it can never be mistaken for an approval or a login.
 */
#ifndef TEGATA_AGENT_STEP_UP_H
#define TEGATA_AGENT_STEP_UP_H

#include "agent/process.h"
#include "lib/sshsig.h"

enum {
    TG_STEP_UPS_MAX = 64,
    TG_STEP_UPS_PER_SESSION = 8, /* so that one session cannot take the room of the others */
    TG_STEP_UP_MILLISECONDS = 60000,
    TG_COMMAND_SIZE = 1025,
    TG_STEP_UP_SESSION_SIZE = 33,
};

/* What a challenge is about. */
struct tg_step_up_subject {
    const char *account;
    const char *command; /* printable, cut to TG_COMMAND_SIZE */
    const char *host;
    const char *session;
    const char *ticket;
};

struct tg_step_up {
    struct tg_process process; /* that asked */
    char session[TG_STEP_UP_SESSION_SIZE];
    char command[TG_COMMAND_SIZE];
    char *message; /* to be signed; NULL: it was, the process has stepped up */
    size_t length;
    int64_t until; /* steady milliseconds */
};

struct tg_step_ups {
    struct tg_step_up list[TG_STEP_UPS_MAX];
    size_t count;
};

void tg_step_ups_free(struct tg_step_ups *ups);

/* Opens a challenge for a process, in place of the one that it may have. NULL without memory, without
 * randomness, or when too many are open. It lives until the next call of any of these functions that changes
 * the table. */
const struct tg_step_up *tg_step_ups_open(struct tg_step_ups *ups, const struct tg_process *process,
                                          const struct tg_step_up_subject *subject, int64_t time,
                                          int64_t steady);

/* The challenge, or the proved step up, of a process; NULL if it has none or its time is over. */
struct tg_step_up *tg_step_ups_find(struct tg_step_ups *ups, const struct tg_process *process,
                                    int64_t steady);
void tg_step_ups_remove(struct tg_step_ups *ups, struct tg_step_up *one);

/* The bytes that `key` is to sign for the challenge: base64 of the key's blob, a blank, base64 of the
 * SSHSIG signed data. False if that does not fit. */
bool tg_step_up_text(const struct tg_step_up *one, const struct tg_public_key *key, char *out, size_t size);

/* Verifies the SSH signature blob that answers the challenge: by a security key, touched. On 0 the process
 * has stepped up, for TG_STEP_UP_MILLISECONDS. */
int tg_step_up_prove(struct tg_step_up *one, const struct tg_public_key *key, bool user_verification,
                     struct tg_bytes signature, int64_t steady, struct tg_error *error);

#endif
