/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/krl_list.h"

#include "lib/mpint.h"

#include <string.h>

enum { KEY_TYPE_MAX = 64, COMMENT_MAX = 4096 };

static int malformed(struct tg_error *error, const char *what)
{
    return tg_fail(error, TG_revocations_malformed, "revocation list: %s", what);
}

/* An extension, of the list or of a section: string name, boolean critical, string contents. None is known,
 * so a critical one refuses the list, and any other is left alone. */
static int parse_extension(struct tg_reader *reader, struct tg_error *error)
{
    struct tg_bytes name;
    struct tg_bytes contents;
    uint8_t critical;
    if (!tg_read_string(reader, &name) || !tg_read_u8(reader, &critical) || critical > 1 ||
        !tg_read_string(reader, &contents) || !tg_read_end(reader))
        return malformed(error, "a bad extension");
    return critical == 0 ? 0 : malformed(error, "a critical extension that is not known");
}

/* --- Certificates
 * --------------------------------------------------------------------------------------------------- */

static int parse_serial_list(struct tg_krl *krl, struct tg_bytes authority, struct tg_reader *reader,
                             struct tg_error *error)
{
    do {
        uint64_t serial;
        if (!tg_read_u64(reader, &serial))
            return malformed(error, "a bad list of serials");
        if (tg_krl_add_serials(krl, authority, serial, serial, error) != 0)
            return -1;
    } while (!tg_read_end(reader));
    return 0;
}

static int parse_serial_range(struct tg_krl *krl, struct tg_bytes authority, struct tg_reader *reader,
                              struct tg_error *error)
{
    uint64_t low;
    uint64_t high;
    if (!tg_read_u64(reader, &low) || !tg_read_u64(reader, &high) || !tg_read_end(reader))
        return malformed(error, "a bad range of serials");
    return tg_krl_add_serials(krl, authority, low, high, error);
}

/* Bit N of a big-endian number stands for the serial `offset` + N. Neighbours become one range. */
static int parse_serial_bitmap(struct tg_krl *krl, struct tg_bytes authority, struct tg_reader *reader,
                               struct tg_error *error)
{
    uint64_t offset;
    struct tg_bytes bitmap;
    if (!tg_read_u64(reader, &offset) || !tg_read_mpint(reader, &bitmap) || !tg_read_end(reader) ||
        offset > UINT64_MAX - 8 * (uint64_t)bitmap.length)
        return malformed(error, "a bad bitmap of serials");
    uint64_t bits = 8 * (uint64_t)bitmap.length;
    uint64_t first = 0;
    bool inside = false;
    for (uint64_t bit = 0; bit <= bits; bit++) {
        bool set = bit < bits && (bitmap.data[bitmap.length - 1 - bit / 8] >> (bit % 8) & 1) != 0;
        if (set && !inside)
            first = bit;
        if (!set && inside &&
            tg_krl_add_serials(krl, authority, offset + first, offset + bit - 1, error) != 0)
            return -1;
        inside = set;
    }
    return 0;
}

static int parse_key_ids(struct tg_krl *krl, struct tg_bytes authority, struct tg_reader *reader,
                         struct tg_error *error)
{
    do {
        char key_id[TG_KRL_KEY_ID_MAX + 1];
        if (!tg_read_text(reader, key_id, sizeof key_id))
            return malformed(error, "a bad key id");
        if (tg_krl_add_key_id(krl, authority, key_id, error) != 0)
            return -1;
    } while (!tg_read_end(reader));
    return 0;
}

static int parse_certificate_section(struct tg_krl *krl, struct tg_bytes authority, uint8_t type,
                                     struct tg_reader *reader, struct tg_error *error)
{
    switch (type) {
    case TG_KRL_SERIAL_LIST:
        return parse_serial_list(krl, authority, reader, error);
    case TG_KRL_SERIAL_RANGE:
        return parse_serial_range(krl, authority, reader, error);
    case TG_KRL_SERIAL_BITMAP:
        return parse_serial_bitmap(krl, authority, reader, error);
    case TG_KRL_KEY_ID:
        return parse_key_ids(krl, authority, reader, error);
    case TG_KRL_CERTIFICATE_EXTENSION:
        return parse_extension(reader, error);
    default:
        return tg_fail(error, TG_revocations_malformed,
                       "revocation list: a certificate section of unknown type 0x%02x", type);
    }
}

/* Is this a plain key by its type's name? What kind of key it is, and whether Tegata takes such keys, does
 * not matter for one that is revoked. */
static bool is_plain_key(struct tg_bytes blob)
{
    char type[KEY_TYPE_MAX];
    struct tg_reader reader = tg_reader_of(blob);
    return tg_read_text(&reader, type, sizeof type) && type[0] != '\0' && !tg_read_end(&reader) &&
           strstr(type, "-cert-v") == NULL;
}

static int parse_certificates(struct tg_krl *krl, struct tg_reader *reader, struct tg_error *error)
{
    struct tg_bytes authority;
    struct tg_bytes reserved;
    if (!tg_read_string(reader, &authority) || !tg_read_string(reader, &reserved) || reserved.length != 0)
        return malformed(error, "a bad section of certificates");
    if (authority.length > TG_PUBLIC_KEY_BLOB_MAX || (authority.length > 0 && !is_plain_key(authority)))
        return malformed(error, "a section of certificates whose authority is no plain key");
    while (!tg_read_end(reader)) {
        uint8_t type;
        struct tg_bytes data;
        if (!tg_read_u8(reader, &type) || !tg_read_string(reader, &data))
            return malformed(error, "a certificate section that is cut off");
        struct tg_reader section = tg_reader_of(data);
        if (parse_certificate_section(krl, authority, type, &section, error) != 0)
            return -1;
    }
    return 0;
}

