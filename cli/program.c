/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/program.h"

#include "cli/command.h"

#include <config.h>

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define OPTION(letter, name, argument, help) {letter, #name, argument, help},
static const struct tg_option program_options[] = {
#include "cli/options/tegata.def"
};
static const struct tg_option init_options[] = {
#include "cli/options/init.def"
};
static const struct tg_option policy_sign_options[] = {
#include "cli/options/policy_sign.def"
};
static const struct tg_option policy_add_key_options[] = {
#include "cli/options/policy_add_key.def"
};
static const struct tg_option enroll_options[] = {
#include "cli/options/enroll.def"
};
static const struct tg_option host_enroll_options[] = {
#include "cli/options/host_enroll.def"
};
static const struct tg_option host_remove_options[] = {
#include "cli/options/host_remove.def"
};
static const struct tg_option invite_options[] = {
#include "cli/options/invite.def"
};
static const struct tg_option request_options[] = {
#include "cli/options/request.def"
};
static const struct tg_option list_options[] = {
#include "cli/options/list.def"
};
static const struct tg_option extend_options[] = {
#include "cli/options/extend.def"
};
static const struct tg_option sessions_options[] = {
#include "cli/options/sessions.def"
};
static const struct tg_option show_options[] = {
#include "cli/options/show.def"
};
static const struct tg_option approve_options[] = {
#include "cli/options/approve.def"
};
static const struct tg_option reason_options[] = {
#include "cli/options/reason.def"
};
static const struct tg_option lost_options[] = {
#include "cli/options/lost.def"
};
static const struct tg_option why_options[] = {
#include "cli/options/why.def"
};
static const struct tg_option carry_export_options[] = {
#include "cli/options/carry_export.def"
};
static const struct tg_option carry_import_options[] = {
#include "cli/options/carry_import.def"
};
static const struct tg_option doctor_options[] = {
#include "cli/options/doctor.def"
};
static const struct tg_option login_options[] = {
#include "cli/options/login.def"
};
static const struct tg_option ssh_options[] = {
#include "cli/options/ssh.def"
};
static const struct tg_option config_options[] = {
#include "cli/options/config.def"
};
#undef OPTION

#define TABLE(options) (options), sizeof(options) / sizeof((options)[0])
#define NO_TABLE       NULL, 0

static const struct tg_command commands[] = {
    {"init", "DIRECTORY [OPTION]...", "Make the keys and files of a small deployment.", TABLE(init_options),
     1, 1, tg_command_init},
    {"policy check", "FILE", "Check a policy file, plain or signed.", NO_TABLE, 1, 1,
     tg_command_policy_check},
    {"policy sign", "FILE --key FILE [OPTION]...", "Sign a policy, or add a signature to a signed one.",
     TABLE(policy_sign_options), 1, 1, tg_command_policy_sign},
    {"policy show", "[FILE]", "Show the policy in force, verified, or the one in FILE.", NO_TABLE, 0, 1,
     tg_command_policy_show},
    {"policy publish", "FILE", "Bring a signed policy into force.", NO_TABLE, 1, 1,
     tg_command_policy_publish},
    {"policy add-key", "POLICY CHANGE [OPTION]...", "Add a key that somebody has enrolled to a policy.",
     TABLE(policy_add_key_options), 2, 2, tg_command_policy_add_key},
    {"policy diff", "OLD NEW", "Show what changes from one policy file to another.", NO_TABLE, 2, 2,
     tg_command_policy_diff},
    {"enroll", "KEY [OPTION]...",
     "Make a key on a security key, with the file that brings it into the policy.", TABLE(enroll_options), 1,
     1, tg_command_enroll},
    {"host enroll", "NAME --host-key FILE --root-key FILE [OPTION]...", "Enrol a host at the service.",
     TABLE(host_enroll_options), 1, 1, tg_command_host_enroll},
    {"host list", "", "List the enrolled hosts.", NO_TABLE, 0, 0, tg_command_host_list},
    {"host remove", "NAME --root-key FILE", "Remove a host from the service.", TABLE(host_remove_options), 1,
     1, tg_command_host_remove},
    {"login", "[OPTION]...", "Get a login certificate, with your password and a touch.", TABLE(login_options),
     0, 0, tg_command_login},
    {"ssh", "[OPTION]... [ACCOUNT@]HOST [SSH ARGUMENT]...",
     "Log in: get a certificate and a ticket if needed, then run ssh.", TABLE(ssh_options), 1,
     TG_OPERANDS_PASSED_ON, tg_command_ssh},
    {"prepare", "[OPTION]... [ACCOUNT@]HOST", "The same without ssh itself, for Match exec in ssh_config.",
     TABLE(ssh_options), 1, 1, tg_command_prepare},
    {"config", "[HOST]... [OPTION]...", "Print what ~/.ssh/config needs, so that plain ssh does the same.",
     TABLE(config_options), 0, 1024, tg_command_config},
    {"invite", "PERSON [OPTION]...", "Print a link by which a person sets a password.", TABLE(invite_options),
     1, 1, tg_command_invite},
    {"password", "", "Change your own password at the service.", NO_TABLE, 0, 0, tg_command_password},
    {"request", "HOST[,HOST]... --for DURATION --reason TEXT [OPTION]...", "Request a ticket.",
     TABLE(request_options), 1, 1, tg_command_request},
    {"extend", "TICKET DURATION [OPTION]...", "Request more time for the running sessions of your ticket.",
     TABLE(extend_options), 2, 2, tg_command_extend},
    {"list", "[OPTION]...", "List tickets.", TABLE(list_options), 0, 0, tg_command_list},
    {"sessions", "[OPTION]...", "List the sessions that are open on the hosts.", TABLE(sessions_options), 0,
     0, tg_command_sessions},
    {"show", "TICKET [OPTION]...", "Show everything about a ticket.", TABLE(show_options), 1, 1,
     tg_command_show},
    {"approve", "TICKET [OPTION]...", "Approve a ticket with your key.", TABLE(approve_options), 1, 1,
     tg_command_approve},
    {"deny", "TICKET --reason TEXT", "Deny a ticket that is pending.", TABLE(reason_options), 1, 1,
     tg_command_deny},
    {"cancel", "TICKET", "Withdraw your own ticket while it is pending.", NO_TABLE, 1, 1, tg_command_cancel},
    {"release", "TICKET", "Give your own ticket back before its time.", NO_TABLE, 1, 1, tg_command_release},
    {"revoke", "TICKET --reason TEXT", "Take an approved ticket away.", TABLE(reason_options), 1, 1,
     tg_command_revoke},
    {"lost", "[KEY] --reason TEXT [OPTION]...", "Report a lost key or certificate: hosts refuse it at once.",
     TABLE(lost_options), 0, 1, tg_command_lost},
    {"why", "HOST [OPTION]...", "Say whether a host would let you in, and why it did not.",
     TABLE(why_options), 1, 1, tg_command_why},
    {"carry export", "TICKET [OPTION]...", "Write a ticket with its approvals for a host that is cut off.",
     TABLE(carry_export_options), 1, 1, tg_command_carry_export},
    {"carry import", "FILE [OPTION]...", "On the host, as root: hand a carried ticket to the agent.",
     TABLE(carry_import_options), 1, 1, tg_command_carry_import},
    {"doctor", "[OPTION]...", "On the host, as root: examine everything a login needs.",
     TABLE(doctor_options), 0, 0, tg_command_doctor},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0], NAME_SIZE = 64 };

