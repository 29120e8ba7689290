/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Command line options from one table per program (PART/options.def), on top of getopt_long(3). The same
 * table makes --help and the list in the man page (man/expand.awk). -h, --help and -V, --version are added to
 * every table: do not list them. libc only.
 *
 * A table:
 *
 *     static const struct tg_option options[] = {
 *     #define OPTION(letter, name, argument, help) {letter, #name, argument, help},
 *     #include "agent/options.def"
 *     #undef OPTION
 *     };
 *
 * and its use:
 *
 *     struct tg_options parser = TG_OPTIONS("tegatad", "[OPTION]...", "What it does, in one line.", options);
 *     const struct tg_option *option;
 *     const char *value;
 *     while (tg_options_next(&parser, argc, argv, &option, &value)) {
 *         if (strcmp(option->name, "config") == 0)
 *             config = value;
 *     }
 *     if (parser.end != TG_OPTIONS_OPERANDS)
 *         return parser.end == TG_OPTIONS_SHOWN ? 0 : 2;
 *     operands are argv[parser.first_operand] to argv[argc - 1]
 *
 * A program with sub-commands sets parser.stops_early for its own options, and then gives argc -
 * first_operand, argv + first_operand and the sub-command's table to a second parser; its argv[0] is the name
 * of the sub-command.
 */
#ifndef TEGATA_LIB_OPTIONS_H
#define TEGATA_LIB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TG_OPTIONS_MAX = 40 };

struct tg_option {
    int letter;           /* 0: none */
    const char *name;     /* without the dashes */
    const char *argument; /* what it is called, for example "FILE"; "" or NULL: a flag; "[=FILE]": it may be
                             left out */
    const char *help;     /* one sentence */
};

enum tg_options_end {
    TG_OPTIONS_OPERANDS, /* all options are read */
    TG_OPTIONS_SHOWN,    /* --help or --version was answered on standard output: exit with success */
    TG_OPTIONS_WRONG, /* a usage error was told on standard error: exit with the program's status for that */
};

struct tg_options {
    const char *program;
    const char *synopsis; /* what follows the program's name in the usage line */
    const char *summary;
    const struct tg_option *table;
    size_t count;     /* at most TG_OPTIONS_MAX */
    bool stops_early; /* the first operand ends the options, instead of being moved behind them */
    bool started;     /* begin with false, as TG_OPTIONS does; then leave alone */
    enum tg_options_end end;
    int first_operand;
};

#define TG_OPTIONS(program_, synopsis_, summary_, table_)                                                    \
    {                                                                                                        \
        .program = (program_), .synopsis = (synopsis_), .summary = (summary_), .table = (table_),            \
        .count = sizeof(table_) / sizeof((table_)[0])                                                        \
    }

/* Reads the next option. True: *option points into the table, *value is its argument or NULL. False:
 * parser->end says why. getopt's own state is global, so one parser must be read to its end before another
 * begins. */
bool tg_options_next(struct tg_options *parser, int argc, char **argv, const struct tg_option **option,
                     const char **value);

/* For a program that takes options only: true if no operand is there; else the first is told on standard
 * error. After tg_options_next() has ended with TG_OPTIONS_OPERANDS. */
bool tg_options_no_operands(const struct tg_options *parser, int argc, char **argv);

/* Writes what --help shows: usage, summary, and a line for each option. */
void tg_options_help(const struct tg_options *parser, FILE *stream);

#endif
