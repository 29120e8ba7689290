/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata-ca: options, start, stop.
 */
#include "agent/state.h"
#include "certificate_authority/config.h"
#include "certificate_authority/connections.h"
#include "certificate_authority/privileges.h"
#include "certificate_authority/signing_key.h"
#include "lib/options.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, ROOT_SIGNERS_MAX = 262144, OTHER_DESCRIPTORS = 64, MILLISECONDS = 1000 };

struct arguments {
    const char *config;
    bool to_stderr;
    bool debug;
    bool check;
};

static const struct tg_option options[] = {
#define OPTION(letter, name, argument, help) {letter, #name, argument, help},
#include "certificate_authority/options.def"
#undef OPTION
};

/* True: go on. False: *status is the exit status. */
static bool read_arguments(int argc, char **argv, struct arguments *out, int *status)
{
    *out = (struct arguments){.config = TG_CA_CONFIG_PATH};
    struct tg_options parser =
        TG_OPTIONS("tegata-ca", "[OPTION]...", "Signs certificates for people and hosts.", options);
    const struct tg_option *option;
    const char *value;
    while (tg_options_next(&parser, argc, argv, &option, &value)) {
        if (strcmp(option->name, "config") == 0)
            out->config = value;
        else if (strcmp(option->name, "stderr") == 0)
            out->to_stderr = true;
        else if (strcmp(option->name, "debug") == 0)
            out->debug = true;
        else
            out->check = true;
    }
    *status = parser.end == TG_OPTIONS_SHOWN ? EXIT_SUCCESS : EXIT_USAGE;
    return parser.end == TG_OPTIONS_OPERANDS && tg_options_no_operands(&parser, argc, argv);
}

/* Everything that lives as long as the program. */
struct program {
    struct arguments arguments;
    struct tg_ca_config config;
    struct tg_authority authority;
    struct tg_signing_key user_key;
    struct tg_signing_key host_key;
    struct tg_ca_server *server;
    uid_t client;
    int signals;
};

static int read_roots(struct program *program, struct tg_error *error)
{
    char *text = NULL;
    size_t length;
    const char *path = program->config.trust_root_signers;
    int result = tg_file_read("", path, ROOT_SIGNERS_MAX, &text, &length, error);
    if (result > 0)
        result = tg_fail(error, TG_config_bad, "[trust] root_signers: %s: there is no such file", path);
    if (result == 0)
        result = tg_root_signers_parse(text, (uint32_t)program->config.trust_root_threshold,
                                       &program->authority.roots, error);
    free(text);
    return result;
}

static struct tg_signing_key_settings user_settings(const struct tg_ca_config *config)
{
    return (struct tg_signing_key_settings){"user_ca", config->user_ca_key, config->user_ca_public_key,
                                            config->user_ca_token, config->user_ca_pin_file};
}

static struct tg_signing_key_settings host_settings(const struct tg_ca_config *config)
{
    return (struct tg_signing_key_settings){"host_ca", config->host_ca_key, config->host_ca_public_key,
                                            config->host_ca_token, config->host_ca_pin_file};
}

/* One key for both would let a host's certificate pass for a person's wherever somebody looks at the
 * authority alone. */
static int check_apart(const struct program *program, struct tg_error *error)
{
    if (program->user_key.signer == NULL)
        return tg_fail(error, TG_config_bad, "[user_ca] key: must not be empty");
    if (program->host_key.signer == NULL)
        return 0;
    const struct tg_public_key *user = tg_signer_public_key(program->user_key.signer);
    const struct tg_public_key *host = tg_signer_public_key(program->host_key.signer);
    if (tg_bytes_equal(user->blob, host->blob))
        return tg_fail(error, TG_config_bad,
                       "[host_ca] key: it is that of [user_ca]: make another (ssh-keygen)");
    return 0;
}

/* Key files may be root's; modules of tokens are foreign code, and are loaded only as the program's own user.
 */
static int open_key(const struct tg_signing_key_settings *settings, bool as_root, struct tg_signing_key *key,
                    struct tg_error *error)
{
    if (tg_signing_key_is_in_token(settings) == as_root)
        return 0;
    return tg_signing_key_open(settings, key, error);
}

static int open_keys(struct program *program, bool as_root, struct tg_error *error)
{
    const struct tg_signing_key_settings user = user_settings(&program->config);
    const struct tg_signing_key_settings host = host_settings(&program->config);
    if (open_key(&user, as_root, &program->user_key, error) != 0)
        return -1;
    return open_key(&host, as_root, &program->host_key, error);
}

