/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Judging the open sessions, and warning those whose end is near.
 */
#include "agent/ending.h"
#include "agent/network_grants.h"
#include "agent/session_right.h"
#include "agent/telling.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* --- Judging all of them
 * -------------------------------------------------------------------------------------------- */

/* The host itself lacks what it takes to know: that ends no session before its time. */
static bool is_unknown(enum tg_reason reason)
{
    return reason == TG_policy_missing || reason == TG_ticket_none || reason == TG_internal_error;
}

static void time_text(int64_t time, char out[32])
{
    struct tm parts;
    if (gmtime_r(&time, &parts) == NULL || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        (void)snprintf(out, 32, "%" PRId64, time);
}

static void report_move(struct tg_agent *agent, const struct tg_session *session, int64_t before)
{
    char detail[96];
    char was[32];
    char is[32];
    time_text(before, was);
    time_text(session->ends, is);
    (void)snprintf(detail, sizeof detail, "%sfrom %s by %s", session->ends < before ? "cut back " : "", was,
                   session->carrier);
    struct tg_event event = tg_session_event(session, "session_extended", detail);
    event.ends = session->ends;
    (void)tg_events_add(&agent->events, &event, agent->now);
    tg_log(&agent->log, LOG_INFO, "session %s of %s (%s) now ends at %s: %s", session->id, session->person,
           session->account, is, detail);
}

static void take_over(struct tg_agent *agent, struct tg_session *session, const struct tg_right *right)
{
    int64_t before = session->ends;
    const char *carrier = right->ticket->ticket->id;
    if (before == right->ends && strcmp(session->carrier, carrier) == 0)
        return;
    memcpy(session->carrier, carrier, sizeof session->carrier);
    session->ends = right->ends;
    if (before != right->ends) {
        /* Whoever was given more time knows it; whoever lost some is to be told. */
        session->warned = before < right->ends ? tg_session_warning(agent, session) : 0;
        report_move(agent, session, before);
    }
    tg_session_note(agent, session);
}

static void judge(struct tg_agent *agent, struct tg_session *session)
{
    struct tg_right right;
    int64_t now = tg_session_now(agent);
    tg_session_right(agent, session, &right);
    if (is_unknown(right.reason) && now < session->ends)
        return;
    if (is_unknown(right.reason) || (right.reason == TG_allowed && right.ends <= now)) {
        right.reason = TG_ticket_late;
        right.detail[0] = '\0';
    }
    if (right.reason == TG_allowed)
        take_over(agent, session, &right);
    else
        tg_session_end(agent, session, right.reason, right.detail);
}

static bool is_open(const struct tg_session *session)
{
    return session->ended == 0 && session->ending.phase == TG_ENDING_NOT;
}

void tg_sessions_judge(struct tg_agent *agent)
{
    agent->sessions_unjudged = false;
    for (size_t i = agent->sessions.count; i-- > 0;) {
        if (is_open(&agent->sessions.list[i]))
            judge(agent, &agent->sessions.list[i]);
    }
    (void)tg_network_grants_update(agent);
}

/* --- Warning
 * ------------------------------------------------------------------------------------------------------- */

/* When the session is to be looked at next: its end, or the warning that comes next. */
static int64_t next_due(const struct tg_agent *agent, const struct tg_session *session)
{
    int64_t end = tg_session_due(agent, session->ends);
    int64_t due = end;
    for (size_t i = 0; i < agent->warn_minutes.count; i++) {
        int64_t warning = end - agent->warn_minutes.list[i] * 60000;
        if (warning > agent->steady)
            due = tg_earlier(due, warning);
    }
    return due;
}

/* The table is read when the first one in a turn is to be warned. */
static void warn(struct tg_agent *agent, struct tg_session *session, struct tg_process_table *table)
{
    char line[TG_LINE_SIZE];
    char detail[64];
    int64_t left = tg_session_due(agent, session->ends) - agent->steady;
    int64_t minutes = (left + 59999) / 60000;
    int result = table->count > 0 ? 0 : tg_process_table_scan_sessions(table, agent->proc_root);
    if (result != 0)
        tg_log(&agent->log, LOG_ERR, "%s cannot be read: %s", agent->proc_root, strerror(-result));
    tg_warning_text(session, minutes, line, sizeof line);
    size_t terminals = result == 0 ? tg_session_tell(agent, session, table, line) : 0;
    (void)snprintf(detail, sizeof detail, "%" PRId64 " minute%s before the end, on %zu terminal%s", minutes,
                   minutes == 1 ? "" : "s", terminals, terminals == 1 ? "" : "s");
    struct tg_event event = tg_session_event(session, "session_warned", detail);
    (void)tg_events_add(&agent->events, &event, agent->now);
}

static void warn_all(struct tg_agent *agent)
{
    struct tg_process_table table = {0};
    for (size_t i = 0; i < agent->sessions.count; i++) {
        struct tg_session *session = &agent->sessions.list[i];
        int64_t warning = is_open(session) ? tg_session_warning(agent, session) : 0;
        if (warning == 0 || (session->warned != 0 && session->warned <= warning))
            continue;
        session->warned = warning;
        warn(agent, session, &table);
        tg_session_note(agent, session);
    }
    tg_process_table_free(&table);
}

/* --- A turn of the loop
 * ------------------------------------------------------------------------------------------- */

int64_t tg_sessions_turn(struct tg_agent *agent)
{
    int64_t due = INT64_MAX;
    bool judge_now = agent->sessions_unjudged;
    for (size_t i = 0; i < agent->sessions.count; i++) {
        const struct tg_session *session = &agent->sessions.list[i];
        judge_now = judge_now || (is_open(session) && tg_session_due(agent, session->ends) <= agent->steady);
    }
    if (judge_now)
        tg_sessions_judge(agent);
    warn_all(agent);
    for (size_t i = 0; i < agent->sessions.count; i++) {
        if (is_open(&agent->sessions.list[i]))
            due = tg_earlier(due, next_due(agent, &agent->sessions.list[i]));
    }
    return due;
}
