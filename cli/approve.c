/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata approve: shows the ticket from its own bytes, warns, asks, and signs.
 */
#include "cli/duration.h"
#include "cli/extension.h"
#include "cli/fetch.h"
#include "cli/link.h"
#include "cli/render.h"
#include "cli/signing_key.h"
#include "cli/web_key.h"
#include "lib/code_words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Asks on the terminal itself, so that neither a pipe nor a script answers by accident. */
static int confirm(struct tg_cli *cli, const char *id, struct tg_problem *problem)
{
    char answer[16] = "";
    FILE *terminal = fopen("/dev/tty", "r+e");
    if (terminal == NULL || !isatty(STDIN_FILENO)) {
        if (terminal != NULL)
            (void)fclose(terminal);
        return tg_problem_set(problem, TG_not_confirmed,
                              "there is no terminal to ask on: look at the ticket with tegata show %s, "
                              "then add --yes",
                              id);
    }
    (void)fflush(cli->out.stream);
    (void)fprintf(terminal, "approve %s? type yes: ", id);
    (void)fflush(terminal);
    bool agreed = fgets(answer, sizeof answer, terminal) != NULL && strcmp(answer, "yes\n") == 0;
    (void)fclose(terminal);
    if (!agreed)
        return tg_problem_set(problem, TG_not_confirmed, "%s was not approved: you did not type yes", id);
    return 0;
}

/* What makes an approval pointless is refused before anybody is asked to touch a key. */
static int check_approvable(const struct tg_cli *cli, const struct tg_policy *policy,
                            const struct tg_ticket_view *view, struct tg_problem *problem)
{
    const struct tg_ticket *ticket = view->held.ticket;
    int64_t now = time(NULL);
    const struct tg_person *approver = tg_policy_person(policy, cli->config.name);
    if (view->held.state != TG_TICKET_PENDING)
        return tg_problem_set(problem, TG_ticket_state, "%s is %s", ticket->id,
                              tg_ticket_state_name(view->held.state));
    if (now > ticket->approve_by)
        return tg_problem_set(problem, TG_approval_late, "%s had to be approved before now", ticket->id);
    if (strcmp(ticket->requester, cli->config.name) == 0)
        return tg_problem_set(problem, TG_approval_by_requester, "%s is your own", ticket->id);
    if (approver->disabled)
        return tg_problem_set(problem, TG_approver_disabled, "%s", cli->config.name);
    if (view->covered != TG_allowed)
        return tg_problem_set(problem, view->covered, "%s: %s", ticket->rule, view->uncovered);
    for (size_t i = 0; i < view->rule->approver_count; i++) {
        if (tg_person_in_group(approver, view->rule->approvers[i].group))
            return 0;
    }
    return tg_problem_set(problem, TG_approval_not_in_group, "rule %s does not name a group of %s",
                          ticket->rule, cli->config.name);
}

/* The approver's key must be one that hosts will accept from this person. */
static int check_key(const struct tg_cli *cli, const struct tg_policy *policy, const struct tg_rule *rule,
                     const struct tg_public_key *key, struct tg_problem *problem)
{
    const struct tg_person *approver = tg_policy_person(policy, cli->config.name);
    const struct tg_person_key *entry = tg_person_key(approver, key->fingerprint);
    if (entry == NULL)
        return tg_problem_set(problem, TG_approver_unknown,
                              "the policy does not list %s for %s: set [person] approval_key in client.conf",
                              key->fingerprint, cli->config.name);
    if (rule->hardware_key && !(entry->attested && tg_key_type_is_security_key(key->type)))
        return tg_problem_set(problem, TG_approval_software_key, "rule %s wants an attested security key",
                              rule->id);
    return 0;
}

/* Opens the approver's key; nobody is asked for anything yet. */
static int open_key(struct tg_cli *cli, struct tg_link *link, const struct tg_rule *rule,
                    struct tg_signer **signer, struct tg_problem *problem)
{
    struct tg_public_key *key = NULL;
    struct tg_error error = {0};
    const char *path = cli->config.approval_key;
    if (tg_web_key_is_meant(path))
        return tg_web_key_open(cli, link, signer, problem);
    if (tg_signing_key_public(path, &key, NULL, &error) != 0)
        return tg_problem_from_error(problem, &error);
    const struct tg_person_key *entry =
        tg_person_key(tg_policy_person(link->trusted.policy, cli->config.name), key->fingerprint);
    bool user_verification = rule->user_verification || (entry != NULL && entry->user_verification);
    tg_public_key_free(key);
    if (tg_signing_key_open(&cli->means, path, "[person] approval_key", user_verification, signer, NULL,
                            &error) != 0)
        return tg_problem_from_error(problem, &error);
    return 0;
}

static void show_for_approval(struct tg_cli *cli, struct tg_link *link, const struct tg_ticket_view *view,
                              uint32_t seconds)
{
    const struct tg_policy *policy = link->trusted.policy;
    char warnings[TG_WARNINGS_MAX][TG_WARNING_SIZE];
    char text[TG_DURATION_TEXT_SIZE];
    const struct tg_output *out = cli->json ? &cli->err : &cli->out;
    int64_t now = time(NULL);
    tg_render_ticket(out, view->held.ticket, now);
    tg_render_standing(out, view, now);
    if (seconds > 0)
        tg_field(out, "shortened", "to %s by your approval", tg_duration_text(seconds, text));
    tg_render_extension(out, link, view, seconds, now);
    size_t count = tg_ticket_warnings(policy, view, cli->config.name, now, warnings);
    for (size_t i = 0; i < count; i++)
        tg_field_styled(out, TG_STYLE_WARNING, "warning", "%s", warnings[i]);
}

