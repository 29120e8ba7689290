/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/signing_key.h"

#include "cli/files.h"
#include "lib/base64.h"
#include "lib/openssh_private_key.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_FILE_MAX = 65536 };

static const char pem_begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
static const char pem_end[] = "-----END OPENSSH PRIVATE KEY-----";

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static int public_from_pub(const char *path, struct tg_public_key **key, struct tg_error *error)
{
    char *text = NULL;
    size_t length = 0;
    if (tg_file_read(path, KEY_FILE_MAX, TG_file_failed, &text, &length, error) != 0)
        return -1;
    text[strcspn(text, "\r\n")] = '\0';
    struct tg_error fault = {0};
    int result = tg_public_key_parse_line(text, key, &fault);
    if (result != 0)
        (void)tg_fail(error, TG_client_config, "%s: %s", path, fault.text);
    free(text);
    return result;
}

/* The base64 between the two PEM lines, without line feeds, decoded in place. */
static bool decode_pem(char *text, size_t *length)
{
    char *begin = strstr(text, pem_begin);
    char *end = begin != NULL ? strstr(begin, pem_end) : NULL;
    if (end == NULL)
        return false;
    size_t used = 0;
    for (const char *at = begin + strlen(pem_begin); at < end; at++) {
        if (*at != '\n' && *at != '\r')
            text[used++] = *at;
    }
    uint8_t *decoded = malloc(tg_base64_decoded_max(used));
    bool good = decoded != NULL && tg_base64_decode(TG_BASE64, tg_bytes_of(text, used), decoded,
                                                    tg_base64_decoded_max(used), length);
    if (good)
        memcpy(text, decoded, *length);
    if (decoded != NULL)
        explicit_bzero(decoded, tg_base64_decoded_max(used));
    free(decoded);
    return good;
}

/* The head of OpenSSH PROTOCOL.key: cipher, KDF, KDF options, number of keys, public key. */
static bool read_head(struct tg_bytes bytes, struct tg_bytes *blob, bool *encrypted)
{
    struct tg_reader reader = tg_reader_of(bytes);
    struct tg_bytes magic, cipher, kdf, kdf_options;
    uint32_t count = 0;
    if (!tg_read_bytes(&reader, sizeof "openssh-key-v1", &magic) ||
        memcmp(magic.data, "openssh-key-v1", sizeof "openssh-key-v1") != 0)
        return false;
    if (!tg_read_string(&reader, &cipher) || !tg_read_string(&reader, &kdf) ||
        !tg_read_string(&reader, &kdf_options) || !tg_read_u32(&reader, &count) || count != 1 ||
        !tg_read_string(&reader, blob))
        return false;
    *encrypted = !tg_bytes_equal_text(cipher, "none");
    return true;
}

static int public_from_private(const char *path, struct tg_public_key **key, bool *encrypted,
                               struct tg_error *error)
{
    char *text = NULL;
    size_t length = 0;
    size_t decoded = 0;
    struct tg_bytes blob;
    if (tg_file_read(path, KEY_FILE_MAX, TG_file_failed, &text, &length, error) != 0)
        return -1;
    int result = -1;
    struct tg_error fault = {0};
    if (!decode_pem(text, &decoded) || !read_head(tg_bytes_of(text, decoded), &blob, encrypted))
        (void)tg_fail(error, TG_client_config,
                      "%s: it is not an OpenSSH private key; convert it: ssh-keygen -p -f %s", path, path);
    else if (tg_public_key_parse(blob, key, &fault) != 0)
        (void)tg_fail(error, TG_client_config, "%s: %s", path, fault.text);
    else
        result = 0;
    explicit_bzero(text, length);
    free(text);
    return result;
}

int tg_signing_key_public(const char *path, struct tg_public_key **key, bool *encrypted,
                          struct tg_error *error)
{
    bool ignored = false;
    *key = NULL;
    if (encrypted == NULL)
        encrypted = &ignored;
    *encrypted = false;
    if (ends_with(path, ".pub"))
        return public_from_pub(path, key, error);
    return public_from_private(path, key, encrypted, error);
}

/* Does OpenSSH reach security keys here by somebody else's program? */
static bool other_middleware(void)
{
    const char *provider = getenv("SSH_SK_PROVIDER");
    const char *helper = getenv("SSH_SK_HELPER");
    return (provider != NULL && *provider != '\0') || (helper != NULL && *helper != '\0');
}

static int open_security_key(const struct tg_signing_means *means, const char *path, bool user_verification,
                             struct tg_signer **signer, struct tg_error *error)
{
    struct tg_security_key_file file = {0};
    char *pem = NULL;
    size_t length = 0;
    int result = -1;
    if (tg_file_read(path, KEY_FILE_MAX, TG_file_failed, &pem, &length, error) == 0 &&
        tg_openssh_security_key_parse(tg_bytes_of(pem, length), path, &file, error) == 0) {
        struct tg_security_signer_wish wish = {
            .key = file.key,
            .credential = tg_bytes_of(file.handle, file.handle_length),
            .user_verification = user_verification || (file.flags & TG_SECURITY_KEY_USER_VERIFICATION) != 0,
        };
        result = tg_signer_from_security_key(means, &wish, signer, error);
    }
    tg_security_key_file_clear(&file);
    free(pem);
    return result;
}

static int open_in_agent(const struct tg_public_key *key, const char *path, const char *what,
                         struct tg_signer **signer, struct tg_error *error)
{
    const char *agent = getenv("SSH_AUTH_SOCK");
    if (agent == NULL || *agent == '\0')
        return tg_fail(error, TG_client_config,
                       "%s is %s, but SSH_AUTH_SOCK is not set: start ssh-agent and ssh-add the key, or name "
                       "the private key file",
                       what, path);
    return tg_signer_from_agent(agent, key, signer, error);
}

int tg_signing_key_open(const struct tg_signing_means *means, const char *path, const char *what,
                        bool user_verification, struct tg_signer **signer, bool *interactive,
                        struct tg_error *error)
{
    struct tg_public_key *key = NULL;
    bool encrypted = false;
    bool ignored = false;
    int result = -1;
    *signer = NULL;
    if (interactive == NULL)
        interactive = &ignored;
    *interactive = false;
    if (path[0] == '\0')
        return tg_fail(error, TG_client_config, "%s is not set in client.conf: name your key file there",
                       what);
    if (tg_signing_key_public(path, &key, &encrypted, error) != 0)
        return -1;
    bool security_key = tg_key_type_is_security_key(key->type);
    *interactive = security_key || encrypted;
    if (ends_with(path, ".pub"))
        result = open_in_agent(key, path, what, signer, error);
    else if (security_key && !encrypted && means != NULL && means->devices != NULL && !other_middleware())
        result = open_security_key(means, path, user_verification, signer, error);
    else if (security_key || encrypted)
        result = tg_signer_from_ssh_keygen(path, key, signer, error);
    else
        result = tg_signer_from_file(path, signer, error);
    tg_public_key_free(key);
    return result;
}
