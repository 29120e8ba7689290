/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/config.h"

#define MEMBER(key) offsetof(struct tg_host_config, key)

static const struct tg_config_key keys[] = {
#define KEY_TEXT(section, key, fallback, help)                                                               \
    {#section, #key, TG_CONFIG_TEXT, fallback, 0, 0, NULL, MEMBER(key), help},
#define KEY_PATH(section, key, fallback, help)                                                               \
    {#section, #key, TG_CONFIG_PATH, fallback, 0, 0, NULL, MEMBER(key), help},
#define KEY_LIST(section, key, fallback, help)                                                               \
    {#section, #key, TG_CONFIG_LIST, fallback, 0, 0, NULL, MEMBER(key), help},
#define KEY_CHOICE(section, key, fallback, choices, help)                                                    \
    {#section, #key, TG_CONFIG_CHOICE, fallback, 0, 0, choices, MEMBER(key), help},
#define KEY_NUMBER(section, key, fallback, lowest, highest, help)                                            \
    {#section, #key, TG_CONFIG_NUMBER, fallback, lowest, highest, NULL, MEMBER(key), help},
#define KEY_BOOLEAN(section, key, fallback, help)                                                            \
    {#section, #key, TG_CONFIG_BOOLEAN, fallback, 0, 0, NULL, MEMBER(key), help},
#include "lib/host_config.def"
#undef KEY_TEXT
#undef KEY_PATH
#undef KEY_LIST
#undef KEY_CHOICE
#undef KEY_NUMBER
#undef KEY_BOOLEAN
};

int tg_host_config_read(const char *path, struct tg_host_config *config, struct tg_error *error)
{
    *config = (struct tg_host_config){0};
    return tg_config_read(path, keys, sizeof keys / sizeof keys[0], config, error);
}
