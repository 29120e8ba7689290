/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A small world for tests: a policy of a few people and rules, and a ticket by alice. Both as JSON that a
 * test changes before it is written and parsed like any document.
 *
 * Changes are words "path=value", separated by blanks: "people/alice/disabled=1 rules/0/hosts/0=\"db*\"".
 * Values are JSON without blanks. "path" alone takes the value away; "path+=value" appends to an array.
 */
#ifndef TEGATA_TESTS_UNIT_WORLD_H
#define TEGATA_TESTS_UNIT_WORLD_H

#include "lib/verdict.h"
#include "tests/unit/world_keys.h"

#include <jansson.h>

#define WORLD_TIME INT64_C(1800000000) /* when alice's ticket was created */

/* The canonical text of each with the changes; the caller frees it. Fails the test if anything goes wrong. */
char *world_policy_text(const char *changes);
char *world_ticket_text(const char *changes);

/* The same, parsed. */
struct tg_policy *world_policy(const char *changes);
struct tg_ticket *world_ticket(const char *changes);

/* A key of world_keys.h, parsed. */
struct tg_public_key *world_key(const char *line);

/* A revocation list of words: "key=NAME", "serial=NUMBER", "key_id=TEXT"; the certificates are those of
 * KEY_CA, of KEY_OTHER_CA behind "other:". As it comes back from its bytes; NULL stays NULL. */
struct tg_krl *world_revocations(const char *words);

/* Signs a text with a private key of world_keys.h; the caller frees the armored signature. */
char *world_sign(const char *private_key, const char *name_space, const char *text);

/* Gives a ticket its approvals: words "NAME[=KEYOWNER][/KEYINDEX]@SECONDS[:sk][:uv][:be][:other][:sSECONDS]
 * [:!REASON]", or "!REASON" for one of which not even the bytes were sound. SECONDS count from WORLD_TIME.
 * NULL: "bob@30". */
void world_hold_approvals(const struct tg_policy *policy, const char *text, struct tg_held_ticket *held);
void world_release(struct tg_held_ticket *held);

/* Fails the test unless `error` says `reason` and its text has `part` in it. */
void world_assert_error(const struct tg_error *error, enum tg_reason reason, const char *part);

#endif
