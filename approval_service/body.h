/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The JSON bodies of requests: one closed schema for each kind. Every key must be there, no other may, none
 * twice.
 */
#ifndef TEGATA_APPROVAL_SERVICE_BODY_H
#define TEGATA_APPROVAL_SERVICE_BODY_H

#include "lib/error.h"
#include "lib/wire.h"

#include <jansson.h>

enum tg_body_kind {
    TG_BODY_NONE,        /* no body at all */
    TG_BODY_RAW,         /* the handler takes the bytes: a ticket */
    TG_BODY_EMPTY,       /* {} */
    TG_BODY_REASON,      /* {reason} */
    TG_BODY_APPROVAL,    /* {document, signature} */
    TG_BODY_WHY,         /* {host, account, certificate} */
    TG_BODY_POLICY,      /* {document, signatures[]} */
    TG_BODY_HOST,        /* {name, labels[], key} */
    TG_BODY_SESSION,     /* {ticket, session} */
    TG_BODY_SESSION_END, /* {ended} */
    TG_BODY_EVENTS,      /* {events[]} */
    TG_BODY_REVOCATION,  /* {key, serial, key_id, reason} */
    TG_BODY_PERSON,      /* {person} */
    TG_BODY_REDEEM,      /* {token, password} */
    TG_BODY_SIGN_IN,     /* {person, password} */
    TG_BODY_SIGNED,      /* {document, signature}: a sign-in */
    TG_BODY_PASSWORD,    /* {password, new_password} */
    TG_BODY_CREDENTIAL,  /* {document, format, key, attestation, client_data, label} */
    TG_BODY_KINDS
};

/* Parses and checks. For TG_BODY_NONE and TG_BODY_RAW *out is NULL; else a new reference on 0. error->reason
 * is request_malformed; the text names the key. */
int tg_body_parse(enum tg_body_kind kind, struct tg_bytes body, json_t **out, struct tg_error *error);

/* A string of a parsed body; the schema has made sure that it is there. */
const char *tg_body_text(const json_t *body, const char *key);

#endif
