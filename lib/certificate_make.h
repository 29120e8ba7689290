/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Making OpenSSH certificates (OpenSSH PROTOCOL.certkeys), of users and of hosts.
 */
#ifndef TEGATA_LIB_CERTIFICATE_MAKE_H
#define TEGATA_LIB_CERTIFICATE_MAKE_H

#include "lib/certificate.h"
#include "lib/signer.h"

enum { TG_CERTIFICATE_NONCE_SIZE = 32 };

/* A critical option or extension. */
struct tg_certificate_option {
    const char *name;
    const char *value; /* NULL: it takes none */
};

/* What a certificate is to say. Options and extensions stand in the order of their names. */
struct tg_certificate_content {
    enum tg_certificate_type type;
    const struct tg_public_key *key; /* the key that is certified */
    uint64_t serial;
    const char *key_id;
    const char *const *principals;
    size_t principal_count; /* at least one: sshd takes none for everybody */
    uint64_t valid_after;   /* seconds since 1970 */
    uint64_t valid_before;
    const struct tg_certificate_option *critical_options;
    size_t critical_option_count;
    const struct tg_certificate_option *extensions;
    size_t extension_count;
    uint8_t nonce[TG_CERTIFICATE_NONCE_SIZE]; /* random, so that nobody can choose what is hashed */
};

/* Composes the certificate, has it signed, and parses the result again as strictly as hosts do, so that
 * nothing leaves that they would refuse for its form or signature. On 0, *out is the caller's to free with
 * tg_certificate_free(). error->reason is key_unusable if the signer fails or what it signed is not right,
 * certificate_malformed if the content makes no certificate, or internal_error. */
int tg_certificate_make(const struct tg_certificate_content *content, struct tg_signer *authority,
                        struct tg_certificate **out, struct tg_error *error);

/* "TYPE BASE64 KEYID" as in a -cert.pub file, without a newline; malloc'ed. NULL without memory. The key id
 * must be printable, which is the caller's to know. */
char *tg_certificate_line(const struct tg_certificate *certificate);

#endif
