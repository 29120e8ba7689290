/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/client_config.h"

#include "cli/web_key.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMBER(key) offsetof(struct tg_client_config, key)

static const struct tg_config_key keys[] = {
#define KEY_TEXT(section, key, fallback, help)                                                               \
    {#section, #key, TG_CONFIG_TEXT, fallback, 0, 0, NULL, MEMBER(key), help},
#define KEY_NUMBER(section, key, fallback, lowest, highest, help)                                            \
    {#section, #key, TG_CONFIG_NUMBER, fallback, lowest, highest, NULL, MEMBER(key), help},
#include "cli/client_config.def"
#undef KEY_TEXT
#undef KEY_NUMBER
};

static char *join(const char *directory, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

char *tg_client_config_path(const char *given)
{
    if (given == NULL)
        given = getenv("TEGATA_CONFIG");
    if (given != NULL && *given != '\0')
        return strdup(given);
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    char *path = NULL;
    if (base != NULL && *base == '/')
        path = join(base, "tegata/client.conf");
    else if (home != NULL && *home == '/')
        path = join(home, ".config/tegata/client.conf");
    if (path != NULL && access(path, F_OK) == 0)
        return path;
    free(path);
    return strdup(TG_CONFIG_DIR "/client.conf");
}

/* The directory that relative paths in the file start from; absolute, malloc'ed. */
static char *directory_of(const char *path)
{
    char *resolved = realpath(path, NULL);
    char *slash = resolved != NULL ? strrchr(resolved, '/') : NULL;
    if (slash != NULL)
        *(slash == resolved ? slash + 1 : slash) = '\0';
    return resolved;
}

/* Makes one path absolute, in place. */
static int make_absolute(char value[TG_CONFIG_VALUE_SIZE], const char *directory, const char *home,
                         const char *key, struct tg_error *error)
{
    const char *base = directory;
    const char *rest = value;
    char path[2 * TG_CONFIG_VALUE_SIZE];
    if (*value == '\0' || *value == '/')
        return 0;
    if (strncmp(value, "~/", 2) == 0) {
        base = home;
        rest = value + 2;
    }
    if (base == NULL)
        return tg_fail(error, TG_client_config, "client.conf: %s: ~/ needs the environment variable HOME",
                       key);
    int length = snprintf(path, sizeof path, "%s/%s", base, rest);
    if (length < 0 || length >= TG_CONFIG_VALUE_SIZE)
        return tg_fail(error, TG_client_config, "client.conf: %s: the path is too long", key);
    memcpy(value, path, (size_t)length + 1);
    return 0;
}

/* KEY-cert.pub, for a key given as private key file or as .pub. */
static void derive_certificate(struct tg_client_config *config)
{
    size_t length = strlen(config->key);
    if (config->certificate[0] != '\0' || length == 0)
        return;
    if (length > 4 && strcmp(config->key + length - 4, ".pub") == 0)
        length -= 4;
    (void)snprintf(config->certificate, sizeof config->certificate, "%.*s-cert.pub", (int)length,
                   config->key);
}

int tg_client_config_read(const char *path, const char *home, struct tg_client_config *config,
                          struct tg_error *error)
{
    memset(config, 0, sizeof *config);
    if (tg_config_read(path, keys, sizeof keys / sizeof keys[0], config, error) != 0) {
        error->reason = TG_client_config; /* not a host's */
        return -1;
    }
    char *directory = directory_of(path);
    int result = -1;
    if (directory == NULL) {
        (void)tg_fail(error, TG_client_config, "%s: its directory cannot be found", path);
        goto out;
    }
    if (make_absolute(config->ca_file, directory, home, "ca_file", error) != 0 ||
        make_absolute(config->key, directory, home, "key", error) != 0 ||
        (!tg_web_key_is_meant(config->approval_key) &&
         make_absolute(config->approval_key, directory, home, "approval_key", error) != 0) ||
        make_absolute(config->certificate, directory, home, "certificate", error) != 0 ||
        make_absolute(config->root_signers, directory, home, "root_signers", error) != 0)
        goto out;
    if (config->approval_key[0] == '\0')
        memcpy(config->approval_key, config->key, sizeof config->approval_key);
    derive_certificate(config);
    result = 0;
out:
    free(directory);
    return result;
}
