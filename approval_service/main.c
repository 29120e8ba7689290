/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata-approvald: options, start, the loop, stop.
 */
#include "approval_service/call_job.h"
#include "approval_service/server.h"
#include "approval_service/setup.h"
#include "approval_service/wiping_memory.h"

#include "lib/options.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { STOP_PATIENCE_MS = 3000, RETRY_SECONDS = 5, EXIT_USAGE = 2 };

struct arguments {
    const char *config;
    bool to_stderr;
    bool debug;
    bool check;
};

static const struct tg_option options[] = {
#define OPTION(letter, name, argument, help) {letter, #name, argument, help},
#include "approval_service/options.def"
#undef OPTION
};

static int64_t wall_clock(void *context)
{
    (void)context;
    return (int64_t)time(NULL);
}

/* True: go on. False: *status is the exit status. */
static bool read_arguments(int argc, char **argv, struct arguments *out, int *status)
{
    *out = (struct arguments){.config = TG_SERVICE_CONFIG_PATH};
    struct tg_options parser = TG_OPTIONS("tegata-approvald", "[OPTION]...",
                                          "Carries tickets and approvals between people and hosts.", options);
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

static int open_listener(const struct tg_service_config *config, int *out, struct tg_error *error)
{
    *out = -1;
    char port[24];
    (void)snprintf(port, sizeof port, "%lld", (long long)config->port);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(config->address, port, &hints, &found) != 0)
        return tg_fail(error, TG_config_bad, "[listen] address: '%s' is not a numeric address",
                       config->address);
    int one = 1;
    int listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(listener, found->ai_addr, found->ai_addrlen) < 0 || listen(listener, SOMAXCONN) < 0) {
        (void)tg_fail(error, TG_config_bad, "cannot listen on %s port %s: %s", config->address, port,
                      strerror(errno));
        if (listener >= 0)
            (void)close(listener);
        listener = -1;
    }
    freeaddrinfo(found);
    *out = listener;
    return listener < 0 ? -1 : 0;
}

static int become_user(const char *name, struct tg_error *error)
{
    if (geteuid() != 0 || name[0] == '\0' || strcmp(name, "root") == 0)
        return 0;
    const struct passwd *user = getpwnam(name);
    if (user == NULL)
        return tg_fail(error, TG_config_bad,
                       "[service] user: there is no user %s: create it (useradd --system %s)", name, name);
    if (initgroups(name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0 ||
        setuid(0) == 0)
        return tg_fail(error, TG_config_bad, "[service] user: cannot become %s: %s", name, strerror(errno));
    return 0;
}

/* Each long poll holds a descriptor. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* What is read and opened before the privileges are given up. */
struct resources {
    char *certificate;
    size_t certificate_length;
    char *key;
    size_t key_length;
    int listener;
};

static void release(struct resources *resources)
{
    if (resources->key != NULL)
        OPENSSL_cleanse(resources->key, resources->key_length);
    free(resources->key);
    free(resources->certificate);
    if (resources->listener >= 0)
        (void)close(resources->listener);
    *resources = (struct resources){.listener = -1};
}

static int start(struct tg_service *service, const struct tg_service_config *config,
                 struct resources *resources, struct tg_server **server, struct tg_error *error)
{
    if (open_listener(config, &resources->listener, error) < 0 || become_user(config->user, error) < 0 ||
        tg_store_open(config->database, &service->store, error) < 0 || tg_policy_load(service, error) < 0 ||
        tg_revocations_load(service, error) < 0 || tg_expire(service, error) < 0 ||
        tg_service_start_workers(service, config, error) < 0)
        return -1;
    struct tg_server_settings settings = {.listener = resources->listener,
                                          .certificate = resources->certificate,
                                          .key = resources->key,
                                          .connections = (unsigned)config->connections,
                                          .connections_per_address =
                                              (unsigned)config->connections_per_address};
    if (tg_server_start(service, &settings, server, error) < 0)
        return -1;
    resources->listener = -1; /* the server's now */
    if (service->policy == NULL)
        tg_log(&service->log, LOG_WARNING, "there is no policy yet: publish one with tegata policy publish");
    tg_log(&service->log, LOG_NOTICE, "ready on %s port %lld, requests are signed for %s", config->address,
           (long long)config->port, service->authority);
    return 0;
}

static void reload(struct tg_service *service, const char *path)
{
    struct tg_service_config config;
    struct tg_error error;
    if (tg_service_config_read(path, &config, &error) < 0 ||
        tg_service_configure(service, &config, &error) < 0)
        tg_log(&service->log, LOG_ERR, "configuration not reloaded, the old one stays: %s", error.text);
    else
        tg_log(&service->log, LOG_NOTICE, "configuration reloaded");
}

struct loop {
    struct tg_service *service;
    struct tg_server *server;
    const char *config_path;
    int signals;
    int timer;
    bool stop;
};

static int open_loop(struct loop *loop, struct tg_error *error)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return tg_fail(error, TG_internal_error, "signals: %s", strerror(errno));
    loop->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    loop->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (loop->signals < 0 || loop->timer < 0)
        return tg_fail(error, TG_internal_error, "signalfd, timerfd: %s", strerror(errno));
    return 0;
}

