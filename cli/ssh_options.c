/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/ssh_options.h"

#include "cli/known_hosts.h"

#include <stdlib.h>
#include <string.h>

enum { SETTINGS = 4, AROUND = 2 * (SETTINGS + 1) + 5 };

char *tg_ssh_quote(const char *path)
{
    char *text = malloc(2 * strlen(path) + 3);
    char *to = text;
    if (text == NULL)
        return NULL;
    *to++ = '"';
    for (const char *at = path; *at != '\0'; at++) {
        if (*at == '"' || (unsigned char)*at < ' ') {
            free(text);
            return NULL;
        }
        if (*at == '%')
            *to++ = '%';
        *to++ = *at;
    }
    *to++ = '"';
    *to = '\0';
    return text;
}

/* One setting, "NAME=VALUE" or "NAME VALUE"; malloc'ed. */
static int set_path(const char *name, char between, const char *before, const char *path, char **out,
                    struct tg_error *error)
{
    char *quoted = path != NULL ? tg_ssh_quote(path) : NULL;
    if (quoted == NULL)
        return tg_fail(error, TG_client_config, "%s: ssh cannot be told this path: %s", name,
                       path != NULL ? path : "there is no HOME");
    int length = asprintf(out, "%s%c%s%s", name, between, before, quoted);
    free(quoted);
    if (length >= 0)
        return 0;
    *out = NULL;
    return tg_fail(error, TG_internal_error, "out of memory");
}

/* All settings, SETTINGS at most; the last ones may stay NULL. */
static int make_settings(const struct tg_client_config *config, const struct tg_policy *policy, char between,
                         char *settings[SETTINGS], struct tg_error *error)
{
    char *known_hosts = NULL;
    if (set_path("IdentityFile", between, "", config->key, &settings[0], error) != 0 ||
        set_path("CertificateFile", between, "", config->certificate, &settings[1], error) != 0)
        return -1;
    if (asprintf(&settings[2], "IdentitiesOnly%cyes", between) < 0) {
        settings[2] = NULL;
        return tg_fail(error, TG_internal_error, "out of memory");
    }
    if (policy->host_ca_count == 0)
        return 0;
    known_hosts = tg_person_file("known_hosts");
    /* ssh adds keys to the first file: ours is written anew at each login, and would lose them. */
    int result = set_path("UserKnownHostsFile", between, "~/.ssh/known_hosts ~/.ssh/known_hosts2 ",
                          known_hosts, &settings[3], error);
    free(known_hosts);
    return result;
}

static bool add(struct tg_ssh_options *options, const char *text)
{
    options->arguments[options->count] = strdup(text);
    return options->arguments[options->count++] != NULL;
}

static bool add_all(struct tg_ssh_options *options, char *const settings[SETTINGS],
                    const struct tg_policy *policy, const char *account, const char *host)
{
    char alias[300];
    bool good = add(options, "ssh");
    for (size_t i = 0; good && i < SETTINGS; i++)
        good = settings[i] == NULL || (add(options, "-o") && add(options, settings[i]));
    /* A host's certificate names it as tickets do, wherever ssh_config sends the connection. */
    (void)snprintf(alias, sizeof alias, "HostKeyAlias=%s", host);
    if (policy->host_ca_count > 0)
        good = good && add(options, "-o") && add(options, alias);
    return good && add(options, "-l") && add(options, account) && add(options, host);
}

int tg_ssh_options_make(const struct tg_client_config *config, const struct tg_policy *policy,
                        const char *account, const char *host, char *const *rest, int rest_count,
                        struct tg_ssh_options *out, struct tg_error *error)
{
    char *settings[SETTINGS] = {NULL};
    int result = -1;
    *out = (struct tg_ssh_options){0};
    if (host[0] == '-' || account[0] == '-')
        return tg_fail(error, TG_client_config, "%s@%s: ssh would take that for an option", account, host);
    if (make_settings(config, policy, '=', settings, error) != 0)
        goto out;
    out->arguments = calloc(AROUND + (size_t)rest_count + 1, sizeof *out->arguments);
    bool good = out->arguments != NULL && add_all(out, settings, policy, account, host);
    for (int i = 0; good && i < rest_count; i++)
        good = add(out, rest[i]);
    result = good ? 0 : tg_fail(error, TG_internal_error, "out of memory");
out:
    for (size_t i = 0; i < SETTINGS; i++)
        free(settings[i]);
    if (result != 0)
        tg_ssh_options_clear(out);
    return result;
}

void tg_ssh_options_clear(struct tg_ssh_options *options)
{
    for (size_t i = 0; i < options->count; i++)
        free(options->arguments[i]);
    free(options->arguments);
    *options = (struct tg_ssh_options){0};
}

int tg_ssh_options_print(const struct tg_client_config *config, const struct tg_policy *policy, FILE *to,
                         struct tg_error *error)
{
    char *settings[SETTINGS] = {NULL};
    int result = make_settings(config, policy, ' ', settings, error);
    for (size_t i = 0; i < SETTINGS; i++) {
        if (result == 0 && settings[i] != NULL)
            (void)fprintf(to, "    %s\n", settings[i]);
        free(settings[i]);
    }
    return result;
}
