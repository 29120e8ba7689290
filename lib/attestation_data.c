/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/attestation_parts.h"

#include "lib/cbor.h"

#include <string.h>

enum {
    FLAG_EXTENSIONS = 0x80,
    FLAGS_KNOWN = TG_FLAG_UP | TG_FLAG_UV | TG_FLAG_BE | TG_FLAG_BS | TG_FLAG_AT | FLAG_EXTENSIONS,
    RP_ID_HASH_SIZE = 32,
    COORDINATE_SIZE = 32,
    CREDENTIAL_PROTECTION_MAX = 3,
    EXTENSIONS_MAX = 2,
};

static int malformed(struct tg_error *error, const char *what)
{
    return tg_fail(error, TG_attestation_malformed, "attestation: %s", what);
}

/* Takes these very bytes. */
static bool skip(struct tg_reader *reader, const char *bytes, size_t length)
{
    struct tg_reader start = *reader;
    struct tg_bytes found;
    if (tg_read_bytes(reader, length, &found) && memcmp(found.data, bytes, length) == 0)
        return true;
    *reader = start;
    return false;
}

/* CTAP2 knows one encoding of each key (CTAP 2.1 section 6, RFC 8152 section 13): what stands between the
 * coordinates is the same for all. */
#define COSE_ES256_BEFORE_X   "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"
#define COSE_ES256_BEFORE_Y   "\x22\x58\x20"
#define COSE_ED25519_BEFORE_X "\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20"
#define SKIP(reader, text)    skip((reader), (text), sizeof(text) - 1)

static int read_key(struct tg_reader *reader, struct tg_credential_data *data, struct tg_error *error)
{
    if (SKIP(reader, COSE_ES256_BEFORE_X)) {
        data->algorithm = TG_COSE_ES256;
        if (tg_read_bytes(reader, COORDINATE_SIZE, &data->x) && SKIP(reader, COSE_ES256_BEFORE_Y) &&
            tg_read_bytes(reader, COORDINATE_SIZE, &data->y))
            return 0;
    } else if (SKIP(reader, COSE_ED25519_BEFORE_X)) {
        data->algorithm = TG_COSE_EDDSA;
        if (tg_read_bytes(reader, COORDINATE_SIZE, &data->x))
            return 0;
    }
    return tg_fail(error, TG_attestation_key,
                   "attestation: the key is neither ES256 nor Ed25519 in its canonical form");
}

/* One of the two extensions that a key may answer though nobody asked; each at most once, in CTAP2's order
 * (shorter names first), so that a map of two has both. */
static bool read_extension(struct tg_reader *reader, struct tg_credential_data *data)
{
    struct tg_cbor_item name;
    struct tg_cbor_item value;
    if (!tg_cbor_read_kind(reader, TG_CBOR_TEXT, &name) || !tg_cbor_read(reader, &value))
        return false;
    if (tg_bytes_equal_text(name.bytes, "credProtect") && value.kind == TG_CBOR_UNSIGNED &&
        data->credential_protection == 0 && !data->hmac_secret) {
        data->credential_protection = (unsigned)value.number;
        return value.number >= 1 && value.number <= CREDENTIAL_PROTECTION_MAX;
    }
    if (tg_bytes_equal_text(name.bytes, "hmac-secret") && value.kind == TG_CBOR_BOOLEAN &&
        value.number == 1 && !data->hmac_secret) {
        data->hmac_secret = true;
        return true;
    }
    return false;
}

static int read_extensions(struct tg_reader *reader, struct tg_credential_data *data, struct tg_error *error)
{
    struct tg_cbor_item map;
    if (!tg_cbor_read_kind(reader, TG_CBOR_MAP, &map) || map.number == 0 || map.number > EXTENSIONS_MAX)
        return malformed(error, "its extensions are not a map of one or two");
    for (uint64_t i = 0; i < map.number; i++) {
        if (!read_extension(reader, data))
            return malformed(error, "an extension is not credProtect or hmac-secret, or not well-formed");
    }
    return 0;
}

static int check_flags(uint8_t flags, struct tg_error *error)
{
    if ((flags & ~FLAGS_KNOWN) != 0 || (flags & TG_FLAG_AT) == 0)
        return tg_fail(error, TG_attestation_malformed, "attestation: authenticator flags 0x%02x", flags);
    if ((flags & TG_FLAG_BS) != 0 && (flags & TG_FLAG_BE) == 0)
        return tg_fail(error, TG_attestation_malformed,
                       "attestation: authenticator flags 0x%02x: BS without BE", flags);
    if ((flags & TG_FLAG_UP) == 0)
        return tg_fail(error, TG_attestation_no_touch, "the security key was not touched");
    return 0;
}

int tg_credential_data_read(struct tg_bytes bytes, struct tg_credential_data *data, struct tg_error *error)
{
    struct tg_reader reader = tg_reader_of(bytes);
    uint32_t counter;
    uint8_t high;
    uint8_t low;
    *data = (struct tg_credential_data){.whole = bytes};
    if (!tg_read_bytes(&reader, RP_ID_HASH_SIZE, &data->rp_id_hash) || !tg_read_u8(&reader, &data->flags) ||
        !tg_read_u32(&reader, &counter))
        return malformed(error, "authenticator data is cut off");
    if (check_flags(data->flags, error) != 0)
        return -1;
    if (!tg_read_bytes(&reader, TG_AAGUID_BYTES, &data->aaguid) || !tg_read_u8(&reader, &high) ||
        !tg_read_u8(&reader, &low) || !tg_read_bytes(&reader, (size_t)high << 8 | low, &data->credential_id))
        return malformed(error, "authenticator data is cut off");
    if (data->credential_id.length == 0 || data->credential_id.length > TG_CREDENTIAL_ID_MAX)
        return malformed(error, "the credential id has no byte, or more than 1023");
    if (read_key(&reader, data, error) != 0 ||
        ((data->flags & FLAG_EXTENSIONS) != 0 && read_extensions(&reader, data, error) != 0))
        return -1;
    return tg_read_end(&reader) ? 0 : malformed(error, "there are bytes behind the authenticator data");
}
