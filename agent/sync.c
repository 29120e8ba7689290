/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keeping in step with the approval service: the long poll, the delivery of events, the ends of counted
 * sessions.
 */
#include "agent/clients.h"
#include "agent/service_request.h"
#include "agent/state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    POLL_WAIT_S = 10,
    POLL_EXTRA_MS = 10000, /* beyond the wait, for connecting and for the answer to arrive */
    CHECK_MS = 2000,
    SMALL_REQUEST_MS = 20000,
    SMALL_ANSWER_MAX = 65536,
    BACKOFF_FIRST_MS = 500,
    BACKOFF_LAST_MS = 30000,
    BURST_MAX = 20, /* polls a second */
    REPORT_AGAIN_MS = 10000,
    CONTACT_SAVE_MS = 300000,
};

/* Doubles with each failure up to 30 s; a random half of it, so that hosts do not come back all at once. */
static int64_t backoff_ms(unsigned int failures)
{
    uint16_t random = 0;
    int64_t longest =
        failures > 6 ? BACKOFF_LAST_MS : (int64_t)BACKOFF_FIRST_MS << (failures > 0 ? failures - 1 : 0);
    if (longest > BACKOFF_LAST_MS)
        longest = BACKOFF_LAST_MS;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
        random = 0;
    return longest / 2 + longest / 2 * random / UINT16_MAX;
}

int tg_service_authority(const char *url, char out[TG_AUTHORITY_SIZE], struct tg_error *error)
{
    CURLU *parts = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    char *path = NULL;
    int result = -1;
    out[0] = '\0';
    if (parts == NULL || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_PATH, &path, 0) != CURLUE_OK)
        (void)tg_fail(error, TG_config_bad, "[service] url: '%s' is not a URL", url);
    else if (strcmp(scheme, "https") != 0 || strcmp(path, "/") != 0 || strpbrk(url, "@?#") != NULL ||
             strlen(host) > 255)
        (void)tg_fail(error, TG_config_bad,
                      "[service] url: '%s' must be https://HOST[:PORT] and nothing else", url);
    else {
        (void)snprintf(out, TG_AUTHORITY_SIZE, "%s%s%s", host, strcmp(port, "443") == 0 ? "" : ":",
                       strcmp(port, "443") == 0 ? "" : port);
        result = 0;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_url_cleanup(parts);
    return result;
}

int tg_service_start(struct tg_agent *agent, struct tg_error *error)
{
    struct tg_service *service = &agent->service;
    if (tg_service_authority(agent->config.url, service->authority, error) != 0)
        return -1;
    service->contact = -1;
    /* What came while we were not running is an outage too. */
    tg_service_resync(agent);
    service->multi = curl_multi_init();
    if (service->multi == NULL || curl_multi_setopt(service->multi, CURLMOPT_MAXCONNECTS, 4L) != CURLM_OK)
        return tg_fail(error, TG_internal_error, "libcurl does not start");
    return 0;
}

void tg_service_stop(struct tg_agent *agent)
{
    while (agent->service.transfers != NULL)
        tg_transfer_cancel(agent, agent->service.transfers);
    if (agent->service.multi != NULL)
        (void)curl_multi_cleanup(agent->service.multi);
    agent->service.multi = NULL;
    agent->service.poll = agent->service.delivery = agent->service.report = NULL;
    agent->host_certificate.transfer = NULL;
}

bool tg_service_is_fresh(const struct tg_agent *agent)
{
    return agent->service.contact >= 0 &&
           agent->steady - agent->service.contact <= agent->config.lease_seconds * 1000;
}

bool tg_service_within_grace(const struct tg_agent *agent)
{
    int64_t grace = agent->config.offline_grace_seconds;
    if (grace == 0 || agent->service.contact_time == 0)
        return false;
    if (agent->service.contact >= 0)
        return agent->steady - agent->service.contact <= grace * 1000;
    /* Not since the start: by the date on disk. A date in the future proves nothing. */
    return agent->now >= agent->service.contact_time && agent->now - agent->service.contact_time <= grace;
}

