/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/certificate.h"

#include "lib/key_parts.h"

#include <stdlib.h>
#include <string.h>

static const char type_suffix[] = "-cert-v01@openssh.com";

/* A certificate with the bytes that it points into: the blob, then the texts as C strings. Each text is a
 * string of the blob, where it has four bytes of length, so the texts with their NULs are never longer than
 * the blob. */
struct held_certificate {
    struct tg_certificate certificate;
    const char *principals[TG_CERTIFICATE_PRINCIPALS_MAX];
    char *text_at;
    size_t text_left;
    uint8_t storage[];
};

static int malformed(struct tg_error *error, const char *what)
{
    return tg_fail(error, TG_certificate_malformed, "certificate: %s", what);
}

/* Reads a string and keeps it as a C string. */
static bool read_held_text(struct held_certificate *held, struct tg_reader *reader, const char **text)
{
    char *start = held->text_at;
    if (!tg_read_text(reader, start, held->text_left))
        return false;
    size_t size = strlen(start) + 1;
    held->text_at += size;
    held->text_left -= size;
    *text = start;
    return true;
}

/* "ssh-ed25519-cert-v01@openssh.com" certifies an "ssh-ed25519" key, and so on. */
static bool read_type(struct tg_reader *reader, enum tg_key_type *type)
{
    struct tg_bytes name;
    const size_t suffix = sizeof type_suffix - 1;
    if (!tg_read_string(reader, &name) || name.length <= suffix ||
        memcmp(name.data + name.length - suffix, type_suffix, suffix) != 0)
        return false;
    size_t length = name.length - suffix;
    if (tg_key_type_from_name(tg_bytes_of(name.data, length), type))
        return true;
    /* For security keys the "@openssh.com" of the key's type moves to the end. */
    char plain[128];
    struct tg_writer writer = tg_writer_of(plain, sizeof plain);
    tg_write_bytes(&writer, tg_bytes_of(name.data, length));
    tg_write_bytes(&writer, tg_bytes_of_text("@openssh.com"));
    return !writer.failed && tg_key_type_from_name(tg_bytes_of(plain, writer.used), type) &&
           tg_key_type_is_security_key(*type);
}

/* Makes a plain key of the fields that stand in the certificate. */
static int read_key(struct tg_certificate *certificate, struct tg_reader *reader, enum tg_key_type type,
                    struct tg_error *error)
{
    uint8_t plain[TG_PUBLIC_KEY_BLOB_MAX];
    struct tg_writer writer = tg_writer_of(plain, sizeof plain);
    struct tg_error key_error;
    struct tg_bytes field;
    tg_write_text(&writer, tg_key_type_name(type));
    for (size_t i = 0; i < tg_key_type_field_count(type); i++) {
        if (!tg_read_string(reader, &field))
            return malformed(error, "its key is cut short");
        tg_write_string(&writer, field);
    }
    if (writer.failed)
        return malformed(error, "its key is too long");
    if (tg_public_key_parse(tg_bytes_of(plain, writer.used), &certificate->key, &key_error) != 0)
        return malformed(error, key_error.text);
    return 0;
}

static int read_principals(struct held_certificate *held, struct tg_reader *reader, struct tg_error *error)
{
    struct tg_certificate *certificate = &held->certificate;
    struct tg_bytes list;
    certificate->principals = held->principals;
    if (!tg_read_string(reader, &list))
        return malformed(error, "its principals are cut short");
    struct tg_reader inside = tg_reader_of(list);
    while (!tg_read_end(&inside)) {
        const char *principal;
        if (certificate->principal_count == TG_CERTIFICATE_PRINCIPALS_MAX)
            return malformed(error, "more than 256 principals");
        if (!read_held_text(held, &inside, &principal) || principal[0] == '\0')
            return malformed(error, "a principal is empty, cut short or has a NUL");
        held->principals[certificate->principal_count++] = principal;
    }
    return 0;
}

/* The data of an option with a value is a string inside the string. */
static bool read_value(struct held_certificate *held, struct tg_bytes data, const char **value)
{
    struct tg_reader reader = tg_reader_of(data);
    return read_held_text(held, &reader, value) && (*value)[0] != '\0' && tg_read_end(&reader);
}

static int take_critical_option(struct held_certificate *held, const char *name, struct tg_bytes data,
                                struct tg_error *error)
{
    struct tg_certificate *certificate = &held->certificate;
    bool ok = true;
    if (strcmp(name, "force-command") == 0) {
        ok = read_value(held, data, &certificate->force_command);
    } else if (strcmp(name, "source-address") == 0) {
        ok = read_value(held, data, &certificate->source_address);
    } else if (strcmp(name, "verify-required") == 0) {
        ok = data.length == 0;
        certificate->verify_required = true;
    } else if (certificate->unknown_critical_option == NULL) {
        certificate->unknown_critical_option = name;
    }
    return ok ? 0
              : tg_fail(error, TG_certificate_malformed, "certificate: critical option '%s': wrong value",
                        name);
}

/* Extensions that sshd knows are flags; others may carry what they like. */
static int take_extension(const char *name, struct tg_bytes data, struct tg_error *error)
{
    static const char *const flags[] = {
        "no-touch-required", "permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding",
        "permit-pty",        "permit-user-rc",
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(name, flags[i]) == 0 && data.length != 0)
            return tg_fail(error, TG_certificate_malformed, "certificate: extension '%s': takes no value",
                           name);
    }
    return 0;
}

