/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/revocations.h"

#include "agent/state.h"
#include "lib/base64.h"
#include "lib/verdict.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 10000, VERSIONS_PER_SECOND = 1000 };

/* --- Taking in
 * ------------------------------------------------------------------------------------------------------ */

static int parse(const char *text, struct tg_krl **krl, struct tg_error *error)
{
    struct tg_bytes encoded = tg_bytes_of_text(text);
    size_t size = tg_base64_decoded_max(encoded.length);
    size_t length;
    *krl = NULL;
    if (size > TG_KRL_MAX + 3)
        return tg_fail(error, TG_revocations_malformed, "revocation list: more than %d bytes", TG_KRL_MAX);
    uint8_t *bytes = malloc(size);
    int result = -1;
    if (bytes == NULL)
        (void)tg_fail(error, TG_internal_error, "no memory for a revocation list");
    else if (!tg_base64_decode(TG_BASE64, encoded, bytes, size, &length))
        (void)tg_fail(error, TG_revocations_malformed, "revocation list: not base64");
    else
        result = tg_krl_parse(tg_bytes_of(bytes, length), krl, error);
    free(bytes);
    return result;
}

static void put_in_force(struct tg_agent *agent, struct tg_krl *krl, char *text)
{
    struct tg_revocations before = agent->revocations;
    agent->revocations.krl = krl;
    agent->revocations.text = text;
    agent->revocations.unpublished = true;
    if (agent->policy != NULL)
        agent->policy->revocations = krl;
    /* Whose key is gone has no account and no session any more. */
    agent->publish_due = agent->now;
    agent->sessions_unjudged = true;
    before.text = before.text == text ? NULL : before.text;
    tg_revocations_free(&before);
}

/* May the list take the place of the one in hand? A version is a time in milliseconds, or a little more: so a
 * service in the wrong hands cannot spend all of them, and the real one's next list is newer again. */
static int judge(const struct tg_agent *agent, const struct tg_krl *krl, struct tg_error *error)
{
    uint64_t version = tg_krl_version(krl);
    uint64_t in_hand = agent->revocations.krl == NULL ? 0 : tg_krl_version(agent->revocations.krl);
    uint64_t latest = (uint64_t)(agent->now + TG_CLOCK_SKEW) * VERSIONS_PER_SECOND;
    if (version > latest)
        return tg_fail(error, TG_revocations_early,
                       "revocation list: version %" PRIu64 " is %" PRIu64 " s ahead", version,
                       (version - latest) / VERSIONS_PER_SECOND + TG_CLOCK_SKEW);
    if (version < in_hand)
        return tg_fail(error, TG_revocations_old,
                       "revocation list: version %" PRIu64 ", in force is %" PRIu64, version, in_hand);
    if (version == in_hand && agent->revocations.krl != NULL)
        return tg_fail(error, TG_revocations_old,
                       "revocation list: another one with the version in force, %" PRIu64, version);
    return 0;
}

static void report(struct tg_agent *agent, const struct tg_krl *krl)
{
    char detail[128];
    struct tg_krl_counts counts = tg_krl_count(krl);
    (void)snprintf(detail, sizeof detail, "version %" PRIu64 ": %zu keys, %zu serials, %zu key ids",
                   tg_krl_version(krl), counts.keys, counts.serials, counts.key_ids);
    tg_log(&agent->log, LOG_NOTICE, "revocation list accepted: %s", detail);
    (void)tg_events_add(&agent->events, &(struct tg_event){.kind = "revocations_accepted", .detail = detail},
                        agent->now);
}

bool tg_revocations_take(struct tg_agent *agent, const char *text)
{
    struct tg_error error;
    struct tg_krl *krl = NULL;
    if (agent->revocations.text != NULL && strcmp(agent->revocations.text, text) == 0)
        return false;
    int result = parse(text, &krl, &error);
    if (result == 0)
        result = judge(agent, krl, &error);
    char *copy = result == 0 ? strdup(text) : NULL;
    if (result == 0 && copy == NULL)
        result = tg_fail(&error, TG_internal_error, "no memory for a revocation list");
    if (result != 0) {
        tg_krl_free(krl);
        if (!tg_noticed_before(agent, tg_bytes_of_text(text)))
            (void)tg_report_update(agent, "revocations_refused", NULL, &error);
        return false;
    }
    put_in_force(agent, krl, copy);
    report(agent, krl);
    return true;
}

bool tg_revocations_restore(struct tg_agent *agent, const char *text)
{
    struct tg_error error;
    struct tg_krl *krl;
    char *copy = strdup(text);
    if (copy == NULL || parse(text, &krl, &error) != 0) {
        free(copy);
        return false;
    }
    put_in_force(agent, krl, copy);
    return true;
}

void tg_revocations_free(struct tg_revocations *revocations)
{
    tg_krl_free(revocations->krl);
    free(revocations->text);
    *revocations = (struct tg_revocations){0};
}

/* --- For sshd
 * ------------------------------------------------------------------------------------------------------- */

/* In our own writing: whatever is odd in what came, sshd never sees it. */
static int publish(struct tg_agent *agent, struct tg_error *error)
{
    uint8_t *bytes = NULL;
    size_t length;
    struct tg_krl *empty = agent->revocations.krl == NULL ? tg_krl_new(0, 0) : NULL;
    struct tg_krl *krl = agent->revocations.krl == NULL ? empty : agent->revocations.krl;
    int result = krl == NULL ? tg_fail(error, TG_internal_error, "no memory for a revocation list")
                             : tg_krl_write(krl, &bytes, &length, error);
    if (result == 0)
        result = tg_file_publish(agent->config.revoked_keys, tg_bytes_of(bytes, length), error);
    free(bytes);
    tg_krl_free(empty);
    return result;
}

static bool is_in_place(const struct tg_agent *agent)
{
    struct stat now = {0};
    const struct stat *seen = &agent->revocations.seen;
    (void)lstat(agent->config.revoked_keys, &now);
    return now.st_ino != 0 && now.st_dev == seen->st_dev && now.st_ino == seen->st_ino &&
           now.st_size == seen->st_size && now.st_ctim.tv_sec == seen->st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == seen->st_ctim.tv_nsec;
}

int64_t tg_revocations_turn(struct tg_agent *agent)
{
    struct tg_revocations *revocations = &agent->revocations;
    struct tg_error error;
    if (!revocations->unpublished && is_in_place(agent))
        return INT64_MAX;
    if (!revocations->unpublished)
        tg_log(&agent->log, LOG_ERR, "%s was touched by somebody else; it is written anew",
               agent->config.revoked_keys);
    revocations->unpublished = true;
    if (agent->steady < revocations->due)
        return revocations->due;
    if (publish(agent, &error) == 0) {
        revocations->unpublished = false;
        (void)lstat(agent->config.revoked_keys, &revocations->seen);
        return INT64_MAX;
    }
    tg_log(&agent->log, LOG_CRIT, "sshd has no current list of revoked keys: %s", error.text);
    revocations->due = agent->steady + AGAIN_MS;
    return revocations->due;
}