static void list_commands(FILE *stream)
{
    (void)fputs("\nCommands:\n", stream);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        (void)fprintf(stream, "  %-15s %s\n", commands[i].name, commands[i].summary);
    (void)fputs(
        "\nMore: tegata help COMMAND, or the manual page tegata(1).\n"
        "Exit status: 0 done, 1 refused or failed, 2 usage, 3 service unreachable, 4 timed out (--wait).\n",
        stream);
}

/* The command that the words begin with; *words is how many of them its name takes. */
static const struct tg_command *find_command(int count, char **texts, int *words)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const char *name = commands[i].name;
        const char *blank = strchr(name, ' ');
        size_t first = blank != NULL ? (size_t)(blank - name) : strlen(name);
        if (count < 1 || strlen(texts[0]) != first || strncmp(texts[0], name, first) != 0)
            continue;
        *words = blank != NULL ? 2 : 1;
        if (blank == NULL || (count >= 2 && strcmp(texts[1], blank + 1) == 0))
            return &commands[i];
    }
    return NULL;
}

static int wrong_command(const struct tg_cli *cli, int count, char **texts)
{
    size_t length = count > 0 ? strlen(texts[0]) : 0;
    for (size_t i = 0; i < COMMAND_COUNT && count > 0; i++) {
        if (strncmp(commands[i].name, texts[0], length) == 0 && commands[i].name[length] == ' ')
            tg_line(&cli->err, "Usage: tegata %s %s", commands[i].name, commands[i].synopsis);
    }
    if (count == 0)
        return tg_cli_usage(cli, "no command given");
    return tg_cli_usage(cli, "there is no command %s%s%s", texts[0], count > 1 ? " " : "",
                        count > 1 ? texts[1] : "");
}

