/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/network_grants.h"

#include "agent/gates.h"
#include "agent/netfilter.h"
#include "agent/network_rules.h"
#include "agent/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RESOLV_CONF_MAX = 65536,
    AGAIN_MS = 10000,  /* after the kernel has refused */
    TOUCHED_MS = 100,  /* between two repairs: others may change rules as often as they like */
    LIST_SIZE = 192,   /* of destinations in an event */
    DETAIL_SIZE = 448, /* of an event */
    PATH_SIZE = 1280,
};

/* A session whose grant_put has been told, with what its grant_removed will say. */
struct told_grant {
    uint32_t uid;
    char session[TG_SESSION_ID_SIZE];
    char ticket[TG_TICKET_ID_SIZE];
    char person[TG_ACCOUNT_SIZE];
    char account[TG_ACCOUNT_SIZE];
    char source[TG_SOURCE_SIZE];
    char list[LIST_SIZE];
};

struct tg_network_grants {
    struct tg_netfilter netfilter;
    struct tg_network_rules rules; /* as the kernel has them */
    bool stale;                    /* or perhaps not: all of it is to be said again */
    int64_t due;                   /* when the next repair may be made, steady milliseconds */
    struct tg_error problem;       /* that was logged last; text "": none */
    struct stat resolv_conf;
    struct told_grant *told;
    size_t told_count;
};

/* That there is a table of ours in the kernel, for the next run of the agent. */
static const char marker_name[] = "network_table";

/* --- What there should be
 * ----------------------------------------------------------------------------------------- */

bool tg_account_is_confined(const struct tg_policy *policy, const char *account)
{
    const struct tg_person *person = policy == NULL ? NULL : tg_policy_person(policy, account);
    if (person != NULL)
        return person->confined;
    const struct tg_shared_account *shared = policy == NULL ? NULL : tg_policy_account(policy, account);
    return shared != NULL && shared->confined;
}

static void rules_free(struct tg_network_rules *rules)
{
    free(rules->uids);
    free(rules->permits);
    *rules = (struct tg_network_rules){0};
}

/* Has this session the right to reach anything? One that is ending has none any more. */
static bool is_running(const struct tg_session *session)
{
    return session->ended == 0 && session->ending.phase == TG_ENDING_NOT;
}

static bool uid_has_session(const struct tg_sessions *sessions, uint32_t uid)
{
    for (size_t i = 0; i < sessions->count; i++) {
        if (sessions->list[i].uid == uid && sessions->list[i].ended == 0)
            return true;
    }
    return false;
}

/* Those whom the policy confines; and those who were, for as long as a process of a session may be left. A
 * host that has no policy in force forgets nobody. */
static bool add_uids(const struct tg_agent *agent, const struct tg_network_rules *before,
                     struct tg_network_rules *rules)
{
    const struct tg_policy *policy = agent->policy;
    size_t most = before->uid_count + (policy == NULL ? 0 : policy->person_count + policy->account_count) + 1;
    rules->uids = calloc(most, sizeof *rules->uids);
    if (rules->uids == NULL)
        return false;
    for (size_t i = 0; policy != NULL && i < policy->person_count; i++) {
        if (policy->people[i].confined)
            rules->uids[rules->uid_count++] = policy->people[i].uid;
    }
    for (size_t i = 0; policy != NULL && i < policy->account_count; i++) {
        if (policy->accounts[i].confined && policy->accounts[i].uid != 0)
            rules->uids[rules->uid_count++] = policy->accounts[i].uid;
    }
    for (size_t i = 0; i < before->uid_count; i++) {
        if (policy == NULL || uid_has_session(&agent->sessions, before->uids[i]))
            rules->uids[rules->uid_count++] = before->uids[i];
    }
    return true;
}

