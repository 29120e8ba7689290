/* SPDX-License-Identifier: BSD-2-Clause */
#include "pam_module/settings.h"

#include <string.h>

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int take_purpose(struct tg_pam_settings *settings, const char *word, struct tg_error *error)
{
    if (strcmp(word, "login") == 0)
        settings->purpose = TG_PAM_FOR_LOGIN;
    else if (strcmp(word, "sudo") == 0)
        settings->purpose = TG_PAM_FOR_SUDO;
    else if (strcmp(word, "job") == 0)
        settings->purpose = TG_PAM_FOR_JOB;
    else
        return tg_fail(error, TG_config_bad, "option 'for=%s': must be for=login, for=sudo or for=job", word);
    return 0;
}

static int take_option(struct tg_pam_settings *settings, const char *option, struct tg_error *error)
{
    if (strcmp(option, "debug") == 0)
        settings->debug = true;
    else if (starts_with(option, "exempt="))
        settings->exempt = option + strlen("exempt=");
    else if (starts_with(option, "conf=/"))
        settings->conf_path = option + strlen("conf=");
    else if (starts_with(option, "conf="))
        return tg_fail(error, TG_config_bad, "option '%s': the path must begin with /", option);
    else if (starts_with(option, "for="))
        return take_purpose(settings, option + strlen("for="), error);
    else
        return tg_fail(error, TG_config_bad,
                       "option '%s' is not known; there are conf=PATH, debug, exempt=NAME,NAME, for=PURPOSE",
                       option);
    return 0;
}

int tg_pam_settings_options(struct tg_pam_settings *settings, int argc, const char **argv,
                            struct tg_error *error)
{
    settings->conf_path = TG_HOST_CONFIG_PATH;
    settings->exempt = "";
    settings->debug = false;
    settings->purpose = TG_PAM_FOR_LOGIN;
    for (int i = 0; i < argc; i++) {
        if (take_option(settings, argv[i], error) != 0)
            return -1;
    }
    return 0;
}

int tg_pam_settings_file(struct tg_pam_settings *settings, struct tg_error *error)
{
    static const char fallback[] = TG_RUNTIME_DIR "/agent.sock";
    int result = tg_host_config_read(settings->conf_path, &settings->host, error);
    if (result == 0)
        return 0;
    settings->host = (struct tg_host_config){0};
    memcpy(settings->host.socket, fallback, sizeof fallback);
    return result;
}

bool tg_pam_exempt_option_has(const char *exempt, const char *name)
{
    size_t length = strlen(name);
    while (length > 0 && *exempt != '\0') {
        size_t here = strcspn(exempt, ",");
        if (here == length && memcmp(exempt, name, length) == 0)
            return true;
        exempt += here;
        exempt += strspn(exempt, ",");
    }
    return false;
}
