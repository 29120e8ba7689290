/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing the roster when it should say something else than it does.
 */
#include "agent/agent.h"
#include "agent/network_grants.h"
#include "agent/recording.h"
#include "lib/digest.h"
#include "lib/monotonic.h"

#include <stdlib.h>
#include <string.h>

enum { PUBLISH_AGAIN_S = 3600, RETRY_S = 10 };

struct draft {
    struct tg_roster_user *users;
    size_t user_count;
    struct tg_roster_group *groups;
    size_t group_count;
    uint32_t *gids; /* of all users, one behind the other */
    char (*homes)[TG_NAME_SIZE + 8];
};

static void draft_free(struct draft *draft)
{
    free(draft->users);
    free(draft->groups);
    free(draft->gids);
    free(draft->homes);
}

static bool draft_init(struct draft *draft, const struct tg_accounts *accounts,
                       const struct tg_policy *policy)
{
    size_t gids = 1;
    for (size_t i = 0; i < accounts->count; i++)
        gids += accounts->list[i].gid_count;
    *draft = (struct draft){0};
    draft->users = calloc(accounts->count + 1, sizeof *draft->users);
    draft->groups = calloc((policy == NULL ? 0 : policy->group_count) + 1, sizeof *draft->groups);
    draft->gids = calloc(gids, sizeof *draft->gids);
    draft->homes = calloc(accounts->count + 1, sizeof *draft->homes);
    return draft->users != NULL && draft->groups != NULL && draft->gids != NULL && draft->homes != NULL;
}

static bool is_wanted(const struct tg_accounts *accounts, uint32_t gid)
{
    for (size_t i = 0; i < accounts->count; i++) {
        for (size_t j = 0; j < accounts->list[i].gid_count; j++) {
            if (accounts->list[i].gids[j] == gid)
                return true;
        }
    }
    return false;
}

static void add_groups(struct tg_agent *agent, struct draft *draft, const struct tg_local_names *names)
{
    for (size_t i = 0; agent->policy != NULL && i < agent->policy->group_count; i++) {
        const struct tg_unix_group *group = &agent->policy->groups[i];
        if (!is_wanted(&agent->accounts, group->gid))
            continue;
        const char *clash = tg_local_names_clash(names, group->name, group->gid);
        if (clash == NULL && tg_uid_ledger_holder(&agent->uid_ledger, group->gid) != NULL)
            clash = "an account had this number here, and was not wiped since";
        if (clash != NULL)
            tg_log(&agent->log, LOG_ERR, "group %s (gid %u) is not published: %s", group->name, group->gid,
                   clash);
        else
            draft->groups[draft->group_count++] =
                (struct tg_roster_group){.name = group->name, .gid = group->gid};
    }
}

static bool has_group(const struct draft *draft, uint32_t gid)
{
    for (size_t i = 0; i < draft->group_count; i++) {
        if (draft->groups[i].gid == gid)
            return true;
    }
    return false;
}

static void add_users(struct tg_agent *agent, struct draft *draft, const struct tg_local_names *names)
{
    size_t gids = 0;
    for (size_t i = 0; i < agent->accounts.count; i++) {
        const struct tg_remembered_account *account = &agent->accounts.list[i];
        if (tg_uid_ledger_clash(agent, account) != NULL)
            continue;
        const char *clash = tg_local_names_clash(names, account->name, account->uid);
        if (clash != NULL) {
            tg_log(&agent->log, LOG_ERR, "account %s (uid %u) is not published: %s", account->name,
                   account->uid, clash);
            continue;
        }
        struct tg_roster_user *user = &draft->users[draft->user_count];
        (void)snprintf(draft->homes[draft->user_count], sizeof draft->homes[0], "/home/%s", account->name);
        *user = (struct tg_roster_user){.name = account->name,
                                        .uid = account->uid,
                                        .gecos = "",
                                        .home = draft->homes[draft->user_count],
                                        .shell = tg_recording_shell(account),
                                        .expires = account->expires,
                                        .forgotten = account->forgotten,
                                        .gids = draft->gids + gids};
        for (size_t j = 0; j < account->gid_count; j++) {
            if (has_group(draft, account->gids[j]))
                draft->gids[gids + user->gid_count++] = account->gids[j];
        }
        gids += user->gid_count;
        draft->user_count++;
    }
}

/* A digest of what the file would say, generation and date aside. */
static bool draft_digest(const struct draft *draft, char digest[TG_DIGEST_SIZE])
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    if (stream == NULL)
        return false;
    for (size_t i = 0; i < draft->user_count; i++) {
        const struct tg_roster_user *user = &draft->users[i];
        (void)fprintf(stream, "%s %u %s %lld %lld", user->name, user->uid, user->shell,
                      (long long)user->expires, (long long)user->forgotten);
        for (size_t j = 0; j < user->gid_count; j++)
            (void)fprintf(stream, " %u", user->gids[j]);
        (void)fputc('\n', stream);
    }
    for (size_t i = 0; i < draft->group_count; i++)
        (void)fprintf(stream, "group %s %u\n", draft->groups[i].name, draft->groups[i].gid);
    bool ok = fclose(stream) == 0 && tg_digest(tg_bytes_of(text, length), digest);
    free(text);
    return ok;
}