static void set_up(struct program *program)
{
    const struct tg_ca_config *config = &program->config;
    struct tg_authority *authority = &program->authority;
    authority->service = config->service_authority;
    authority->state = config->state_directory;
    authority->user_ca = program->user_key.signer;
    authority->host_ca = program->host_key.signer;
    authority->limits = (struct tg_ca_limits){.user_seconds = config->limits_user_seconds,
                                              .host_seconds = config->limits_host_seconds,
                                              .each_per_minute = config->limits_each_per_minute,
                                              .all_per_minute = config->limits_all_per_minute};
}

static int drop_privileges(const struct program *program, struct tg_error *error)
{
    const struct tg_ca_config *config = &program->config;
    const struct tg_signing_key_settings user = user_settings(config);
    const struct tg_signing_key_settings host = host_settings(config);
    bool uses_token = tg_signing_key_is_in_token(&user) || tg_signing_key_is_in_token(&host);
    return tg_ca_privileges_drop(config->service_user, config->state_directory, config->listen_socket,
                                 (rlim_t)config->listen_connections + OTHER_DESCRIPTORS, uses_token, error);
}

/* What is needed before the first question. */
static int prepare(struct program *program, struct tg_error *error)
{
    const struct arguments *arguments = &program->arguments;
    if (tg_ca_config_read(arguments->config, &program->config, error) != 0 ||
        read_roots(program, error) != 0 || open_keys(program, true, error) != 0 ||
        tg_ca_user_find(program->config.listen_client, "[listen] client", &program->client, error) != 0 ||
        drop_privileges(program, error) != 0 || open_keys(program, false, error) != 0 ||
        check_apart(program, error) != 0)
        return -1;
    set_up(program);
    return 0;
}

static int open_signals(struct program *program, struct tg_error *error)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return tg_fail(error, TG_internal_error, "signals: %s", strerror(errno));
    program->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return program->signals >= 0 ? 0 : tg_fail(error, TG_internal_error, "signalfd: %s", strerror(errno));
}

static int serve(struct program *program, struct tg_error *error)
{
    struct tg_authority *authority = &program->authority;
    const struct tg_ca_server_settings settings = {.socket = program->config.listen_socket,
                                                   .client = program->client,
                                                   .connections = (size_t)program->config.listen_connections,
                                                   .patience_ms =
                                                       program->config.listen_seconds * MILLISECONDS};
    if (open_signals(program, error) != 0 || tg_authority_load(authority, error) != 0 ||
        tg_ca_server_open(authority, &settings, &program->server, error) != 0)
        return -1;
    tg_log(&authority->log, LOG_NOTICE, "ready on %s: user CA %s, host CA %s", settings.socket,
           tg_signer_public_key(authority->user_ca)->fingerprint,
           authority->host_ca != NULL ? tg_signer_public_key(authority->host_ca)->fingerprint : "none");
    tg_ca_server_run(program->server, program->signals);
    tg_log(&authority->log, LOG_NOTICE, "stopping");
    return 0;
}

static int run(struct program *program, struct tg_error *error)
{
    if (prepare(program, error) != 0)
        return -1;
    if (!program->arguments.check)
        return serve(program, error);
    (void)printf("%s: OK\n", program->arguments.config);
    return 0;
}

static void release(struct program *program)
{
    tg_ca_server_close(program->server);
    program->authority.user_ca = NULL; /* the signing keys' */
    program->authority.host_ca = NULL;
    tg_authority_clear(&program->authority);
    tg_signing_key_close(&program->user_key);
    tg_signing_key_close(&program->host_key);
    if (program->signals >= 0)
        (void)close(program->signals);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    int status;
    if (!read_arguments(argc, argv, &arguments, &status))
        return status;
    (void)umask(077);
    struct program *program = calloc(1, sizeof *program);
    if (program == NULL)
        return EXIT_FAILURE;
    program->arguments = arguments;
    program->signals = -1;
    program->authority.log = (struct tg_log){.program = "tegata-ca",
                                             .to_stderr = arguments.to_stderr || arguments.check,
                                             .level = arguments.debug ? LOG_DEBUG : LOG_INFO};
    struct tg_error error = {0};
    int result = run(program, &error);
    if (result != 0)
        tg_log(&program->authority.log, LOG_CRIT, "%s", error.text);
    release(program);
    free(program);
    return result != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
