/* SPDX-License-Identifier: BSD-2-Clause
 *
 * OpenSSH certificates (OpenSSH PROTOCOL.certkeys), parsed more strictly than OpenSSH does: options and
 * extensions must be sorted and unique, no empty or NUL-bearing principals, no more than 256 of them, an
 * empty reserved field, valid_after < valid_before, nothing behind the signature, no SHA-1, no chained
 * authority.
 */
#ifndef TEGATA_LIB_CERTIFICATE_H
#define TEGATA_LIB_CERTIFICATE_H

#include "lib/public_key.h"

#include <stdint.h>

enum { TG_CERTIFICATE_MAX = 131072, TG_CERTIFICATE_PRINCIPALS_MAX = 256 };

enum tg_certificate_type { TG_CERTIFICATE_USER = 1, TG_CERTIFICATE_HOST = 2 };

/* A parsed certificate whose CA signature is right. That says nothing about whether the CA is trusted: the
 * verdict does. All members live as long as the certificate. */
struct tg_certificate {
    struct tg_bytes blob;
    struct tg_public_key *key;       /* the certified key, as a plain key */
    struct tg_public_key *authority; /* who signed */
    enum tg_certificate_type type;
    uint64_t serial;
    const char *key_id; /* raw, may hold any byte but NUL: escape before showing */
    const char **principals;
    size_t principal_count;
    uint64_t valid_after;       /* seconds since 1970; valid when valid_after <= now < valid_before */
    uint64_t valid_before;      /* UINT64_MAX: for ever */
    const char *source_address; /* value of the critical option, or NULL */
    const char *force_command;  /* value of the critical option, or NULL */
    bool verify_required;       /* critical option */
    const char *unknown_critical_option; /* name of the first one that is none of the three above, or NULL */
    struct tg_bytes critical_options;    /* inside blob: (string name, string data) pairs, checked */
    struct tg_bytes extensions;          /* likewise */
    struct tg_bytes nonce;               /* inside blob */
    struct tg_bytes signature;           /* inside blob: the CA's signature blob */
};

/* Parses and verifies a certificate blob. error->reason is certificate_malformed or certificate_signature. On
 * 0, *out is the caller's to free. */
int tg_certificate_parse(struct tg_bytes blob, struct tg_certificate **out, struct tg_error *error);

/* The same from "TYPE BASE64 [COMMENT]", one line of a -cert.pub file. */
int tg_certificate_parse_line(const char *line, struct tg_certificate **out, struct tg_error *error);

/* NULL-safe. */
void tg_certificate_free(struct tg_certificate *certificate);

bool tg_certificate_has_principal(const struct tg_certificate *certificate, const char *name);

#endif
