/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Key revocation lists, OpenSSH PROTOCOL.krl: which keys and certificates count no more. What sshd's
 * RevokedKeys and ssh-keygen -Q read, this reads and writes.
 *
 * A list is parsed more strictly than OpenSSH does. Refused: an unknown section, a critical extension,
 * non-zero flags or a non-empty reserved field, a certificate where a plain key belongs, hashes that are not
 * in order, an empty section, serial 0 (sshd refuses it, too), a wrong signature, anything behind the end. So
 * is a section of SHA-1 fingerprints: a list that cannot be honoured whole must not seem to be.
 */
#ifndef TEGATA_LIB_KRL_H
#define TEGATA_LIB_KRL_H

#include "lib/public_key.h"

#include <stdint.h>

enum {
    TG_KRL_MAX = 1048576,        /* bytes */
    TG_KRL_ENTRIES_MAX = 131072, /* keys, ranges of serials and key ids together */
    TG_KRL_AUTHORITIES_MAX = 64,
    TG_KRL_KEY_ID_MAX = 1024,
};

struct tg_krl;

/* An empty list. `version` must grow with each list that replaces another; `generated` is when it was made,
 * seconds since 1970. NULL without memory. */
struct tg_krl *tg_krl_new(uint64_t version, uint64_t generated);

/* Parses a list. error->reason is revocations_malformed. On 0, *out is the caller's to free. */
int tg_krl_parse(struct tg_bytes bytes, struct tg_krl **out, struct tg_error *error);

/* NULL-safe. */
void tg_krl_free(struct tg_krl *krl);

uint64_t tg_krl_version(const struct tg_krl *krl);
uint64_t tg_krl_generated(const struct tg_krl *krl);

/* How much it revokes. */
struct tg_krl_counts {
    size_t keys;
    size_t serials; /* ranges of them */
    size_t key_ids;
};
struct tg_krl_counts tg_krl_count(const struct tg_krl *krl);

/* Add to a list; what is there already may be added again. `authority` is the blob of the key that signed the
 * certificates, empty for those of any authority. error->reason is revocations_malformed if the entry is not
 * one (no SHA-256 fingerprint, a serial of 0, high < low, a key id longer than TG_KRL_KEY_ID_MAX) or the list
 * is full, internal_error without memory. */
int tg_krl_add_key(struct tg_krl *krl, const char *fingerprint, struct tg_error *error);
int tg_krl_add_serials(struct tg_krl *krl, struct tg_bytes authority, uint64_t low, uint64_t high,
                       struct tg_error *error);
int tg_krl_add_key_id(struct tg_krl *krl, struct tg_bytes authority, const char *key_id,
                      struct tg_error *error);

/* The list in OpenSSH's format: keys by SHA-256 fingerprint, serials as a list or as ranges, key ids. The
 * same list gives the same bytes. On 0, *out is malloc'ed. error->reason is revocations_malformed if it were
 * longer than TG_KRL_MAX. */
int tg_krl_write(struct tg_krl *krl, uint8_t **out, size_t *length, struct tg_error *error);

/* Lookups, for lists that tg_krl_parse() made. NULL revokes nothing. */
bool tg_krl_revokes_key(const struct tg_krl *krl, const char *fingerprint);

/* By serial number or key id under its authority; whether its keys are revoked is asked by the function
 * above. As with sshd, a certificate of serial 0 has none. */
bool tg_krl_revokes_certificate(const struct tg_krl *krl, struct tg_bytes authority, uint64_t serial,
                                const char *key_id);

#endif
