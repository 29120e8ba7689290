/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/agent_keys.h"

#include "cli/run.h"
#include "lib/base64.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 1024 * 1024 };

bool tg_agent_has_key(const struct tg_public_key *key)
{
    const char *const arguments[] = {"ssh-add", "-L", NULL};
    const char *socket_path = getenv("SSH_AUTH_SOCK");
    size_t size = tg_base64_encoded_size(key->blob.length);
    char *list = NULL;
    char *blob = malloc(size);
    bool found = false;
    if (socket_path != NULL && *socket_path != '\0' && blob != NULL &&
        tg_base64_encode(TG_BASE64, key->blob, blob, size) &&
        tg_run_output(arguments, LIST_MAX, &list, NULL) == 0)
        found = strstr(list, blob) != NULL;
    free(list);
    free(blob);
    return found;
}

int tg_agent_add_certificate(const char *path, int64_t seconds, bool keep_key, struct tg_error *error)
{
    char lifetime[24];
    const char *const both[] = {"ssh-add", "-q", "-t", lifetime, path, NULL};
    /* ssh-add of OpenSSH 9.2 cannot add a certificate alone: what it did to the key is put right. */
    const char *const key_only[] = {"ssh-add", "-q", "-k", path, NULL};
    (void)snprintf(lifetime, sizeof lifetime, "%" PRId64, seconds);
    if (tg_run(both, error) != 0)
        return -1;
    return keep_key ? tg_run(key_only, error) : 0;
}
