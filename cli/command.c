/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/command.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *tg_argument(const struct tg_arguments *arguments, const char *name)
{
    for (size_t i = 0; i < arguments->given_count; i++) {
        if (strcmp(arguments->given[i].name, name) == 0)
            return arguments->given[i].value;
    }
    return NULL;
}

size_t tg_argument_list(const struct tg_arguments *arguments, const char *name, const char **values)
{
    size_t count = 0;
    for (size_t i = 0; i < arguments->given_count; i++) {
        if (strcmp(arguments->given[i].name, name) == 0)
            values[count++] = arguments->given[i].value;
    }
    return count;
}

int tg_cli_configure(struct tg_cli *cli, struct tg_problem *problem)
{
    struct tg_error error = {0};
    if (cli->configured)
        return 0;
    char *path = tg_client_config_path(cli->config_path);
    if (path == NULL)
        return tg_problem_set(problem, TG_internal_error, "out of memory");
    int result = tg_client_config_read(path, getenv("HOME"), &cli->config, &error);
    free(path);
    if (result != 0)
        return tg_problem_from_error(problem, &error);
    cli->configured = true;
    return 0;
}

int tg_cli_complain(const struct tg_cli *cli, const struct tg_problem *problem)
{
    (void)fflush(cli->out.stream);
    if (cli->json) {
        json_t *object = tg_problem_json(problem);
        tg_output_json(&cli->err, object);
        json_decref(object);
        return problem->exit_status;
    }
    if (problem->code[0] != '\0')
        tg_styled(&cli->err, TG_STYLE_BAD, "%s: ", problem->code);
    tg_line(&cli->err, "%s", problem->text);
    if (problem->detail[0] != '\0')
        tg_line(&cli->err, "  %s", problem->detail);
    char advice[sizeof problem->advice];
    if (problem->advice[0] != '\0')
        tg_line(&cli->err, "  do: %s",
                tg_advice_for(problem->advice, problem->detail, advice, sizeof advice));
    return problem->exit_status;
}

int tg_cli_fail(const struct tg_cli *cli, const struct tg_error *error)
{
    struct tg_problem problem;
    (void)tg_problem_from_error(&problem, error);
    return tg_cli_complain(cli, &problem);
}

int tg_cli_usage(const struct tg_cli *cli, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tg_line(&cli->err, "tegata: %s", text);
    tg_line(&cli->err, "Try 'tegata help'.");
    return TG_EXIT_USAGE;
}
