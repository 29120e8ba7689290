/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/login.h"

#include "cli/agent_keys.h"
#include "cli/duration.h"
#include "cli/known_hosts.h"
#include "cli/login_certificate.h"
#include "cli/prompt.h"
#include "cli/signing_key.h"
#include "cli/web_key.h"
#include "lib/sign_in.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AUTHORITY_SIZE = 300, PROMPT_SIZE = TG_CONFIG_VALUE_SIZE + AUTHORITY_SIZE + 32 };

/* The first step: the password, for a nonce. On 0, *answer is the caller's. */
static int begin(struct tg_cli *cli, struct tg_link *link, const char *authority, json_t **answer,
                 struct tg_problem *problem)
{
    char prompt[PROMPT_SIZE];
    char password[TG_PROMPT_SECRET_SIZE];
    struct tg_error error = {0};
    *answer = NULL;
    (void)snprintf(prompt, sizeof prompt, "Password of %s at %s: ", cli->config.name, authority);
    if (tg_prompt_secret(TG_PROMPT_TERMINAL, prompt, password, sizeof password, &error) != 0)
        return tg_problem_from_error(problem, &error);
    json_t *secret = json_string(password);
    explicit_bzero(password, sizeof password);
    json_t *body = json_pack("{s:s, s:O?}", "person", cli->config.name, "password", secret);
    int result = tg_client_post_openly(link->client, "/v1/sign-ins", body, answer, problem);
    if (secret != NULL) /* jansson's copy of it, which nobody else can see any more */
        explicit_bzero((char *)(uintptr_t)json_string_value(secret), json_string_length(secret));
    json_decref(secret);
    return result;
}

/* Which key proves who one is: the login key itself if it is a security key, else the one for approvals. */
static int open_signer(struct tg_cli *cli, struct tg_link *link, const struct tg_public_key *login_key,
                       const json_t *credentials, struct tg_signer **signer, struct tg_problem *problem)
{
    const struct tg_person *person = tg_policy_person(link->trusted.policy, cli->config.name);
    bool itself = tg_key_type_is_security_key(login_key->type);
    const char *path = itself ? cli->config.key : cli->config.approval_key;
    struct tg_public_key *key = NULL;
    struct tg_error error = {0};
    *signer = NULL;
    if (!itself && tg_web_key_is_meant(path))
        return tg_web_key_choose(&cli->means, person, credentials, path, signer, problem);
    if (tg_signing_key_public(path, &key, NULL, &error) != 0)
        return tg_problem_from_error(problem, &error);
    const struct tg_person_key *entry = tg_person_key(person, key->fingerprint);
    bool security_key = tg_key_type_is_security_key(key->type);
    tg_public_key_free(key);
    if (entry == NULL)
        return tg_problem_set(problem, TG_sign_in_key, "%s", path);
    if (!security_key)
        return tg_problem_set(
            problem, TG_sign_in_software_key,
            "%s: name a security key as [person] approval_key in client.conf, or web for the one "
            "that you use on the page; or tegata login --web",
            path);
    if (tg_signing_key_open(&cli->means, path, itself ? "[person] key" : "[person] approval_key",
                            entry->user_verification, signer, NULL, &error) != 0)
        return tg_problem_from_error(problem, &error);
    return 0;
}

/* Signs the document and sends it. On 0, *answer is the caller's. */
static int sign_and_send(struct tg_link *link, struct tg_signer *signer, const struct tg_sign_in *sign_in,
                         json_t **answer, struct tg_problem *problem)
{
    struct tg_error error = {0};
    char *document = NULL;
    size_t length = 0;
    uint8_t *blob = NULL;
    size_t blob_length = 0;
    char *armored = NULL;
    int result = -1;
    if (tg_sign_in_compose(TG_SIGN_IN_CERTIFICATE, sign_in, &document, &length) != 0) {
        (void)tg_problem_set(problem, TG_internal_error, "the sign-in cannot be written");
        goto out;
    }
    if (tg_signer_sign(signer, TG_NAMESPACE_CERTIFICATE, tg_bytes_of(document, length), &blob, &blob_length,
                       &error) != 0) {
        (void)tg_problem_from_error(problem, &error);
        goto out;
    }
    if (tg_sshsig_armor(tg_bytes_of(blob, blob_length), &armored) != 0) {
        (void)tg_problem_set(problem, TG_internal_error, "out of memory");
        goto out;
    }
    result = tg_client_post_openly(
        link->client, "/v1/certificates",
        json_pack("{s:s%, s:s}", "document", document, length, "signature", armored), answer, problem);
out:
    free(armored);
    free(blob);
    free(document);
    return result;
}