static void close_loop(struct loop *loop)
{
    if (loop->signals >= 0)
        (void)close(loop->signals);
    if (loop->timer >= 0)
        (void)close(loop->timer);
}

/* The next ticket that lapses or expires; also when somebody sets the clock, for then it may be due already.
 */
static void arm_timer(const struct loop *loop)
{
    struct itimerspec when = {.it_value = {.tv_sec = (time_t)loop->service->next_due}};
    (void)timerfd_settime(loop->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, NULL);
}

static void take_signals(struct loop *loop)
{
    struct signalfd_siginfo info;
    while (read(loop->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(loop->service, loop->config_path);
        else
            loop->stop = true;
    }
}

static void take_time(struct loop *loop)
{
    uint64_t expirations;
    (void)!read(loop->timer, &expirations, sizeof expirations); /* also when it was cancelled: look anyway */
    struct tg_error error;
    int64_t now = tg_service_now(loop->service);
    if (loop->service->next_due == 0 || now < loop->service->next_due)
        return;
    if (tg_expire(loop->service, &error) < 0) {
        tg_log(&loop->service->log, LOG_ERR, "tickets do not expire: %s", error.text);
        loop->service->next_due = now + RETRY_SECONDS;
    }
}

static void run(struct loop *loop)
{
    struct pollfd pollers[] = {{.fd = tg_server_descriptor(loop->server), .events = POLLIN},
                               {.fd = loop->signals, .events = POLLIN},
                               {.fd = loop->timer, .events = POLLIN},
                               {.fd = tg_workers_descriptor(loop->service->hashing), .events = POLLIN},
                               {.fd = tg_workers_descriptor(loop->service->issuing), .events = POLLIN}};
    while (!loop->stop) {
        take_time(loop);
        arm_timer(loop);
        (void)poll(pollers, sizeof pollers / sizeof pollers[0], tg_server_timeout(loop->server));
        take_signals(loop);
        tg_call_jobs_collect(loop->service);
        tg_server_run(loop->server);
    }
}

static int serve(struct tg_service *service, const struct arguments *arguments, struct tg_error *error)
{
    struct tg_service_config config;
    struct resources resources = {.listener = -1};
    struct loop loop = {.service = service, .config_path = arguments->config, .signals = -1, .timer = -1};
    int result = -1;
    if (tg_service_config_read(arguments->config, &config, error) < 0 ||
        tg_service_configure(service, &config, error) < 0 ||
        tg_service_read_file(config.tls_certificate, false, &resources.certificate,
                             &resources.certificate_length, error) < 0 ||
        tg_service_read_file(config.tls_key, true, &resources.key, &resources.key_length, error) < 0)
        goto out;
    if (arguments->check) {
        (void)printf("%s: OK\n", arguments->config);
        result = 0;
        goto out;
    }
    if (open_loop(&loop, error) < 0 || start(service, &config, &resources, &loop.server, error) < 0)
        goto out;
    run(&loop);
    tg_log(&service->log, LOG_NOTICE, "stopping");
    tg_server_stop(loop.server, STOP_PATIENCE_MS);
    result = 0;
out:
    close_loop(&loop);
    release(&resources);
    return result;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    int status;
    if (!read_arguments(argc, argv, &arguments, &status))
        return status;
    (void)umask(077);
    tg_wiping_memory();
    raise_descriptor_limit();

    struct tg_service *service = calloc(1, sizeof *service);
    if (service == NULL)
        return EXIT_FAILURE;
    service->log = (struct tg_log){.program = "tegata-approvald",
                                   .to_stderr = arguments.to_stderr || arguments.check,
                                   .level = arguments.debug ? LOG_DEBUG : LOG_INFO};
    service->clock.now = wall_clock;
    tg_waiting_init(&service->waiting);
    struct tg_error error = {0};
    int result = serve(service, &arguments, &error);
    if (result < 0)
        tg_log(&service->log, LOG_CRIT, "%s", error.text);
    tg_service_clear(service);
    free(service);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
