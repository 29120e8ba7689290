/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The service's configuration: tegata-approvald.conf(5), from approval_service/service_config.def.
 */
#ifndef TEGATA_APPROVAL_SERVICE_CONFIG_H
#define TEGATA_APPROVAL_SERVICE_CONFIG_H

#include "lib/config.h"

struct tg_service_config {
#define KEY_TEXT(section, key, fallback, help)                    char key[TG_CONFIG_VALUE_SIZE];
#define KEY_PATH(section, key, fallback, help)                    char key[TG_CONFIG_VALUE_SIZE];
#define KEY_LIST(section, key, fallback, help)                    char key[TG_CONFIG_VALUE_SIZE];
#define KEY_NUMBER(section, key, fallback, lowest, highest, help) int64_t key;
#include "approval_service/service_config.def"
#undef KEY_TEXT
#undef KEY_PATH
#undef KEY_LIST
#undef KEY_NUMBER
};

#define TG_SERVICE_CONFIG_PATH TG_CONFIG_DIR "/approvald.conf"

/* Reads and completes the configuration: an empty authority becomes that of [listen]. error->reason is
 * config_bad. */
int tg_service_config_read(const char *path, struct tg_service_config *config, struct tg_error *error);

/* Reads a whole small file (a key, a token, root_signers). On 0, *text is malloc'ed, NUL-terminated; wipe it
 * if it is a secret. `secret`: refuse a file that others than its owner can read. */
int tg_service_read_file(const char *path, bool secret, char **text, size_t *length, struct tg_error *error);

#endif
