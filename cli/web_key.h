/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A person's WebAuthn key, used without a browser: [person] approval_key = web. The service says which
 * credential belongs to which key of the policy; only keys that the verified policy lists for the person,
 * with origin and rp_id from there, are taken.
 */
#ifndef TEGATA_CLI_WEB_KEY_H
#define TEGATA_CLI_WEB_KEY_H

#include "cli/link.h"

/* Is this value of [person] approval_key not a file, but "web" or "web:FINGERPRINT"? */
bool tg_web_key_is_meant(const char *approval_key);

/* Of `credentials` ([{id, fingerprint, ...}, ...]; the service's word), opens the one that `approval_key`
 * names; with "web" alone, the first whose device is plugged in, else the first. It always verifies its user.
 * On 0, the caller frees *signer. */
int tg_web_key_choose(const struct tg_signing_means *means, const struct tg_person *person,
                      const json_t *credentials, const char *approval_key, struct tg_signer **signer,
                      struct tg_problem *problem);

/* The same with the credentials of GET /v1/credentials. */
int tg_web_key_open(struct tg_cli *cli, struct tg_link *link, struct tg_signer **signer,
                    struct tg_problem *problem);

#endif
