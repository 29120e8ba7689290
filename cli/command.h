/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What every command gets and what it answers.
 */
#ifndef TEGATA_CLI_COMMAND_H
#define TEGATA_CLI_COMMAND_H

#include "cli/client_config.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/security_signer.h"

#include "lib/options.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Exit statuses, tegata(1). */
enum tg_exit {
    TG_EXIT_OK = 0,
    TG_EXIT_REFUSED = 1,
    TG_EXIT_USAGE = 2,
    TG_EXIT_UNREACHABLE = 3,
    TG_EXIT_TIMED_OUT = 4,
};

enum { TG_GIVEN_MAX = 64, TG_OPERANDS_PASSED_ON = INT_MAX };

/* The options and operands of one command line. An option whose argument's name ends in "..." may be given
 * several times. */
struct tg_arguments {
    struct {
        const char *name;
        const char *value; /* "" for a flag, and for an optional argument that is not there */
    } given[TG_GIVEN_MAX];
    size_t given_count;
    char **operands;
    int operand_count;
};

/* The value of an option, or NULL if it was not given. */
const char *tg_argument(const struct tg_arguments *arguments, const char *name);

/* All values of an option, in the order given; returns how many. `values` has room for TG_GIVEN_MAX. */
size_t tg_argument_list(const struct tg_arguments *arguments, const char *name, const char **values);

struct tg_cli {
    const char *config_path; /* --config, or NULL */
    bool json;
    struct tg_output out;
    struct tg_output err;
    struct tg_signing_means means;  /* security keys; without devices ssh-keygen has to do */
    struct tg_client_config config; /* valid once tg_cli_configure() has said 0 */
    bool configured;
};

/* Reads the client's configuration, once. */
int tg_cli_configure(struct tg_cli *cli, struct tg_problem *problem);

/* Writes a problem to standard error, as text or with --json as one JSON object, and returns its exit status.
 */
int tg_cli_complain(const struct tg_cli *cli, const struct tg_problem *problem);

/* The same from an error of the library. */
int tg_cli_fail(const struct tg_cli *cli, const struct tg_error *error);

/* "tegata: TEXT" and where help is, on standard error; returns TG_EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int tg_cli_usage(const struct tg_cli *cli, const char *format, ...);

struct tg_command {
    const char *name;     /* "policy sign" */
    const char *synopsis; /* what follows the name */
    const char *summary;  /* one sentence */
    const struct tg_option *options;
    size_t option_count;
    int operands_minimum;
    int operands_maximum; /* TG_OPERANDS_PASSED_ON: what follows the first is another program's */
    int (*run)(struct tg_cli *cli, const struct tg_arguments *arguments); /* returns an enum tg_exit */
};

int tg_command_init(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_policy_check(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_policy_sign(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_policy_show(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_policy_publish(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_policy_add_key(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_policy_diff(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_enroll(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_invite(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_password(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_host_enroll(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_host_list(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_host_remove(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_login(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_ssh(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_prepare(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_config(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_request(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_extend(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_sessions(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_list(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_show(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_approve(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_deny(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_cancel(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_release(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_revoke(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_lost(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_why(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_carry_export(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_carry_import(struct tg_cli *cli, const struct tg_arguments *arguments);
int tg_command_doctor(struct tg_cli *cli, const struct tg_arguments *arguments);

#endif
