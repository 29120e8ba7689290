/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What one agent keeps in its state directory: `policy` as it came, `tickets` (with revision, highest serial
 * and last contact), `revocations` as they came, `marks` (what must not be lost with the tickets, and the
 * highest serial again), `accounts` that were published, `uids` that anybody ever had here, the `owner` of a
 * one-person server. sessions_state.c, session_clock.c and events.c keep files of their own.
 */
#include "agent/agent.h"
#include "agent/revocations.h"
#include "agent/state.h"

#include <string.h>

static const char policy_file[] = "policy";
static const char tickets_file[] = "tickets";
static const char revocations_file[] = "revocations";
static const char marks_file[] = "marks";
static const char accounts_file[] = "accounts";
static const char uids_file[] = "uids";
static const char owner_file[] = "owner";

/* Takes over `object`. */
static bool save(struct tg_agent *agent, const char *name, json_t *object)
{
    struct tg_error error = {0};
    int result = object == NULL ? tg_fail(&error, TG_internal_error, "%s: no memory to write it", name)
                                : tg_state_write(agent->config.state_directory, name, object, &error);
    json_decref(object);
    if (result != 0)
        tg_log(&agent->log, LOG_CRIT, "%s", error.text);
    return result == 0;
}

bool tg_agent_save_policy(struct tg_agent *agent)
{
    return save(agent, policy_file, json_incref(agent->policy_file));
}

/* Marks and highest serial, if they are not on disk as they are. */
static bool save_marks(struct tg_agent *agent)
{
    int changed = tg_tickets_mark(&agent->tickets, agent->now);
    agent->marks_unsaved |= changed != 0 || agent->highest_serial != agent->saved_serial;
    if (!agent->marks_unsaved)
        return true;
    json_t *marks = changed < 0 ? NULL : tg_marks_to_json(&agent->tickets.marks);
    json_t *object =
        marks == NULL ? NULL
                      : json_pack("{s:I, s:o}", "serial", (json_int_t)agent->highest_serial, "marks", marks);
    if (!save(agent, marks_file, object))
        return false;
    agent->marks_unsaved = false;
    agent->saved_serial = agent->highest_serial;
    return true;
}

bool tg_agent_save_tickets(struct tg_agent *agent)
{
    json_t *tickets = tg_tickets_to_json(&agent->tickets);
    /* A policy that waits for its time is not on disk: after a restart it must come again. */
    uint64_t revision = agent->policy_later == NULL ? agent->service.revision : 0;
    json_t *object = tickets == NULL ? NULL
                                     : json_pack("{s:I, s:I, s:I, s:o}", "revision", (json_int_t)revision,
                                                 "serial", (json_int_t)agent->highest_serial, "contact",
                                                 (json_int_t)agent->service.contact_time, "tickets", tickets);
    if (!save(agent, tickets_file, object) || !save_marks(agent) ||
        !save(agent, accounts_file, tg_accounts_to_json(&agent->accounts)))
        return false;
    agent->unsaved = false;
    agent->service.contact_saved = agent->steady;
    return true;
}

bool tg_agent_save_revocations(struct tg_agent *agent)
{
    return save(agent, revocations_file, json_pack("{s:s}", "krl", agent->revocations.text));
}

bool tg_agent_save_uids(struct tg_agent *agent)
{
    return save(agent, uids_file, tg_uid_ledger_to_json(&agent->uid_ledger));
}

bool tg_agent_save_owner(struct tg_agent *agent)
{
    return save(agent, owner_file, tg_dedicated_to_json(&agent->dedicated));
}

/* NULL if there is none, or none that can be read: that is logged. */
static json_t *load(struct tg_agent *agent, const char *name)
{
    struct tg_error error;
    json_t *object;
    if (tg_state_read(agent->config.state_directory, name, agent->now, &object, &error) != 0)
        tg_log(&agent->log, LOG_CRIT, "%s", error.text);
    return object;
}

/* A file whose sum is right but whose content is not what this version writes. */
static void set_aside(struct tg_agent *agent, const char *name)
{
    tg_log(&agent->log, LOG_CRIT, "%s/%s: not understood in full; set aside as %s.damaged-%lld",
           agent->config.state_directory, name, name, (long long)agent->now);
    tg_file_set_aside(agent->config.state_directory, name, agent->now);
}

/* Before the tickets, which they are laid on. */
static void load_marks(struct tg_agent *agent)
{
    int64_t serial;
    json_t *object = load(agent, marks_file);
    if (object == NULL)
        return;
    if (tg_state_number(object, "serial", &serial))
        agent->highest_serial = agent->saved_serial = (uint64_t)serial;
    if (!tg_marks_from_json(&agent->tickets.marks, json_object_get(object, "marks")) || serial < 0)
        set_aside(agent, marks_file);
    json_decref(object);
}

static void load_tickets(struct tg_agent *agent, const json_t *object)
{
    int64_t revision;
    int64_t serial;
    int64_t contact;
    if (!tg_state_number(object, "revision", &revision) || !tg_state_number(object, "serial", &serial) ||
        !tg_state_number(object, "contact", &contact)) {
        set_aside(agent, tickets_file);
        return;
    }
    if (agent->highest_serial < (uint64_t)serial)
        agent->highest_serial = (uint64_t)serial;
    agent->service.contact_time = contact;
    tg_agent_judge_policy(agent);
    bool whole = tg_tickets_from_json(&agent->tickets, agent->policy, agent->config.name,
                                      json_object_get(object, "tickets"));
    if (!whole)
        set_aside(agent, tickets_file);
    /* Without all tickets, or without a policy to judge them by, the service is to send everything again. */
    agent->service.revision = whole && agent->policy != NULL ? (uint64_t)revision : 0;
}

/* Before the policy, which judges by them. */
static void load_revocations(struct tg_agent *agent)
{
    agent->revocations.unpublished = true;
    json_t *object = load(agent, revocations_file);
    const char *text = json_string_value(json_object_get(object, "krl"));
    if (object != NULL && (text == NULL || !tg_revocations_restore(agent, text)))
        set_aside(agent, revocations_file);
    json_decref(object);
}

void tg_agent_load(struct tg_agent *agent)
{
    agent->policy_problem = TG_policy_missing;
    agent->policy_file = load(agent, policy_file);
    load_revocations(agent);
    load_marks(agent);
    json_t *tickets = load(agent, tickets_file);
    if (tickets != NULL)
        load_tickets(agent, tickets);
    else
        tg_agent_judge_policy(agent);
    json_decref(tickets);
    json_t *accounts = load(agent, accounts_file);
    if (accounts != NULL && !tg_accounts_from_json(&agent->accounts, accounts))
        set_aside(agent, accounts_file);
    json_decref(accounts);
    json_t *uids = load(agent, uids_file);
    if (uids != NULL && !tg_uid_ledger_from_json(&agent->uid_ledger, uids))
        set_aside(agent, uids_file);
    json_decref(uids);
    json_t *owner = load(agent, owner_file);
    if (owner != NULL && !tg_dedicated_from_json(&agent->dedicated, owner))
        set_aside(agent, owner_file);
    json_decref(owner);
    tg_agent_load_sessions(agent);
}
