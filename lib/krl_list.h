/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a revocation list is in memory, for lib/krl*.c. Nobody else needs it.
 */
#ifndef TEGATA_LIB_KRL_LIST_H
#define TEGATA_LIB_KRL_LIST_H

#include "lib/krl.h"

enum {
    TG_KRL_DIGEST_SIZE = 32, /* SHA-256 */
    TG_KRL_FORMAT = 1,

    TG_KRL_CERTIFICATES = 1,
    TG_KRL_EXPLICIT_KEY = 2,
    TG_KRL_FINGERPRINT_SHA1 = 3,
    TG_KRL_SIGNATURE = 4,
    TG_KRL_FINGERPRINT_SHA256 = 5,
    TG_KRL_EXTENSION = 255,

    TG_KRL_SERIAL_LIST = 0x20,
    TG_KRL_SERIAL_RANGE = 0x21,
    TG_KRL_SERIAL_BITMAP = 0x22,
    TG_KRL_KEY_ID = 0x23,
    TG_KRL_CERTIFICATE_EXTENSION = 0x39,
};

#define TG_KRL_MAGIC UINT64_C(0x5353484b524c0a00) /* "SSHKRL\n\0" */

struct tg_krl_digest {
    uint8_t bytes[TG_KRL_DIGEST_SIZE];
};

struct tg_krl_range {
    uint64_t low;
    uint64_t high;
};

/* Certificates of one authority; of all of them if the blob is empty. */
struct tg_krl_authority {
    uint8_t *blob;
    size_t blob_length;
    struct tg_krl_range *ranges;
    size_t range_count;
    size_t range_size;
    char **key_ids;
    size_t key_id_count;
    size_t key_id_size;
};

struct tg_krl {
    uint64_t version;
    uint64_t generated;
    struct tg_krl_digest *digests;
    size_t digest_count;
    size_t digest_size;
    struct tg_krl_authority authorities[TG_KRL_AUTHORITIES_MAX];
    size_t authority_count;
    size_t entries; /* added so far */
};

int tg_krl_add_digest(struct tg_krl *krl, const uint8_t digest[TG_KRL_DIGEST_SIZE], struct tg_error *error);

/* Puts everything in order, each thing once, and ranges that touch together. */
void tg_krl_sort(struct tg_krl *krl);

#endif
