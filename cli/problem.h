/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Why a command did not do what it was asked: made from the library's errors, from the service's problem
 * documents (RFC 9457) or from a connection that failed.
 */
#ifndef TEGATA_CLI_PROBLEM_H
#define TEGATA_CLI_PROBLEM_H

#include "lib/error.h"

#include <jansson.h>

struct tg_problem {
    int exit_status;  /* enum tg_exit */
    long http_status; /* 0 if no service answered */
    char code[64];    /* reason code, or "" */
    char text[192];
    char detail[768];
    char advice[256];
};

/* Each returns -1, so that `return tg_problem_...()` reads well. */
int tg_problem_from_error(struct tg_problem *problem, const struct tg_error *error);
__attribute__((format(printf, 3, 4))) int tg_problem_set(struct tg_problem *problem, enum tg_reason reason,
                                                         const char *format, ...);
__attribute__((format(printf, 2, 3))) int tg_problem_unreachable(struct tg_problem *problem,
                                                                 const char *format, ...);

/* From an answer of the service that is not a success. `body` may be NULL or anything. */
int tg_problem_from_answer(struct tg_problem *problem, long http_status, const json_t *body);

/* The advice for a reason with the word TICKET in it replaced by the id, if `text` names one (a detail of the
 * same problem, or the id itself). */
const char *tg_advice_for(const char *advice, const char *text, char *out, size_t size);

/* A new JSON object of it. */
json_t *tg_problem_json(const struct tg_problem *problem);

#endif
