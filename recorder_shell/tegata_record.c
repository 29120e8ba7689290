/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The recorder shell: what the roster shows as the shell of an account while a ticket of a rule with `record`
 * is in force. sshd starts it for everything but internal-sftp and forwarding. With a terminal on standard
 * input it becomes the recorder, around the real shell; without one (scp, rsync, git, ssh -T) it says so in
 * the log and becomes the real shell, which gets the same arguments and descriptors. It never looks at a
 * command's text: whoever wants to hide could always word it otherwise.
 */
#include "agent/process.h"
#include "lib/recording.h"
#include "recorder_shell/real_shell.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUE_SIZE = 300, SETTINGS_SIZE = 2 * TG_CONFIG_VALUE_SIZE, ARGUMENTS_MAX = 64, ID_SIZE = 80 };

static void log_session(const struct tg_log *log, const char *what)
{
    char ticket[VALUE_SIZE];
    char person[VALUE_SIZE];
    char session[VALUE_SIZE];
    tg_log(log, LOG_INFO, "%s: uid %u, ticket %s, person %s, session %s", what, (unsigned int)getuid(),
           tg_session_value("TEGATA_TICKET", ticket, sizeof ticket),
           tg_session_value("TEGATA_PERSON", person, sizeof person),
           tg_session_value("TEGATA_SESSION", session, sizeof session));
}

/* Takes every setting of the recorder's from the environment: only ours and its own configuration count. */
static void forget_recorder_settings(void)
{
    static const char prefix[] = "TLOG_";
    size_t kept = 0;
    for (size_t i = 0; environ[i] != NULL; i++) {
        if (strncmp(environ[i], prefix, sizeof prefix - 1) != 0)
            environ[kept++] = environ[i];
    }
    environ[kept] = NULL;
}

/* Tells the recorder which shell to run and where to write. The paths are plain: tg_recording_check(). */
static int set_recorder_settings(const struct tg_host_config *config)
{
    char settings[SETTINGS_SIZE];
    int length;
    forget_recorder_settings();
    if (strcmp(config->recordings, TG_RECORDINGS_JOURNAL) == 0)
        length = snprintf(settings, sizeof settings,
                          "{\"shell\":\"" TG_RECORDED_SHELL "\",\"writer\":\"journal\"}");
    else
        length =
            snprintf(settings, sizeof settings,
                     "{\"shell\":\"" TG_RECORDED_SHELL "\",\"writer\":\"file\",\"file\":{\"path\":\"%s\"}}",
                     config->recordings);
    if (length < 0 || (size_t)length >= sizeof settings)
        return -1;
    return setenv("TLOG_REC_SESSION_CONF_TEXT", settings, 1);
}

/* The recorder's arguments for what sshd asks for: none, or "-c COMMAND". A "--" keeps a command that begins
 * with a dash from being taken for an option of the recorder's. False: it is something else. */
static bool recorder_arguments(int argc, char **argv, char *name, char **out)
{
    static char end_of_options[] = "--";
    size_t count = 0;
    out[count++] = name;
    if (argc > 1) {
        if (argc < 3 || argc > ARGUMENTS_MAX || strcmp(argv[1], "-c") != 0)
            return false;
        out[count++] = argv[1];
        out[count++] = end_of_options;
        for (int i = 2; i < argc; i++)
            out[count++] = argv[i];
    }
    out[count] = NULL;
    return true;
}

/* The id that tlog gives the recording of this process: boot id, pid and start time. */
static void recording_id(char out[ID_SIZE])
{
    char boot[TG_BOOT_ID_SIZE] = "";
    struct tg_process self;
    size_t used = 0;
    (void)tg_boot_id("/proc", boot);
    (void)tg_process_read("/proc", getpid(), &self, NULL);
    for (const char *at = boot; *at != '\0'; at++) {
        if (*at != '-')
            out[used++] = *at;
    }
    (void)snprintf(out + used, ID_SIZE - used, "-%x-%" PRIx64, (unsigned int)self.pid, self.start);
}

/* Becomes the recorder. Returns, with the status to exit with, only if nothing can be recorded: then nothing
 * is run. */
static int record(const struct tg_log *log, int argc, char **argv)
{
    const struct tg_recording_paths paths = TG_RECORDING_PATHS;
    char what[32 + ID_SIZE];
    char id[ID_SIZE];
    char name[TG_CONFIG_VALUE_SIZE + 1];
    char *arguments[ARGUMENTS_MAX + 4];
    struct tg_host_config config;
    struct tg_error error;
    if (tg_host_config_read(TG_HOST_CONFIG_PATH, &config, &error) != 0 ||
        tg_recording_check(&config, &paths, &error) != 0)
        return tg_refuse_to_run(log, "%s", error.text);
    (void)snprintf(name, sizeof name, "%s%s", argv[0][0] == '-' ? "-" : "",
                   strrchr(config.recorder, '/') + 1);
    if (!recorder_arguments(argc, argv, name, arguments))
        return tg_refuse_to_run(log, "on a terminal this runs with -c COMMAND, or without arguments");
    if (set_recorder_settings(&config) != 0)
        return tg_refuse_to_run(log, "no memory");
    recording_id(id);
    (void)snprintf(what, sizeof what, "recording %s", id);
    log_session(log, what);
    (void)execv(config.recorder, arguments);
    return tg_refuse_to_run(log, "%s cannot be run: %s", config.recorder, strerror(errno));
}

int main(int argc, char **argv)
{
    const struct tg_log log = {.program = "tegata-record", .level = LOG_INFO};
    tg_name_log(&log);
    if (argc < 1)
        return tg_refuse_to_run(&log, "called without a name");
    if (isatty(STDIN_FILENO) == 1)
        return record(&log, argc, argv);
    log_session(&log, "not recorded, as there is no terminal");
    return tg_become_real_shell(&log, argv);
}
