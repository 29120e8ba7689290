/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One pass is: who is to end, one scan of /proc, whose each process is (claims.h), what each of those that
 * are ending does next, and its signals.
 */
#include <config.h>

#include "agent/ending.h"

#include "agent/claims.h"
#include "agent/dedicated.h"
#include "agent/granted.h"
#include "agent/network_grants.h"
#include "agent/telling.h"
#include "lib/grow.h"
#include "lib/monotonic.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CLOSING_MS = 2000, /* that a monitor has to finish after PAM's close */
    PROCESSES_PER_POLL_MS = 50,
    POLL_MS = 20,        /* between scans while something is ending */
    STUBBORN_MS = 10000, /* after so long the log says what does not go, and it is tried once a second */
    STUBBORN_POLL_MS = 1000,
    PASSES_MAX = 10, /* back to back, while new processes are found: then the others have their turn */
    HUNT_MS = 5,     /* in each of these, for those who are new since its scan */
    UNSURE_MAX = 10, /* scans that find none while processes come faster than they can be read */
    RETRY_MS = 100,  /* after /proc could not be read, or without memory */
    SWEEP_MS = 60000,
    SCOPE_SECONDS = 30, /* after the opening: if systemd has made no scope by then, it makes none */
};

/* An account whose processes that no session claims are being ended: all of them if it has no session,
 * otherwise those with a group that no open session grants. */
struct sweep {
    uint32_t uid;
    bool has_session;
    struct tg_granted granted; /* of the sessions; in each pass anew */
    struct tg_session_ending ending;
};

struct tg_endings {
    struct tg_process_table table;
    struct tg_claims claims;
    struct sweep *sweeps;
    size_t sweep_count;
    size_t sweep_size;
    struct target *targets;
    size_t target_count;
    size_t target_size;
    int64_t due;       /* the next pass */
    int64_t sweep_due; /* when all remembered accounts are looked at */
    bool scan_failed;  /* said once until it works again */
};

/* One that is ending, in one pass. */
struct target {
    struct tg_session_ending *ending;
    struct tg_session *session; /* NULL: a sweep */
    uint32_t uid;               /* of a sweep */
    size_t alive;               /* processes */
    size_t fresh;               /* of them not known in the pass before */
    int signal;                 /* that this pass sends; 0: none */
    int problem;                /* -errno of a signal that could not be sent */
};

static struct tg_endings *endings_of(struct tg_agent *agent)
{
    if (agent->endings == NULL)
        agent->endings = calloc(1, sizeof *agent->endings);
    return agent->endings;
}

void tg_endings_free(struct tg_endings *endings)
{
    if (endings == NULL)
        return;
    tg_process_table_free(&endings->table);
    tg_claims_free(&endings->claims);
    for (size_t i = 0; i < endings->sweep_count; i++)
        tg_granted_free(&endings->sweeps[i].granted);
    free(endings->sweeps);
    free(endings->targets);
    free(endings);
}

/* --- What is to end
 * ------------------------------------------------------------------------------------------- */

static void wake(struct tg_agent *agent, int64_t due)
{
    struct tg_endings *endings = endings_of(agent);
    if (endings != NULL)
        endings->due = tg_earlier(endings->due, due);
}

/* Takes note of the scope that systemd has made for a session, if its monitor is in one by now. Of nothing
 * but a session's own scope may all processes be ended: a listener that an administrator has started by hand
 * stands in that administrator's, and so do its monitors where systemd makes them none. */
static void read_scope(const struct tg_agent *agent, struct tg_session *session)
{
    char cgroup[TG_CGROUP_SIZE];
    char above[TG_CGROUP_SIZE];
    struct tg_process now;
    pid_t parent;
    if (tg_process_cgroup(agent->proc_root, session->monitor.pid, cgroup, sizeof cgroup) != 0 ||
        tg_process_read(agent->proc_root, session->monitor.pid, &now, &parent) != 0 ||
        !tg_process_same(&now, &session->monitor) ||
        tg_process_cgroup(agent->proc_root, parent, above, sizeof above) != 0 || strcmp(cgroup, above) == 0)
        return;
    const char *name = strrchr(cgroup, '/');
    size_t length = strlen(cgroup);
    size_t suffix = strlen(".scope");
    if (name != NULL && strncmp(name, "/session-", strlen("/session-")) == 0 &&
        strcmp(cgroup + length - suffix, ".scope") == 0)
        memcpy(session->cgroup, cgroup, length + 1);
}

