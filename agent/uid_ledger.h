/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who ever had which number on this host. Files keep the number of whoever made them, so a number that was
 * once published is not given to another name until tegata-wipe(8) has said that nothing of it is left.
 */
#ifndef TEGATA_AGENT_UID_LEDGER_H
#define TEGATA_AGENT_UID_LEDGER_H

#include "lib/reason.h"
#include "lib/wipe_lines.h"

#include <jansson.h>

struct tg_agent;
struct tg_agent_answer;
struct tg_remembered_account;

struct tg_uid_entry {
    char name[TG_WIPE_NAME_SIZE];
    uint32_t uid;
    bool listed; /* tegata-wipe was told of it, and no session of it has opened since; not on disk */
};

struct tg_uid_entries {
    struct tg_uid_entry *list;
    size_t count;
    size_t size;
};

struct tg_uid_ledger {
    struct tg_uid_entries published; /* on disk */
    struct tg_uid_entries refused;   /* that are not published because of it, so that each is told once */
};

void tg_uid_ledger_free(struct tg_uid_ledger *ledger);

/* Remembers the accounts that are about to be published and whose number and name are free. They are on disk
 * when this returns; those for which that failed are not remembered. */
void tg_uid_ledger_take(struct tg_agent *agent);

/* Why this account may not be published, as text; NULL if it may: exactly this name and number are
 * remembered. An account that never had a ticket here, and so can have left nothing, may if both are free. A
 * refusal is logged and becomes an event once. */
const char *tg_uid_ledger_clash(struct tg_agent *agent, const struct tg_remembered_account *account);

/* The name that has this number, or NULL. */
const char *tg_uid_ledger_holder(const struct tg_uid_ledger *ledger, uint32_t number);

/* tegata-wipe has asked for the accounts: from here on what it says of them can be believed, until a session
 * of theirs opens. */
void tg_uid_ledger_list(struct tg_uid_ledger *ledger);
void tg_uid_ledger_opened(struct tg_uid_ledger *ledger, const char *name);

/* Has it been listed since its last session opened? */
bool tg_uid_ledger_is_listed(const struct tg_uid_ledger *ledger, const char *name);

/* Forgets a name that was wiped: it, and whoever waited for its number, may be published again. False: it was
 * not there, or the disk refuses; then it stays. */
bool tg_uid_ledger_wiped(struct tg_agent *agent, const char *name);

/* Where the account's home stands somebody else's, or something that is no directory, nobody is to be let
 * into it: false, and *answer is a refusal. */
bool tg_home_may_open(const struct tg_agent *agent, const char *account, uint32_t uid, const char *ticket,
                      struct tg_agent_answer *answer);

json_t *tg_uid_ledger_to_json(const struct tg_uid_ledger *ledger);
bool tg_uid_ledger_from_json(struct tg_uid_ledger *ledger, const json_t *object);

#endif
