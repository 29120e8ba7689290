/* SPDX-License-Identifier: BSD-2-Clause */
#include "certificate_authority/config.h"

#include <string.h>

static const struct tg_config_key keys[] = {
#define ENTRY(section_, key_, type_, fallback_, minimum_, maximum_, help_)                                   \
    {.section = #section_,                                                                                   \
     .key = #key_,                                                                                           \
     .type = type_,                                                                                          \
     .fallback = fallback_,                                                                                  \
     .minimum = minimum_,                                                                                    \
     .maximum = maximum_,                                                                                    \
     .offset = offsetof(struct tg_ca_config, section_##_##key_),                                             \
     .help = help_},
#define KEY_TEXT(section, key, fallback, help) ENTRY(section, key, TG_CONFIG_TEXT, fallback, 0, 0, help)
#define KEY_PATH(section, key, fallback, help) ENTRY(section, key, TG_CONFIG_PATH, fallback, 0, 0, help)
#define KEY_NUMBER(section, key, fallback, lowest, highest, help)                                            \
    ENTRY(section, key, TG_CONFIG_NUMBER, fallback, lowest, highest, help)
#include "certificate_authority/ca_config.def"
#undef KEY_TEXT
#undef KEY_PATH
#undef KEY_NUMBER
#undef ENTRY
};

int tg_ca_config_read(const char *path, struct tg_ca_config *config, struct tg_error *error)
{
    memset(config, 0, sizeof *config);
    return tg_config_read(path, keys, sizeof keys / sizeof keys[0], config, error);
}
