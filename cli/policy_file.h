/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A policy in a file: plain JSON in any layout, or a signed one.
 */
#ifndef TEGATA_CLI_POLICY_FILE_H
#define TEGATA_CLI_POLICY_FILE_H

#include "cli/output.h"
#include "cli/trust.h"

/* In both cases `signed_policy.document` holds the canonical bytes. */
struct tg_policy_file {
    json_t *carrier; /* {"document", "signatures"}; with no signatures for a plain file */
    json_t *content; /* the policy itself, its keys in the file's order */
    struct tg_signed_policy signed_policy;
    struct tg_policy *policy;
    bool was_signed;
};

/* Reads and checks it; signatures are not verified. error->reason is policy_malformed. On -1 nothing is left
 * to clear. */
int tg_policy_file_read(const char *path, struct tg_policy_file *file, struct tg_error *error);
void tg_policy_file_clear(struct tg_policy_file *file);

/* Writes JSON, formatted by jansson's `flags`, to the file `output`, or to `out` if that is NULL or "-". */
int tg_policy_file_write(const struct tg_output *out, const json_t *json, size_t flags, const char *output,
                         struct tg_error *error);

#endif
