/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Judging test vectors: every expectation and policy comes from the folder's manifest, nothing from a
 * vector's name.
 */
#ifndef TEGATA_TESTS_VECTORS_VECTORS_H
#define TEGATA_TESTS_VECTORS_VECTORS_H

#include "lib/sshsig.h"

#include <jansson.h>

struct report {
    size_t passed;
    size_t failed;
};

/* One line each; `name` is escaped. */
void report_pass(struct report *report, const char *name);
__attribute__((format(printf, 3, 4))) void report_fail(struct report *report, const char *name,
                                                       const char *format, ...);

/* PASS if the library accepted or refused as expected; `error` is its refusal. */
void report_verdict(struct report *report, const char *name, bool expected, bool accepted,
                    const struct tg_error *error);

/* A folder's JSON file, or NULL if there is none or it is not JSON. */
json_t *load_json(const char *folder, const char *file);

/* The file folder/file, malloc'ed with a NUL behind it, or NULL. */
char *load_file(const char *folder, const char *file, size_t *length);

/* A member that must be a string; NULL if it is none. */
const char *member_text(const json_t *object, const char *key);

/* A member in hex or in base64url (with or without padding), malloc'ed; false if it is missing or something
 * else. */
bool member_hex(const json_t *object, const char *key, uint8_t **bytes, size_t *length);
bool member_base64url(const json_t *object, const char *key, uint8_t **bytes, size_t *length);

/* A decimal string or an integer. */
bool member_number(const json_t *object, const char *key, uint64_t *number);

/* What to call an entry: its name, or its file. */
const char *entry_name(const json_t *entry);

/* Changes what a "policy" object names: uvRequired, hardwareBound. */
void apply_policy(const json_t *policy, struct tg_sshsig_demands *demands);

/* Each judges what it finds in a folder. False if the folder is not of its kind. */
bool check_ssh_folder(const char *folder, struct report *report);
bool check_webauthn_folder(const char *folder, struct report *report);

/* The parts of an SSH folder. */
void check_certificates(const char *folder, const json_t *entries, struct report *report);
void check_crafted(const char *folder, const json_t *entries, struct report *report);
void check_signatures(const char *folder, const json_t *entries, bool webauthn, struct report *report);
void check_attestations(const char *folder, const json_t *entries, struct report *report);

/* The part of a WebAuthn folder that tells how credentials were made. */
void check_registrations(const json_t *credentials, struct report *report);

#endif
