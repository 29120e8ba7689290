/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The protocol on the agent's socket, /run/tegata/agent.sock: AF_UNIX, SOCK_SEQPACKET. One packet is one
 * message; a client connects, sends one request, receives one answer, and closes. Encodings are those of
 * lib/wire.h. libc only.
 *
 * A request is
 *
 *     byte    version (1)
 *     byte    kind (enum tg_agent_kind)
 *     ...     the fields of that kind, in the order of struct tg_agent_request's comments
 *
 * and an answer is
 *
 *     byte    version (1)
 *     byte    kind of the request
 *     uint32  reason: 0 allowed, else the number of the refusal (lib/reason.def)
 *     string  ticket: id of the ticket concerned, or ""
 *     string  detail: what exactly, printable ASCII, or ""
 *     string  text: PRINCIPALS: one line for sshd (without newline), or "" for none
 *                   SESSION_OPEN: the session id, to be sent with SESSION_CLOSE
 *                   STATUS: one canonical JSON object, see docs/protocol.md
 *                   STEP_UP: the base64 of the login key's blob, a blank, the base64 of the bytes to sign
 *                   TEARDOWN: who owned the host, for the log
 *                   ACCOUNTS: one line "NAME UID HOME SESSIONS" for each account that Tegata ever published
 *                   here and that has not been wiped since
 *                   others: ""
 *     uint32  seconds: SESSION_OPEN: until when no extension can prolong it; the session must end by then.
 *                   Else 0
 *     string  person: SESSION_OPEN: who this is; else ""
 *     string  shell: SESSION_OPEN: the shell that a recorded session runs, "" if it is not recorded; else ""
 *     uint32  flags: SESSION_OPEN: enum tg_session_flag; else 0
 *     string  gids: SESSION_OPEN of an account of Tegata's: its supplementary groups in this very session,
 *                   uint32 each; else ""
 *
 * Nothing may follow the last field. Whatever is odd is answered with message_malformed, or not at all.
 *
 * Who may ask is decided by the peer's credentials (SO_PEERCRED): PRINCIPALS by root and the principals user,
 * the rest by root. The sshd monitor that a request speaks for is found from the peer's pid, never from the
 * message: for PRINCIPALS it is the peer's parent; for ACCOUNT the peer or its parent (keyboard-interactive
 * runs PAM in a child); for SESSION_* the peer itself. The session that SUDO and STEP_UP* concern is that of
 * the peer process, by its kernel audit session id, never one that the message names.
 */
#ifndef TEGATA_LIB_AGENT_PROTOCOL_H
#define TEGATA_LIB_AGENT_PROTOCOL_H

#include "lib/reason.h"
#include "lib/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TG_AGENT_PROTOCOL_VERSION = 1,
    TG_AGENT_REQUEST_MAX = 163840, /* bytes; a certificate of 128 KiB and its company */
    TG_AGENT_ANSWER_MAX = 65536,
    TG_AGENT_DEADLINE_MS = 2000, /* for PRINCIPALS and ACCOUNT, connect to answer, monotonic clock */
    TG_AGENT_GIDS_MAX = 64,
    TG_AGENT_SESSION_DEADLINE_MS =
        6000, /* for SESSION_OPEN: the agent itself may ask the service for up to 2 s twice */
};

