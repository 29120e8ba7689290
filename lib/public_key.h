/* SPDX-License-Identifier: BSD-2-Clause
 *
 * OpenSSH public keys: RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH PROTOCOL.u2f.
 */
#ifndef TEGATA_LIB_PUBLIC_KEY_H
#define TEGATA_LIB_PUBLIC_KEY_H

#include "lib/error.h"
#include "lib/wire.h"

#include <stdbool.h>

enum tg_key_type {
    TG_KEY_ED25519,
    TG_KEY_ECDSA_P256,
    TG_KEY_ECDSA_P384,
    TG_KEY_ECDSA_P521,
    TG_KEY_RSA,
    TG_KEY_SK_ED25519,
    TG_KEY_SK_ECDSA_P256,
};

enum {
    TG_FINGERPRINT_SIZE = 51,      /* "SHA256:" + 43 characters + NUL */
    TG_PUBLIC_KEY_BLOB_MAX = 4096, /* bytes; RSA of 16384 bits fits */
    TG_RSA_BITS_MIN = 3072,
    TG_RSA_BITS_MAX = 16384,
};

/* A checked public key. `blob` and `application` live as long as the key. */
struct tg_public_key {
    enum tg_key_type type;
    struct tg_bytes blob;     /* the whole key as in authorized_keys, decoded */
    const char *application;  /* "ssh:..." or a WebAuthn rpId for the two sk types, else NULL */
    struct tg_bytes material; /* inside blob: 32 bytes Ed25519; SEC1 point 04||x||y; empty for RSA */
    struct tg_bytes rsa_e;    /* inside blob, without sign bytes; RSA only */
    struct tg_bytes rsa_n;
    char fingerprint[TG_FINGERPRINT_SIZE]; /* of blob, as ssh-keygen -l prints it */
};

/* Parses a key blob and refuses: unknown types, certificates, trailing bytes, RSA outside TG_RSA_BITS_*,
 * points that are not on their curve, small-order and non-canonical Ed25519 points. On 0, *out is the
 * caller's to free with tg_public_key_free(). error->reason is approver_unknown or what the caller
 * overwrites; the text names the fault. */
int tg_public_key_parse(struct tg_bytes blob, struct tg_public_key **out, struct tg_error *error);

/* The same from "TYPE BASE64 [COMMENT]", one line of a .pub file. The TYPE word must agree with the blob. */
int tg_public_key_parse_line(const char *line, struct tg_public_key **out, struct tg_error *error);

/* The key as "TYPE BASE64", without a comment; malloc'ed. NULL without memory. */
char *tg_public_key_line(const struct tg_public_key *key);

/* NULL-safe. */
void tg_public_key_free(struct tg_public_key *key);

/* Is the key one of these, byte by byte? */
bool tg_public_key_is_among(const struct tg_public_key *key, struct tg_public_key *const *keys, size_t count);

/* "ssh-ed25519", "sk-ecdsa-sha2-nistp256@openssh.com", ... */
const char *tg_key_type_name(enum tg_key_type type);

bool tg_key_type_is_security_key(enum tg_key_type type);

/* "SHA256:..." of any bytes. */
void tg_fingerprint(struct tg_bytes blob, char out[TG_FINGERPRINT_SIZE]);

/* Verifies one plain signature blob (`string type, string signature`, RFC 4253 section 6.6; for sk keys with
 * flags and counter, PROTOCOL.u2f) by `key` over `data`. Plain SSH signatures only, no webauthn; used for
 * certificates. SHA-1 RSA ("ssh-rsa") is refused. 0 or -1. */
int tg_public_key_verify(const struct tg_public_key *key, struct tg_bytes signature, struct tg_bytes data,
                         struct tg_error *error);

#endif
