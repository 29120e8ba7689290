/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata-teardown(8): waits until the agent says that the host is to be torn down, and runs the configured
 * program as root. The agent itself has no privileges for that, and cannot say what is run: the
 * configuration, which only root can write, does.
 */
#include "lib/agent_protocol.h"
#include "lib/config.h"
#include "lib/log.h"
#include "lib/monotonic.h"
#include "lib/options.h"
#include "lib/teardown.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    EXIT_USAGE = 2,
    EXIT_NOT_RUN = 127,
    ASK_MS = 3600 * 1000, /* then it asks anew, in case the agent has forgotten */
    RECONNECT_SECONDS = 1,
    PAUSE_SECONDS = 60,
    PAUSE_LONGEST = 3600,
};

struct settings {
    const char *config_path;
    unsigned int pause;
    bool to_stderr;
    bool debug;
    bool check;
};

/* --- Options ---------------------------------------------------------------------------------------------
 */

static bool read_pause(const char *text, unsigned int *pause)
{
    char *rest;
    errno = 0;
    unsigned long value = strtoul(text, &rest, 10);
    if (errno != 0 || *rest != '\0' || text[0] < '0' || text[0] > '9' || value < 1 || value > PAUSE_LONGEST) {
        (void)fprintf(stderr, "tegata-teardown: --pause takes 1 to %d seconds\n", PAUSE_LONGEST);
        return false;
    }
    *pause = (unsigned int)value;
    return true;
}

/* Returns 0, or the status to exit with, in which case *done is set. */
static int read_options(int argc, char **argv, struct settings *settings, bool *done)
{
    static const struct tg_option table[] = {
#define OPTION(letter, name, argument, help) {letter, #name, argument, help},
#include "wipe/teardown_options.def"
#undef OPTION
    };
    struct tg_options parser = TG_OPTIONS("tegata-teardown", "[OPTION]...",
                                          "Tears a one-person server down when its owner is done.", table);
    const struct tg_option *option;
    const char *value;
    bool ok = true;
    *settings = (struct settings){.config_path = TG_HOST_CONFIG_PATH, .pause = PAUSE_SECONDS};
    *done = true;
    while (tg_options_next(&parser, argc, argv, &option, &value)) {
        if (strcmp(option->name, "config") == 0)
            settings->config_path = value;
        else if (strcmp(option->name, "stderr") == 0)
            settings->to_stderr = true;
        else if (strcmp(option->name, "debug") == 0)
            settings->debug = true;
        else if (strcmp(option->name, "check") == 0)
            settings->check = true;
        else if (strcmp(option->name, "pause") == 0)
            ok = read_pause(value, &settings->pause) && ok;
    }
    if (parser.end != TG_OPTIONS_OPERANDS)
        return parser.end == TG_OPTIONS_SHOWN ? EXIT_SUCCESS : EXIT_USAGE;
    ok = tg_options_no_operands(&parser, argc, argv) && ok;
    *done = !ok;
    return ok ? EXIT_SUCCESS : EXIT_USAGE;
}

/* --- The program -----------------------------------------------------------------------------------------
 */

/* In the child. */
_Noreturn static void become(const char *path, const char *owner)
{
    static char where[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    static char language[] = "LANG=C.UTF-8";
    static char teardown[] = "TEGATA_TEARDOWN=1";
    char name[80];
    char program[TG_CONFIG_VALUE_SIZE];
    sigset_t none;
    (void)snprintf(name, sizeof name, "TEGATA_OWNER=%.60s", owner);
    (void)snprintf(program, sizeof program, "%s", path);
    char *arguments[] = {program, NULL};
    char *environment[] = {where, language, teardown, name, NULL};
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGHUP, SIG_DFL);
    (void)execve(program, arguments, environment);
    _exit(EXIT_NOT_RUN);
}

static void log_end(const struct tg_log *log, const char *path, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        tg_log(log, LOG_NOTICE, "%s has ended well", path);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_RUN)
        tg_log(log, LOG_ERR, "%s could not be run, or ended with status %d", path, EXIT_NOT_RUN);
    else if (WIFEXITED(status))
        tg_log(log, LOG_ERR, "%s failed with status %d", path, WEXITSTATUS(status));
    else
        tg_log(log, LOG_ERR, "%s was ended by signal %d", path, WTERMSIG(status));
}

