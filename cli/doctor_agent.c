/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The agent and the service as seen from this host.
 */
#include "cli/client.h"
#include "cli/doctor.h"
#include "cli/duration.h"
#include "cli/trust.h"

#include "lib/agent_protocol.h"

#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CLOCK_REFUSES = 30, CLOCK_WARNS = 5, POLICY_ENDS_SOON = 7 * 86400, MANY_EVENTS = 1000 };

static const char area[] = "agent";
static const char service_area[] = "service";

static void examine_policy(struct tg_findings *findings, const json_t *status, int64_t now)
{
    char when[TG_DURATION_TEXT_SIZE];
    json_int_t serial = json_integer_value(json_object_get(status, "policy_serial"));
    int64_t expires = json_integer_value(json_object_get(status, "policy_expires"));
    if (serial == 0)
        tg_find(findings, TG_LEVEL_ERROR, area, "tegata policy publish FILE",
                "the agent has no policy: every login is refused");
    else if (expires <= now)
        tg_find(findings, TG_LEVEL_ERROR, area, "the root key holders must sign and publish a new policy",
                "policy %" JSON_INTEGER_FORMAT " expired %s: every login is refused", serial,
                tg_time_relative(expires, now, when));
    else
        tg_find(findings, expires < now + POLICY_ENDS_SOON ? TG_LEVEL_WARNING : TG_LEVEL_OK, area, NULL,
                "policy %" JSON_INTEGER_FORMAT " expires %s", serial, tg_time_relative(expires, now, when));
}

static void examine_contact(struct tg_findings *findings, const json_t *status,
                            const struct tg_host_config *config, int64_t now)
{
    char when[TG_DURATION_TEXT_SIZE];
    int64_t contact = json_integer_value(json_object_get(status, "last_contact"));
    int64_t age = now - contact;
    if (contact == 0)
        tg_find(findings, TG_LEVEL_ERROR, area,
                "look at the agent's log; is the host enrolled (tegata host enroll)?",
                "the agent has not reached the service since it was started");
    else if (age > config->lease_seconds)
        tg_find(findings, TG_LEVEL_WARNING, area, "check the network and the service",
                "the agent last reached the service %s; the lease is %" PRId64 " s",
                tg_time_relative(contact, now, when), config->lease_seconds);
    else
        tg_find(findings, TG_LEVEL_OK, area, NULL, "in step with the service");
    json_int_t offset = json_integer_value(json_object_get(status, "clock_offset"));
    if (offset > CLOCK_REFUSES)
        tg_find(findings, TG_LEVEL_ERROR, area,
                "set the clock, and keep it with NTP (timedatectl set-ntp true)",
                "the clock is off by %" JSON_INTEGER_FORMAT " s: every login is refused", offset);
    else if (offset > CLOCK_WARNS)
        tg_find(findings, TG_LEVEL_WARNING, area, "keep the clock with NTP (timedatectl set-ntp true)",
                "the clock is off by %" JSON_INTEGER_FORMAT " s", offset);
}

/* Only the agent knows whether the kernel takes the rules of confined accounts. */
static void examine_network(struct tg_findings *findings, const json_t *status)
{
    const char *problem = json_string_value(json_object_get(status, "network_problem"));
    if (problem != NULL && problem[0] != '\0')
        tg_find(
            findings, TG_LEVEL_ERROR, area,
            "tegatad needs CAP_NET_ADMIN (its unit has it) and a kernel with nf_tables: modprobe nf_tables",
            "confined accounts cannot be confined, so their sessions do not open (grant_failed): %.160s",
            problem);
}

void tg_doctor_status(struct tg_findings *findings, const char *text, const struct tg_host_config *config,
                      int64_t now)
{
    json_t *status = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(status)) {
        tg_find(findings, TG_LEVEL_ERROR, area, "update the host's packages together",
                "the agent's status cannot be read");
        json_decref(status);
        return;
    }
    const char *host = json_string_value(json_object_get(status, "host"));
    const char *version = json_string_value(json_object_get(status, "version"));
    json_int_t waiting = json_integer_value(json_object_get(status, "events_waiting"));
    if (host == NULL || strcmp(host, config->name) != 0)
        tg_find(findings, TG_LEVEL_ERROR, area, "systemctl reload tegatad",
                "the agent runs as host %.100s, tegata.conf says %.100s", host != NULL ? host : "?",
                config->name);
    if (version == NULL || strcmp(version, PACKAGE_VERSION) != 0)
        tg_find(findings, TG_LEVEL_WARNING, area, "restart tegatad after an update",
                "the agent is version %.40s, this command is " PACKAGE_VERSION,
                version != NULL ? version : "?");
    examine_policy(findings, status, now);
    examine_contact(findings, status, config, now);
    examine_network(findings, status);
    tg_doctor_teardown(findings, status, config);
    if (waiting > MANY_EVENTS)
        tg_find(findings, TG_LEVEL_WARNING, area, "check the network and the service",
                "%" JSON_INTEGER_FORMAT " events wait to be delivered", waiting);
    json_decref(status);
}

