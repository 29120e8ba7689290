/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ssh_agent.h"

#include "lib/ssh_agent_ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEADLINE_MS = 60000 }; /* somebody may have to touch a key */

static int explain(int result, const struct tg_ssh_agent_question *question, const struct tg_public_key *key,
                   struct tg_error *error)
{
    if (result == -EPROTO)
        return tg_fail(error, TG_key_unusable, "ssh-agent will not sign with %s; is it there (ssh-add -l)?",
                       key->fingerprint);
    return tg_fail(error, TG_key_unusable, "ssh-agent at %s: %s; is SSH_AUTH_SOCK right?",
                   question->socket_path, strerror(-result));
}

int tg_ssh_agent_sign(const char *socket_path, const struct tg_public_key *key, struct tg_bytes data,
                      uint8_t **signature, size_t *length, struct tg_error *error)
{
    uint8_t answer[TG_SSH_AGENT_ANSWER_MAX];
    struct tg_bytes blob;
    struct tg_ssh_agent_question question = {.socket_path = socket_path,
                                             .key = key->blob,
                                             .data = data,
                                             .flags = key->type == TG_KEY_RSA ? TG_SSH_AGENT_RSA_SHA2_512 : 0,
                                             .deadline_ms = DEADLINE_MS};
    *signature = NULL;
    *length = 0;
    int result = tg_ssh_agent_ask(&question, answer, &blob);
    if (result != 0)
        return explain(result, &question, key, error);
    *signature = malloc(blob.length);
    if (*signature == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    memcpy(*signature, blob.data, blob.length);
    *length = blob.length;
    return 0;
}