void tg_session_end(struct tg_agent *agent, struct tg_session *session, enum tg_reason reason,
                    const char *detail)
{
    struct tg_session_ending *ending = &session->ending;
    if (session->ended != 0 || ending->phase != TG_ENDING_NOT)
        return;
    *ending = (struct tg_session_ending){.reason = reason, .began = agent->steady};
    ending->phase = reason == TG_allowed ? TG_ENDING_TOLD : TG_ENDING_BEGUN;
    ending->due = agent->steady;
    if (reason == TG_allowed)
        ending->due += session->pidfd >= 0 ? CLOSING_MS : agent->config.hangup_milliseconds;
    (void)snprintf(ending->detail, sizeof ending->detail, "%s", detail);
    if (session->cgroup[0] == '\0' && session->pidfd >= 0)
        read_scope(agent, session);
    if (reason != TG_allowed)
        tg_log(&agent->log, LOG_NOTICE, "session %s of %s (%s) is to end: %s%s%s", session->id,
               session->person, session->account, tg_reason_text(reason), detail[0] == '\0' ? "" : ": ",
               detail);
    wake(agent, ending->due);
}

void tg_session_monitor_ended(struct tg_agent *agent, struct tg_session *session)
{
    struct tg_session_ending *ending = &session->ending;
    if (session->pidfd >= 0)
        (void)close(session->pidfd);
    session->pidfd = -1;
    if (session->ended != 0)
        return;
    tg_session_end(agent, session, TG_allowed, "its sshd process ended without closing it");
    /* sshd is done, and hung up the terminal: what that has not ended by now is left behind. */
    if (ending->phase == TG_ENDING_TOLD && ending->reason == TG_allowed) {
        ending->due = tg_earlier(ending->due, agent->steady + agent->config.hangup_milliseconds);
        wake(agent, ending->due);
    }
}

static bool has_session(const struct tg_agent *agent, uint32_t uid)
{
    for (size_t i = 0; i < agent->sessions.count; i++) {
        if (agent->sessions.list[i].ended == 0 && agent->sessions.list[i].uid == uid)
            return true;
    }
    return false;
}

static struct sweep *find_sweep(const struct tg_endings *endings, uint32_t uid)
{
    for (size_t i = 0; i < endings->sweep_count; i++) {
        if (endings->sweeps[i].uid == uid)
            return &endings->sweeps[i];
    }
    return NULL;
}

static struct sweep *make_sweep(struct tg_endings *endings, uint32_t uid)
{
    struct sweep *sweeps =
        tg_grow(endings->sweeps, endings->sweep_count, &endings->sweep_size, sizeof *sweeps);
    if (sweeps == NULL)
        return NULL;
    endings->sweeps = sweeps;
    endings->sweeps[endings->sweep_count] = (struct sweep){.uid = uid};
    return &endings->sweeps[endings->sweep_count++];
}

static void remove_sweep(struct tg_endings *endings, struct sweep *sweep)
{
    tg_granted_free(&sweep->granted);
    *sweep = endings->sweeps[--endings->sweep_count];
}

/* When to look again at what was signalled. The more processes there are, the longer a scan takes, and the
 * more of them need the processors to end. */
static int64_t poll_interval(const struct tg_endings *endings)
{
    return POLL_MS + (int64_t)(endings->table.count / PROCESSES_PER_POLL_MS);
}

void tg_sweep(struct tg_agent *agent, uint32_t uid)
{
    struct tg_endings *endings = endings_of(agent);
    if (endings == NULL || uid < TG_FIRST_UID)
        return;
    bool others = has_session(agent, uid);
    struct sweep *sweep = find_sweep(endings, uid);
    if (sweep != NULL && sweep->has_session == others)
        return;
    if (sweep == NULL)
        sweep = make_sweep(endings, uid);
    /* Without memory: all accounts are looked at again soon. */
    if (sweep == NULL)
        return;
    sweep->has_session = others;
    sweep->ending =
        (struct tg_session_ending){.phase = TG_ENDING_BEGUN, .began = agent->steady, .due = agent->steady};
    /* Where many sessions of one account end, this takes part in the scans that are made for them. */
    if (others)
        sweep->ending.due += poll_interval(endings);
    wake(agent, sweep->ending.due);
}

