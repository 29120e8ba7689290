/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The authority's configuration: tegata-ca.conf(5), from certificate_authority/ca_config.def. A member is
 * named after section and key.
 */
#ifndef TEGATA_CERTIFICATE_AUTHORITY_CONFIG_H
#define TEGATA_CERTIFICATE_AUTHORITY_CONFIG_H

#include "lib/config.h"

struct tg_ca_config {
#define KEY_TEXT(section, key, fallback, help)                    char section##_##key[TG_CONFIG_VALUE_SIZE];
#define KEY_PATH(section, key, fallback, help)                    char section##_##key[TG_CONFIG_VALUE_SIZE];
#define KEY_NUMBER(section, key, fallback, lowest, highest, help) int64_t section##_##key;
#include "certificate_authority/ca_config.def"
#undef KEY_TEXT
#undef KEY_PATH
#undef KEY_NUMBER
};

#define TG_CA_CONFIG_PATH TG_CONFIG_DIR "/ca.conf"

/* error->reason is config_bad. */
int tg_ca_config_read(const char *path, struct tg_ca_config *config, struct tg_error *error);

#endif
