/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking an ssh-agent (draft-miller-ssh-agent, section 4.5) for one signature, without anything of OpenSSL's:
 * also for the PAM module, which runs inside sudo. libc only. Not to be confused with tegatad.
 */
#ifndef TEGATA_LIB_SSH_AGENT_ASK_H
#define TEGATA_LIB_SSH_AGENT_ASK_H

#include "lib/wire.h"

enum {
    TG_SSH_AGENT_ANSWER_MAX = 8256, /* bytes of an answer: a signature and what stands around it */
    TG_SSH_AGENT_RSA_SHA2_512 = 4,  /* flag: how an RSA key is to sign */
};

struct tg_ssh_agent_question {
    const char *socket_path;
    struct tg_bytes key;  /* blob of the public key */
    struct tg_bytes data; /* to be signed */
    uint32_t flags;
    int deadline_ms; /* from connect to the end of the answer, monotonic clock */
};

/* Asks. 0, and *signature (string type, string signature, ...; not verified) points into `answer`; or -errno:
 * -EPROTO if the agent does not sign or its answer is not well-formed, -ETIMEDOUT if it takes too long, else
 * why it cannot be reached. Opens one descriptor (CLOEXEC) and closes it; raises no signal. */
int tg_ssh_agent_ask(const struct tg_ssh_agent_question *question, uint8_t answer[TG_SSH_AGENT_ANSWER_MAX],
                     struct tg_bytes *signature);

/* Takes the signature out of one answer (without its length). False for anything but exactly one signature.
 */
bool tg_ssh_agent_read_answer(struct tg_bytes answer, struct tg_bytes *signature);

#endif
