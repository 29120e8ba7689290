/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/attestation_parts.h"

#include "lib/cbor.h"

#include <string.h>

enum { CERTIFICATE_MAX = 8192, SIGNATURE_MAX = 256 };

static int malformed(struct tg_error *error, const char *what)
{
    return tg_fail(error, TG_attestation_malformed, "attestation: %s", what);
}

static bool take_string(struct tg_reader *reader, enum tg_cbor_kind kind, struct tg_bytes *out)
{
    struct tg_cbor_item item;
    if (out->data != NULL || !tg_cbor_read_kind(reader, kind, &item) || item.bytes.length == 0)
        return false;
    *out = item.bytes;
    return true;
}

/* x5c: the chain, an array of byte strings. */
static bool read_chain(struct tg_reader *reader, struct tg_attestation_statement *statement)
{
    struct tg_cbor_item array;
    if (statement->chain_length != 0 || !tg_cbor_read_kind(reader, TG_CBOR_ARRAY, &array) ||
        array.number == 0 || array.number > TG_CHAIN_MAX)
        return false;
    for (; statement->chain_length < array.number; statement->chain_length++) {
        struct tg_bytes *certificate = &statement->chain[statement->chain_length];
        if (!take_string(reader, TG_CBOR_BYTES, certificate) || certificate->length > CERTIFICATE_MAX)
            return false;
    }
    return true;
}

/* alg: the attestation key's algorithm. -7, ES256, is what batch keys of security keys have; libfido2 takes a
 * certificate for no other. */
static bool read_algorithm(struct tg_reader *reader, bool *seen)
{
    struct tg_cbor_item item;
    if (*seen || !tg_cbor_read_kind(reader, TG_CBOR_NEGATIVE, &item))
        return false;
    *seen = true;
    return item.number == (uint64_t)(-1 - TG_COSE_ES256);
}

/* attStmt of packed (WebAuthn Level 2 section 8.2) and fido-u2f (8.6): alg (packed), sig, and x5c, which a
 * self attestation lacks. */
static int read_members(struct tg_reader *reader, uint64_t count, struct tg_attestation_statement *statement,
                        struct tg_error *error)
{
    bool algorithm = false;
    bool packed = strcmp(statement->format, "packed") == 0;
    for (uint64_t i = 0; i < count; i++) {
        struct tg_cbor_item name;
        bool good = tg_cbor_read_kind(reader, TG_CBOR_TEXT, &name);
        if (good && tg_bytes_equal_text(name.bytes, "sig"))
            good = take_string(reader, TG_CBOR_BYTES, &statement->signature);
        else if (good && tg_bytes_equal_text(name.bytes, "x5c"))
            good = read_chain(reader, statement);
        else
            good = good && packed && tg_bytes_equal_text(name.bytes, "alg") &&
                   read_algorithm(reader, &algorithm);
        if (!good)
            return malformed(error, "the statement is not one of alg -7 (ES256), sig and x5c");
    }
    if (statement->signature.data == NULL || statement->signature.length > SIGNATURE_MAX ||
        (packed && !algorithm))
        return malformed(error, "the statement lacks sig or alg");
    return 0;
}

static int read_statement(struct tg_reader *reader, struct tg_attestation_statement *statement,
                          struct tg_error *error)
{
    struct tg_cbor_item map;
    if (!tg_cbor_read_kind(reader, TG_CBOR_MAP, &map))
        return malformed(error, "the statement is not a map");
    if (strcmp(statement->format, "none") == 0)
        return map.number == 0 ? 0 : malformed(error, "format none with a statement");
    return read_members(reader, map.number, statement, error);
}

static const char *known_format(struct tg_bytes format)
{
    static const char *const known[] = {"packed", "fido-u2f", "none"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (tg_bytes_equal_text(format, known[i]))
            return known[i];
    }
    return NULL;
}