/* Do local files hold this uid? Then its processes are not Tegata's to end, whatever was published once. */
static bool is_local(const struct tg_agent *agent, uint32_t uid)
{
    struct tg_local_names names;
    struct tg_error error;
    bool local = false;
    if (tg_local_names_read(&names, agent->passwd_path, agent->group_path, &error) != 0) {
        tg_log_refusal(&agent->log, error.reason, "processes of uid %" PRIu32 " stay: %s", uid, error.text);
        return true;
    }
    for (size_t i = 0; i < names.user_count; i++)
        local = local || names.uids[i] == uid;
    tg_local_names_free(&names);
    return local;
}

/* --- One pass
 * ------------------------------------------------------------------------------------------------- */

/* The audit id by which a session's processes can be told from others: not if sshd's listener has the same,
 * as one that somebody started by hand may. */
static uint32_t own_audit_id(const struct tg_process_table *table, const struct tg_session *session)
{
    const struct tg_process_entry *monitor = tg_process_table_find(table, session->monitor.pid);
    if (monitor == NULL || !tg_process_same(&monitor->process, &session->monitor))
        return session->audit_id;
    const struct tg_process_entry *listener = tg_process_table_parent(table, monitor);
    return listener != NULL && listener->audit_id == session->audit_id ? TG_AUDIT_UNSET : session->audit_id;
}

static bool add_target(struct tg_endings *endings, const struct target *target)
{
    struct target *targets =
        tg_grow(endings->targets, endings->target_count, &endings->target_size, sizeof *targets);
    if (targets == NULL)
        return false;
    endings->targets = targets;
    endings->targets[endings->target_count++] = *target;
    return true;
}

static bool add_session(struct tg_endings *endings, struct tg_session *session)
{
    struct tg_claim claim = {.key = session->monitor,
                             .audit_id = own_audit_id(&endings->table, session),
                             .cgroup = session->cgroup,
                             .spared = session->ending.phase == TG_ENDING_NOT,
                             .target = endings->target_count};
    return tg_claims_add(&endings->claims, &claim) &&
           (claim.spared ||
            add_target(endings, &(struct target){.ending = &session->ending, .session = session}));
}

static bool add_sweep(struct tg_agent *agent, struct tg_endings *endings, struct sweep *sweep)
{
    struct tg_claim claim = {.key = {.pid = 0, .start = sweep->uid},
                             .audit_id = TG_AUDIT_UNSET,
                             .cgroup = "",
                             .target = endings->target_count};
    return (!sweep->has_session || tg_granted_collect(&sweep->granted, agent, sweep->uid)) &&
           tg_claims_add(&endings->claims, &claim) &&
           add_target(endings, &(struct target){.ending = &sweep->ending, .uid = sweep->uid});
}

/* A session has opened for an account that is swept of everything: that is over. */
static void drop_sweeps(const struct tg_agent *agent, struct tg_endings *endings)
{
    for (size_t i = endings->sweep_count; i-- > 0;) {
        struct sweep *sweep = &endings->sweeps[i];
        if (sweep->has_session != has_session(agent, sweep->uid))
            remove_sweep(endings, sweep);
    }
}

/* Sessions come first and in order: finish() goes by that. */
static bool collect(struct tg_agent *agent, struct tg_endings *endings)
{
    bool ok = true;
    tg_claims_clear(&endings->claims);
    endings->target_count = 0;
    for (size_t i = 0; ok && i < agent->sessions.count; i++) {
        if (agent->sessions.list[i].ended == 0)
            ok = add_session(endings, &agent->sessions.list[i]);
    }
    for (size_t i = 0; ok && i < endings->sweep_count; i++)
        ok = add_sweep(agent, endings, &endings->sweeps[i]);
    return ok;
}

static struct target *target_of_claim(const struct tg_endings *endings, int owner)
{
    if (owner == TG_CLAIM_NONE || endings->claims.list[owner].spared)
        return NULL;
    return &endings->targets[endings->claims.list[owner].target];
}

static struct target *target_of(const struct tg_endings *endings, size_t index)
{
    return target_of_claim(endings, endings->claims.owner[index]);
}

/* Has a sweep no business with this process of its account, which has sessions? Its groups are read later
 * than the table, as the cgroup is (claims.c). */
