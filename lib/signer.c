/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/signer.h"

#include "lib/openssh_private_key.h"
#include "lib/ssh_agent.h"
#include "lib/ssh_keygen.h"
#include "lib/ssh_signature.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* `sign` makes a whole SSHSIG blob of a message, `sign_bytes` an SSH signature of bytes; the rest is what
 * they need. */
struct tg_signer {
    int (*sign)(struct tg_signer *signer, const char *name_space, struct tg_bytes message, uint8_t **blob,
                size_t *length, struct tg_error *error);
    int (*sign_bytes)(struct tg_signer *signer, struct tg_bytes data, uint8_t **signature, size_t *length,
                      struct tg_error *error); /* NULL: it cannot */
    struct tg_public_key *key;
    EVP_PKEY *private_key; /* for a key in memory, or that OpenSSL reaches */
    char *path;            /* the agent's socket, or ssh-keygen's key file */
    struct tg_signature_maker maker;
};

static int sign_bytes_in_memory(struct tg_signer *signer, struct tg_bytes data, uint8_t **signature,
                                size_t *length, struct tg_error *error)
{
    uint8_t bytes[TG_SSH_SIGNATURE_MAX];
    struct tg_writer writer = tg_writer_of(bytes, sizeof bytes);
    if (tg_ssh_signature_make(signer->key, signer->private_key, data, &writer, error) != 0)
        return -1;
    *signature = malloc(writer.used);
    if (*signature == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    memcpy(*signature, bytes, writer.used);
    *length = writer.used;
    return 0;
}

static int sign_bytes_by_agent(struct tg_signer *signer, struct tg_bytes data, uint8_t **signature,
                               size_t *length, struct tg_error *error)
{
    return tg_ssh_agent_sign(signer->path, signer->key, data, signature, length, error);
}

static int sign_bytes_by_maker(struct tg_signer *signer, struct tg_bytes data, uint8_t **signature,
                               size_t *length, struct tg_error *error)
{
    return signer->maker.make(signer->maker.context, data, signature, length, error);
}

static int sign_by_bytes(struct tg_signer *signer, const char *name_space, struct tg_bytes message,
                         uint8_t **blob, size_t *length, struct tg_error *error)
{
    uint8_t *data;
    size_t data_length;
    uint8_t *signature = NULL;
    size_t signature_length = 0;
    if (tg_sshsig_signed_data(name_space, message, &data, &data_length) != 0)
        return tg_fail(error, TG_internal_error, "out of memory");
    int result =
        signer->sign_bytes(signer, tg_bytes_of(data, data_length), &signature, &signature_length, error);
    if (result == 0)
        result = tg_sshsig_wrap(signer->key, name_space, tg_bytes_of(signature, signature_length), blob,
                                length, error);
    free(signature);
    free(data);
    return result;
}

static int sign_by_ssh_keygen(struct tg_signer *signer, const char *name_space, struct tg_bytes message,
                              uint8_t **blob, size_t *length, struct tg_error *error)
{
    return tg_ssh_keygen_sign(signer->path, name_space, message, blob, length, error);
}

int tg_signer_from_bytes(struct tg_bytes pem, const char *name, struct tg_signer **out,
                         struct tg_error *error)
{
    *out = NULL;
    struct tg_signer *signer = calloc(1, sizeof *signer);
    if (signer == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    signer->sign = sign_by_bytes;
    signer->sign_bytes = sign_bytes_in_memory;
    if (tg_openssh_private_key_parse(pem, name, &signer->private_key, &signer->key, error) != 0) {
        tg_signer_free(signer);
        return -1;
    }
    *out = signer;
    return 0;
}

/* Nobody but its owner may read it. Where the owner is root, a group may too: that is how Fedora keeps host
 * keys, and how the mask of systemd's credentials shows. */
static int check_file(int fd, const char *path, struct tg_error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return tg_fail(error, TG_key_unusable, "%s: %s", path, strerror(errno));
    mode_t refused = status.st_uid == 0 ? S_IRWXO | S_IWGRP | S_IXGRP : S_IRWXO | S_IRWXG;
    if (!S_ISREG(status.st_mode) || status.st_size > TG_PRIVATE_KEY_FILE_MAX)
        return tg_fail(error, TG_key_unusable, "%s: not a private key file", path);
    if ((status.st_mode & refused) != 0)
        return tg_fail(error, TG_key_unusable, "%s: others can read it: chmod 600 %s", path, path);
    return 0;
}

/* Reads the whole file. Returns its length, or -1. */
static ssize_t read_file(int fd, uint8_t *bytes, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t count = read(fd, bytes + used, size - used);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            return (ssize_t)used;
        used += (size_t)count;
    }
    errno = EFBIG;
    return -1;
}

int tg_signer_from_file(const char *path, struct tg_signer **out, struct tg_error *error)
{
    uint8_t bytes[TG_PRIVATE_KEY_FILE_MAX + 1];
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return tg_fail(error, TG_key_unusable, "%s: %s", path, strerror(errno));
    int result = check_file(fd, path, error);
    ssize_t length = result == 0 ? read_file(fd, bytes, sizeof bytes) : -1;
    if (result == 0 && length < 0)
        result = tg_fail(error, TG_key_unusable, "%s: %s", path, strerror(errno));
    (void)close(fd);
    if (result == 0)
        result = tg_signer_from_bytes(tg_bytes_of(bytes, (size_t)length), path, out, error);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return result;
}

int tg_signer_from_evp(EVP_PKEY *private_key, const struct tg_public_key *key, struct tg_signer **out,
                       struct tg_error *error)
{
    *out = NULL;
    struct tg_signer *signer = calloc(1, sizeof *signer);
    if (signer == NULL) {
        EVP_PKEY_free(private_key);
        return tg_fail(error, TG_internal_error, "out of memory");
    }
    signer->sign = sign_by_bytes;
    signer->sign_bytes = sign_bytes_in_memory;
    signer->private_key = private_key;
    if (tg_public_key_parse(key->blob, &signer->key, error) != 0) {
        tg_signer_free(signer);
        return tg_fail(error, TG_internal_error, "out of memory");
    }
    *out = signer;
    return 0;
}

/* A signer that has somebody else sign: its own copy of the key and of the path. */
static int make_remote(const char *path, const struct tg_public_key *key, struct tg_signer **out,
                       struct tg_error *error)
{
    *out = NULL;
    struct tg_signer *signer = calloc(1, sizeof *signer);
    if (signer == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    signer->path = strdup(path);
    if (signer->path == NULL || tg_public_key_parse(key->blob, &signer->key, error) != 0) {
        tg_signer_free(signer);
        return tg_fail(error, TG_internal_error, "out of memory");
    }
    *out = signer;
    return 0;
}

int tg_signer_from_agent(const char *socket_path, const struct tg_public_key *key, struct tg_signer **out,
                         struct tg_error *error)
{
    if (make_remote(socket_path, key, out, error) != 0)
        return -1;
    (*out)->sign = sign_by_bytes;
    (*out)->sign_bytes = sign_bytes_by_agent;
    return 0;
}

int tg_signer_from_ssh_keygen(const char *path, const struct tg_public_key *key, struct tg_signer **out,
                              struct tg_error *error)
{
    if (make_remote(path, key, out, error) != 0)
        return -1;
    (*out)->sign = sign_by_ssh_keygen;
    return 0;
}

int tg_signer_from_maker(const struct tg_signature_maker *maker, const struct tg_public_key *key,
                         struct tg_signer **out, struct tg_error *error)
{
    if (make_remote("", key, out, error) != 0) {
        maker->free(maker->context);
        return -1;
    }
    (*out)->maker = *maker;
    (*out)->sign = sign_by_bytes;
    (*out)->sign_bytes = sign_bytes_by_maker;
    return 0;
}

void tg_signer_free(struct tg_signer *signer)
{
    if (signer == NULL)
        return;
    if (signer->maker.free != NULL)
        signer->maker.free(signer->maker.context);
    tg_public_key_free(signer->key);
    EVP_PKEY_free(signer->private_key); /* OpenSSL wipes it */
    free(signer->path);
    free(signer);
}

const struct tg_public_key *tg_signer_public_key(const struct tg_signer *signer)
{
    return signer->key;
}

int tg_signer_sign(struct tg_signer *signer, const char *name_space, struct tg_bytes message, uint8_t **blob,
                   size_t *length, struct tg_error *error)
{
    const struct tg_sshsig_demands touch_only = {.origin = signer->maker.origin,
                                                 .rp_id = signer->maker.rp_id};
    struct tg_error why;
    *blob = NULL;
    *length = 0;
    if (signer->sign(signer, name_space, message, blob, length, error) != 0)
        return -1;
    /* Whoever signed, nothing leaves that others would refuse: a key file whose halves do not belong
     * together, an agent's or ssh-keygen's other key, a missing touch. */
    if (tg_sshsig_verify(tg_bytes_of(*blob, *length), name_space, message, signer->key, &touch_only, NULL,
                         &why) == 0)
        return 0;
    free(*blob);
    *blob = NULL;
    *length = 0;
    return tg_fail(error, TG_key_unusable, "the signature that was made is not right: %s", why.text);
}

int tg_signer_sign_bytes(struct tg_signer *signer, struct tg_bytes data, uint8_t **signature, size_t *length,
                         struct tg_error *error)
{
    *signature = NULL;
    *length = 0;
    if (signer->sign_bytes == NULL)
        return tg_fail(error, TG_key_unusable, "%s: ssh-keygen signs in namespaces only", signer->path);
    return signer->sign_bytes(signer, data, signature, length, error);
}
