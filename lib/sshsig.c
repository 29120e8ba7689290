/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/sshsig.h"

#include "lib/armor.h"
#include "lib/key_parts.h"
#include "lib/ssh_signature.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>

static const char magic[] = "SSHSIG";
static const char armor_label[] = "SSH SIGNATURE";
static const char certificate_suffix[] = "-cert-v01@openssh.com";

enum { VERSION = 1, MAGIC_SIZE = sizeof magic - 1 };

/* The fields of a blob; all point into it. */
struct fields {
    struct tg_bytes key;
    struct tg_bytes name_space;
    struct tg_bytes hash;
    struct tg_bytes signature;
};

int tg_sshsig_dearmor(const char *armored, uint8_t **blob, size_t *length, struct tg_error *error)
{
    if (!tg_armor_decode(tg_bytes_of_text(armored), armor_label, TG_SSHSIG_MAX, blob, length))
        return tg_fail(error, TG_approval_malformed,
                       "not one armored SSH signature (-----BEGIN SSH SIGNATURE-----)");
    return 0;
}

int tg_sshsig_armor(struct tg_bytes blob, char **armored)
{
    return tg_armor_encode(blob, armor_label, armored) ? 0 : -1;
}

/* Reads a blob. OpenSSH takes version 0 and a reserved field with anything in it, though neither is signed.
 */
static int read_fields(struct tg_bytes blob, struct fields *fields, struct tg_error *error)
{
    struct tg_reader reader = tg_reader_of(blob);
    struct tg_bytes start;
    struct tg_bytes reserved;
    uint32_t version;
    if (blob.length > TG_SSHSIG_MAX || !tg_read_bytes(&reader, MAGIC_SIZE, &start) ||
        !tg_bytes_equal_text(start, magic) || !tg_read_u32(&reader, &version))
        return tg_fail(error, TG_approval_malformed, "not an SSH signature");
    if (version != VERSION)
        return tg_fail(error, TG_approval_malformed, "SSH signature of version %u: must be %d", version,
                       VERSION);
    if (!tg_read_string(&reader, &fields->key) || !tg_read_string(&reader, &fields->name_space) ||
        !tg_read_string(&reader, &reserved) || !tg_read_string(&reader, &fields->hash) ||
        !tg_read_string(&reader, &fields->signature))
        return tg_fail(error, TG_approval_malformed, "the SSH signature is cut short");
    if (reserved.length != 0)
        return tg_fail(error, TG_approval_malformed, "the SSH signature's reserved field is not empty");
    if (!tg_read_end(&reader))
        return tg_fail(error, TG_approval_malformed, "bytes behind the SSH signature");
    return 0;
}

/* A certificate there would say nothing that the policy does not say better. */
static int refuse_certificate(struct tg_bytes key, struct tg_error *error)
{
    struct tg_reader reader = tg_reader_of(key);
    struct tg_bytes type;
    const size_t suffix = sizeof certificate_suffix - 1;
    if (tg_read_string(&reader, &type) && type.length > suffix &&
        memcmp(type.data + type.length - suffix, certificate_suffix, suffix) == 0)
        return tg_fail(error, TG_approval_by_certificate,
                       "signed with a certificate; sign with the plain key");
    return 0;
}

int tg_sshsig_signer(struct tg_bytes blob, struct tg_public_key **key, struct tg_error *error)
{
    struct fields fields;
    *key = NULL;
    if (read_fields(blob, &fields, error) != 0 || refuse_certificate(fields.key, error) != 0)
        return -1;
    return tg_public_key_parse(fields.key, key, error);
}

