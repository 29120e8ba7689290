/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A configuration file with every type of key.
 */
#include "lib/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sample {
    char text[TG_CONFIG_VALUE_SIZE];
    char path[TG_CONFIG_VALUE_SIZE];
    char list[TG_CONFIG_VALUE_SIZE];
    char choice[TG_CONFIG_VALUE_SIZE];
    int64_t number;
    bool flag;
};

static const struct tg_config_key keys[] = {
    {"main", "text", TG_CONFIG_TEXT, "", 0, 0, NULL, offsetof(struct sample, text), ""},
    {"main", "path", TG_CONFIG_PATH, "/x", 0, 0, NULL, offsetof(struct sample, path), ""},
    {"main", "list", TG_CONFIG_LIST, "", 0, 0, NULL, offsetof(struct sample, list), ""},
    {"more", "choice", TG_CONFIG_CHOICE, "a", 0, 0, "a b", offsetof(struct sample, choice), ""},
    {"more", "number", TG_CONFIG_NUMBER, "1", -10, 100, NULL, offsetof(struct sample, number), ""},
    {"more", "flag", TG_CONFIG_BOOLEAN, "no", 0, 0, NULL, offsetof(struct sample, flag), ""},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sample sample;
    struct tg_error error = {.text = ""};
    memset(&sample, 0, sizeof sample);
    int result =
        tg_config_parse((const char *)data, size, "f", keys, sizeof keys / sizeof keys[0], &sample, &error);
    if (result != 0 && error.text[0] == '\0')
        abort();
    if (result == 0 && (sample.path[0] != '/' || sample.number < -10 || sample.number > 100 ||
                        (strcmp(sample.choice, "a") != 0 && strcmp(sample.choice, "b") != 0)))
        abort();
    return 0;
}