static bool has_uid(const struct tg_network_rules *rules, uint32_t uid)
{
    size_t low = 0;
    size_t high = rules->uid_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rules->uids[middle] == uid)
            return true;
        if (rules->uids[middle] < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static const struct tg_ticket *ticket_of(const struct tg_agent *agent, const struct tg_session *session)
{
    const struct tg_ticket_entry *entry = tg_tickets_find(&agent->tickets, session->ticket);
    return entry == NULL ? NULL : entry->held.ticket;
}

/* Room for the permits of all running sessions. */
static bool make_room(const struct tg_agent *agent, struct tg_network_rules *rules)
{
    size_t most = 1;
    for (size_t i = 0; i < agent->sessions.count; i++) {
        const struct tg_ticket *ticket = ticket_of(agent, &agent->sessions.list[i]);
        most += ticket == NULL ? 0 : ticket->permit_open_count;
    }
    rules->permits = calloc(most, sizeof *rules->permits);
    return rules->permits != NULL;
}

static void add_permits_of(const struct tg_agent *agent, const struct tg_session *session,
                           struct tg_network_rules *rules)
{
    const struct tg_ticket *ticket = ticket_of(agent, session);
    int64_t due = tg_session_due(agent, session->ends);
    for (size_t i = 0; ticket != NULL && due > agent->steady && i < ticket->permit_open_count; i++) {
        struct tg_network_permit permit = {
            .uid = session->uid, .due = due, .milliseconds = due - agent->steady};
        if (tg_network_destination_parse(ticket->permit_open[i], &permit.destination))
            rules->permits[rules->permit_count++] = permit;
    }
}

/* The addresses that may be asked for names. Without any, names do not resolve, and nothing else is opened.
 */
static void add_name_servers(const struct tg_agent *agent, struct tg_network_rules *rules)
{
    char *text = NULL;
    size_t length;
    if (agent->config.name_servers[0] != '\0') {
        if (!tg_network_name_servers_of_list(agent->config.name_servers, rules))
            tg_log(&agent->log, LOG_ERR,
                   "[sessions] name_servers: %s: not all of it is addresses, at most %d",
                   agent->config.name_servers, TG_NAME_SERVERS_MAX);
        return;
    }
    if (tg_file_read("", agent->resolv_conf_path, RESOLV_CONF_MAX, &text, &length, NULL) == 0)
        tg_network_name_servers_of_file(text, rules);
    free(text);
}

/* The rules as they should be now, sorted. False without memory. */
static bool wanted_rules(const struct tg_agent *agent, const struct tg_network_rules *before,
                         struct tg_network_rules *rules)
{
    *rules = (struct tg_network_rules){0};
    if (!add_uids(agent, before, rules) || !make_room(agent, rules)) {
        rules_free(rules);
        return false;
    }
    tg_network_rules_sort(rules);
    for (size_t i = 0; i < agent->sessions.count; i++) {
        const struct tg_session *session = &agent->sessions.list[i];
        if (is_running(session) && has_uid(rules, session->uid))
            add_permits_of(agent, session, rules);
    }
    tg_network_rules_sort(rules);
    add_name_servers(agent, rules);
    return true;
}

/* --- Telling
 * ------------------------------------------------------------------------------------------------------ */

/* Adds a destination to a list that is cut at its end with how many more there are. */
static void list_add(char list[LIST_SIZE], size_t *left_out, const struct tg_network_destination *destination)
{
    enum { ROOM_FOR_THE_COUNT = 32 };
    char text[TG_DESTINATION_SIZE];
    size_t used = strlen(list);
    (void)tg_network_destination_text(destination, text);
    if (*left_out > 0 || used + strlen(text) + 1 >= LIST_SIZE - ROOM_FOR_THE_COUNT) {
        ++*left_out;
        return;
    }
    (void)snprintf(list + used, LIST_SIZE - used, "%s%s", used == 0 ? "" : " ", text);
}

static void list_end(char list[LIST_SIZE], size_t left_out)
{
    size_t used = strlen(list);
    if (left_out > 0)
        (void)snprintf(list + used, LIST_SIZE - used, " and %zu more", left_out);
    else if (used == 0)
        (void)snprintf(list, LIST_SIZE, "none");
}

/* What the session's own ticket lets it reach. */
static void list_of_session(const struct tg_agent *agent, const struct tg_session *session,
                            char list[LIST_SIZE])
{
    const struct tg_ticket *ticket = ticket_of(agent, session);
    struct tg_network_destination destination;
    size_t left_out = 0;
    list[0] = '\0';
    for (size_t i = 0; ticket != NULL && i < ticket->permit_open_count; i++) {
        if (tg_network_destination_parse(ticket->permit_open[i], &destination))
            list_add(list, &left_out, &destination);
        else
            tg_log(&agent->log, LOG_WARNING,
                   "ticket %s: permit_open %s is no numeric address and port: its sessions do not reach it",
                   ticket->id, ticket->permit_open[i]);
    }
    list_end(list, left_out);
}

static void list_of_uid(const struct tg_network_rules *rules, uint32_t uid, char list[LIST_SIZE])
{
    size_t left_out = 0;
    list[0] = '\0';
    for (size_t i = 0; i < rules->permit_count; i++) {
        if (rules->permits[i].uid == uid)
            list_add(list, &left_out, &rules->permits[i].destination);
    }
    list_end(list, left_out);
}

static void add_event(struct tg_agent *agent, const char *kind, const struct told_grant *grant,
                      const char *word, const char *list)
{
    char detail[DETAIL_SIZE];
    (void)snprintf(detail, sizeof detail, "%s (%s: %s)", grant->list, word, list);
    (void)tg_events_add(&agent->events,
                        &(struct tg_event){.kind = kind,
                                           .ticket = grant->ticket,
                                           .person = grant->person,
                                           .account = grant->account,
                                           .source = grant->source,
                                           .detail = detail,
                                           .session = grant->session},
                        agent->now);
    tg_log(&agent->log, LOG_INFO, "%s: session %s of %s (%s): %s", kind, grant->session, grant->person,
           grant->account, detail);
}

static struct told_grant *find_told(const struct tg_network_grants *grants, const char *session)
{
    for (size_t i = 0; i < grants->told_count; i++) {
        if (strcmp(grants->told[i].session, session) == 0)
            return &grants->told[i];
    }
    return NULL;
}

/* NULL without memory: then the log has it alone. */
static const struct told_grant *remember(struct tg_agent *agent, const struct tg_session *session)
{
    struct tg_network_grants *grants = agent->network_grants;
    struct told_grant *grown = reallocarray(grants->told, grants->told_count + 1, sizeof *grown);
    if (grown == NULL) {
        tg_log(&agent->log, LOG_CRIT, "no memory to tell the grant of session %s", session->id);
        return NULL;
    }
    grants->told = grown;
    struct told_grant *grant = &grown[grants->told_count++];
    *grant = (struct told_grant){.uid = session->uid};
    memcpy(grant->session, session->id, sizeof grant->session);
    memcpy(grant->ticket, session->ticket, sizeof grant->ticket);
    memcpy(grant->person, session->person, sizeof grant->person);
    memcpy(grant->account, session->account, sizeof grant->account);
    memcpy(grant->source, session->source, sizeof grant->source);
    list_of_session(agent, session, grant->list);
    return grant;
}

/* What has come: sessions whose grant is in the kernel now. `before`: the rules before that. */
static void tell_put(struct tg_agent *agent, const struct tg_network_rules *before)
{
    struct tg_network_grants *grants = agent->network_grants;
    for (size_t i = 0; i < agent->sessions.count; i++) {
        const struct tg_session *session = &agent->sessions.list[i];
        char list[LIST_SIZE];
        if (!is_running(session) || !has_uid(&grants->rules, session->uid) ||
            find_told(grants, session->id) != NULL)
            continue;
        const struct told_grant *grant = remember(agent, session);
        list_of_uid(before, session->uid, list);
        if (grant != NULL)
            add_event(agent, "grant_put", grant, "before", list);
    }
}

/* What has gone. */
static void tell_removed(struct tg_agent *agent)
{
    struct tg_network_grants *grants = agent->network_grants;
    for (size_t i = grants->told_count; i-- > 0;) {
        const struct tg_session *session = tg_sessions_find(&agent->sessions, grants->told[i].session);
        char list[LIST_SIZE];
        if (session != NULL && is_running(session) && has_uid(&grants->rules, session->uid))
            continue;
        struct told_grant grant = grants->told[i];
        grants->told[i] = grants->told[--grants->told_count];
        list_of_uid(&grants->rules, grant.uid, list);
        add_event(agent, "grant_removed", &grant, "left", list);
    }
}

/* --- The kernel
 * --------------------------------------------------------------------------------------------------- */

static bool set_marker(struct tg_agent *agent, bool wanted)
{
    struct tg_error error;
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", agent->config.state_directory, marker_name);
    if (!wanted)
        return unlink(path) == 0 || errno == ENOENT;
    if (access(path, F_OK) == 0)
        return true;
    return tg_file_replace(agent->config.state_directory, marker_name, tg_bytes_of("\n", 1), &error) == 0;
}

/* The whole table. One that is there and is not like ours, of another version of the agent, does not take
 * our commands, and is made anew. */
static int apply_all(struct tg_network_grants *grants, const struct tg_network_rules *wanted,
                     struct tg_error *error)
{
    struct tg_error ignored;
    char *text = tg_network_rules_text(wanted);
    char *anew = NULL;
    int result = -1;
    if (text == NULL || asprintf(&anew, "%s%s", TG_NETWORK_REMOVE_TEXT, text) < 0)
        (void)tg_fail(error, TG_grant_failed, "no memory for the network rules");
    else if (tg_netfilter_run(&grants->netfilter, text, &ignored) == 0 ||
             tg_netfilter_run(&grants->netfilter, anew, error) == 0)
        result = 0;
    free(text);
    free(anew);
    return result;
}

static int apply_permits(struct tg_network_grants *grants, const struct tg_network_rules *wanted)
{
    struct tg_error ignored;
    char *text = tg_network_permits_text(wanted);
    int result = text == NULL ? -1 : tg_netfilter_run(&grants->netfilter, text, &ignored);
    free(text);
    return result;
}

/* Brings the kernel to what is wanted, from what it is known to have. */
static int apply(struct tg_network_grants *grants, const struct tg_network_rules *wanted,
                 struct tg_error *error)
{
    if (tg_netfilter_changes(&grants->netfilter) > 0)
        grants->stale = true;
    bool same_frame = !grants->stale && tg_network_rules_same_frame(&grants->rules, wanted);
    if (same_frame && tg_network_rules_same_permits(&grants->rules, wanted))
        return 0;
    int result = same_frame && apply_permits(grants, wanted) == 0 ? 0 : apply_all(grants, wanted, error);
    /* One transaction is ours; with more, somebody else's was among them. */
    grants->stale = result != 0 || tg_netfilter_changes(&grants->netfilter) > 1;
    return result;
}

/* Says it once, until it is another problem or none. */
static void report(struct tg_agent *agent, const struct tg_error *error, bool failed)
{
    struct tg_network_grants *grants = agent->network_grants;
    if (failed && strcmp(grants->problem.text, error->text) != 0)
        tg_log_refusal(&agent->log, TG_grant_failed, "%s; no session of a confined account can be opened",
                       error->text);
    if (!failed && grants->problem.text[0] != '\0')
        tg_log(&agent->log, LOG_NOTICE, "the network rules of confined accounts are in force again");
    grants->problem = failed ? *error : (struct tg_error){0};
}

/* Nobody is confined any more, nor was. */
static int remove_table(struct tg_agent *agent)
{
    struct tg_network_grants *grants = agent->network_grants;
    struct tg_error error = {0};
    int result = tg_netfilter_run(&grants->netfilter, TG_NETWORK_REMOVE_TEXT, &error);
    report(agent, &error, result != 0);
    if (result != 0 || !set_marker(agent, false)) {
        grants->stale = true;
        grants->due = agent->steady + AGAIN_MS;
        return -1;
    }
    rules_free(&grants->rules);
    tell_removed(agent);
    tg_network_grants_free(grants);
    agent->network_grants = NULL;
    tg_log(&agent->log, LOG_NOTICE, "nobody is confined any more: the network rules are removed");
    return 0;
}

static bool anybody_is_confined(const struct tg_policy *policy)
{
    for (size_t i = 0; policy != NULL && i < policy->person_count; i++) {
        if (policy->people[i].confined)
            return true;
    }
    for (size_t i = 0; policy != NULL && i < policy->account_count; i++) {
        if (policy->accounts[i].confined)
            return true;
    }
    return false;
}

static bool make_grants(struct tg_agent *agent)
{
    struct tg_network_grants *grants = calloc(1, sizeof *grants);
    if (grants == NULL) {
        tg_log(&agent->log, LOG_CRIT, "no memory for the network rules");
        return false;
    }
    grants->netfilter.watch = -1;
    grants->stale = true;
    agent->network_grants = grants;
    return true;
}

void tg_network_grants_start(struct tg_agent *agent)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", agent->config.state_directory, marker_name);
    if (access(path, F_OK) != 0 || !make_grants(agent))
        return;
    for (size_t i = 0; i < agent->sessions.count; i++) {
        const struct tg_session *session = &agent->sessions.list[i];
        if (session->ended == 0 && agent->policy != NULL &&
            tg_account_is_confined(agent->policy, session->account))
            (void)remember(agent, session);
    }
}

