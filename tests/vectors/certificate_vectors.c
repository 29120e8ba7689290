/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/certificate.h"
#include "tests/vectors/vectors.h"

#include <stdlib.h>
#include <string.h>

/* The vectors' README wants a clock between 2026-01-01 and 2035-12-31; this is 2030-01-01. */
static const uint64_t judged_at = 1893456000;

/* Does a hex member, if it is there, hold these bytes? */
static bool hex_matches(const json_t *object, const char *key, struct tg_bytes bytes)
{
    uint8_t *expected;
    size_t length;
    if (json_object_get(object, key) == NULL)
        return true;
    bool same = member_hex(object, key, &expected, &length);
    same = same && tg_bytes_equal(bytes, tg_bytes_of(expected, length));
    free(expected);
    return same;
}

/* The same for numbers whose manifest form may have leading zeros. */
static bool number_matches(const json_t *object, const char *key, struct tg_bytes magnitude)
{
    uint8_t *expected;
    size_t length;
    size_t zeros = 0;
    if (json_object_get(object, key) == NULL)
        return true;
    bool same = member_hex(object, key, &expected, &length);
    while (same && zeros < length && expected[zeros] == 0)
        zeros++;
    same = same && tg_bytes_equal(magnitude, tg_bytes_of(expected + zeros, length - zeros));
    free(expected);
    return same;
}

static bool text_matches(const json_t *object, const char *key, const char *text)
{
    const json_t *expected = json_object_get(object, key);
    return expected == NULL || (json_is_string(expected) && strlen(text) == json_string_length(expected) &&
                                strcmp(json_string_value(expected), text) == 0);
}

static bool bytes_match(const json_t *object, const char *key, struct tg_bytes bytes)
{
    const json_t *expected = json_object_get(object, key);
    return expected == NULL ||
           (json_is_string(expected) &&
            tg_bytes_equal(bytes, tg_bytes_of(json_string_value(expected), json_string_length(expected))));
}

static bool integer_matches(const json_t *object, const char *key, uint64_t value)
{
    uint64_t expected;
    return json_object_get(object, key) == NULL ||
           (member_number(object, key, &expected) && expected == value);
}

static bool public_key_matches(const json_t *expected, const struct tg_public_key *key)
{
    return hex_matches(expected, "pk", key->material) && hex_matches(expected, "Q", key->material) &&
           number_matches(expected, "e", key->rsa_e) && number_matches(expected, "n", key->rsa_n) &&
           text_matches(expected, "application", key->application == NULL ? "" : key->application);
}

static bool principals_match(const json_t *expected, const struct tg_certificate *certificate)
{
    if (expected == NULL)
        return true;
    if (json_array_size(expected) != certificate->principal_count)
        return false;
    for (size_t i = 0; i < certificate->principal_count; i++) {
        const char *principal = json_string_value(json_array_get(expected, i));
        if (principal == NULL || strcmp(principal, certificate->principals[i]) != 0)
            return false;
    }
    return true;
}

/* One option: its name, and its value as a string inside the string, or nothing. */
static bool option_matches(const json_t *expected, struct tg_reader *reader)
{
    struct tg_bytes name;
    struct tg_bytes data;
    struct tg_bytes value;
    if (!tg_read_string(reader, &name) || !tg_read_string(reader, &data) ||
        !bytes_match(expected, "name", name))
        return false;
    if (json_object_get(expected, "value") == NULL)
        return member_text(expected, "name") != NULL && data.length == 0;
    struct tg_reader inside = tg_reader_of(data);
    return tg_read_string(&inside, &value) && tg_read_end(&inside) && bytes_match(expected, "value", value);
}

static bool options_match(const json_t *expected, struct tg_bytes list)
{
    struct tg_reader reader = tg_reader_of(list);
    if (expected == NULL)
        return true;
    for (size_t i = 0; i < json_array_size(expected); i++) {
        if (!option_matches(json_array_get(expected, i), &reader))
            return false;
    }
    return tg_read_end(&reader);
}