int64_t tg_service_clock_offset(const struct tg_agent *agent)
{
    if (!agent->service.clock_known)
        return 0;
    int64_t base = agent->now * 1000 - agent->steady;
    return agent->service.clock_offset + (base - agent->service.clock_base) / 1000;
}

static bool is_off(int64_t offset)
{
    return llabs(offset) > TG_CLOCK_TOLERANCE;
}

bool tg_service_clock_is_wrong(const struct tg_agent *agent)
{
    const struct tg_service *service = &agent->service;
    bool agreed = !is_off(service->clock_offset);
    return is_off(tg_service_clock_offset(agent)) &&
           (agreed || agent->steady - service->clock_compared <= agent->config.lease_seconds * 1000);
}

void tg_service_resync(struct tg_agent *agent)
{
    agent->service.resync = true;
}

/* A service that lies about the time can only keep people out. */
static void note_clock(struct tg_agent *agent, int64_t service_time)
{
    struct tg_service *service = &agent->service;
    struct tg_error error;
    service->clock_offset = agent->now - service_time;
    service->clock_base = agent->now * 1000 - agent->steady;
    service->clock_compared = agent->steady;
    service->clock_known = true;
    bool wrong = is_off(service->clock_offset);
    if (!wrong)
        agent->sessions_unjudged |= tg_session_clock_agree(agent);
    if (wrong == service->clock_told)
        return;
    service->clock_told = wrong;
    if (wrong) {
        (void)tg_fail(&error, TG_clock_wrong, "%" PRId64 " s away from the service's; logins are refused",
                      service->clock_offset);
        service->clock_shown = tg_report_update(agent, "clock_wrong", NULL, &error);
        return;
    }
    if (service->clock_shown)
        tg_log(&agent->log, LOG_NOTICE, "the clock agrees with the service's again");
    /* By a wrong clock, tickets may have been refused or forgotten. */
    tg_service_resync(agent);
}

static void contact_made(struct tg_agent *agent)
{
    if (agent->service.poll_failures > 0 || agent->service.contact < 0)
        tg_log(&agent->log, LOG_NOTICE, "in step with the service at %s", agent->service.authority);
    agent->service.poll_failures = 0;
    agent->service.contact = agent->steady;
    agent->service.contact_time = agent->now;
    /* The date on disk matters only for the grace after a restart; being some minutes older there only
     * shortens it. */
    if (agent->config.offline_grace_seconds > 0 &&
        agent->steady - agent->service.contact_saved > CONTACT_SAVE_MS)
        (void)tg_agent_save_tickets(agent);
}

static void poll_failed(struct tg_agent *agent, const char *problem)
{
    struct tg_service *service = &agent->service;
    service->poll_failures++;
    tg_service_resync(agent);
    service->poll_due = agent->steady + backoff_ms(service->poll_failures);
    /* Once when it begins, then at every tenth try. */
    int priority = service->poll_failures % 10 == 1 ? LOG_WARNING : LOG_DEBUG;
    tg_log(&agent->log, priority, "the service at %s: %s (attempt %u)", service->authority, problem,
           service->poll_failures);
}

/* When the next poll may begin: at once, unless there were too many within a second. */
static int64_t next_poll(struct tg_agent *agent)
{
    struct tg_service *service = &agent->service;
    if (agent->steady - service->burst_began >= 1000) {
        service->burst_began = agent->steady;
        service->burst = 0;
    }
    return ++service->burst < BURST_MAX ? agent->steady : service->burst_began + 1000;
}

/* Takes in the answer to a poll. NULL, or what is wrong with it. */
static const char *take_update(struct tg_agent *agent, const struct tg_transfer *transfer,
                               struct tg_error *error)
{
    struct tg_update update;
    if (tg_update_parse(tg_bytes_of(transfer->answer, transfer->answer_length), &update, error) != 0)
        return error->text;
    /* Not below: the answer itself may bring about that everything is asked for again. */
    if (agent->service.asked_for_all)
        agent->service.resync = false;
    note_clock(agent, update.time);
    const char *problem = NULL;
    if (tg_agent_apply_update(agent, &update))
        contact_made(agent);
    else
        problem = "an update could not be stored";
    tg_update_free(&update);
    return problem;
}

