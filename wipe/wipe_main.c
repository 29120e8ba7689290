/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata-wipe(8): removes what accounts have left on this host.
 *
 * Which accounts there are is the agent's to say, but the agent does not run as root and this does: a number
 * that Tegata may not publish, a name or number that the local files hold, and a home that is not /home/NAME
 * are refused whatever the agent says.
 */
#include "agent/roster_publish.h"
#include "lib/agent_protocol.h"
#include "lib/config.h"
#include "lib/options.h"
#include "lib/roster_reader.h"
#include "wipe/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EXIT_LEFT = 3, ASK_MS = 10000, DESCRIPTORS = 4096 };

struct settings {
    const char *config_path;
    const char **names; /* of --account */
    size_t name_count;
    bool all;
    bool dry_run;
};

/* What is under way. */
struct work {
    struct tg_host_config config;
    struct tg_wipe_account *accounts; /* that the agent knows */
    size_t account_count;
    bool complete; /* these are all that it knows */
    struct tg_target *targets;
    struct tg_search search;
    size_t refused;
};

static int complain(const char *what, const char *why)
{
    (void)fprintf(stderr, "tegata-wipe: %s%s%s\n", what, why[0] == '\0' ? "" : ": ", why);
    return -1;
}

/* --- Options ---------------------------------------------------------------------------------------------
 */

/* tegata-teardown(8) runs a program without arguments; there, no option means all. */
static bool is_teardown(void)
{
    return getenv("TEGATA_TEARDOWN") != NULL;
}

static bool names_what(const struct settings *settings)
{
    if (settings->all != (settings->name_count > 0))
        return true;
    (void)fprintf(stderr, "tegata-wipe: give either --all or --account NAME. Try 'tegata-wipe --help'.\n");
    return false;
}

static int read_options(int argc, char **argv, struct settings *settings, bool *done)
{
    static const struct tg_option table[] = {
#define OPTION(letter, name, argument, help) {letter, #name, argument, help},
#include "wipe/wipe_options.def"
#undef OPTION
    };
    struct tg_options parser =
        TG_OPTIONS("tegata-wipe", "[OPTION]...", "Removes what accounts have left on this host.", table);
    const struct tg_option *option;
    const char *value;
    *done = true;
    while (tg_options_next(&parser, argc, argv, &option, &value)) {
        if (strcmp(option->name, "account") == 0)
            settings->names[settings->name_count++] = value;
        else if (strcmp(option->name, "all") == 0)
            settings->all = true;
        else if (strcmp(option->name, "dry-run") == 0)
            settings->dry_run = true;
        else if (strcmp(option->name, "config") == 0)
            settings->config_path = value;
    }
    if (parser.end != TG_OPTIONS_OPERANDS)
        return parser.end == TG_OPTIONS_SHOWN ? EXIT_SUCCESS : EXIT_USAGE;
    if (is_teardown() && settings->name_count == 0)
        settings->all = true;
    *done = !tg_options_no_operands(&parser, argc, argv) || !names_what(settings);
    return *done ? EXIT_USAGE : EXIT_SUCCESS;
}

/* --- Which accounts --------------------------------------------------------------------------------------
 */

static int ask(const struct work *work, const struct tg_agent_request *request,
               struct tg_agent_answer *answer)
{
    int result = tg_agent_ask(work->config.socket, request, ASK_MS, answer);
    if (result != 0)
        return complain("the agent does not answer; start tegatad", strerror(-result));
    if (answer->reason != TG_allowed)
        return complain(tg_reason_text(answer->reason), answer->detail);
    return 0;
}

static int ask_accounts(struct work *work)
{
    struct tg_agent_request request = {.kind = TG_AGENT_ACCOUNTS};
    struct tg_agent_answer *answer = calloc(1, sizeof *answer);
    int result = answer == NULL ? complain("no memory", "") : ask(work, &request, answer);
    if (result == 0 &&
        !tg_wipe_accounts_read(tg_bytes_of_text(answer->text), &work->accounts, &work->account_count))
        result =
            complain("the agent's list of accounts is not understood", "update the host's packages together");
    work->complete = result == 0 && answer->detail[0] == '\0';
    if (result == 0 && !work->complete)
        (void)complain(answer->detail, "run this again for them");
    free(answer);
    return result;
}

/* Why this account is not to be touched; NULL if it may be wiped. */
static const char *objection(const struct tg_wipe_account *account, const struct tg_local_names *names)
{
    char home[TG_WIPE_HOME_SIZE];
    (void)snprintf(home, sizeof home, "/home/%s", account->name);
    if (!tg_roster_name_allowed(account->name) || !tg_roster_id_allowed(account->uid))
        return "Tegata may not have such a name or number";
    const char *clash = tg_local_names_clash(names, account->name, account->uid);
    if (clash != NULL)
        return clash;
    if (strcmp(account->home, home) != 0)
        return "its home is not below /home";
    return account->sessions > 0 ? "it has an open session: revoke or release its ticket first" : NULL;
}

