/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The socket of tegata-ca, byte by byte. SOCK_STREAM; one question and one answer a connection. Each is a
 * frame: u32 length, then that many bytes. Integers and strings are those of RFC 4251 section 5: big-endian;
 * a string has its u32 length before it and no NUL inside.
 *
 * Question, at most TG_CA_REQUEST_MAX bytes:
 *
 *     u8      version     TG_CA_VERSION
 *     u8      kind        1: a user certificate; 2: a host certificate
 *     string  policy      the bytes of the policy document
 *     string  signatures  the JSON array of its armored signatures
 *     string  subject     kind 1: the person's certificate-v1@tegata document; kind 2: the host's name
 *     string  proof       kind 1: its armored signature; kind 2: the host's public key line, "TYPE BASE64"
 *
 * Answer, at most TG_CA_ANSWER_MAX bytes:
 *
 *     u8      version     TG_CA_VERSION
 *     u32     reason      a number of lib/reason.def; 0: here is the certificate
 *     string  text        the certificate as "TYPE BASE64 KEYID"; or what is wrong, for people
 *
 * The kernel tells tegata-ca which user is at the other end (SO_PEERCRED); any but the one in its
 * configuration is closed upon without an answer. What is not a question is answered with message_malformed.
 */
#ifndef TEGATA_LIB_CA_PROTOCOL_H
#define TEGATA_LIB_CA_PROTOCOL_H

#include "lib/error.h"
#include "lib/wire.h"

enum {
    TG_CA_VERSION = 1,
    TG_CA_LENGTH_SIZE = 4,       /* of a frame's length */
    TG_CA_REQUEST_MAX = 2097152, /* a policy of 1 MiB and its signatures fit */
    TG_CA_ANSWER_MAX = 65536,
};

enum tg_ca_kind { TG_CA_USER = 1, TG_CA_HOST = 2 };

/* A question. The bytes are somebody else's. */
struct tg_ca_request {
    enum tg_ca_kind kind;
    struct tg_bytes policy;
    struct tg_bytes signatures;
    struct tg_bytes subject;
    struct tg_bytes proof;
};

/* Writes a whole frame, length and all; malloc'ed. NULL if there is no memory or the limit is passed. */
uint8_t *tg_ca_request_encode(const struct tg_ca_request *request, size_t *length);
uint8_t *tg_ca_answer_encode(enum tg_reason reason, const char *text, size_t *length);

/* Reads what follows a frame's length. False for anything but exactly one question, or a NUL in a string. */
bool tg_ca_request_decode(struct tg_bytes bytes, struct tg_ca_request *out);

/* False, and *reason is ca_unreachable, for anything but exactly one answer. An unknown number becomes
 * internal_error. *text points into the bytes. */
bool tg_ca_answer_decode(struct tg_bytes bytes, enum tg_reason *reason, struct tg_bytes *text);

#endif