enum tg_agent_kind {
    TG_AGENT_PRINCIPALS = 1,    /* account, certificate, key_type, connection */
    TG_AGENT_ACCOUNT = 2,       /* account, service, rhost, connection */
    TG_AGENT_SESSION_OPEN = 3,  /* account, service, rhost, connection, certificate, key_type */
    TG_AGENT_SESSION_CLOSE = 4, /* text: the session id */
    TG_AGENT_STATUS = 5,        /* (nothing) */
    TG_AGENT_IMPORT = 6,        /* text: a ticket with its approvals, as `tegata carry export` writes it */
    TG_AGENT_EXEMPT =
        7, /* account, service, rhost: a login of an exempt account, to be recorded; decides nothing */
    TG_AGENT_SUDO = 8, /* account (the caller, PAM_RUSER), service: may the peer's session use sudo now? Where
                          the rule says step_up: has this very process stepped up? session_none if the
                          peer belongs to no session */
    TG_AGENT_STEP_UP = 9, /* account, service: a fresh challenge for the peer; allowed with text "" where
                             the rule asks for none */
    TG_AGENT_STEP_UP_PROOF = 10, /* text: the SSH signature blob (string type, string signature, ...) over the
                                    bytes of the challenge */
    TG_AGENT_JOB = 11,           /* account, service: may cron or at run a job of this account? */
    TG_AGENT_TEARDOWN =
        12,              /* (nothing): answered when the host is to be torn down; waits as long as it takes */
    TG_AGENT_WIPED = 13, /* text: what was wiped: lines "account NAME", "left NAME COUNT", "host", and
                            "report TEXT" */
    TG_AGENT_ACCOUNTS = 14, /* (nothing) */
};

/* A request, for both sides. Fields that its kind does not carry are empty. After decoding, all point into
 * the packet or into `storage`. */
struct tg_agent_request {
    enum tg_agent_kind kind;
    const char *account; /* as sshd or PAM has it; at most 255 bytes */
    const char *service; /* PAM service; at most 63 bytes */
    const char *rhost;   /* PAM_RHOST or ""; at most 255 bytes */
    const char
        *connection; /* %C or SSH_CONNECTION, four words, or "" where sshd gives none; at most 255 bytes */
    struct tg_bytes certificate; /* the decoded blob; empty if there is none */
    const char *key_type;        /* %t, for example ssh-ed25519-cert-v01@openssh.com; at most 127 bytes */
    struct tg_bytes text;
    char storage[1024];
};

enum tg_session_flag {
    TG_SESSION_GROUPS = 1,        /* `gids` are the session's, and no others of Tegata's */
    TG_SESSION_NO_PRIVILEGES = 2, /* nothing in the session may gain privileges (no_new_privs): the account is
                                     confined and the ticket grants no sudo */
};

struct tg_agent_answer {
    enum tg_reason reason;
    char ticket[16];
    char detail[161];
    char text[TG_AGENT_ANSWER_MAX / 2];
    uint32_t seconds;
    char person[64];
    char shell[256];
    uint32_t flags;
    uint32_t gids[TG_AGENT_GIDS_MAX];
    size_t gid_count;
};

/* Encoding writes into the caller's buffer and returns the length, or 0 if it does not fit. */
size_t tg_agent_request_encode(const struct tg_agent_request *request, uint8_t *packet, size_t size);
size_t tg_agent_answer_encode(enum tg_agent_kind kind, const struct tg_agent_answer *answer, uint8_t *packet,
                              size_t size);

/* Decoding returns false for anything but exactly one well-formed message. */
bool tg_agent_request_decode(struct tg_bytes packet, struct tg_agent_request *request);
bool tg_agent_answer_decode(struct tg_bytes packet, enum tg_agent_kind kind, struct tg_agent_answer *answer);

/* Asks the agent at `socket_path` and waits for its answer until `deadline_ms` milliseconds from now have
 * passed on the monotonic clock. Returns 0 and the answer; or -errno (-ENOENT, -ECONNREFUSED, -ETIMEDOUT,
 * -EPROTO, ...) and an answer whose reason is agent_unreachable (-EMSGSIZE, a request that cannot be encoded:
 * message_malformed). Opens one descriptor (CLOEXEC) and closes it; no threads, no signals, no allocation
 * that stays. The server side of the socket must be owned by root or by the user of this socket's directory.
 */
int tg_agent_ask(const char *socket_path, const struct tg_agent_request *request, int deadline_ms,
                 struct tg_agent_answer *answer);

#endif
