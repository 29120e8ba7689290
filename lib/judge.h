/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The questions that the verdict is made of, for lib/verdict.c (may a session be opened?) and
 * lib/verdict_running.c (may it go on?). Nobody else needs them.
 */
#ifndef TEGATA_LIB_JUDGE_H
#define TEGATA_LIB_JUDGE_H

#include "lib/verdict.h"

enum tg_purpose {
    TG_TO_OPEN, /* a session */
    TG_TO_STAY, /* a session is open: what only concerns its opening, and the window, are not asked */
};

/* What is asked: who comes, to which account, from where, when. */
struct tg_question {
    enum tg_purpose purpose;
    const struct tg_policy *policy;
    const struct tg_certificate *certificate; /* NULL: not known, then it is not judged */
    const struct tg_connection *connection;
    int64_t now;
};

/* One ticket's answer, as far as it got. */
struct tg_attempt {
    const struct tg_held_ticket *held;
    const struct tg_ticket *ticket;
    const struct tg_person *requester;
    const struct tg_person_key *login_key; /* the policy's entry for the ticket's key */
    const struct tg_rule *rule;
    enum tg_reason reason;
    size_t nearness; /* the greater, the less was missing */
    int64_t begins;  /* the window; 0 where there is none */
    int64_t ends;
    char detail[sizeof((struct tg_verdict *)NULL)->detail];
};

/* Fills in a detail, printable ASCII, and returns the reason, so that a refusal is one statement. */
__attribute__((format(printf, 4, 5))) enum tg_reason
tg_judge_refuse(char *detail, size_t size, enum tg_reason reason, const char *format, ...);

#define TG_REFUSE(answer, reason, ...)                                                                       \
    tg_judge_refuse((answer)->detail, sizeof(answer)->detail, reason, __VA_ARGS__)

/* The certificate, whatever ticket it is used with. */
enum tg_reason tg_judge_certificate(const struct tg_question *question, char *detail, size_t detail_size);

/* One ticket, with its rule and approvals. Where the purpose is to stay, "allowed" says nothing about the
 * window yet, and a state of expired or exhausted is no refusal. */
void tg_judge_ticket(const struct tg_question *question, const struct tg_held_ticket *held,
                     struct tg_attempt *attempt);

#endif
