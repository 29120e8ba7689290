/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The texts that the agent and tegata-wipe(8) exchange (agent_protocol.h, ACCOUNTS and WIPED): lines of words
 * that are separated by one blank each, every line with its newline.
 *
 *     ACCOUNTS    "NAME UID HOME SESSIONS"    an account, and how many of its sessions are open or ending
 *     WIPED       "account NAME"              nothing of the account is left but what a "left" line says
 *                 "left NAME COUNT"           so many files of its uid or gid remain elsewhere
 *                 "host"                      every account of the host was wiped
 *                 "report TEXT"               for people: printable ASCII, to the end of the line
 *
 * libc only.
 */
#ifndef TEGATA_LIB_WIPE_LINES_H
#define TEGATA_LIB_WIPE_LINES_H

#include "lib/wire.h"

enum {
    TG_WIPE_ACCOUNTS_MAX = 1024, /* in one text */
    TG_WIPE_NAME_SIZE = 33,
    TG_WIPE_HOME_SIZE = 64,
    TG_WIPE_REPORT_SIZE = 241, /* what is longer is cut */
};

struct tg_wipe_account {
    char name[TG_WIPE_NAME_SIZE];
    uint32_t uid;
    char home[TG_WIPE_HOME_SIZE];
    uint32_t sessions;
};

/* Appends a line. False, and nothing written, if it does not fit with its NUL. */
bool tg_wipe_account_write(const struct tg_wipe_account *account, char *text, size_t size);

/* Reads such a text into malloc'ed *list; the caller frees it. False, with *list NULL, if any line is not
 * one: a name that may not be an account's, a number that is none, an account twice, too many. */
bool tg_wipe_accounts_read(struct tg_bytes text, struct tg_wipe_account **list, size_t *count);

struct tg_wiped_account {
    char name[TG_WIPE_NAME_SIZE];
    bool wiped;     /* an "account" line */
    uint32_t count; /* of its "left" line; 0: none */
};

struct tg_wiped {
    struct tg_wiped_account *list;
    size_t count;
    bool host;
    char report[TG_WIPE_REPORT_SIZE]; /* all "report" lines, separated by "; " */
};

/* Reads the text of WIPED. False, with everything empty, if any line is not one, or a name stands in two
 * lines of the same kind. Free with tg_wiped_free(). */
bool tg_wiped_read(struct tg_bytes text, struct tg_wiped *wiped);
void tg_wiped_free(struct tg_wiped *wiped);

#endif