/* What the library made of the critical options, against the manifest's list. */
static bool critical_options_understood(const json_t *expected, const struct tg_certificate *certificate)
{
    const char *force_command = NULL;
    const char *source_address = NULL;
    const char *unknown = NULL;
    bool verify_required = false;
    size_t index;
    json_t *option;
    json_array_foreach(expected, index, option)
    {
        const char *name = member_text(option, "name");
        if (name == NULL)
            return false;
        if (strcmp(name, "force-command") == 0)
            force_command = member_text(option, "value");
        else if (strcmp(name, "source-address") == 0)
            source_address = member_text(option, "value");
        else if (strcmp(name, "verify-required") == 0)
            verify_required = true;
        else if (unknown == NULL)
            unknown = name;
    }
    const char *pairs[][2] = {{force_command, certificate->force_command},
                              {source_address, certificate->source_address},
                              {unknown, certificate->unknown_critical_option}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if ((pairs[i][0] == NULL) != (pairs[i][1] == NULL) ||
            (pairs[i][0] != NULL && strcmp(pairs[i][0], pairs[i][1]) != 0))
            return false;
    }
    return expected == NULL || verify_required == certificate->verify_required;
}

static struct tg_bytes first_string(struct tg_bytes blob)
{
    struct tg_reader reader = tg_reader_of(blob);
    struct tg_bytes first;
    (void)tg_read_string(&reader, &first);
    return first;
}

/* Compares every field that the manifest has. NULL if all are the same, else the name of the first that is
 * not. */
static const char *compare(const json_t *parsed, const struct tg_certificate *certificate)
{
    const struct tg_public_key *key = certificate->key;
    const struct tg_public_key *authority = certificate->authority;
    const uint64_t signed_length = (uint64_t)(certificate->signature.data - certificate->blob.data) - 4;
    const struct {
        const char *name;
        bool same;
    } fields[] = {
        {"keyType", bytes_match(parsed, "keyType", first_string(certificate->blob))},
        {"nonceHex", hex_matches(parsed, "nonceHex", certificate->nonce)},
        {"publicKey", public_key_matches(json_object_get(parsed, "publicKey"), key)},
        {"plainKeyBlobHex", hex_matches(parsed, "plainKeyBlobHex", key->blob)},
        {"plainKeyFingerprint", text_matches(parsed, "plainKeyFingerprint", key->fingerprint)},
        {"serial", integer_matches(parsed, "serial", certificate->serial)},
        {"type", text_matches(parsed, "type", certificate->type == TG_CERTIFICATE_USER ? "user" : "host")},
        {"keyId", text_matches(parsed, "keyId", certificate->key_id)},
        {"principals", principals_match(json_object_get(parsed, "principals"), certificate)},
        {"validAfter", integer_matches(parsed, "validAfter", certificate->valid_after)},
        {"validBefore", integer_matches(parsed, "validBefore", certificate->valid_before)},
        {"criticalOptions",
         options_match(json_object_get(parsed, "criticalOptions"), certificate->critical_options) &&
             critical_options_understood(json_object_get(parsed, "criticalOptions"), certificate)},
        {"extensions", options_match(json_object_get(parsed, "extensions"), certificate->extensions)},
        {"reservedHex", hex_matches(parsed, "reservedHex", (struct tg_bytes){0})},
        {"caKeyType", text_matches(parsed, "caKeyType", tg_key_type_name(authority->type))},
        {"caFingerprint", text_matches(parsed, "caFingerprint", authority->fingerprint)},
        {"signedLength", integer_matches(parsed, "signedLength", signed_length)},
        {"signatureAlgorithm",
         bytes_match(parsed, "signatureAlgorithm", first_string(certificate->signature))},
        {"signatureBlobHex", hex_matches(parsed, "signatureBlobHex", certificate->signature)},
        {"trailing", integer_matches(parsed, "trailing", 0)},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!fields[i].same)
            return fields[i].name;
    }
    return NULL;
}

/* A hex member that is there and shorter than a number of TG_RSA_BITS_MIN bits. */
static bool hex_is_shorter(const json_t *object, const char *key)
{
    const char *text = member_text(object, key);
    while (text != NULL && text[0] == '0')
        text++;
    return text != NULL && strlen(text) < (size_t)TG_RSA_BITS_MIN / 4;
}