/* What the signature covers: neither the version nor the blob's own reserved field. */
static int make_signed_data(const char *name_space, const char *hash, struct tg_bytes message, uint8_t **data,
                            size_t *length)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_size = 0;
    *length = 0;
    size_t size = MAGIC_SIZE + 16 + strlen(name_space) + strlen(hash) + sizeof digest;
    *data = malloc(size);
    if (*data == NULL ||
        EVP_Q_digest(NULL, hash, NULL, message.data, message.length, digest, &digest_size) != 1)
        goto fail;
    struct tg_writer writer = tg_writer_of(*data, size);
    tg_write_bytes(&writer, tg_bytes_of_text(magic));
    tg_write_text(&writer, name_space);
    tg_write_text(&writer, "");
    tg_write_text(&writer, hash);
    tg_write_string(&writer, tg_bytes_of(digest, digest_size));
    if (writer.failed)
        goto fail;
    *length = writer.used;
    return 0;
fail:
    free(*data);
    *data = NULL;
    return -1;
}

int tg_sshsig_signed_data(const char *name_space, struct tg_bytes message, uint8_t **data, size_t *length)
{
    return make_signed_data(name_space, "sha512", message, data, length);
}

int tg_sshsig_wrap(const struct tg_public_key *key, const char *name_space, struct tg_bytes signature,
                   uint8_t **blob, size_t *length, struct tg_error *error)
{
    *blob = NULL;
    *length = 0;
    uint8_t *data = malloc(TG_SSHSIG_MAX);
    if (data == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    struct tg_writer writer = tg_writer_of(data, TG_SSHSIG_MAX);
    tg_write_bytes(&writer, tg_bytes_of_text(magic));
    tg_write_u32(&writer, VERSION);
    tg_write_string(&writer, key->blob);
    tg_write_text(&writer, name_space);
    tg_write_text(&writer, "");
    tg_write_text(&writer, "sha512");
    tg_write_string(&writer, signature);
    if (writer.failed) {
        free(data);
        return tg_fail(error, TG_internal_error, "a signature that does not fit");
    }
    *blob = data;
    *length = writer.used;
    return 0;
}

/* Is it by this key, for this purpose? */
static int check_fields(const struct fields *fields, const char *name_space, const struct tg_public_key *key,
                        struct tg_error *error)
{
    if (refuse_certificate(fields->key, error) != 0)
        return -1;
    if (name_space[0] == '\0' || !tg_bytes_equal_text(fields->name_space, name_space))
        return tg_fail(error, TG_approval_namespace, "signed in the namespace '%.*s', not in '%s'",
                       (int)(fields->name_space.length > 80 ? 80 : fields->name_space.length),
                       (const char *)fields->name_space.data, name_space);
    if (!tg_bytes_equal(fields->key, key->blob))
        return tg_fail(error, TG_approver_unknown, "signed with another key than %s", key->fingerprint);
    return 0;
}

int tg_sshsig_verify(struct tg_bytes blob, const char *name_space, struct tg_bytes message,
                     const struct tg_public_key *key, const struct tg_sshsig_demands *demands,
                     struct tg_sshsig_facts *facts, struct tg_error *error)
{
    struct fields fields;
    struct tg_ssh_signature signature;
    struct tg_sshsig_facts found = {0};
    uint8_t *data;
    size_t length;
    if (facts != NULL)
        *facts = found;
    if (read_fields(blob, &fields, error) != 0 || check_fields(&fields, name_space, key, error) != 0)
        return -1;
    const char *hash = NULL;
    if (tg_bytes_equal_text(fields.hash, "sha512"))
        hash = "sha512";
    else if (tg_bytes_equal_text(fields.hash, "sha256"))
        hash = "sha256";
    if (hash == NULL)
        return tg_fail(error, TG_approval_malformed, "the SSH signature's hash is neither sha512 nor sha256");
    if (!tg_ssh_signature_parse(fields.signature, &signature))
        return tg_fail(error, TG_approval_malformed,
                       "the signature inside is not well-formed, or of a refused kind");
    if (make_signed_data(name_space, hash, message, &data, &length) != 0)
        return tg_fail(error, TG_internal_error, "out of memory");
    int result = tg_ssh_signature_verify(key, &signature, tg_bytes_of(data, length), demands, &found, error);
    free(data);
    if (result == 0 && facts != NULL)
        *facts = found;
    return result;
}