static void poll_done(struct tg_agent *agent, struct tg_transfer *transfer)
{
    struct tg_error error = {0};
    char text[256];
    const char *problem;
    agent->service.poll = NULL;
    agent->service.checking = false;
    if (transfer->result == CURLE_OK && transfer->status != 200 && transfer->date > 0)
        note_clock(agent, transfer->date);
    if (tg_transfer_is(transfer, 200) && transfer->answer != NULL)
        problem = take_update(agent, transfer, &error);
    else
        problem = tg_transfer_problem(transfer, text, sizeof text);
    if (problem == NULL)
        agent->service.poll_due = next_poll(agent);
    else
        poll_failed(agent, problem);
    tg_clients_checked(agent);
}

static void start_poll(struct tg_agent *agent, int wait, long timeout_ms)
{
    char target[96];
    agent->service.asked_for_all = agent->service.resync;
    (void)snprintf(target, sizeof target, "/v1/host/tickets?after=%" PRIu64 "&wait=%d",
                   agent->service.resync ? 0 : agent->service.revision, wait);
    agent->service.poll = tg_transfer_start(agent, &(struct tg_transfer_wish){.method = "GET",
                                                                              .target = target,
                                                                              .timeout_ms = timeout_ms,
                                                                              .answer_max = TG_UPDATE_MAX,
                                                                              .done = poll_done});
    if (agent->service.poll == NULL)
        poll_failed(agent, "no request could be made");
}

void tg_service_check(struct tg_agent *agent)
{
    if (agent->service.checking)
        return;
    tg_transfer_cancel(agent, agent->service.poll);
    start_poll(agent, 0, CHECK_MS);
    agent->service.checking = agent->service.poll != NULL;
}

static void delivery_failed(struct tg_agent *agent, const char *problem)
{
    struct tg_service *service = &agent->service;
    service->delivery_failures++;
    service->delivery_due = agent->steady + backoff_ms(service->delivery_failures);
    tg_log(&agent->log, service->delivery_failures % 10 == 1 ? LOG_WARNING : LOG_DEBUG,
           "events are not delivered: %s (attempt %u, %zu wait)", problem, service->delivery_failures,
           agent->events.count);
}

/* What the service says is wrong with the events, if it does. */
static const char *refusal_detail(const struct tg_transfer *transfer, char *out, size_t size)
{
    char detail[192];
    json_t *problem =
        transfer->answer == NULL ? NULL : json_loadb(transfer->answer, transfer->answer_length, 0, NULL);
    if ((tg_transfer_is(transfer, 400) || tg_transfer_is(transfer, 409)) &&
        tg_state_text(problem, "detail", detail, sizeof detail))
        (void)snprintf(out, size, "refused: %s", detail);
    else
        (void)tg_transfer_problem(transfer, out, size);
    json_decref(problem);
    return out;
}

/* Takes in which event the service has last. False if the answer does not say. */
static bool take_acknowledgement(struct tg_agent *agent, const struct tg_transfer *transfer)
{
    int64_t number;
    char digest[TG_DIGEST_SIZE];
    json_t *answer = json_loadb(transfer->answer, transfer->answer_length, JSON_REJECT_DUPLICATES, NULL);
    bool ok = tg_state_number(answer, "acknowledged", &number) &&
              tg_state_text(answer, "digest", digest, sizeof digest);
    json_decref(answer);
    if (ok)
        (void)tg_events_acknowledge(&agent->events, (uint64_t)number, digest, agent->now);
    return ok;
}

static void delivery_done(struct tg_agent *agent, struct tg_transfer *transfer)
{
    char text[256];
    size_t before = agent->events.count;
    bool asked = agent->service.chain_unknown;
    agent->service.delivery = NULL;
    agent->service.chain_unknown = false;
    if (!tg_transfer_is(transfer, 200) || transfer->answer == NULL) {
        agent->service.chain_unknown = asked || tg_transfer_is(transfer, 409);
        delivery_failed(agent, refusal_detail(transfer, text, sizeof text));
        return;
    }
    bool ok = take_acknowledgement(agent, transfer);
    if (!ok || (!asked && agent->events.count >= before)) {
        delivery_failed(agent, "the service acknowledges nothing");
        return;
    }
    agent->service.delivery_due = agent->steady;
    if (!asked)
        agent->service.delivery_failures = 0;
}

