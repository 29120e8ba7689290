/* SPDX-License-Identifier: BSD-2-Clause
 *
 * /healthz, and /metrics in the Prometheus text format.
 */
#include "approval_service/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int tg_get_healthz(struct tg_service *service, const struct tg_http_request *request,
                   struct tg_http_answer *answer, struct tg_error *error)
{
    (void)request;
    if (tg_store_check(service->store, error) < 0)
        return -1;
    return tg_http_answer_json(answer, 200, json_pack("{s:s}", "status", "ok"), error);
}

static void head(FILE *stream, const char *name, const char *type, const char *help)
{
    (void)fprintf(stream, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_traffic(FILE *stream, const struct tg_service *service)
{
    head(stream, "tegata_answers_total", "counter", "HTTP answers by the first digit of their status.");
    for (unsigned class = 2; class < TG_STATUS_CLASSES; class ++)
        (void)fprintf(stream, "tegata_answers_total{class=\"%uxx\"} %" PRIu64 "\n", class,
                      service->counters.answers[class]);
    head(stream, "tegata_refusals_total", "counter", "Refused requests by reason code.");
    for (unsigned number = 0; number < TG_REASON_NUMBERS; number++) {
        if (service->counters.refusals[number] > 0)
            (void)fprintf(stream, "tegata_refusals_total{code=\"%s\"} %" PRIu64 "\n",
                          tg_reason_name(tg_reason_from_number(number)), service->counters.refusals[number]);
    }
    head(stream, "tegata_password_hashes_total", "counter", "Passwords hashed.");
    (void)fprintf(stream, "tegata_password_hashes_total %" PRIu64 "\n", service->counters.hashes);
    head(stream, "tegata_sign_ins_total", "counter", "Web sessions opened.");
    (void)fprintf(stream, "tegata_sign_ins_total %" PRIu64 "\n", service->counters.sign_ins);
    head(stream, "tegata_credentials_total", "counter", "Keys enrolled.");
    (void)fprintf(stream, "tegata_credentials_total %" PRIu64 "\n", service->counters.credentials);
    head(stream, "tegata_certificates_total", "counter", "Certificates issued, by whom they are for.");
    (void)fprintf(stream,
                  "tegata_certificates_total{for=\"person\"} %" PRIu64
                  "\ntegata_certificates_total{for=\"host\"} %" PRIu64 "\n",
                  service->counters.certificates, service->counters.host_certificates);
    head(stream, "tegata_waiting", "gauge", "Long polls that wait now.");
    (void)fprintf(stream, "tegata_waiting %zu\n", service->waiting.count);
}

static void write_contents(FILE *stream, const struct tg_service *service,
                           const struct tg_store_counts *counts)
{
    head(stream, "tegata_tickets", "gauge", "Tickets by state.");
    for (int state = TG_TICKET_PENDING; state <= TG_TICKET_EXHAUSTED; state++)
        (void)fprintf(stream, "tegata_tickets{state=\"%s\"} %" PRId64 "\n",
                      tg_ticket_state_name((enum tg_ticket_state)state), counts->tickets[state]);
    head(stream, "tegata_hosts", "gauge", "Enrolled hosts.");
    (void)fprintf(stream, "tegata_hosts %" PRId64 "\n", counts->hosts);
    head(stream, "tegata_revision", "counter",
         "Changes that hosts, or those who follow sessions, must learn of.");
    (void)fprintf(stream, "tegata_revision %" PRId64 "\n", counts->revision);
    if (service->policy == NULL)
        return;
    head(stream, "tegata_policy_serial", "gauge", "Serial of the policy in force.");
    (void)fprintf(stream, "tegata_policy_serial %" PRIu64 "\n", service->policy->serial);
    head(stream, "tegata_policy_expires_seconds", "gauge",
         "When the policy in force expires, in seconds since 1970.");
    (void)fprintf(stream, "tegata_policy_expires_seconds %" PRId64 "\n", service->policy->expires);
}

int tg_get_metrics(struct tg_service *service, const struct tg_http_request *request,
                   struct tg_http_answer *answer, struct tg_error *error)
{
    (void)request;
    struct tg_store_counts counts;
    if (tg_store_counts(service->store, &counts, error) < 0)
        return -1;
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    if (stream == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    write_traffic(stream, service);
    write_contents(stream, service, &counts);
    if (fclose(stream) != 0) {
        free(text);
        return tg_fail(error, TG_internal_error, "out of memory");
    }
    answer->status = 200;
    answer->text = text;
    return 0;
}