static void run_program(const struct tg_log *log, const char *path, const char *owner)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        become(path, owner);
    if (child < 0) {
        tg_log(log, LOG_ERR, "%s cannot be run: %s", path, strerror(errno));
        return;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    log_end(log, path, status);
}

/* The configuration is read anew, with its owner and mode, and so is the program's: both may have changed
 * while we waited. */
static void tear_down(const struct tg_log *log, const struct settings *settings, const char *owner)
{
    struct tg_host_config config;
    struct tg_error error;
    char escaped[80];
    if (tg_host_config_read(settings->config_path, &config, &error) != 0) {
        tg_log_refusal(log, error.reason, "%s", error.text);
        return;
    }
    if (config.teardown[0] == '\0') {
        tg_log(log, LOG_NOTICE, "the host is to be torn down, but [host] teardown names no program");
        return;
    }
    if (tg_teardown_check(config.teardown, &error) != 0) {
        tg_log_refusal(log, error.reason, "%s", error.text);
        return;
    }
    tg_log(log, LOG_NOTICE, "%s is done with this host: running %s",
           tg_escape(owner, escaped, sizeof escaped), config.teardown);
    run_program(log, config.teardown, owner);
}

/* --- Waiting ---------------------------------------------------------------------------------------------
 */

static void end(int signal_number)
{
    (void)signal_number;
    _exit(EXIT_SUCCESS);
}

static void wait_seconds(unsigned int seconds)
{
    struct timespec left = {.tv_sec = seconds};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static bool is_refused(const struct tg_agent_answer *answer)
{
    return answer->reason != TG_allowed && answer->reason != TG_agent_unreachable;
}

/* Says once that the agent cannot be reached, and once that it can again. */
static void note_agent(const struct tg_log *log, bool *unreachable, int result)
{
    if (result != 0 && result != -ETIMEDOUT && !*unreachable)
        tg_log(log, LOG_WARNING, "the agent does not answer (%s); it is asked again", strerror(-result));
    *unreachable = result != 0 && result != -ETIMEDOUT;
}

static void serve(const struct tg_log *log, const struct settings *settings, const char *socket_path,
                  struct tg_agent_answer *answer)
{
    const struct tg_agent_request request = {.kind = TG_AGENT_TEARDOWN};
    const int64_t pause_ms = (int64_t)settings->pause * 1000;
    int64_t next_run = 0;
    bool unreachable = false;
    for (;;) {
        int result = tg_agent_ask(socket_path, &request, ASK_MS, answer);
        int64_t early = next_run - tg_monotonic_ms();
        note_agent(log, &unreachable, result);
        if (result == -ETIMEDOUT)
            continue;
        if (result != 0) {
            wait_seconds(RECONNECT_SECONDS);
        } else if (answer->reason == TG_allowed && early > 0) {
            /* Until the host is wiped, or off, the agent says at once that it is to be. */
            wait_seconds((unsigned int)(early / 1000) + 1);
        } else if (answer->reason == TG_allowed) {
            tear_down(log, settings, answer->text);
            next_run = tg_monotonic_ms() + pause_ms;
        } else {
            if (is_refused(answer))
                tg_log_refusal(log, answer->reason, "%s", answer->detail);
            wait_seconds(settings->pause);
        }
    }
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct tg_host_config config;
    struct tg_error error;
    bool done;
    int status = read_options(argc, argv, &settings, &done);
    if (done)
        return status;
    struct tg_log log = {.program = "tegata-teardown",
                         .to_stderr = settings.to_stderr || settings.check,
                         .level = settings.debug ? LOG_DEBUG : LOG_INFO};
    struct tg_agent_answer *answer = calloc(1, sizeof *answer);
    int result = answer == NULL ? tg_fail(&error, TG_internal_error, "no memory")
                                : tg_host_config_read(settings.config_path, &config, &error);
    if (result == 0 && config.teardown[0] != '\0')
        result = tg_teardown_check(config.teardown, &error);
    if (result != 0) {
        tg_log_refusal(&log, error.reason, "%s", error.text);
    } else if (settings.check) {
        (void)printf("OK\n");
    } else {
        /* The configuration is read whenever it matters, so there is nothing to do on SIGHUP. */
        (void)signal(SIGHUP, SIG_IGN);
        (void)signal(SIGTERM, end);
        (void)signal(SIGINT, end);
        tg_log(&log, LOG_NOTICE, "started");
        serve(&log, &settings, config.socket, answer);
    }
    free(answer);
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
