/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/web_key.h"

#include "lib/base64.h"

#include <string.h>

enum { CREDENTIAL_ID_MAX = 1023 }; /* WebAuthn Level 2 section 4 */

static const char prefix[] = "web:";

bool tg_web_key_is_meant(const char *approval_key)
{
    return strcmp(approval_key, "web") == 0 || strncmp(approval_key, prefix, strlen(prefix)) == 0;
}

/* One credential, if the policy has it as a WebAuthn key of the person, and `wanted` (may be NULL) is it. */
static const struct tg_person_key *find_entry(const struct tg_person *person, const json_t *credential,
                                              const char *wanted, uint8_t id[CREDENTIAL_ID_MAX],
                                              size_t *length)
{
    const char *fingerprint = json_string_value(json_object_get(credential, "fingerprint"));
    const char *text = json_string_value(json_object_get(credential, "id"));
    if (fingerprint == NULL || text == NULL || (wanted != NULL && strcmp(wanted, fingerprint) != 0))
        return NULL;
    const struct tg_person_key *entry = tg_person_key(person, fingerprint);
    if (entry == NULL || entry->origin == NULL || entry->rp_id == NULL ||
        entry->key->type != TG_KEY_SK_ECDSA_P256 || strcmp(entry->key->application, entry->rp_id) != 0 ||
        !tg_base64_decode(TG_BASE64URL, tg_bytes_of_text(text), id, CREDENTIAL_ID_MAX, length) ||
        *length == 0)
        return NULL;
    return entry;
}

int tg_web_key_choose(const struct tg_signing_means *means, const struct tg_person *person,
                      const json_t *credentials, const char *approval_key, struct tg_signer **signer,
                      struct tg_problem *problem)
{
    const char *wanted =
        strncmp(approval_key, prefix, strlen(prefix)) == 0 ? approval_key + strlen(prefix) : NULL;
    const struct tg_person_key *found = NULL;
    uint8_t ids[2][CREDENTIAL_ID_MAX]; /* the one found, and the one looked at */
    size_t lengths[2] = {0, 0};
    size_t index = 0;
    const json_t *credential = NULL;
    struct tg_error error = {0};
    *signer = NULL;
    if (means->devices == NULL)
        return tg_problem_set(problem, TG_security_key_none, "this program knows no devices");
    json_array_foreach(credentials, index, credential)
    {
        const struct tg_person_key *entry = find_entry(person, credential, wanted, ids[1], &lengths[1]);
        if (entry == NULL)
            continue;
        bool here = tg_security_key_is_here(means->devices, entry->key, tg_bytes_of(ids[1], lengths[1]));
        if (found == NULL || here) {
            found = entry;
            memcpy(ids[0], ids[1], lengths[1]);
            lengths[0] = lengths[1];
        }
        if (here)
            break;
    }
    if (found == NULL)
        return tg_problem_set(problem, TG_web_key_unknown, "%s of %s", wanted != NULL ? wanted : "any key",
                              person->name);
    struct tg_security_signer_wish wish = {.key = found->key,
                                           .credential = tg_bytes_of(ids[0], lengths[0]),
                                           .origin = found->origin,
                                           .user_verification = true};
    if (tg_signer_from_security_key(means, &wish, signer, &error) != 0)
        return tg_problem_from_error(problem, &error);
    return 0;
}

int tg_web_key_open(struct tg_cli *cli, struct tg_link *link, struct tg_signer **signer,
                    struct tg_problem *problem)
{
    json_t *answer = NULL;
    const struct tg_person *person = tg_policy_person(link->trusted.policy, cli->config.name);
    *signer = NULL;
    if (tg_client_get(link->client, "/v1/credentials", &answer, problem) != 0)
        return -1;
    int result = tg_web_key_choose(&cli->means, person, json_object_get(answer, "credentials"),
                                   cli->config.approval_key, signer, problem);
    json_decref(answer);
    return result;
}
