/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/host_certificate.h"

#include "agent/service_request.h"
#include "agent/state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    REQUEST_MS = 20000,
    ANSWER_MAX = TG_CERTIFICATE_MAX * 2,
    AGAIN_FIRST_MS = 5000,
    AGAIN_LAST_MS = 600000,
    AGAIN_DOUBLINGS = 7,
    LONGEST_S = 7 * 86400, /* until the next one is fetched */
    SHORTEST_S = 10,
};

static int refuse(struct tg_error *error, const char *what)
{
    return tg_fail(error, TG_host_certificate_bad, "host certificate: %s", what);
}

int tg_host_certificate_check(const struct tg_certificate *certificate, const struct tg_public_key *host_key,
                              const char *name, const struct tg_policy *policy, int64_t now,
                              struct tg_error *error)
{
    uint64_t time = now > 0 ? (uint64_t)now : 0;
    if (certificate->type != TG_CERTIFICATE_HOST)
        return refuse(error, "it is none for a host");
    if (!tg_bytes_equal(certificate->key->blob, host_key->blob))
        return refuse(error, "it is for another key");
    if (!tg_certificate_has_principal(certificate, name))
        return refuse(error, "it is for a host of another name");
    if (!tg_public_key_is_among(certificate->authority, policy->host_ca, policy->host_ca_count) ||
        tg_policy_revokes_key(policy, certificate->authority->fingerprint))
        return refuse(error, "its authority is not in the policy's host_ca, or revoked");
    if (certificate->critical_options.length != 0)
        return refuse(error, "it has critical options");
    if (time < certificate->valid_after || time >= certificate->valid_before)
        return refuse(error, "it is not valid now");
    return 0;
}

/* Half of what is left, as seconds from now. */
static int64_t time_to_next(const struct tg_certificate *certificate, int64_t now)
{
    uint64_t half = (certificate->valid_before - (uint64_t)now) / 2;
    if (half < SHORTEST_S)
        return SHORTEST_S;
    return half < LONGEST_S ? (int64_t)half : LONGEST_S;
}

static int write_file(struct tg_agent *agent, const char *line, struct tg_error *error)
{
    char *text = NULL;
    if (asprintf(&text, "%s\n", line) < 0)
        return tg_fail(error, TG_internal_error, "no memory for a host certificate");
    int result = tg_file_publish(agent->config.host_certificate, tg_bytes_of_text(text), error);
    free(text);
    return result;
}

int tg_host_certificate_take(struct tg_agent *agent, const char *line, struct tg_error *error)
{
    struct tg_certificate *certificate = NULL;
    int result = strchr(line, '\n') == NULL ? tg_certificate_parse_line(line, &certificate, error)
                                            : refuse(error, "more than one line");
    if (result == 0)
        result = tg_host_certificate_check(certificate, tg_signer_public_key(agent->signer),
                                           agent->config.name, agent->policy, agent->now, error);
    if (result == 0)
        result = write_file(agent, line, error);
    if (result == 0) {
        struct tg_host_certificate *held = &agent->host_certificate;
        held->due = agent->steady + time_to_next(certificate, agent->now) * 1000;
        held->failures = 0;
        memcpy(held->authority, certificate->authority->fingerprint, sizeof held->authority);
        tg_log(&agent->log, LOG_NOTICE, "host certificate with serial %" PRIu64 " for %" PRId64 " s",
               certificate->serial, (int64_t)(certificate->valid_before - (uint64_t)agent->now));
    }
    tg_certificate_free(certificate);
    return result;
}

/* --- Fetching
 * ------------------------------------------------------------------------------------------------------- */

/* Said once when it begins, then at every tenth try. The certificate in place stays good for half of its
 * time.
 */
static void failed(struct tg_agent *agent, const char *problem)
{
    struct tg_host_certificate *held = &agent->host_certificate;
    unsigned doublings = held->failures < AGAIN_DOUBLINGS ? held->failures : AGAIN_DOUBLINGS;
    int64_t pause = (int64_t)AGAIN_FIRST_MS << doublings;
    held->due = agent->steady + (pause < AGAIN_LAST_MS ? pause : AGAIN_LAST_MS);
    held->failures++;
    tg_log(&agent->log, held->failures % 10 == 1 ? LOG_WARNING : LOG_DEBUG,
           "no new host certificate: %s (attempt %u)", problem, held->failures);
}

static void fetched(struct tg_agent *agent, struct tg_transfer *transfer)
{
    char text[256];
    struct tg_error error;
    agent->host_certificate.transfer = NULL;
    if (!tg_transfer_is(transfer, 201) || transfer->answer == NULL) {
        failed(agent, tg_transfer_problem(transfer, text, sizeof text));
        return;
    }
    json_t *answer = json_loadb(transfer->answer, transfer->answer_length, JSON_REJECT_DUPLICATES, NULL);
    const char *line = json_string_value(json_object_get(answer, "certificate"));
    if (line == NULL)
        failed(agent, "the answer holds none");
    else if (agent->policy == NULL)
        failed(agent, "there is no policy");
    else if (tg_host_certificate_take(agent, line, &error) != 0)
        failed(agent, error.text);
    json_decref(answer);
}

static void fetch(struct tg_agent *agent)
{
    agent->host_certificate.transfer =
        tg_transfer_start(agent, &(struct tg_transfer_wish){.method = "POST",
                                                            .target = "/v1/host/certificate",
                                                            .body = strdup("{}"),
                                                            .timeout_ms = REQUEST_MS,
                                                            .answer_max = ANSWER_MAX,
                                                            .done = fetched});
    if (agent->host_certificate.transfer == NULL)
        failed(agent, "no request could be made");
}

/* Does the policy still name who has signed the one in place? */
static bool is_trusted(const struct tg_agent *agent)
{
    for (size_t i = 0; i < agent->policy->host_ca_count; i++) {
        if (strcmp(agent->policy->host_ca[i]->fingerprint, agent->host_certificate.authority) == 0)
            return true;
    }
    return false;
}

int64_t tg_host_certificate_turn(struct tg_agent *agent)
{
    struct tg_host_certificate *held = &agent->host_certificate;
    if (agent->config.host_certificate[0] == '\0' || agent->policy == NULL ||
        agent->policy->host_ca_count == 0 || held->transfer != NULL)
        return INT64_MAX;
    if (held->failures == 0 && held->authority[0] != '\0' && !is_trusted(agent)) {
        held->due = 0;
        held->authority[0] = '\0';
    }
    if (agent->steady >= held->due)
        fetch(agent);
    return held->transfer != NULL ? INT64_MAX : held->due;
}
