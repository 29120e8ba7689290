/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The configuration of the command tegata: tegata-client.conf(5).
 */
#ifndef TEGATA_CLI_CLIENT_CONFIG_H
#define TEGATA_CLI_CLIENT_CONFIG_H

#include "lib/config.h"

struct tg_client_config {
#define KEY_TEXT(section, key, fallback, help)                    char key[TG_CONFIG_VALUE_SIZE];
#define KEY_NUMBER(section, key, fallback, lowest, highest, help) int64_t key;
#include "cli/client_config.def"
#undef KEY_TEXT
#undef KEY_NUMBER
};

/* Which file is read: `given` (--config) if not NULL, else $TEGATA_CONFIG, else $XDG_CONFIG_HOME or ~/.config
 * with /tegata/client.conf if that exists, else /etc/tegata/client.conf. malloc'ed. */
char *tg_client_config_path(const char *given);

/* Reads the file at `path`, makes its paths absolute, and fills in what follows from other keys
 * (approval_key, certificate). `home` is what ~/ stands for; NULL: ~/ is an error. */
int tg_client_config_read(const char *path, const char *home, struct tg_client_config *config,
                          struct tg_error *error);

#endif
