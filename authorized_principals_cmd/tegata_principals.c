/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sshd's AuthorizedPrincipalsCommand: one question to the agent, at most one line of output. sshd runs it
 * twice for each login, the first time before the client has proved anything, so it changes nothing. sshd
 * waits for it without limit, so everything here ends within two seconds.
 */
#include "lib/agent_protocol.h"
#include "lib/base64.h"
#include "lib/config.h"
#include "lib/log.h"
#include "lib/monotonic.h"
#include "lib/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What sshd makes of the exit status: 0 reads the output, everything else is a refusal. */
enum { EXIT_ANSWERED = 0, EXIT_NOT_WRITTEN = 1, EXIT_USAGE = 2 };

enum {
    DEADLINE_S = 2,   /* for the whole run; SIGALRM ends it if even syslog hangs */
    ASKING_MS = 1800, /* for the agent's answer, from the start of the program */
};

struct arguments {
    const char *account;
    const char *certificate;
    const char *key_type;
    const char *connection;
    const char *socket;
    const char *config;
    struct tg_log log;
};

static const struct tg_option table[] = {
#define OPTION(letter, name, argument, help) {letter, #name, argument, help},
#include "authorized_principals_cmd/options.def"
#undef OPTION
};

static void take_option(struct arguments *arguments, const char *name, const char *value)
{
    if (strcmp(name, "stderr") == 0)
        arguments->log.to_stderr = true;
    const struct {
        const char *name;
        const char **member;
    } members[] = {
        {"account", &arguments->account},   {"certificate", &arguments->certificate},
        {"key-type", &arguments->key_type}, {"connection", &arguments->connection},
        {"socket", &arguments->socket},     {"config", &arguments->config},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (strcmp(members[i].name, name) == 0)
            *members[i].member = value;
    }
}

static bool is_given(const char *value)
{
    return value != NULL && value[0] != '\0';
}

/* Tells a mistake in sshd_config where an administrator can find it: sshd throws standard error away. */
static int wrong_usage(const struct arguments *arguments, const char *what)
{
    tg_log_refusal(&arguments->log, TG_config_bad,
                   "%s; see AuthorizedPrincipalsCommand in tegata-principals(8)", what);
    (void)fprintf(stderr, "tegata-principals: %s\nTry 'tegata-principals --help'.\n", what);
    return EXIT_USAGE;
}

/* Fills in *arguments. Returns -1, or the status to exit with at once. */
static int read_arguments(int argc, char **argv, struct arguments *arguments)
{
    struct tg_options parser =
        TG_OPTIONS("tegata-principals", "--account=%u --key-type=%t --certificate=%k [OPTION]...",
                   "Ask the host's agent which principal sshd may let in; see tegata-principals(8).", table);
    const struct tg_option *option;
    const char *value;
    while (tg_options_next(&parser, argc, argv, &option, &value))
        take_option(arguments, option->name, value);
    if (parser.end == TG_OPTIONS_SHOWN)
        return EXIT_ANSWERED;
    if (parser.end == TG_OPTIONS_WRONG)
        return wrong_usage(arguments, "an option is not known");
    if (parser.first_operand < argc)
        return wrong_usage(arguments, "an argument is not an option");
    if (!is_given(arguments->account) || !is_given(arguments->certificate) || !is_given(arguments->key_type))
        return wrong_usage(arguments, "--account, --certificate and --key-type are required");
    return -1;
}

/* Where the agent listens. `storage` must outlive *socket. */
static int find_socket(const struct arguments *arguments, struct tg_host_config *storage, const char **socket)
{
    struct tg_error error;
    *socket = is_given(arguments->socket) ? arguments->socket : TG_RUNTIME_DIR "/agent.sock";
    if (is_given(arguments->socket) || !is_given(arguments->config))
        return 0;
    if (tg_host_config_read(arguments->config, storage, &error) != 0) {
        tg_log_refusal(&arguments->log, error.reason, "%s", error.text);
        return -1;
    }
    *socket = storage->socket;
    return 0;
}

/* Can sshd read this line as it was meant? A '#' would cut it, even inside quotes. */
static bool line_is_safe(const char *line)
{
    for (const char *at = line; *at != '\0'; at++) {
        if (*at < 0x20 || *at > 0x7e || *at == '#')
            return false;
    }
    return line[0] != '\0';
}

/* Writes `line`, and a newline in place of its terminator. What sshd has read in part does not count, as the
 * status is not 0 then. */
static int print_line(char *line)
{
    size_t length = strlen(line) + 1;
    line[length - 1] = '\n';
    for (size_t used = 0; used < length;) {
        ssize_t written = write(STDOUT_FILENO, line + used, length - used);
        if (written < 0 && errno != EINTR)
            return EXIT_NOT_WRITTEN;
        if (written > 0)
            used += (size_t)written;
    }
    return EXIT_ANSWERED;
}

static void log_answer(const struct arguments *arguments, const struct tg_agent_answer *answer, int result)
{
    char account[256];
    tg_escape(arguments->account, account, sizeof account);
    tg_log_refusal(&arguments->log, answer->reason, "account=%s ticket=%s %s%s", account, answer->ticket,
                   answer->detail, result < 0 ? strerror(-result) : "");
}

/* Asks for `arguments` with the decoded certificate and prints what sshd may use. Returns the exit status. */
static int ask(const struct arguments *arguments, const char *socket, struct tg_bytes certificate,
               int64_t end, struct tg_agent_answer *answer)
{
    struct tg_agent_request request = {.kind = TG_AGENT_PRINCIPALS,
                                       .account = arguments->account,
                                       .key_type = arguments->key_type,
                                       .connection = arguments->connection,
                                       .certificate = certificate};
    int64_t left = end - tg_monotonic_ms();
    int result = tg_agent_ask(socket, &request, left > 0 ? (int)left : 0, answer);
    if (result == 0 && answer->reason == TG_allowed && line_is_safe(answer->text))
        return print_line(answer->text);
    if (result == 0 && answer->reason == TG_allowed)
        answer->reason = TG_internal_error;
    log_answer(arguments, answer, result);
    return EXIT_ANSWERED;
}

static int answer_sshd(const struct arguments *arguments, int64_t end)
{
    struct tg_bytes text = tg_bytes_of_text(arguments->certificate);
    size_t size = tg_base64_decoded_max(text.length);
    struct tg_host_config *config = malloc(sizeof *config);
    struct tg_agent_answer *answer = malloc(sizeof *answer);
    uint8_t *certificate = malloc(size);
    const char *socket;
    size_t used;
    int status = EXIT_ANSWERED;
    if (config == NULL || answer == NULL || certificate == NULL)
        tg_log_refusal(&arguments->log, TG_internal_error, "out of memory");
    else if (!tg_base64_decode(TG_BASE64, text, certificate, size, &used))
        tg_log_refusal(&arguments->log, TG_certificate_malformed, "--certificate is not base64");
    else if (find_socket(arguments, config, &socket) == 0)
        status = ask(arguments, socket, tg_bytes_of(certificate, used), end, answer);
    free(config);
    free(answer);
    free(certificate);
    return status;
}

int main(int argc, char **argv)
{
    int64_t end = tg_monotonic_ms() + ASKING_MS;
    struct arguments arguments = {.log = {.program = "tegata-principals", .level = LOG_INFO}};
    (void)alarm(DEADLINE_S);
    /* Whatever the C library would look up in the environment comes from sshd's configuration, not from here.
     */
    (void)clearenv();
    int status = read_arguments(argc, argv, &arguments);
    return status >= 0 ? status : answer_sshd(&arguments, end);
}