static int write_draft(struct tg_agent *agent, const struct draft *draft, struct tg_error *error)
{
    struct tg_roster roster = {.generation = agent->roster_generation + 1,
                               .built_at = agent->now,
                               .users = draft->users,
                               .user_count = draft->user_count,
                               .groups = draft->groups,
                               .group_count = draft->group_count};
    if (tg_roster_write(agent->config.roster, &roster, error) != 0)
        return -1;
    agent->roster_generation++;
    (void)lstat(agent->config.roster, &agent->roster_seen);
    tg_log(&agent->log, LOG_INFO, "roster published: %zu accounts, %zu groups", draft->user_count,
           draft->group_count);
    return 0;
}

/* When the roster must be looked at again although nothing came: the policy ends, an account may be
 * forgotten, local files may have changed. Ends of windows need nothing: the reader knows them. */
static int64_t next_time(const struct tg_agent *agent)
{
    int64_t next = agent->now + PUBLISH_AGAIN_S;
    if (agent->policy != NULL && agent->policy->expires > agent->now && agent->policy->expires < next)
        next = agent->policy->expires;
    for (size_t i = 0; i < agent->accounts.count; i++) {
        int64_t forgotten = agent->accounts.list[i].forgotten;
        if (forgotten > agent->now && forgotten < next)
            next = forgotten;
    }
    return next;
}

/* Is the file that was published last still in its place, and sound? */
static bool is_in_place(const struct tg_agent *agent)
{
    return tg_roster_generation(agent->config.roster) == agent->roster_generation;
}

static int build_and_write(struct tg_agent *agent, const struct tg_local_names *names, struct tg_error *error)
{
    struct draft draft;
    char digest[TG_DIGEST_SIZE];
    int result = 0;
    if (!draft_init(&draft, &agent->accounts, agent->policy)) {
        result = tg_fail(error, TG_internal_error, "no memory for the roster");
        goto out;
    }
    tg_uid_ledger_take(agent);
    add_groups(agent, &draft, names);
    add_users(agent, &draft, names);
    if (!draft_digest(&draft, digest))
        result = tg_fail(error, TG_internal_error, "no memory for the roster");
    else if (strcmp(digest, agent->roster_digest) != 0 || !is_in_place(agent))
        result = write_draft(agent, &draft, error);
    if (result == 0) {
        memcpy(agent->roster_digest, digest, sizeof digest);
        /* The turn's own time will not do: whoever looked an account up meanwhile saw the old file. */
        tg_recording_published(&agent->accounts, draft.users, draft.user_count, tg_boottime_ms() + 1);
    }
out:
    draft_free(&draft);
    return result;
}

bool tg_agent_publish(struct tg_agent *agent)
{
    struct tg_error error = {0};
    struct tg_local_names names = {0};
    enum tg_reason problem;
    const struct tg_policy *policy = tg_agent_policy(agent, &problem);
    /* Confined before there is an account to log in to. Failure is said there, and lets nobody in. */
    (void)tg_network_grants_update(agent);
    const struct tg_accounts_wish wish = {.host = agent->config.name,
                                          .sessions = &agent->sessions,
                                          .session_now = tg_session_now(agent),
                                          .linger_seconds = agent->config.linger_hours * 3600,
                                          .everybody = strcmp(agent->config.deny_in, "session") == 0};
    int result = tg_accounts_update(&agent->accounts, policy, &agent->tickets, &wish, agent->now);
    if (result != 0)
        (void)tg_fail(&error, TG_internal_error, "no memory for the accounts");
    if (result == 0)
        result = tg_local_names_read(&names, agent->passwd_path, agent->group_path, &error);
    if (result == 0)
        result = build_and_write(agent, &names, &error);
    tg_local_names_free(&names);
    agent->unsaved = true;
    agent->publish_due = result == 0 ? next_time(agent) : agent->now + RETRY_S;
    if (result != 0)
        tg_log(&agent->log, LOG_CRIT, "the roster is not published: %s", error.text);
    return result == 0;
}

void tg_agent_watch_roster(struct tg_agent *agent)
{
    struct stat now = {0};
    const struct stat *seen = &agent->roster_seen;
    (void)lstat(agent->config.roster, &now);
    if (now.st_dev == seen->st_dev && now.st_ino == seen->st_ino && now.st_size == seen->st_size &&
        now.st_ctim.tv_sec == seen->st_ctim.tv_sec && now.st_ctim.tv_nsec == seen->st_ctim.tv_nsec)
        return;
    /* Noticed once: how often a failed publication is tried again is for publish_due to say. */
    agent->roster_seen = now;
    agent->publish_due = agent->now;
    tg_log(&agent->log, LOG_ERR, "%s was touched by somebody else; it is published anew",
           agent->config.roster);
}