static bool is_spared(const struct tg_agent *agent, const struct target *target, pid_t pid)
{
    const struct sweep *sweep = target->session == NULL ? find_sweep(agent->endings, target->uid) : NULL;
    return sweep != NULL && sweep->has_session &&
           !tg_granted_is_exceeded(&sweep->granted, agent->proc_root, sweep->uid, pid);
}

/* Done once it is known whose each is, so nothing that a session claims is ever in question. */
static void spare_granted(const struct tg_agent *agent, struct tg_endings *endings)
{
    for (size_t i = 0; i < endings->table.count; i++) {
        const struct target *target = target_of(endings, i);
        if (target != NULL && is_spared(agent, target, endings->table.list[i].process.pid))
            endings->claims.owner[i] = TG_CLAIM_NONE;
    }
}

static void count(const struct tg_endings *endings)
{
    for (size_t i = 0; i < endings->table.count; i++) {
        struct target *target = target_of(endings, i);
        if (target == NULL)
            continue;
        target->alive++;
        target->fresh += !tg_claims_knew(&endings->claims, &endings->table.list[i].process);
    }
}

/* Writes the last line. Is somebody there who needs a moment to read it? */
static bool tell(struct tg_agent *agent, const struct target *target)
{
    char line[TG_LINE_SIZE];
    if (target->session == NULL)
        return false;
    tg_ended_text(target->session, line, sizeof line);
    return tg_session_tell(agent, target->session, &agent->endings->table, line) > 0;
}

static void go_on(struct target *target, enum tg_ending_phase phase, int signal_number, int64_t due)
{
    target->ending->phase = phase;
    target->ending->due = due;
    target->signal = signal_number;
}

/* What one that is ending, and whose time has come, does next. */
static void advance(struct tg_agent *agent, struct target *target)
{
    struct tg_session_ending *ending = target->ending;
    int64_t hangup_due = agent->steady + agent->config.hangup_milliseconds;
    switch (ending->phase) {
    case TG_ENDING_NOT:
        break;
    case TG_ENDING_BEGUN:
        if (tell(agent, target)) {
            go_on(target, TG_ENDING_TOLD, 0, hangup_due);
            break;
        }
        go_on(target, TG_ENDING_HANGUP, SIGHUP, hangup_due);
        break;
    case TG_ENDING_TOLD:
        go_on(target, TG_ENDING_HANGUP, SIGHUP, hangup_due);
        break;
    case TG_ENDING_HANGUP:
        go_on(target, TG_ENDING_TERMINATED, SIGTERM, agent->steady + agent->config.terminate_milliseconds);
        break;
    case TG_ENDING_TERMINATED:
    case TG_ENDING_KILLED:
        go_on(target, TG_ENDING_KILLED, SIGKILL, ending->due);
        break;
    }
}

static void step(struct tg_agent *agent, struct target *target)
{
    struct tg_session_ending *ending = target->ending;
    if (target->alive > 0 && target->session == NULL && ending->phase == TG_ENDING_BEGUN &&
        is_local(agent, target->uid))
        target->alive = 0;
    if (target->alive == 0)
        return;
    /* While sshd closes a session by itself, nothing of it is left behind yet. */
    bool closing = ending->reason == TG_allowed && ending->phase == TG_ENDING_TOLD;
    bool due = agent->steady >= ending->due;
    if (!closing)
        ending->processes += target->fresh;
    else if (due)
        ending->processes = target->alive;
    if (due)
        advance(agent, target);
}

/* sshd's own two processes: what the session wrote last still goes through them. */
static bool is_carrier(const struct target *target, const struct tg_process_entry *entry)
{
    return target->session != NULL && (entry->process.pid == target->session->monitor.pid ||
                                       entry->parent == target->session->monitor.pid);
}

/* By pidfd, whose process is compared with the one that was scanned: never one that got its pid since. */
static void send_signal(const struct tg_agent *agent, const struct tg_process_entry *entry,
                        struct target *target)
{
    int pidfd = tg_process_open(agent->proc_root, &entry->process);
    int result = pidfd < 0 ? pidfd : tg_process_signal(pidfd, target->signal);
    /* A process that is stopped acts on no other signal before it goes on. */
    if (result == 0 && target->signal != SIGKILL)
        result = tg_process_signal(pidfd, SIGCONT);
    if (pidfd >= 0)
        (void)close(pidfd);
    if (result != 0 && result != -ESRCH)
        target->problem = result;
}