/* --- Keys
 * -----------------------------------------------------------------------------------------------------------
 */

static int parse_explicit_keys(struct tg_krl *krl, struct tg_reader *reader, struct tg_error *error)
{
    do {
        struct tg_bytes blob;
        char fingerprint[TG_FINGERPRINT_SIZE];
        if (!tg_read_string(reader, &blob) || !is_plain_key(blob))
            return malformed(error, "a key that is no plain key");
        tg_fingerprint(blob, fingerprint);
        if (tg_krl_add_key(krl, fingerprint, error) != 0)
            return -1;
    } while (!tg_read_end(reader));
    return 0;
}

static int parse_digests(struct tg_krl *krl, struct tg_reader *reader, struct tg_error *error)
{
    struct tg_bytes before = {0};
    do {
        struct tg_bytes digest;
        if (!tg_read_string(reader, &digest) || digest.length != TG_KRL_DIGEST_SIZE)
            return malformed(error, "a bad SHA-256 fingerprint");
        if (before.data != NULL && memcmp(before.data, digest.data, TG_KRL_DIGEST_SIZE) >= 0)
            return malformed(error, "SHA-256 fingerprints that are not in order");
        if (tg_krl_add_digest(krl, digest.data, error) != 0)
            return -1;
        before = digest;
    } while (!tg_read_end(reader));
    return 0;
}

static int parse_section(struct tg_krl *krl, uint8_t type, struct tg_reader *reader, struct tg_error *error)
{
    switch (type) {
    case TG_KRL_CERTIFICATES:
        return parse_certificates(krl, reader, error);
    case TG_KRL_EXPLICIT_KEY:
        return parse_explicit_keys(krl, reader, error);
    case TG_KRL_FINGERPRINT_SHA256:
        return parse_digests(krl, reader, error);
    case TG_KRL_FINGERPRINT_SHA1:
        return malformed(error, "it revokes keys by SHA-1, which is not looked up: make it with SHA-256");
    case TG_KRL_EXTENSION:
        return parse_extension(reader, error);
    default:
        return tg_fail(error, TG_revocations_malformed, "revocation list: a section of unknown type %u",
                       type);
    }
}

/* --- The whole
 * ------------------------------------------------------------------------------------------------------ */

static int parse_header(struct tg_reader *reader, struct tg_krl *krl, struct tg_error *error)
{
    uint64_t magic;
    uint32_t format;
    uint64_t flags;
    struct tg_bytes reserved;
    struct tg_bytes comment;
    if (!tg_read_u64(reader, &magic) || magic != TG_KRL_MAGIC)
        return malformed(error, "it does not begin as one");
    if (!tg_read_u32(reader, &format) || format != TG_KRL_FORMAT)
        return malformed(error, "unknown format version");
    if (!tg_read_u64(reader, &krl->version) || !tg_read_u64(reader, &krl->generated) ||
        !tg_read_u64(reader, &flags) || flags != 0 || !tg_read_string(reader, &reserved) ||
        reserved.length != 0 || !tg_read_string(reader, &comment) || comment.length > COMMENT_MAX)
        return malformed(error, "a bad header");
    return 0;
}

/* string signature_key, string signature: over all bytes up to and with signature_key. It says who made the
 * list, not that anybody trusts them. */
static int check_signature(struct tg_bytes bytes, struct tg_reader *reader, struct tg_error *error)
{
    struct tg_bytes blob;
    struct tg_bytes signature;
    struct tg_public_key *key = NULL;
    if (!tg_read_string(reader, &blob))
        return malformed(error, "a bad signature section");
    struct tg_bytes signed_part = tg_bytes_of(bytes.data, bytes.length - reader->left);
    if (!tg_read_string(reader, &signature))
        return malformed(error, "a bad signature section");
    int result = tg_public_key_parse(blob, &key, error);
    if (result == 0)
        result = tg_public_key_verify(key, signature, signed_part, error);
    tg_public_key_free(key);
    return result == 0 ? 0 : malformed(error, "a signature that is wrong, or by a key of an unknown kind");
}

static int parse_sections(struct tg_krl *krl, struct tg_bytes bytes, struct tg_reader *reader,
                          struct tg_error *error)
{
    bool is_signed = false;
    while (!tg_read_end(reader)) {
        uint8_t type;
        struct tg_bytes data;
        (void)tg_read_u8(reader, &type);
        if (type == TG_KRL_SIGNATURE) {
            is_signed = true;
            if (check_signature(bytes, reader, error) != 0)
                return -1;
            continue;
        }
        if (is_signed)
            return malformed(error, "something behind the signatures");
        if (!tg_read_string(reader, &data))
            return malformed(error, "a section that is cut off");
        struct tg_reader section = tg_reader_of(data);
        if (parse_section(krl, type, &section, error) != 0)
            return -1;
    }
    return 0;
}

int tg_krl_parse(struct tg_bytes bytes, struct tg_krl **out, struct tg_error *error)
{
    *out = NULL;
    if (bytes.length > TG_KRL_MAX)
        return malformed(error, "too long");
    struct tg_reader reader = tg_reader_of(bytes);
    struct tg_krl *krl = tg_krl_new(0, 0);
    if (krl == NULL)
        return tg_fail(error, TG_internal_error, "no memory for a revocation list");
    if (parse_header(&reader, krl, error) != 0 || parse_sections(krl, bytes, &reader, error) != 0) {
        tg_krl_free(krl);
        return -1;
    }
    tg_krl_sort(krl);
    *out = krl;
    return 0;
}
