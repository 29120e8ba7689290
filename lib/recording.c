/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/recording.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int check_program(const char *path, struct stat *found, struct tg_error *error)
{
    *found = (struct stat){0};
    if (path[0] != '/')
        return tg_fail(error, TG_recording_unavailable, "[sessions] recorder is no absolute path");
    if (stat(path, found) != 0)
        return tg_fail(error, TG_recording_unavailable, "%s: %s", path, strerror(errno));
    if (!S_ISREG(found->st_mode) || (found->st_mode & S_IXOTH) == 0)
        return tg_fail(error, TG_recording_unavailable, "%s is no program that anybody can run", path);
    return 0;
}

static int check_recorder(const char *path, struct tg_error *error)
{
    struct stat found;
    if (check_program(path, &found, error) != 0)
        return -1;
    if ((found.st_mode & (S_ISUID | S_ISGID)) != 0)
        return tg_fail(error, TG_recording_unavailable,
                       "%s is set-user-id: it would leave second terminals unrecorded; chmod ug-s %s", path,
                       path);
    return 0;
}

static int check_journal(const char *path, struct tg_error *error)
{
    struct stat found;
    if (stat(path, &found) == 0 && S_ISSOCK(found.st_mode))
        return 0;
    return tg_fail(error, TG_recording_unavailable,
                   "no journal takes the recordings (%s); name a file as [sessions] recordings", path);
}

/* The path becomes part of a JSON text, and of an error. */
static bool is_plain_path(const char *path)
{
    for (const char *at = path; *at != '\0'; at++) {
        if (*at <= 0x20 || *at > 0x7e || *at == '"' || *at == '\\')
            return false;
    }
    return path[0] == '/';
}

static int check_file(const char *path, struct tg_error *error)
{
    struct stat found;
    if (!is_plain_path(path))
        return tg_fail(error, TG_recording_unavailable,
                       "[sessions] recordings is neither \"" TG_RECORDINGS_JOURNAL
                       "\" nor a plain absolute path");
    if (stat(path, &found) != 0)
        return tg_fail(error, TG_recording_unavailable, "%s: %s", path, strerror(errno));
    if (!S_ISREG(found.st_mode) || (found.st_mode & S_IWOTH) == 0)
        return tg_fail(error, TG_recording_unavailable,
                       "%s is no file that the recorder, running as anybody, can write to", path);
    return 0;
}

int tg_recording_check(const struct tg_host_config *config, const struct tg_recording_paths *paths,
                       struct tg_error *error)
{
    struct stat found;
    if (check_program(paths->recorder_shell, &found, error) != 0 ||
        check_program(paths->recorded_shell, &found, error) != 0 ||
        check_recorder(config->recorder, error) != 0)
        return -1;
    if (strcmp(config->recordings, TG_RECORDINGS_JOURNAL) == 0)
        return check_journal(paths->journal_socket, error);
    return check_file(config->recordings, error);
}
