/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the approval service sends to a host: docs/protocol.md, "Host update". Parsing only; nothing in here
 * is believed before policy.h, ticket.h and verdict.h have verified it.
 */
#ifndef TEGATA_AGENT_UPDATE_H
#define TEGATA_AGENT_UPDATE_H

#include "lib/error.h"
#include "lib/ticket.h"
#include "lib/verdict.h"

#include <jansson.h>

enum {
    TG_UPDATE_MAX = 32 * 1024 * 1024, /* bytes of a host update: some 10,000 tickets with their approvals */
    TG_UPDATE_VALUES_MAX = 200000, /* JSON values in it, so that 32 MiB of "[0,0,..." stays small in memory */
    TG_IMPORT_MAX = TG_APPROVALS_MAX * 32768
};

struct tg_update_approval {
    struct tg_bytes document;
    const char *signature; /* armored */
};

struct tg_update_ticket {
    bool well_formed; /* false: this entry could not be read, `problem` says why; the others still stand */
    struct tg_error problem;
    struct tg_bytes document;
    struct tg_update_approval *approvals;
    size_t approval_count;
    size_t odd_approvals; /* left out: not {document, signature}, too long, or more than TG_APPROVALS_MAX */
    enum tg_ticket_state state;
};

/* All pointers live as long as `json`. */
struct tg_update {
    json_t *json;
    uint64_t revision;
    int64_t time;
    json_t *policy;  /* borrowed: {document, signatures}; NULL if there is none */
    const char *krl; /* the revocation list in base64; NULL if there is none */
    struct tg_update_ticket *tickets;
    size_t ticket_count;
};

/* error->reason is message_malformed. The frame is strict: a wrong shape of the whole is refused; one odd
 * ticket entry is marked and left to the caller to report. On 0 the caller frees with tg_update_free(). */
int tg_update_parse(struct tg_bytes body, struct tg_update *out, struct tg_error *error);
void tg_update_free(struct tg_update *update);

/* One entry alone, {"ticket", "approvals", "state"}. Pointers live as long as `json`; free with
 * tg_update_ticket_clear(). */
int tg_update_ticket_parse(json_t *json, struct tg_update_ticket *out, struct tg_error *error);
void tg_update_ticket_clear(struct tg_update_ticket *ticket);

/* A carried ticket: the same with "v": 1. On 0, *json owns what *out points to. */
int tg_import_parse(struct tg_bytes text, json_t **json, struct tg_update_ticket *out,
                    struct tg_error *error);

/* The parts of a policy file, {"document": TEXT, "signatures": [ARMORED, ...]}. *signatures is malloc'ed, its
 * strings live as long as `json`. */
int tg_policy_file_parse(const json_t *json, struct tg_bytes *document, const char ***signatures,
                         size_t *count, struct tg_error *error);

#endif