/* Certificates whose signature is right by OpenSSH's lights, but that lib/certificate.h refuses whatever a
 * policy says: signed with SHA-1 or DSA, small RSA keys, bytes behind the signature, a reserved field with
 * something in it. */
static bool contract_refuses(const json_t *parsed)
{
    const char *algorithm = member_text(parsed, "signatureAlgorithm");
    const char *authority = member_text(parsed, "caKeyType");
    const char *reserved = member_text(parsed, "reservedHex");
    uint64_t trailing;
    if (algorithm != NULL && (strcmp(algorithm, "ssh-rsa") == 0 || strcmp(algorithm, "ssh-dss") == 0))
        return true;
    if (member_number(parsed, "trailing", &trailing) && trailing != 0)
        return true;
    if (reserved != NULL && reserved[0] != '\0')
        return true;
    if (hex_is_shorter(json_object_get(parsed, "publicKey"), "n"))
        return true;
    return authority != NULL && strcmp(authority, "ssh-rsa") == 0 &&
           hex_is_shorter(parsed, "signatureBlobHex");
}

static struct tg_certificate *load_certificate(const char *folder, const json_t *entry,
                                               struct tg_error *error)
{
    struct tg_certificate *certificate = NULL;
    size_t length;
    const char *file = member_text(entry, "file");
    char *line = file == NULL ? NULL : load_file(folder, file, &length);
    if (line == NULL)
        (void)tg_fail(error, TG_internal_error, "cannot read %s",
                      file == NULL ? "an entry without a file" : file);
    else
        (void)tg_certificate_parse_line(line, &certificate, error);
    free(line);
    return certificate;
}

static void check_certificate(const char *folder, const json_t *entry, struct report *report)
{
    struct tg_error error = {0};
    const char *name = entry_name(entry);
    const json_t *parsed = json_object_get(entry, "parsed");
    const char *differs = NULL;
    /* Only what says that it is wrong is expected to be wrong. */
    bool expected = !json_is_false(json_object_get(entry, "signatureValid")) && !contract_refuses(parsed);
    struct tg_certificate *certificate = load_certificate(folder, entry, &error);
    if (certificate != NULL && expected)
        differs = compare(parsed, certificate);
    if (certificate == NULL && error.reason == TG_internal_error)
        report_fail(report, name, "%s", error.text);
    else if (differs != NULL)
        report_fail(report, name, "the manifest has another %s", differs);
    else
        report_verdict(report, name, expected, certificate != NULL, &error);
    tg_certificate_free(certificate);
}

void check_certificates(const char *folder, const json_t *entries, struct report *report)
{
    size_t index;
    json_t *entry;
    json_array_foreach(entries, index, entry)
    {
        check_certificate(folder, entry, report);
    }
}

/* Hand-made certificates: are they good for anything at all? That takes, beside the parser's yes, the two
 * things that every verifier must refuse (PROTOCOL.certkeys): a critical option that it does not know, and a
 * window that is not now. */
static void check_crafted_one(const char *folder, const json_t *entry, struct report *report)
{
    struct tg_error error = {0};
    const char *name = entry_name(entry);
    const json_t *valid = json_object_get(entry, "expectValid");
    struct tg_certificate *certificate = load_certificate(folder, entry, &error);
    bool accepted = certificate != NULL;
    if (accepted && certificate->unknown_critical_option != NULL)
        accepted = tg_fail(&error, TG_certificate_critical_option, "unknown critical option") == 0;
    if (accepted && (judged_at < certificate->valid_after || judged_at >= certificate->valid_before))
        accepted = tg_fail(&error, TG_certificate_expired, "not valid in 2030") == 0;
    if (!json_is_boolean(valid))
        report_fail(report, name, "the manifest lacks expectValid");
    else if (!accepted && error.reason == TG_internal_error)
        report_fail(report, name, "%s", error.text);
    else
        report_verdict(report, name, json_is_true(valid), accepted, &error);
    tg_certificate_free(certificate);
}

void check_crafted(const char *folder, const json_t *entries, struct report *report)
{
    size_t index;
    json_t *entry;
    json_array_foreach(entries, index, entry)
    {
        check_crafted_one(folder, entry, report);
    }
}