/* Reads a list of (name, data); names must rise, which also keeps out duplicates. OpenSSH checks neither. */
static int read_options(struct held_certificate *held, struct tg_reader *reader, bool critical,
                        struct tg_bytes *list, struct tg_error *error)
{
    const char *previous = "";
    if (!tg_read_string(reader, list))
        return malformed(error, "its options are cut short");
    struct tg_reader inside = tg_reader_of(*list);
    while (!tg_read_end(&inside)) {
        const char *name;
        struct tg_bytes data;
        if (!read_held_text(held, &inside, &name) || !tg_read_string(&inside, &data))
            return malformed(error, "an option is cut short or its name has a NUL");
        if (strcmp(previous, name) >= 0)
            return malformed(error, "options that are empty, not sorted or there twice");
        previous = name;
        int taken =
            critical ? take_critical_option(held, name, data, error) : take_extension(name, data, error);
        if (taken != 0)
            return -1;
    }
    return 0;
}

static int read_validity(struct tg_certificate *certificate, struct tg_reader *reader, struct tg_error *error)
{
    if (!tg_read_u64(reader, &certificate->valid_after) || !tg_read_u64(reader, &certificate->valid_before))
        return malformed(error, "its validity is cut short");
    if (certificate->valid_after >= certificate->valid_before)
        return malformed(error, "it ends before it begins");
    return 0;
}

static int read_authority(struct tg_certificate *certificate, struct tg_reader *reader,
                          struct tg_error *error)
{
    struct tg_bytes reserved;
    struct tg_bytes authority;
    struct tg_error key_error;
    if (!tg_read_string(reader, &reserved) || !tg_read_string(reader, &authority))
        return malformed(error, "cut short before its authority");
    if (reserved.length != 0)
        return malformed(error, "its reserved field is not empty");
    if (tg_public_key_parse(authority, &certificate->authority, &key_error) != 0)
        return tg_fail(error, TG_certificate_malformed, "certificate: its authority: %s", key_error.text);
    return 0;
}

/* Reads what lies between the key and the authority. */
static int read_body(struct held_certificate *held, struct tg_reader *reader, struct tg_error *error)
{
    struct tg_certificate *certificate = &held->certificate;
    uint32_t type;
    if (!tg_read_u64(reader, &certificate->serial) || !tg_read_u32(reader, &type) ||
        !read_held_text(held, reader, &certificate->key_id))
        return malformed(error, "cut short, or a key id with a NUL");
    if (type != TG_CERTIFICATE_USER && type != TG_CERTIFICATE_HOST)
        return malformed(error, "neither a user nor a host certificate");
    certificate->type = (enum tg_certificate_type)type;
    if (read_principals(held, reader, error) != 0 || read_validity(certificate, reader, error) != 0 ||
        read_options(held, reader, true, &certificate->critical_options, error) != 0)
        return -1;
    return read_options(held, reader, false, &certificate->extensions, error);
}

static int parse_held(struct held_certificate *held, struct tg_error *error)
{
    struct tg_certificate *certificate = &held->certificate;
    struct tg_reader reader = tg_reader_of(certificate->blob);
    struct tg_error signature_error;
    enum tg_key_type type;
    if (!read_type(&reader, &type))
        return malformed(error, "not of a type that Tegata takes");
    if (!tg_read_string(&reader, &certificate->nonce))
        return malformed(error, "cut short before its key");
    if (read_key(certificate, &reader, type, error) != 0 || read_body(held, &reader, error) != 0 ||
        read_authority(certificate, &reader, error) != 0)
        return -1;
    struct tg_bytes covered = tg_bytes_of(certificate->blob.data, certificate->blob.length - reader.left);
    if (!tg_read_string(&reader, &certificate->signature) || !tg_read_end(&reader))
        return malformed(error, "its signature is cut short, or bytes follow it");
    if (tg_public_key_verify(certificate->authority, certificate->signature, covered, &signature_error) != 0)
        return tg_fail(error, TG_certificate_signature, "certificate: %s", signature_error.text);
    return 0;
}

int tg_certificate_parse(struct tg_bytes blob, struct tg_certificate **out, struct tg_error *error)
{
    *out = NULL;
    if (blob.length == 0 || blob.length > TG_CERTIFICATE_MAX)
        return tg_fail(error, TG_certificate_malformed, "certificate of %zu bytes: must have 1 to %d",
                       blob.length, TG_CERTIFICATE_MAX);
    struct held_certificate *held = calloc(1, sizeof *held + 2 * blob.length);
    if (held == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    memcpy(held->storage, blob.data, blob.length);
    held->text_at = (char *)held->storage + blob.length;
    held->text_left = blob.length;
    held->certificate.blob = tg_bytes_of(held->storage, blob.length);
    if (parse_held(held, error) != 0) {
        tg_certificate_free(&held->certificate);
        return -1;
    }
    *out = &held->certificate;
    return 0;
}

int tg_certificate_parse_line(const char *line, struct tg_certificate **out, struct tg_error *error)
{
    uint8_t *blob;
    size_t length;
    *out = NULL;
    if (tg_key_line_decode(line, TG_CERTIFICATE_MAX, TG_certificate_malformed, "certificate", &blob, &length,
                           error) != 0)
        return -1;
    int result = tg_certificate_parse(tg_bytes_of(blob, length), out, error);
    free(blob);
    return result;
}

void tg_certificate_free(struct tg_certificate *certificate)
{
    if (certificate == NULL)
        return;
    tg_public_key_free(certificate->key);
    tg_public_key_free(certificate->authority);
    free(certificate); /* the first member of a struct held_certificate */
}

bool tg_certificate_has_principal(const struct tg_certificate *certificate, const char *name)
{
    for (size_t i = 0; i < certificate->principal_count; i++) {
        if (strcmp(certificate->principals[i], name) == 0)
            return true;
    }
    return false;
}
