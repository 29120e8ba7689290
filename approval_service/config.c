/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/config.h"

#include "lib/form.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 1 << 20 };

static const struct tg_config_key keys[] = {
#define ENTRY(section_, key_, type_, fallback_, minimum_, maximum_, help_)                                   \
    {.section = #section_,                                                                                   \
     .key = #key_,                                                                                           \
     .type = type_,                                                                                          \
     .fallback = fallback_,                                                                                  \
     .minimum = minimum_,                                                                                    \
     .maximum = maximum_,                                                                                    \
     .offset = offsetof(struct tg_service_config, key_),                                                     \
     .help = help_},
#define KEY_TEXT(section, key, fallback, help) ENTRY(section, key, TG_CONFIG_TEXT, fallback, 0, 0, help)
#define KEY_PATH(section, key, fallback, help) ENTRY(section, key, TG_CONFIG_PATH, fallback, 0, 0, help)
#define KEY_LIST(section, key, fallback, help) ENTRY(section, key, TG_CONFIG_LIST, fallback, 0, 0, help)
#define KEY_NUMBER(section, key, fallback, lowest, highest, help)                                            \
    ENTRY(section, key, TG_CONFIG_NUMBER, fallback, lowest, highest, help)
#include "approval_service/service_config.def"
#undef KEY_TEXT
#undef KEY_PATH
#undef KEY_LIST
#undef KEY_NUMBER
#undef ENTRY
};

/* host:port as it stands in a URL; port 443 is left out. */
static int complete_authority(struct tg_service_config *config, struct tg_error *error)
{
    if (config->authority[0] != '\0')
        return 0;
    bool six = strchr(config->address, ':') != NULL;
    char port[24] = "";
    if (config->port != 443)
        (void)snprintf(port, sizeof port, ":%lld", (long long)config->port);
    int length = snprintf(config->authority, sizeof config->authority, "%s%.900s%s%s", six ? "[" : "",
                          config->address, six ? "]" : "", port);
    if (length < 0 || (size_t)length >= sizeof config->authority)
        return tg_fail(error, TG_config_bad, "[listen] address is too long");
    return 0;
}

/* A path that may be empty. */
static int check_path(const char *key, const char *path, struct tg_error *error)
{
    return path[0] == '\0' || path[0] == '/' ? 0 : tg_fail(error, TG_config_bad, "%s must begin with /", key);
}

static int check_origins(const char *origins, struct tg_error *error)
{
    char list[TG_CONFIG_VALUE_SIZE];
    (void)snprintf(list, sizeof list, "%s", origins);
    char *rest = NULL;
    for (char *word = strtok_r(list, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        if (!tg_form_origin.matches(word))
            return tg_fail(error, TG_config_bad, "[page] origins: '%s' must be %s", word,
                           tg_form_origin.description);
    }
    return 0;
}

/* The name in an origin, without scheme and port. */
static void name_of_origin(const char *origin, char name[TG_CONFIG_VALUE_SIZE])
{
    const char *host = strstr(origin, "://");
    host = host == NULL ? origin : host + 3;
    size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    (void)snprintf(name, TG_CONFIG_VALUE_SIZE, "%.*s", (int)length, host);
}

/* May keys of this relying party be used in a page of this name? (WebAuthn, section 5.1.3) */
static bool is_registrable(const char *rp_id, const char *name)
{
    size_t long_length = strlen(name);
    size_t length = strlen(rp_id);
    return strcmp(rp_id, name) == 0 ||
           (long_length > length && strcmp(name + long_length - length, rp_id) == 0 &&
            name[long_length - length - 1] == '.');
}

static int complete_page(struct tg_service_config *config, struct tg_error *error)
{
    char name[TG_CONFIG_VALUE_SIZE];
    if (config->origin[0] == '\0')
        (void)snprintf(config->origin, sizeof config->origin, "https://%.1000s", config->authority);
    if (!tg_form_origin.matches(config->origin))
        return tg_fail(error, TG_config_bad, "[page] origin: '%s' must be %s", config->origin,
                       tg_form_origin.description);
    name_of_origin(config->origin, name);
    if (config->rp_id[0] == '\0')
        (void)snprintf(config->rp_id, sizeof config->rp_id, "%s", name);
    if (!is_registrable(config->rp_id, name))
        return tg_fail(error, TG_config_bad,
                       "[page] rp_id: '%s' is neither the name in the origin nor above it", config->rp_id);
    return check_origins(config->origins, error);
}

int tg_service_config_read(const char *path, struct tg_service_config *config, struct tg_error *error)
{
    memset(config, 0, sizeof *config);
    if (tg_config_read(path, keys, sizeof keys / sizeof keys[0], config, error) < 0)
        return -1;
    if (check_path("[enrolment] token_file", config->token_file, error) < 0 ||
        check_path("[page] directory", config->directory, error) < 0 ||
        check_path("[certificate_authority] socket", config->socket, error) < 0 ||
        check_path("[attestation] trust", config->trust, error) < 0)
        return -1;
    return complete_authority(config, error) < 0 ? -1 : complete_page(config, error);
}

static int check_file(int descriptor, const char *path, bool secret, struct tg_error *error)
{
    struct stat status;
    if (fstat(descriptor, &status) < 0)
        return tg_fail(error, TG_config_bad, "%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return tg_fail(error, TG_config_bad, "%s is not a regular file", path);
    if (secret && (status.st_mode & (S_IRWXO | S_IWGRP)) != 0)
        return tg_fail(error, TG_config_bad, "%s: others can read it; chmod 0600 or 0640", path);
    return 0;
}

int tg_service_read_file(const char *path, bool secret, char **text, size_t *length, struct tg_error *error)
{
    *text = NULL;
    *length = 0;
    int result = -1;
    char *buffer = NULL;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0)
        return tg_fail(error, TG_config_bad, "%s: %s", path, strerror(errno));
    if (check_file(descriptor, path, secret, error) < 0)
        goto out;
    buffer = malloc(FILE_SIZE_MAX + 1);
    if (buffer == NULL) {
        (void)tg_fail(error, TG_internal_error, "out of memory");
        goto out;
    }
    size_t used = 0;
    ssize_t count;
    while (used < FILE_SIZE_MAX && (count = read(descriptor, buffer + used, FILE_SIZE_MAX - used)) != 0) {
        if (count < 0 && errno != EINTR) {
            (void)tg_fail(error, TG_config_bad, "%s: %s", path, strerror(errno));
            goto out;
        }
        used += count > 0 ? (size_t)count : 0;
    }
    buffer[used] = '\0';
    if (used == 0 || used == FILE_SIZE_MAX || strlen(buffer) != used) {
        (void)tg_fail(error, TG_config_bad, "%s is empty, too long, or not text", path);
        goto out;
    }
    *text = buffer;
    *length = used;
    buffer = NULL;
    result = 0;
out:
    free(buffer);
    (void)close(descriptor);
    return result;
}