int tg_network_grants_update(struct tg_agent *agent)
{
    struct tg_error error = {0};
    struct tg_network_rules wanted = {0};
    if (agent->network_grants == NULL && (!anybody_is_confined(agent->policy) || !make_grants(agent)))
        return anybody_is_confined(agent->policy) ? -1 : 0;
    struct tg_network_grants *grants = agent->network_grants;
    /* An agent that has come back without a policy does not know who is confined; the table does. */
    if (agent->policy == NULL && grants->rules.uid_count == 0) {
        grants->due = agent->steady + AGAIN_MS;
        return -1;
    }
    bool made = wanted_rules(agent, &grants->rules, &wanted);
    if (made && wanted.uid_count == 0 && agent->policy != NULL) {
        rules_free(&wanted);
        return remove_table(agent);
    }
    int result = -1;
    if (!made)
        (void)tg_fail(&error, TG_grant_failed, "no memory for the network rules");
    else if (!set_marker(agent, true))
        (void)tg_fail(&error, TG_grant_failed, "%s: cannot write %s", agent->config.state_directory,
                      marker_name);
    else
        result = apply(grants, &wanted, &error);
    report(agent, &error, result != 0);
    grants->due = agent->steady + (result == 0 ? TOUCHED_MS : AGAIN_MS);
    if (result == 0) {
        struct tg_network_rules before = grants->rules;
        grants->rules = wanted;
        tell_put(agent, &before);
        tell_removed(agent);
        rules_free(&before);
    } else {
        grants->stale = true;
        rules_free(&wanted);
    }
    return result;
}