/* Signs the approval and sends it. */
static int sign_and_send(struct tg_cli *cli, struct tg_link *link, const struct tg_ticket_view *view,
                         struct tg_signer *signer, uint32_t seconds, json_t **answer,
                         struct tg_problem *problem)
{
    struct tg_error error = {0};
    char *document = NULL;
    size_t length = 0;
    uint8_t *blob = NULL;
    size_t blob_length = 0;
    char *armored = NULL;
    char target[64];
    int result = -1;
    if (tg_approval_compose(view->held.ticket, cli->config.name, time(NULL), seconds, &document, &length) !=
        0) {
        (void)tg_problem_set(problem, TG_internal_error, "the approval cannot be written");
        goto out;
    }
    if (tg_signer_sign(signer, TG_NAMESPACE_APPROVAL, tg_bytes_of(document, length), &blob, &blob_length,
                       &error) != 0) {
        (void)tg_problem_from_error(problem, &error);
        goto out;
    }
    if (tg_sshsig_armor(tg_bytes_of(blob, blob_length), &armored) != 0) {
        (void)tg_problem_set(problem, TG_internal_error, "out of memory");
        goto out;
    }
    (void)snprintf(target, sizeof target, "/v1/tickets/%s/approvals", view->held.ticket->id);
    result = tg_client_post(link->client, target,
                            json_pack("{s:s%, s:s}", "document", document, length, "signature", armored),
                            answer, problem);
out:
    free(armored);
    free(blob);
    free(document);
    return result;
}

/* What the ticket still lacks after this approval. */
static int report(struct tg_cli *cli, struct tg_link *link, const struct tg_ticket *approved, json_t *answer,
                  struct tg_problem *problem)
{
    struct tg_ticket_view view;
    char code[TG_CODE_WORDS_SIZE];
    char until[TG_TIME_TEXT_SIZE];
    if (cli->json) {
        tg_output_json(&cli->out, answer);
        return TG_EXIT_OK;
    }
    if (tg_ticket_view_read(answer, link->trusted.policy, time(NULL), &view, problem) != 0)
        return -1;
    const struct tg_ticket *ticket = view.held.ticket;
    if (strcmp(ticket->digest, approved->digest) != 0) {
        tg_ticket_view_clear(&view);
        return tg_problem_set(problem, TG_ticket_malformed,
                              "the service answered the approval of %s with another ticket: do not trust it",
                              approved->id);
    }
    tg_line(&cli->out, "You approved %s (code %s).", ticket->id, tg_code_words(ticket->digest, code));
    bool complete = true;
    for (size_t i = 0; view.rule != NULL && i < view.rule->approver_count; i++) {
        if (view.missing[i] == 0)
            continue;
        complete = false;
        tg_field(&cli->out, "missing", "%" PRIu32 " from group %s", view.missing[i],
                 view.rule->approvers[i].group);
    }
    if (complete && view.ends > 0)
        tg_line(&cli->out, "It has all its approvals: valid until %s.", tg_time_text(view.ends, until));
    else
        tg_render_approvers(&cli->out, &view);
    tg_ticket_view_clear(&view);
    return TG_EXIT_OK;
}

static int approve(struct tg_cli *cli, struct tg_link *link, const char *id, bool yes, uint32_t seconds,
                   struct tg_problem *problem)
{
    struct tg_ticket_view view = {0};
    struct tg_signer *signer = NULL;
    const struct tg_policy *policy = link->trusted.policy;
    json_t *answer = NULL;
    int status = -1;
    if (tg_fetch_ticket(link, id, &view, problem) != 0)
        goto out;
    show_for_approval(cli, link, &view, seconds);
    if (check_approvable(cli, policy, &view, problem) != 0)
        goto out;
    if (open_key(cli, link, view.rule, &signer, problem) != 0 ||
        check_key(cli, policy, view.rule, tg_signer_public_key(signer), problem) != 0 ||
        (!yes && confirm(cli, id, problem) != 0))
        goto out;
    if (sign_and_send(cli, link, &view, signer, seconds, &answer, problem) == 0)
        status = report(cli, link, view.held.ticket, answer, problem);
out:
    json_decref(answer);
    tg_signer_free(signer);
    tg_ticket_view_clear(&view);
    return status;
}

int tg_command_approve(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    uint32_t seconds = 0;
    const char *length = tg_argument(arguments, "for");
    if (length != NULL && !tg_duration_parse(length, &seconds))
        return tg_cli_usage(cli, "approve: --for %s: that is no duration; write 30m, 2h or 1h30m", length);
    if (tg_link_open(cli, TG_LINK_PERSON, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    int status =
        approve(cli, &link, arguments->operands[0], tg_argument(arguments, "yes") != NULL, seconds, &problem);
    tg_link_close(&link);
    return status < 0 ? tg_cli_complain(cli, &problem) : status;
}