/* CTAP2's order, which browsers keep, has the format before the statement (shorter names first). */
int tg_attestation_read_object(struct tg_bytes object, struct tg_attestation_statement *statement,
                               struct tg_error *error)
{
    struct tg_reader reader = tg_reader_of(object);
    struct tg_cbor_item map;
    struct tg_cbor_item name;
    struct tg_bytes format = {0};
    struct tg_bytes data = {0};
    *statement = (struct tg_attestation_statement){0};
    if (object.length > TG_ATTESTATION_MAX)
        return malformed(error, "the object is too large");
    if (!tg_cbor_read_kind(&reader, TG_CBOR_MAP, &map) || map.number != 3 ||
        !tg_cbor_read_kind(&reader, TG_CBOR_TEXT, &name) || !tg_bytes_equal_text(name.bytes, "fmt") ||
        !take_string(&reader, TG_CBOR_TEXT, &format))
        return malformed(error, "the object is not a map of fmt, attStmt and authData");
    statement->format = known_format(format);
    if (statement->format == NULL)
        return malformed(error, "its format is not packed, fido-u2f or none");
    if (!tg_cbor_read_kind(&reader, TG_CBOR_TEXT, &name) || !tg_bytes_equal_text(name.bytes, "attStmt"))
        return malformed(error, "attStmt does not follow fmt");
    if (read_statement(&reader, statement, error) != 0)
        return -1;
    if (!tg_cbor_read_kind(&reader, TG_CBOR_TEXT, &name) || !tg_bytes_equal_text(name.bytes, "authData") ||
        !take_string(&reader, TG_CBOR_BYTES, &data) || !tg_read_end(&reader))
        return malformed(error, "authData does not follow attStmt, or is not the end");
    return tg_credential_data_read(data, &statement->data, error);
}

/* The file does not say its format. CTAP1 devices, which speak fido-u2f, have no AAGUID and know only ES256
 * (CTAP 2.1 section 7.1.4). */
static const char *format_of(const struct tg_credential_data *data)
{
    static const uint8_t none[TG_AAGUID_BYTES];
    bool u2f =
        data->algorithm == TG_COSE_ES256 && tg_bytes_equal(data->aaguid, tg_bytes_of(none, sizeof none));
    return u2f ? "fido-u2f" : "packed";
}

int tg_attestation_read_ssh(struct tg_bytes blob, struct tg_attestation_statement *statement,
                            struct tg_error *error)
{
    struct tg_reader reader = tg_reader_of(blob);
    struct tg_bytes magic, certificate, data, reserved_text;
    struct tg_cbor_item unwrapped;
    uint32_t reserved;
    *statement = (struct tg_attestation_statement){0};
    if (blob.length > TG_ATTESTATION_MAX)
        return malformed(error, "the file is too large");
    if (!tg_read_string(&reader, &magic) || !tg_bytes_equal_text(magic, "ssh-sk-attest-v01"))
        return malformed(error, "the file is not one of ssh-keygen -O write-attestation");
    if (!tg_read_string(&reader, &certificate) || !tg_read_string(&reader, &statement->signature) ||
        !tg_read_string(&reader, &data) || !tg_read_u32(&reader, &reserved) ||
        !tg_read_string(&reader, &reserved_text) || !tg_read_end(&reader) || reserved != 0 ||
        reserved_text.length != 0)
        return malformed(error, "the file is cut off, or there is more than belongs there");
    if (certificate.length > CERTIFICATE_MAX || statement->signature.length > SIGNATURE_MAX)
        return malformed(error, "the certificate or the signature is too large");
    struct tg_reader inside = tg_reader_of(data);
    if (!tg_cbor_read_kind(&inside, TG_CBOR_BYTES, &unwrapped) || !tg_read_end(&inside))
        return malformed(error, "the authenticator data is not one CBOR byte string");
    if (tg_credential_data_read(unwrapped.bytes, &statement->data, error) != 0)
        return -1;
    statement->format = format_of(&statement->data);
    statement->chain[0] = certificate;
    statement->chain_length = certificate.length == 0 ? 0 : 1;
    return 0;
}