bool tg_network_may_open(struct tg_agent *agent, const struct tg_ticket *ticket,
                         struct tg_agent_answer *answer)
{
    bool confined = tg_account_is_confined(agent->policy, ticket->account);
    int result = tg_network_grants_update(agent);
    if (!confined || (result == 0 && has_uid(&agent->network_grants->rules, ticket->uid)))
        return true;
    tg_refuse(answer, TG_grant_failed, ticket->id, "");
    return false;
}

/* --- Watching
 * ----------------------------------------------------------------------------------------------------- */

static bool resolv_conf_has_changed(struct tg_agent *agent)
{
    struct tg_network_grants *grants = agent->network_grants;
    struct stat now = {0};
    struct stat seen = grants->resolv_conf;
    (void)stat(agent->resolv_conf_path, &now);
    grants->resolv_conf = now;
    return now.st_dev != seen.st_dev || now.st_ino != seen.st_ino || now.st_size != seen.st_size ||
           now.st_mtim.tv_sec != seen.st_mtim.tv_sec || now.st_mtim.tv_nsec != seen.st_mtim.tv_nsec;
}

int64_t tg_network_grants_turn(struct tg_agent *agent)
{
    struct tg_network_grants *grants = agent->network_grants;
    if (grants == NULL)
        return INT64_MAX;
    if (tg_netfilter_changes(&grants->netfilter) > 0)
        grants->stale = true;
    bool changed = resolv_conf_has_changed(agent);
    if ((grants->stale && agent->steady >= grants->due) || changed)
        (void)tg_network_grants_update(agent);
    grants = agent->network_grants;
    return grants != NULL && grants->stale ? grants->due : INT64_MAX;
}

int tg_network_grants_fd(const struct tg_network_grants *grants)
{
    return grants == NULL ? -1 : grants->netfilter.watch;
}

const char *tg_network_grants_problem(const struct tg_network_grants *grants)
{
    return grants == NULL ? "" : grants->problem.text;
}

void tg_network_grants_free(struct tg_network_grants *grants)
{
    if (grants == NULL)
        return;
    tg_netfilter_close(&grants->netfilter);
    rules_free(&grants->rules);
    free(grants->told);
    free(grants);
}