/* Parents first, as they mostly have the lower pids: a shell whose child is ended before it goes on to its
 * next command. */
static void send_signals(const struct tg_agent *agent, const struct tg_endings *endings)
{
    for (size_t i = 0; i < endings->table.count; i++) {
        const struct tg_process_entry *entry = &endings->table.list[i];
        struct target *target = target_of(endings, i);
        if (target != NULL && target->signal != 0 && (target->signal != SIGHUP || !is_carrier(target, entry)))
            send_signal(agent, entry, target);
    }
}

/* Kills who came after the scan, and whoever comes after those: what forks and exits faster than a scan can
 * be acted upon is not there any more when its signal is sent, but may be when it has just begun. */
static void hunt(const struct tg_agent *agent, struct tg_endings *endings)
{
    int64_t until = tg_monotonic_ms() + HUNT_MS;
    bool with_uids = endings->sweep_count > 0;
    pid_t last = tg_process_last_pid(agent->proc_root);
    for (pid_t pid = endings->table.last; pid > 0 && last >= pid && tg_monotonic_ms() < until;) {
        struct tg_process_entry entry;
        if (pid == last) {
            last = tg_process_last_pid(agent->proc_root);
            continue;
        }
        if (tg_process_table_read(agent->proc_root, ++pid, with_uids, &entry) != 1)
            continue;
        struct target *target = target_of_claim(endings, tg_claims_owner(&endings->claims, &entry));
        if (target != NULL && target->signal == SIGKILL && !is_spared(agent, target, pid))
            send_signal(agent, &entry, target);
    }
}

/* Processes that are killed again and again without going hang in the kernel, or may not be signalled: from
 * some time on it is tried once a second, and said each time. */
static void complain(const struct tg_agent *agent, struct target *target)
{
    struct tg_session_ending *ending = target->ending;
    if (target->signal != SIGKILL || target->fresh > 0 || agent->steady - ending->began < STUBBORN_MS)
        return;
    ending->due = agent->steady + STUBBORN_POLL_MS;
    const char *problem = target->problem == 0 ? "they do not act on SIGKILL" : strerror(-target->problem);
    if (target->session != NULL)
        tg_log(&agent->log, LOG_ERR, "session %s of %s (%s) cannot be ended: %zu processes are left: %s",
               target->session->id, target->session->person, target->session->account, target->alive,
               problem);
    else
        tg_log(&agent->log, LOG_ERR, "uid %" PRIu32 ": %zu processes without a session cannot be ended: %s",
               target->uid, target->alive, problem);
}

/* --- When nothing is left
 * ----------------------------------------------------------------------------------------- */

static void describe(const struct tg_agent *agent, const struct tg_session *session, char *out, size_t size)
{
    const struct tg_session_ending *ending = &session->ending;
    if (ending->reason != TG_allowed)
        (void)snprintf(out, size, "by the agent: %zu process%s, %" PRId64 " ms%s%s", ending->processes,
                       ending->processes == 1 ? "" : "es", agent->steady - ending->began,
                       ending->detail[0] == '\0' ? "" : "; ", ending->detail);
    else if (ending->processes > 0)
        (void)snprintf(out, size, "%s%s%zu process%s left behind and ended", ending->detail,
                       ending->detail[0] == '\0' ? "" : "; ", ending->processes,
                       ending->processes == 1 ? " was" : "es were");
    else
        (void)snprintf(out, size, "%s", ending->detail);
}

/* The record of a session that was counted stays until the service knows that it is over. */
static void session_gone(struct tg_agent *agent, struct tg_session *session)
{
    char detail[320];
    bool ended = session->ending.reason != TG_allowed;
    describe(agent, session, detail, sizeof detail);
    struct tg_event event = tg_session_event(session, ended ? "session_ended" : "session_closed", detail);
    event.code = session->ending.reason;
    (void)tg_events_add(&agent->events, &event, agent->now);
    tg_log(&agent->log, LOG_INFO, "session %s of %s (%s) %s%s%s", session->id, session->person,
           session->account, ended ? "ended" : "closed", detail[0] == '\0' ? "" : ": ", detail);
    if (session->pidfd >= 0)
        (void)close(session->pidfd);
    session->pidfd = -1;
    session->ended = agent->now;
    session->ending.phase = TG_ENDING_NOT;
    uint32_t uid = session->uid;
    if (session->counted)
        tg_session_note(agent, session);
    else
        tg_session_drop(agent, session);
    tg_sweep(agent, uid);
}