static bool may_repeat(const struct tg_option *option)
{
    size_t length = option->argument != NULL ? strlen(option->argument) : 0;
    return length > 3 && strcmp(option->argument + length - 3, "...") == 0;
}

/* Reads a command's options. -1: go on; else an exit status. */
static int read_arguments(const struct tg_cli *cli, struct tg_options *parser, int argc, char **argv,
                          struct tg_arguments *arguments)
{
    const struct tg_option *option = NULL;
    const char *value = NULL;
    while (tg_options_next(parser, argc, argv, &option, &value)) {
        if (arguments->given_count == TG_GIVEN_MAX)
            return tg_cli_usage(cli, "too many options");
        if (!may_repeat(option) && tg_argument(arguments, option->name) != NULL)
            return tg_cli_usage(cli, "--%s is given twice", option->name);
        arguments->given[arguments->given_count].name = option->name;
        arguments->given[arguments->given_count++].value = value != NULL ? value : "";
    }
    if (parser->end != TG_OPTIONS_OPERANDS)
        return parser->end == TG_OPTIONS_SHOWN ? TG_EXIT_OK : TG_EXIT_USAGE;
    arguments->operands = argv + parser->first_operand;
    arguments->operand_count = argc - parser->first_operand;
    return -1;
}

static struct tg_options command_parser(const struct tg_command *command, char name[NAME_SIZE])
{
    (void)snprintf(name, NAME_SIZE, "tegata %s", command->name);
    return (struct tg_options){.program = name,
                               .synopsis = command->synopsis,
                               .summary = command->summary,
                               .table = command->options,
                               .count = command->option_count,
                               .stops_early = command->operands_maximum == TG_OPERANDS_PASSED_ON};
}

static int run_command(struct tg_cli *cli, const struct tg_command *command, int argc, char **argv)
{
    char name[NAME_SIZE];
    struct tg_arguments arguments = {0};
    struct tg_options parser = command_parser(command, name);
    int status = read_arguments(cli, &parser, argc, argv, &arguments);
    if (status >= 0)
        return status;
    if (arguments.operand_count < command->operands_minimum ||
        arguments.operand_count > command->operands_maximum)
        return tg_cli_usage(cli, "usage: %s %s", name, command->synopsis);
    return command->run(cli, &arguments);
}

static int help(const struct tg_cli *cli, const struct tg_options *program, int count, char **texts)
{
    char name[NAME_SIZE];
    int words = 0;
    if (count == 0) {
        tg_options_help(program, stdout);
        list_commands(stdout);
        return TG_EXIT_OK;
    }
    const struct tg_command *command = find_command(count, texts, &words);
    if (command == NULL)
        return wrong_command(cli, count, texts);
    struct tg_options parser = command_parser(command, name);
    tg_options_help(&parser, stdout);
    return TG_EXIT_OK;
}

int tg_program(int argc, char **argv, const struct tg_security_devices *devices)
{
    (void)setlocale(LC_ALL, "");
    (void)signal(SIGPIPE, SIG_IGN); /* a service that hangs up is an error to be told */
    struct tg_cli cli = {.out = tg_output_for(stdout), .err = tg_output_for(stderr)};
    struct tg_security_user user = tg_security_user_at_terminal(&cli.err);
    cli.means = (struct tg_signing_means){.devices = devices, .user = &user};
    struct tg_options parser =
        TG_OPTIONS("tegata", "[-C FILE] [--json] COMMAND ...",
                   "Tickets for ops servers: request, approve, look.", program_options);
    const struct tg_option *option = NULL;
    const char *value = NULL;
    parser.stops_early = true;
    while (tg_options_next(&parser, argc, argv, &option, &value)) {
        if (strcmp(option->name, "config") == 0)
            cli.config_path = value;
        else
            cli.json = true;
    }
    if (parser.end == TG_OPTIONS_SHOWN && argc == 2 && argv[1][1] != 'V' && strcmp(argv[1], "--version") != 0)
        list_commands(stdout);
    if (parser.end != TG_OPTIONS_OPERANDS)
        return parser.end == TG_OPTIONS_SHOWN ? TG_EXIT_OK : TG_EXIT_USAGE;
    int count = argc - parser.first_operand;
    char **texts = argv + parser.first_operand;
    int words = 0;
    if (count > 0 && strcmp(texts[0], "help") == 0)
        return help(&cli, &parser, count - 1, texts + 1);
    const struct tg_command *command = find_command(count, texts, &words);
    if (command == NULL)
        return wrong_command(&cli, count, texts);
    int status = run_command(&cli, command, count - words + 1, texts + words - 1);
    if (fflush(stdout) != 0 && status == TG_EXIT_OK)
        status = TG_EXIT_REFUSED;
    return status;
}