static void deliver_events(struct tg_agent *agent)
{
    char *body = agent->service.chain_unknown ? strdup("{\"events\":[]}") : tg_events_batch(&agent->events);
    if (body == NULL)
        return;
    agent->service.delivery =
        tg_transfer_start(agent, &(struct tg_transfer_wish){.method = "POST",
                                                            .target = "/v1/host/events",
                                                            .body = body,
                                                            .timeout_ms = SMALL_REQUEST_MS,
                                                            .answer_max = SMALL_ANSWER_MAX,
                                                            .done = delivery_done});
    if (agent->service.delivery == NULL)
        delivery_failed(agent, "no request could be made");
}

/* The end of a counted session is told, or the service does not want to know: either way it is over. */
static void report_done(struct tg_agent *agent, struct tg_transfer *transfer)
{
    struct tg_session *session = tg_sessions_find(&agent->sessions, agent->service.report_id);
    agent->service.report = NULL;
    if (transfer->result == CURLE_OK && transfer->status >= 200 && transfer->status < 500 &&
        transfer->status != 429) {
        if (session != NULL)
            tg_session_drop(agent, session);
        agent->service.report_due = agent->steady;
        return;
    }
    agent->service.report_due = agent->steady + REPORT_AGAIN_MS;
}

static void report_end(struct tg_agent *agent, const struct tg_session *session)
{
    char target[96];
    char *body = NULL;
    struct tg_service *service = &agent->service;
    service->report_due = agent->steady + REPORT_AGAIN_MS;
    if (asprintf(&body, "{\"ended\":%" PRId64 "}", session->ended) < 0)
        return;
    (void)snprintf(target, sizeof target, "/v1/host/sessions/%s", session->id);
    memcpy(service->report_id, session->id, sizeof service->report_id);
    service->report = tg_transfer_start(agent, &(struct tg_transfer_wish){.method = "PATCH",
                                                                          .target = target,
                                                                          .body = body,
                                                                          .timeout_ms = SMALL_REQUEST_MS,
                                                                          .answer_max = SMALL_ANSWER_MAX,
                                                                          .done = report_done});
}

/* Reports the ends of counted sessions, one at a time. Returns when to be called next. */
static int64_t report_ends(struct tg_agent *agent)
{
    const struct tg_session *waiting = NULL;
    for (size_t i = 0; i < agent->sessions.count; i++) {
        const struct tg_session *session = &agent->sessions.list[i];
        if (session->ended > 0 && session->counted)
            waiting = session;
    }
    if (waiting == NULL || agent->service.report != NULL)
        return INT64_MAX;
    if (agent->steady >= agent->service.report_due)
        report_end(agent, waiting);
    return agent->service.report != NULL ? INT64_MAX : agent->service.report_due;
}

int64_t tg_service_turn(struct tg_agent *agent)
{
    struct tg_service *service = &agent->service;
    int64_t due = INT64_MAX;
    if (service->poll == NULL && agent->steady >= service->poll_due) {
        int64_t wait = agent->config.lease_seconds * 2 / 3;
        wait = wait > POLL_WAIT_S ? POLL_WAIT_S : wait < 1 ? 1 : wait;
        /* After a start or a failure the answer itself is the news: we are in step again, and know the time.
         */
        if (service->contact < 0 || service->poll_failures > 0)
            wait = 0;
        start_poll(agent, (int)wait, (long)wait * 1000 + POLL_EXTRA_MS);
    }
    if (service->poll == NULL)
        due = tg_earlier(due, service->poll_due);
    if (service->delivery == NULL && agent->events.on_disk > 0 && agent->steady >= service->delivery_due)
        deliver_events(agent);
    if (service->delivery == NULL && agent->events.on_disk > 0)
        due = tg_earlier(due, service->delivery_due);
    return tg_earlier(due, report_ends(agent));
}