static void sweep_gone(struct tg_agent *agent, struct tg_endings *endings, uint32_t uid)
{
    struct sweep *sweep = find_sweep(endings, uid);
    if (sweep == NULL)
        return;
    if (sweep->ending.processes > 0)
        tg_log(&agent->log, LOG_NOTICE,
               "uid %" PRIu32 ": %zu process%s without a session ended, %" PRId64 " ms%s", uid,
               sweep->ending.processes, sweep->ending.processes == 1 ? "" : "es",
               agent->steady - sweep->ending.began,
               sweep->has_session ? "; they had groups that no open session grants" : "");
    remove_sweep(endings, sweep);
}

/* Has nothing been left? Where the scan may have missed somebody, it takes more of them. */
static bool is_gone(const struct tg_endings *endings, const struct target *target)
{
    struct tg_session_ending *ending = target->ending;
    ending->unsure = target->alive > 0 || endings->table.settled ? 0 : ending->unsure + 1;
    return target->alive == 0 && (ending->unsure == 0 || ending->unsure > UNSURE_MAX);
}

/* From the last back: removing a session moves the last of the table to its place, which was seen already. */
static void finish(struct tg_agent *agent, struct tg_endings *endings)
{
    bool any = false;
    for (size_t i = endings->target_count; i-- > 0;) {
        const struct target *target = &endings->targets[i];
        if (!is_gone(endings, target))
            continue;
        if (target->session == NULL) {
            sweep_gone(agent, endings, target->uid);
            continue;
        }
        session_gone(agent, target->session);
        any = true;
    }
    if (any) {
        (void)tg_network_grants_update(agent);
        tg_dedicated_session_gone(agent);
    }
}

/* --- The turn
 * ------------------------------------------------------------------------------------------------- */

/* Reads /proc and says whose each process is. False: it could not. */
static bool look(struct tg_agent *agent, struct tg_endings *endings)
{
    int result = endings->sweep_count > 0 ? tg_process_table_scan(&endings->table, agent->proc_root)
                                          : tg_process_table_scan_sessions(&endings->table, agent->proc_root);
    if (result == 0 && (!collect(agent, endings) ||
                        tg_claims_assign(&endings->claims, &endings->table, agent->proc_root) != 0))
        result = -ENOMEM;
    if (result != 0 && !endings->scan_failed)
        tg_log(&agent->log, LOG_ERR, "%s cannot be read, so sessions cannot be ended as they should: %s",
               agent->proc_root, strerror(-result));
    endings->scan_failed = result != 0;
    return result == 0;
}

/* Without a scan nothing is known but the monitors: they are killed once every pause is over, which cuts the
 * connection. */
static void kill_monitors(const struct tg_agent *agent)
{
    int64_t pauses = 2 * agent->config.hangup_milliseconds + agent->config.terminate_milliseconds;
    for (size_t i = 0; i < agent->sessions.count; i++) {
        const struct tg_session *session = &agent->sessions.list[i];
        if (session->ended == 0 && session->ending.phase != TG_ENDING_NOT && session->pidfd >= 0 &&
            agent->steady >= session->ending.began + pauses)
            (void)tg_process_signal(session->pidfd, SIGKILL);
    }
}

static int64_t due_of(const struct tg_agent *agent, const struct tg_endings *endings,
                      const struct tg_session_ending *ending)
{
    int64_t poll = agent->steady + poll_interval(endings);
    if (ending->phase == TG_ENDING_BEGUN || ending->phase == TG_ENDING_TOLD)
        return ending->due;
    if (ending->phase == TG_ENDING_KILLED)
        return ending->due > agent->steady ? ending->due : poll;
    return tg_earlier(ending->due, poll);
}

