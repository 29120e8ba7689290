/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder_shell/real_shell.h"

#include "lib/recording.h"
#include "pam_module/socket_families.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_REFUSED = 1, TEXT_SIZE = 512, NAME_SIZE = 300 };

static const char default_shell[] = "/bin/bash";

const char *tg_real_shell(void)
{
    const char *shell = getenv("TEGATA_SHELL");
    return shell == NULL || shell[0] != '/' ? default_shell : shell;
}

void tg_name_log(const struct tg_log *log)
{
    openlog(log->program, 0, LOG_AUTHPRIV);
}

const char *tg_session_value(const char *name, char *out, size_t size)
{
    const char *value = getenv(name);
    return tg_escape(value == NULL || value[0] == '\0' ? "-" : value, out, size);
}

int tg_refuse_to_run(const struct tg_log *log, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tg_log_refusal(log, TG_recording_unavailable, "uid %u: %s", (unsigned int)getuid(), text);
    (void)fprintf(stderr, "tegata: %s (%s)\ntegata: %s\n", tg_reason_text(TG_recording_unavailable), text,
                  tg_reason_advice(TG_recording_unavailable));
    return EXIT_REFUSED;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat of_a;
    struct stat of_b;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

/* One of ours is no real shell, by whatever name: they would call each other for ever. */
static bool is_ours(const char *shell)
{
    return is_same_file(shell, TG_RECORDER_SHELL) || is_same_file(shell, TG_RECORDED_SHELL);
}

/* PAM leaves to us what a confined session is not to have (pam_module/credentials.c): the recorder itself
 * needs utempter, which is set-group-id, before any program of the person's runs. 0 or -errno. */
static int give_up_privileges(void)
{
    if (getenv("TEGATA_NO_PRIVILEGES") == NULL)
        return 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0)
        return -errno;
    return tg_pam_socket_families_restrict();
}

int tg_become_real_shell(const struct tg_log *log, char **argv)
{
    char name[NAME_SIZE];
    const char *shell = tg_real_shell();
    const char *slash = strrchr(shell, '/');
    const char *called = argv[0];
    if (is_ours(shell))
        return tg_refuse_to_run(log, "the ticket names the recorder as the shell that is to be recorded");
    int result = give_up_privileges();
    if (result != 0)
        return tg_refuse_to_run(log, "the right to gain privileges cannot be given up: %s",
                                strerror(-result));
    /* What starts a shell by $SHELL in a recorded session is in the recording already. */
    if (setenv("SHELL", shell, 1) != 0 || unsetenv("TLOG_REC_SESSION_CONF_TEXT") != 0)
        return tg_refuse_to_run(log, "no memory");
    (void)snprintf(name, sizeof name, "%s%s", called != NULL && called[0] == '-' ? "-" : "", slash + 1);
    argv[0] = name;
    (void)execv(shell, argv);
    char shown[NAME_SIZE];
    return tg_refuse_to_run(log, "%s cannot be run: %s", tg_escape(shell, shown, sizeof shown),
                            strerror(errno));
}
