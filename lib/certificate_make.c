/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/certificate_make.h"

#include "lib/base64.h"
#include "lib/key_parts.h"

#include <stdlib.h>
#include <string.h>

static const char type_suffix[] = "-cert-v01@openssh.com";
static const char vendor[] = "@openssh.com";

enum { CONTENT_MAX = 65536, PARTS_MAX = 16384, TYPE_SIZE = 64 };

/* The key type's name with "-cert-v01@openssh.com"; of security keys "@openssh.com" moves to the end. */
static void write_type(struct tg_writer *writer, enum tg_key_type type)
{
    char name[TYPE_SIZE];
    const char *plain = tg_key_type_name(type);
    const char *at = strstr(plain, vendor);
    int length = (int)(at == NULL ? strlen(plain) : (size_t)(at - plain));
    (void)snprintf(name, sizeof name, "%.*s%s", length, plain, type_suffix);
    tg_write_text(writer, name);
}

/* The fields of the plain key, without its type. */
static void write_key(struct tg_writer *writer, const struct tg_public_key *key)
{
    struct tg_reader reader = tg_reader_of(key->blob);
    struct tg_bytes type;
    if (!tg_read_string(&reader, &type))
        writer->failed = true;
    tg_write_bytes(writer, tg_bytes_of(reader.at, reader.left));
}

/* Writes what was gathered in `part` as one string. */
static void write_part(struct tg_writer *writer, const struct tg_writer *part)
{
    if (part->failed)
        writer->failed = true;
    else
        tg_write_string(writer, tg_bytes_of(part->data, part->used));
}

static void write_principals(struct tg_writer *writer, const struct tg_certificate_content *content,
                             uint8_t scratch[PARTS_MAX])
{
    struct tg_writer part = tg_writer_of(scratch, PARTS_MAX);
    for (size_t i = 0; i < content->principal_count; i++)
        tg_write_text(&part, content->principals[i]);
    write_part(writer, &part);
}

/* An option's data is empty, or its value as a string inside the string. */
static void write_options(struct tg_writer *writer, const struct tg_certificate_option *options, size_t count,
                          uint8_t scratch[PARTS_MAX])
{
    struct tg_writer part = tg_writer_of(scratch, PARTS_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *value = options[i].value;
        tg_write_text(&part, options[i].name);
        if (value == NULL) {
            tg_write_text(&part, "");
            continue;
        }
        tg_write_u32(&part, (uint32_t)strlen(value) + 4);
        tg_write_text(&part, value);
    }
    write_part(writer, &part);
}

/* Everything that the authority's signature covers. */
static void write_content(struct tg_writer *writer, const struct tg_certificate_content *content,
                          const struct tg_public_key *authority, uint8_t scratch[PARTS_MAX])
{
    write_type(writer, content->key->type);
    tg_write_string(writer, tg_bytes_of(content->nonce, sizeof content->nonce));
    write_key(writer, content->key);
    tg_write_u64(writer, content->serial);
    tg_write_u32(writer, (uint32_t)content->type);
    tg_write_text(writer, content->key_id);
    write_principals(writer, content, scratch);
    tg_write_u64(writer, content->valid_after);
    tg_write_u64(writer, content->valid_before);
    write_options(writer, content->critical_options, content->critical_option_count, scratch);
    write_options(writer, content->extensions, content->extension_count, scratch);
    tg_write_text(writer, ""); /* reserved */
    tg_write_string(writer, authority->blob);
}

/* Signs what is written and writes the signature behind it. */
static int sign(struct tg_writer *writer, struct tg_signer *authority, struct tg_error *error)
{
    uint8_t *signature;
    size_t length;
    if (tg_signer_sign_bytes(authority, tg_bytes_of(writer->data, writer->used), &signature, &length,
                             error) != 0)
        return -1;
    tg_write_string(writer, tg_bytes_of(signature, length));
    free(signature);
    return writer->failed ? tg_fail(error, TG_certificate_malformed, "certificate: too long") : 0;
}

/* A signature that is wrong is the signer's fault. */
static int parse_again(struct tg_bytes blob, struct tg_certificate **out, struct tg_error *error)
{
    struct tg_error fault = {0};
    if (tg_certificate_parse(blob, out, &fault) == 0)
        return 0;
    return tg_fail(error, fault.reason == TG_certificate_signature ? TG_key_unusable : fault.reason,
                   "what was made is not right: %s", fault.text);
}

int tg_certificate_make(const struct tg_certificate_content *content, struct tg_signer *authority,
                        struct tg_certificate **out, struct tg_error *error)
{
    *out = NULL;
    if (content->principal_count == 0)
        return tg_fail(error, TG_certificate_malformed, "certificate: must name a principal");
    uint8_t *bytes = malloc(CONTENT_MAX);
    uint8_t *scratch = malloc(PARTS_MAX);
    int result = -1;
    if (bytes == NULL || scratch == NULL) {
        (void)tg_fail(error, TG_internal_error, "out of memory");
        goto out;
    }
    struct tg_writer writer = tg_writer_of(bytes, CONTENT_MAX);
    write_content(&writer, content, tg_signer_public_key(authority), scratch);
    if (writer.failed)
        (void)tg_fail(error, TG_certificate_malformed, "certificate: too long");
    else if (sign(&writer, authority, error) == 0)
        result = parse_again(tg_bytes_of(bytes, writer.used), out, error);
out:
    free(scratch);
    free(bytes);
    return result;
}

char *tg_certificate_line(const struct tg_certificate *certificate)
{
    struct tg_reader reader = tg_reader_of(certificate->blob);
    char type[TYPE_SIZE];
    size_t size = tg_base64_encoded_size(certificate->blob.length);
    char *base64 = malloc(size);
    char *line = NULL;
    if (base64 != NULL && tg_read_text(&reader, type, sizeof type) &&
        tg_base64_encode(TG_BASE64, certificate->blob, base64, size) &&
        asprintf(&line, "%s %s %s", type, base64, certificate->key_id) < 0)
        line = NULL;
    free(base64);
    return line;
}
