/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sessions on disk: the folder `sessions` of the state directory, one file for each, named by its id.
 */
#include "agent/ending.h"
#include "agent/state.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 1280 };

static const char folder[] = "sessions";

static void folder_path(const struct tg_agent *agent, char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/%s", agent->config.state_directory, folder);
}

typedef int writer(const char *directory, const char *name, const json_t *object, struct tg_error *error);

static bool save(struct tg_agent *agent, const struct tg_session *session, writer *write)
{
    char path[PATH_SIZE];
    struct tg_error error = {0};
    json_t *object = tg_session_to_json(session, agent->boot_id);
    folder_path(agent, path);
    int result = object == NULL
                     ? tg_fail(&error, TG_internal_error, "session %s: no memory to write it", session->id)
                     : write(path, session->id, object, &error);
    json_decref(object);
    if (result != 0)
        tg_log(&agent->log, LOG_CRIT, "%s", error.text);
    return result == 0;
}

bool tg_session_save(struct tg_agent *agent, const struct tg_session *session)
{
    return save(agent, session, tg_state_write);
}

void tg_session_note(struct tg_agent *agent, const struct tg_session *session)
{
    (void)save(agent, session, tg_state_write_soon);
}

void tg_session_drop(struct tg_agent *agent, struct tg_session *session)
{
    char path[PATH_SIZE];
    char file[PATH_SIZE + TG_SESSION_ID_SIZE];
    folder_path(agent, path);
    (void)snprintf(file, sizeof file, "%s/%s", path, session->id);
    /* A file that comes back with a crash of the machine is of another boot then. */
    if (unlink(file) != 0 && errno != ENOENT)
        tg_log(&agent->log, LOG_ERR, "%s: cannot be removed: %s", file, strerror(errno));
    tg_sessions_remove(&agent->sessions, session);
}

/* --- Loading
 * ------------------------------------------------------------------------------------------------------- */

static bool is_session_id(const char *name)
{
    return strlen(name) == TG_SESSION_ID_SIZE - 1 && strspn(name, "0123456789abcdef") == strlen(name);
}

/* Whatever else has the folder's name is set aside: without the folder no session can open. */
static bool prepare_folder(struct tg_agent *agent, const char *path)
{
    struct stat status;
    if (lstat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
        tg_log(&agent->log, LOG_CRIT, "%s: not a folder; set aside as %s.damaged-%lld", path, folder,
               (long long)agent->now);
        tg_file_set_aside(agent->config.state_directory, folder, agent->now);
    }
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return true;
    tg_log(&agent->log, LOG_CRIT, "%s: cannot be made: %s; no session can open", path, strerror(errno));
    return false;
}

/* Who is in a session whose file cannot be read is no longer known, and cannot be put out. */
static void report_lost(struct tg_agent *agent, const char *name, const char *why)
{
    tg_log(&agent->log, LOG_CRIT,
           "%s; what is left of session %s is not watched any more: look for it with `loginctl` or `ps` and "
           "end it",
           why, name);
}

static void load_one(struct tg_agent *agent, const char *path, const char *name)
{
    struct tg_error error = {0};
    struct tg_session session = {.pidfd = -1};
    json_t *object;
    if (tg_state_read(path, name, agent->now, &object, &error) != 0) {
        report_lost(agent, name, error.text);
        return;
    }
    bool ok = object != NULL && tg_session_from_json(&session, object, agent->proc_root, agent->boot_id) &&
              strcmp(session.id, name) == 0;
    json_decref(object);
    if (!ok) {
        tg_file_set_aside(path, name, agent->now);
        (void)tg_fail(&error, TG_internal_error, "%s/%s: not understood; set aside as %s.damaged-%lld", path,
                      name, name, (long long)agent->now);
        report_lost(agent, name, error.text);
    } else if (tg_sessions_add(&agent->sessions, &session) != NULL) {
        return;
    } else {
        report_lost(agent, name, "too many sessions");
    }
    tg_session_clear(&session);
}

/* The agent before was ending it, and its monitor has gone by now: the ending goes on for the same reason. */
static void end_again(struct tg_agent *agent, struct tg_session *session)
{
    const struct tg_session_ending before = session->ending;
    tg_session_end(agent, session, before.reason, before.detail);
}

/* Sessions whose monitor ended while the agent was not there: what they left behind is still to be ended. */
static void end_lost_sessions(struct tg_agent *agent)
{
    for (size_t i = agent->sessions.count; i-- > 0;) {
        struct tg_session *session = &agent->sessions.list[i];
        if (session->ended != 0 || session->pidfd >= 0)
            continue;
        if (session->ending.reason != TG_allowed)
            end_again(agent, session);
        else
            tg_session_end(agent, session, TG_allowed,
                           "its sshd process ended while the agent was not running");
    }
}

void tg_agent_load_sessions(struct tg_agent *agent)
{
    char path[PATH_SIZE];
    folder_path(agent, path);
    DIR *directory = prepare_folder(agent, path) ? opendir(path) : NULL;
    if (directory == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (is_session_id(entry->d_name))
            load_one(agent, path, entry->d_name);
    }
    (void)closedir(directory);
    end_lost_sessions(agent);
}