static int64_t next_pass(const struct tg_agent *agent, const struct tg_endings *endings)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < agent->sessions.count; i++) {
        const struct tg_session *session = &agent->sessions.list[i];
        if (session->ended == 0 && session->ending.phase != TG_ENDING_NOT)
            due = tg_earlier(due, due_of(agent, endings, &session->ending));
    }
    for (size_t i = 0; i < endings->sweep_count; i++)
        due = tg_earlier(due, due_of(agent, endings, &endings->sweeps[i].ending));
    return due;
}

/* Do new processes turn up among those that are killed? */
static bool is_outrun(const struct tg_endings *endings)
{
    for (size_t i = 0; i < endings->target_count; i++) {
        if (endings->targets[i].signal == SIGKILL && endings->targets[i].fresh > 0)
            return true;
    }
    return false;
}

/* With many processes on a busy host a pass takes longer than a pause: each pause is counted from when the
 * agent got so far, not from the beginning of its turn. */
static void let_pass(struct tg_agent *agent, int64_t *since)
{
    int64_t now = tg_boottime_ms();
    agent->steady += now - *since;
    *since = now;
}

/* True: new processes turned up among those that are killed, and it should be done again at once. */
static bool pass(struct tg_agent *agent, struct tg_endings *endings)
{
    int64_t since = tg_boottime_ms();
    drop_sweeps(agent, endings);
    if (next_pass(agent, endings) == INT64_MAX)
        return false;
    bool seen = look(agent, endings);
    let_pass(agent, &since);
    if (!seen) {
        kill_monitors(agent);
        return false;
    }
    spare_granted(agent, endings);
    count(endings);
    for (size_t i = 0; i < endings->target_count; i++)
        step(agent, &endings->targets[i]);
    send_signals(agent, endings);
    bool outrun = is_outrun(endings);
    if (outrun)
        hunt(agent, endings);
    for (size_t i = 0; i < endings->target_count; i++) {
        struct target *target = &endings->targets[i];
        complain(agent, target);
        /* Why it ends, for an agent that comes back in the midst of it. */
        if (target->session != NULL && target->signal == SIGHUP)
            tg_session_note(agent, target->session);
    }
    /* Without memory for it, some are counted twice. */
    (void)tg_claims_remember(&endings->claims, &endings->table);
    let_pass(agent, &since);
    finish(agent, endings);
    return outrun;
}

/* Looks for the scope of one session. Returns when to look again, at growing intervals; never: INT64_MAX. */
static int64_t look_for_scope(struct tg_agent *agent, struct tg_session *session)
{
    int64_t age = agent->now - session->opened;
    if (session->cgroup[0] != '\0')
        return INT64_MAX;
    read_scope(agent, session);
    if (session->cgroup[0] == '\0')
        return age < 0 || age > SCOPE_SECONDS ? INT64_MAX : agent->steady + 1000 * (age + 1);
    /* An agent that comes back when the monitor is gone could not find it any more. */
    tg_session_note(agent, session);
    return INT64_MAX;
}

/* Systemd makes a session's scope a moment after it has opened; on a host that is busy, seconds later.
 * Returns when to be called next. */
static int64_t read_scopes(struct tg_agent *agent)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < agent->sessions.count; i++) {
        struct tg_session *session = &agent->sessions.list[i];
        if (session->pidfd < 0)
            continue;
        if (agent->steady >= session->scope_due)
            session->scope_due = look_for_scope(agent, session);
        due = tg_earlier(due, session->scope_due);
    }
    return due;
}

static void sweep_accounts(struct tg_agent *agent, struct tg_endings *endings)
{
    if (agent->steady < endings->sweep_due)
        return;
    endings->sweep_due = agent->steady + SWEEP_MS;
    for (size_t i = 0; i < agent->accounts.count; i++)
        tg_sweep(agent, agent->accounts.list[i].uid);
}

int64_t tg_ending_turn(struct tg_agent *agent)
{
    struct tg_endings *endings = endings_of(agent);
    if (endings == NULL)
        return agent->steady + RETRY_MS;
    sweep_accounts(agent, endings);
    int64_t due = tg_earlier(read_scopes(agent), endings->sweep_due);
    if (agent->steady >= endings->due) {
        bool again = true;
        for (int i = 0; again && i < PASSES_MAX; i++)
            again = pass(agent, endings);
        endings->due = again ? agent->steady : next_pass(agent, endings);
        if (endings->scan_failed)
            endings->due = agent->steady + RETRY_MS;
    }
    return tg_earlier(due, endings->due);
}
