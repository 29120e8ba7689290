/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/options.h"

/* In angle brackets: in quotes it would be the neighbour lib/config.h. */
#include <config.h>

#include <getopt.h>
#include <string.h>

/* What getopt_long() returns for the option at `index` of the table; above every letter. */
enum { FIRST_VALUE = 256 };

static const struct tg_option standard[] = {
    {'h', "help", "", "Show this help and exit."},
    {'V', "version", "", "Show the version and exit."},
};

enum { STANDARD_COUNT = sizeof standard / sizeof standard[0] };

static const struct tg_option *option_at(const struct tg_options *parser, size_t index)
{
    if (index < parser->count)
        return &parser->table[index];
    return &standard[index - parser->count];
}

static size_t total_count(const struct tg_options *parser)
{
    return parser->count + STANDARD_COUNT;
}

static bool takes_argument(const struct tg_option *option)
{
    return option->argument != NULL && option->argument[0] != '\0';
}

/* "[=SECONDS]": the argument may be left out. */
static bool is_optional(const struct tg_option *option)
{
    return takes_argument(option) && option->argument[0] == '[';
}

static int argument_mode(const struct tg_option *option)
{
    if (is_optional(option))
        return optional_argument;
    return takes_argument(option) ? required_argument : no_argument;
}

/* Makes getopt's two descriptions of the table. `letters` has room for "+:" and two characters for each
 * option. */
static void describe(const struct tg_options *parser, char *letters, struct option *names)
{
    size_t count = total_count(parser);
    if (parser->stops_early)
        *letters++ = '+';
    for (size_t i = 0; i < count; i++) {
        const struct tg_option *option = option_at(parser, i);
        names[i] = (struct option){
            .name = option->name, .has_arg = argument_mode(option), .val = FIRST_VALUE + (int)i};
        if (option->letter == 0)
            continue;
        *letters++ = (char)option->letter;
        if (takes_argument(option))
            *letters++ = ':';
        if (is_optional(option))
            *letters++ = ':';
    }
    *letters = '\0';
    names[count] = (struct option){0};
}

/* The option that getopt_long()'s result stands for; NULL for '?'. */
static const struct tg_option *find(const struct tg_options *parser, int result)
{
    for (size_t i = 0; i < total_count(parser); i++) {
        const struct tg_option *option = option_at(parser, i);
        if (result == FIRST_VALUE + (int)i || (option->letter != 0 && result == option->letter))
            return option;
    }
    return NULL;
}

static bool finish(struct tg_options *parser, enum tg_options_end end)
{
    parser->end = end;
    parser->first_operand = optind;
    return false;
}

static bool wrong_usage(struct tg_options *parser)
{
    (void)fprintf(stderr, "Try '%s --help'.\n", parser->program);
    return finish(parser, TG_OPTIONS_WRONG);
}

bool tg_options_next(struct tg_options *parser, int argc, char **argv, const struct tg_option **option,
                     const char **value)
{
    char letters[3 * (TG_OPTIONS_MAX + STANDARD_COUNT) + 2];
    struct option names[TG_OPTIONS_MAX + STANDARD_COUNT + 1];
    *option = NULL;
    *value = NULL;
    if (parser->count > TG_OPTIONS_MAX)
        return finish(parser, TG_OPTIONS_WRONG);
    if (!parser->started)
        optind = 0; /* glibc and musl: forget everything about an earlier argv */
    parser->started = true;
    describe(parser, letters, names);
    int result = getopt_long(argc, argv, letters, names, NULL);
    if (result == -1)
        return finish(parser, TG_OPTIONS_OPERANDS);
    const struct tg_option *found = find(parser, result);
    if (found == NULL)
        return wrong_usage(parser);
    if (found == &standard[0]) {
        tg_options_help(parser, stdout);
        return finish(parser, TG_OPTIONS_SHOWN);
    }
    if (found == &standard[1]) {
        (void)printf("%s %s\n", parser->program, PACKAGE_VERSION);
        return finish(parser, TG_OPTIONS_SHOWN);
    }
    *option = found;
    *value = takes_argument(found) ? optarg : NULL;
    return true;
}

bool tg_options_no_operands(const struct tg_options *parser, int argc, char **argv)
{
    if (parser->first_operand == argc)
        return true;
    (void)fprintf(stderr, "%s: '%s' is not an option. Try '%s --help'.\n", parser->program,
                  argv[parser->first_operand], parser->program);
    return false;
}

void tg_options_help(const struct tg_options *parser, FILE *stream)
{
    enum { COLUMN = 28 };
    (void)fprintf(stream, "Usage: %s %s\n%s\n\n", parser->program, parser->synopsis, parser->summary);
    for (size_t i = 0; i < total_count(parser); i++) {
        const struct tg_option *option = option_at(parser, i);
        char letter[5] = "    ";
        if (option->letter != 0)
            (void)snprintf(letter, sizeof letter, "-%c, ", option->letter);
        int used = fprintf(stream, "  %s--%s%s%s", letter, option->name,
                           takes_argument(option) && !is_optional(option) ? " " : "",
                           takes_argument(option) ? option->argument : "");
        if (used >= COLUMN)
            (void)fprintf(stream, "\n%*s%s\n", COLUMN, "", option->help);
        else
            (void)fprintf(stream, "%*s%s\n", COLUMN - used, "", option->help);
    }
}
