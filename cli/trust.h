/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The policy in force, as this command trusts it: what the service hands out counts only once the pinned root
 * keys have signed it, and never goes back to a lower serial than this user has seen.
 */
#ifndef TEGATA_CLI_TRUST_H
#define TEGATA_CLI_TRUST_H

#include "cli/client.h"
#include "lib/policy.h"

#include <jansson.h>

/* A policy with its signatures: {"document": TEXT, "signatures": [ARMORED, ...]}. */
struct tg_signed_policy {
    json_t *carrier; /* owns all below but `signatures` itself */
    const char *document;
    size_t length;
    const char **signatures;
    size_t signature_count;
};

/* From JSON (a new reference is taken). error->reason is policy_malformed. */
int tg_signed_policy_read(json_t *carrier, struct tg_signed_policy *out, struct tg_error *error);
void tg_signed_policy_clear(struct tg_signed_policy *policy);

/* Reads the pinned root keys of the client's configuration. On 0, *out is the caller's to free. */
int tg_trust_root_signers(const struct tg_client_config *config, struct tg_root_signers *out,
                          struct tg_error *error);

/* A verified policy; `carrier` holds the bytes that it points into. */
struct tg_trusted_policy {
    struct tg_policy *policy;
    struct tg_signed_policy signed_policy;
};

/* Verifies against the pinned root keys and the highest serial seen, which it then keeps in $XDG_STATE_HOME
 * (~/.local/state) /tegata. */
int tg_trust_verify(const struct tg_client_config *config, json_t *carrier, struct tg_trusted_policy *out,
                    struct tg_problem *problem);

/* GET /v1/policy, verified. */
int tg_trust_fetch(struct tg_client *client, const struct tg_client_config *config,
                   struct tg_trusted_policy *out, struct tg_problem *problem);

/* NULL-safe inside. */
void tg_trusted_policy_clear(struct tg_trusted_policy *policy);

#endif