void tg_doctor_agent(struct tg_findings *findings, const struct tg_host_config *config, int64_t now)
{
    struct tg_agent_request request = {
        .kind = TG_AGENT_STATUS, .account = "", .service = "", .rhost = "", .connection = "", .key_type = ""};
    struct tg_agent_answer *answer = calloc(1, sizeof *answer);
    if (answer == NULL)
        return;
    int result = tg_agent_ask(config->socket, &request, TG_AGENT_DEADLINE_MS, answer);
    if (result != 0)
        tg_find(findings, TG_LEVEL_ERROR, area, "systemctl restart tegatad", "the agent does not answer: %s",
                strerror(-result));
    else if (answer->reason != TG_allowed)
        tg_find(findings, TG_LEVEL_ERROR, area, tg_reason_advice(answer->reason),
                "the agent refuses to say how it is: %s (run this as root)", tg_reason_name(answer->reason));
    else
        tg_doctor_status(findings, answer->text, config, now);
    free(answer);
}

/* The policy that the service hands out, verified with the host's own root keys; keeps nothing. */
static struct tg_policy *fetch_policy(struct tg_findings *findings, struct tg_client *client,
                                      const struct tg_client_config *config, int64_t now,
                                      struct tg_signed_policy *carrier)
{
    struct tg_problem problem;
    struct tg_error error = {0};
    struct tg_root_signers signers = {0};
    struct tg_policy *policy = NULL;
    json_t *answer = NULL;
    struct tg_call call = {.method = "GET", .target = "/v1/policy"};
    if (tg_client_call(client, &call, &answer, &problem) != 0) {
        tg_find(findings, TG_LEVEL_ERROR, service_area, problem.advice,
                "the service has no policy for us: %.160s %.120s", problem.text, problem.detail);
        return NULL;
    }
    if (tg_trust_root_signers(config, &signers, &error) != 0 ||
        tg_signed_policy_read(answer, carrier, &error) != 0 ||
        tg_policy_verify(tg_bytes_of(carrier->document, carrier->length), carrier->signatures,
                         carrier->signature_count, &signers, 0, now, &policy, &error) != 0) {
        tg_find(findings, TG_LEVEL_ERROR, service_area, tg_reason_advice(error.reason),
                "the service's policy is not to be trusted: %.240s", error.text);
        tg_signed_policy_clear(carrier);
        policy = NULL;
    } else {
        tg_find(findings, TG_LEVEL_OK, service_area, NULL, "policy %" PRIu64 " is signed by the root keys",
                policy->serial);
    }
    tg_root_signers_free(&signers);
    json_decref(answer);
    return policy;
}

struct tg_policy *tg_doctor_service(struct tg_findings *findings, const struct tg_host_config *config,
                                    int64_t now, struct tg_signed_policy *carrier)
{
    struct tg_problem problem;
    struct tg_client *client = NULL;
    struct tg_policy *policy = NULL;
    struct tg_client_config *as_client = calloc(1, sizeof *as_client);
    *carrier = (struct tg_signed_policy){0};
    if (as_client == NULL)
        return NULL;
    memcpy(as_client->url, config->url, sizeof as_client->url);
    memcpy(as_client->ca_file, config->ca_file, sizeof as_client->ca_file);
    memcpy(as_client->root_signers, config->root_signers, sizeof as_client->root_signers);
    as_client->root_threshold = config->root_threshold;
    if (tg_client_open(as_client, NULL, &client, &problem) != 0 || tg_client_health(client, &problem) != 0) {
        tg_find(findings, TG_LEVEL_ERROR, service_area, "check the network, and [service] in tegata.conf",
                "%.60s: %.240s", problem.text, problem.detail);
    } else {
        tg_find(findings, TG_LEVEL_OK, service_area, NULL, "%.200s answers", config->url);
        policy = fetch_policy(findings, client, as_client, now, carrier);
    }
    tg_client_close(client);
    free(as_client);
    return policy;
}