/* The second step. On 0, *line is malloc'ed. */
static int finish(struct tg_cli *cli, struct tg_link *link, const struct tg_login_wish *wish,
                  const struct tg_public_key *key, const char *authority, const json_t *begun, char **line,
                  struct tg_problem *problem)
{
    struct tg_signer *signer = NULL;
    struct tg_sign_in sign_in = {
        .at = time(NULL), .person = cli->config.name, .service = authority, .seconds = wish->seconds};
    json_t *answer = NULL;
    int result = -1;
    const char *nonce = json_string_value(json_object_get(begun, "nonce"));
    char *key_line = tg_public_key_line(key);
    *line = NULL;
    if (nonce == NULL || strlen(nonce) != sizeof sign_in.nonce - 1 || key_line == NULL) {
        (void)tg_problem_set(problem, TG_internal_error, "the service answered a sign-in without a nonce");
        goto out;
    }
    memcpy(sign_in.nonce, nonce, sizeof sign_in.nonce);
    sign_in.key = key_line;
    if (open_signer(cli, link, key, json_object_get(begun, "credentials"), &signer, problem) != 0 ||
        sign_and_send(link, signer, &sign_in, &answer, problem) != 0)
        goto out;
    const char *certificate = json_string_value(json_object_get(answer, "certificate"));
    *line = certificate != NULL ? strdup(certificate) : NULL;
    if (*line == NULL)
        (void)tg_problem_set(problem, TG_certificate_unexpected, "it answered without one");
    else
        result = 0;
out:
    json_decref(answer);
    tg_signer_free(signer);
    free(key_line);
    return result;
}

/* Into the agent, where that is wished or the key is there already. Only told if it fails: the file does as
 * well. */
static void hand_to_agent(struct tg_cli *cli, const struct tg_login_wish *wish,
                          const struct tg_public_key *key, int64_t seconds)
{
    struct tg_error error = {0};
    const char *path = cli->config.key;
    size_t length = strlen(path);
    bool there = tg_agent_has_key(key);
    bool private_file = length < 4 || strcmp(path + length - 4, ".pub") != 0;
    bool beside = strncmp(cli->config.certificate, path, length) == 0 &&
                  strcmp(cli->config.certificate + length, "-cert.pub") == 0;
    if (!wish->agent && !(there && private_file && beside))
        return;
    if (!private_file || !beside)
        tg_line(&cli->err,
                "It is not in ssh-agent: that needs the private key file, and the certificate beside it "
                "as KEY-cert.pub.");
    else if (tg_agent_add_certificate(path, seconds, there, &error) != 0)
        tg_line(&cli->err, "It is not in ssh-agent: %s", error.text);
    else
        tg_line(&cli->err, "ssh-agent has it, too.");
}

int tg_login_take(struct tg_cli *cli, struct tg_link *link, const struct tg_login_wish *wish,
                  const struct tg_public_key *key, const char *line, struct tg_problem *problem)
{
    struct tg_certificate *certificate = NULL;
    struct tg_error error = {0};
    char until[TG_TIME_TEXT_SIZE];
    char relative[TG_DURATION_TEXT_SIZE];
    int64_t now = time(NULL);
    int result = -1;
    if (tg_certificate_parse_line(line, &certificate, &error) != 0 ||
        tg_login_certificate_check(certificate, link->trusted.policy, cli->config.name, key, wish->seconds,
                                   now, &error) != 0 ||
        tg_login_certificate_keep(&cli->config, line, &error) != 0 ||
        tg_known_hosts_write(link->trusted.policy, &error) != 0) {
        (void)tg_problem_from_error(problem, &error);
    } else {
        int64_t ends = (int64_t)certificate->valid_before;
        tg_line(&cli->err, "Certificate %s is good until %s (%s): %s", certificate->key_id,
                tg_time_text(ends, until), tg_time_relative(ends, now, relative), cli->config.certificate);
        hand_to_agent(cli, wish, key, ends - now);
        result = 0;
    }
    tg_certificate_free(certificate);
    return result;
}

int tg_login(struct tg_cli *cli, struct tg_link *link, const struct tg_login_wish *wish,
             struct tg_problem *problem)
{
    char authority[AUTHORITY_SIZE];
    struct tg_public_key *key = NULL;
    struct tg_error error = {0};
    json_t *begun = NULL;
    char *line = NULL;
    int result = -1;
    if (tg_signing_key_public(cli->config.key, &key, NULL, &error) != 0 ||
        tg_client_authority(cli->config.url, authority, sizeof authority, &error) != 0)
        (void)tg_problem_from_error(problem, &error);
    else if (wish->web ? tg_login_on_page(cli, link, wish, key, &line, problem) == 0
                       : begin(cli, link, authority, &begun, problem) == 0 &&
                             finish(cli, link, wish, key, authority, begun, &line, problem) == 0)
        result = tg_login_take(cli, link, wish, key, line, problem);
    free(line);
    json_decref(begun);
    tg_public_key_free(key);
    return result;
}

int tg_command_login(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    struct tg_login_wish wish = {
        .web = tg_argument(arguments, "web") != NULL,
        .open = tg_argument(arguments, "open") != NULL,
        .agent = tg_argument(arguments, "agent") != NULL,
    };
    const char *length = tg_argument(arguments, "for");
    if (length != NULL && !tg_duration_parse(length, &wish.seconds))
        return tg_cli_usage(cli, "login: --for %s: that is no duration; write 30m, 2h or 1h30m", length);
    if (wish.open && !wish.web)
        return tg_cli_usage(cli, "login: --open goes with --web");
    if (tg_link_open(cli, TG_LINK_PERSON, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    int result = tg_login(cli, &link, &wish, &problem);
    tg_link_close(&link);
    return result == 0 ? TG_EXIT_OK : tg_cli_complain(cli, &problem);
}