static void choose(struct work *work, const struct tg_wipe_account *account,
                   const struct tg_local_names *names, bool dry_run)
{
    const char *why = objection(account, names);
    if (why != NULL) {
        (void)complain(account->name, why);
        work->refused++;
        return;
    }
    work->targets[work->search.count] = (struct tg_target){.account = *account, .dry_run = dry_run};
    work->search.list[work->search.count++] = (struct tg_found){.uid = account->uid};
}

static bool is_asked_for(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->name_count; i++) {
        if (strcmp(settings->names[i], name) == 0)
            return true;
    }
    return settings->all;
}

static bool is_known(const struct work *work, const char *name)
{
    for (size_t i = 0; i < work->account_count; i++) {
        if (strcmp(work->accounts[i].name, name) == 0)
            return true;
    }
    return false;
}

static int choose_all(struct work *work, const struct settings *settings)
{
    struct tg_local_names names;
    struct tg_error error;
    work->targets = calloc(work->account_count + 1, sizeof *work->targets);
    work->search.list = calloc(work->account_count + 1, sizeof *work->search.list);
    if (work->targets == NULL || work->search.list == NULL)
        return complain("no memory", "");
    if (tg_local_names_read(&names, "/etc/passwd", "/etc/group", &error) != 0)
        return complain(error.text, "");
    for (size_t i = 0; i < work->account_count; i++) {
        if (is_asked_for(settings, work->accounts[i].name))
            choose(work, &work->accounts[i], &names, settings->dry_run);
    }
    tg_local_names_free(&names);
    for (size_t i = 0; i < settings->name_count; i++) {
        if (is_known(work, settings->names[i]))
            continue;
        (void)complain(settings->names[i], "the agent has published no such account, or it was wiped");
        work->refused++;
    }
    return 0;
}

/* --- The work --------------------------------------------------------------------------------------------
 */

/* Everybody's processes first, so that nobody makes anew what is being removed. */
static void wipe(struct work *work)
{
    for (size_t i = 0; i < work->search.count; i++)
        tg_target_end_processes(&work->targets[i]);
    for (size_t i = 0; i < work->search.count; i++) {
        tg_target_clear_places(&work->targets[i]);
        tg_target_clear_ipc(&work->targets[i]);
        tg_target_clear_keyrings(&work->targets[i]);
    }
    if (work->search.count > 0)
        tg_search_everything(&work->search);
}

static bool all_wiped(const struct work *work)
{
    for (size_t i = 0; i < work->search.count; i++) {
        if (!tg_target_is_wiped(&work->targets[i]))
            return false;
    }
    return work->refused == 0;
}

static int tell_agent(const struct work *work, bool host)
{
    int result = -1;
    struct tg_agent_answer *answer = calloc(1, sizeof *answer);
    char *text = tg_report_text(work->targets, &work->search, host);
    if (answer == NULL || text == NULL) {
        (void)complain("no memory", "");
    } else {
        struct tg_agent_request request = {.kind = TG_AGENT_WIPED, .text = tg_bytes_of_text(text)};
        result = ask(work, &request, answer);
    }
    free(text);
    free(answer);
    return result;
}

static bool anything_left(const struct work *work)
{
    for (size_t i = 0; i < work->search.count; i++) {
        if (work->search.list[i].count > 0)
            return true;
    }
    return work->search.unseen > 0;
}

static int run(struct work *work, const struct settings *settings)
{
    struct tg_error error;
    if (tg_host_config_read(settings->config_path, &work->config, &error) != 0) {
        (void)complain(error.text, "");
        return EXIT_FAILURE;
    }
    if (ask_accounts(work) != 0 || choose_all(work, settings) != 0)
        return EXIT_FAILURE;
    wipe(work);
    tg_report_show(work->targets, &work->search, stdout);
    if (settings->dry_run)
        return work->refused == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    bool done = all_wiped(work);
    bool host = settings->all && done && work->complete;
    if ((work->search.count > 0 || host) && tell_agent(work, host) != 0)
        return EXIT_FAILURE;
    if (!done || (settings->all && !work->complete))
        return EXIT_FAILURE;
    return anything_left(work) ? EXIT_LEFT : EXIT_SUCCESS;
}

/* A walk keeps a descriptor open for each level that it is in. */
static void allow_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    struct settings settings = {.config_path = TG_HOST_CONFIG_PATH};
    struct work work = {0};
    bool done;
    settings.names = calloc((size_t)argc + 1, sizeof *settings.names);
    if (settings.names == NULL) {
        (void)complain("no memory", "");
        return EXIT_FAILURE;
    }
    int status = read_options(argc, argv, &settings, &done);
    if (!done && geteuid() != 0) {
        (void)complain("this needs root", "");
        status = EXIT_FAILURE;
    } else if (!done) {
        allow_descriptors();
        status = run(&work, &settings);
    }
    free(work.accounts);
    free(work.targets);
    free(work.search.list);
    free(settings.names);
    return status;
}
