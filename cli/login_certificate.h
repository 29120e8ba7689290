/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The login certificate beside the key: what the service hands out is kept only once it is what was asked
 * for.
 */
#ifndef TEGATA_CLI_LOGIN_CERTIFICATE_H
#define TEGATA_CLI_LOGIN_CERTIFICATE_H

#include "cli/client_config.h"
#include "lib/certificate.h"
#include "lib/policy.h"

/* Is it a user certificate for this very key, with the person as a principal, signed by a user CA of the
 * policy, valid now, with no option unknown here, and of a life that some rule of the policy allows?
 * `seconds` > 0: and that ends within so many seconds. error->reason is certificate_unexpected. */
int tg_login_certificate_check(const struct tg_certificate *certificate, const struct tg_policy *policy,
                               const char *person, const struct tg_public_key *key, uint32_t seconds,
                               int64_t now, struct tg_error *error);

/* Writes the line to the file that `config` names as certificate: atomically, mode 0644. */
int tg_login_certificate_keep(const struct tg_client_config *config, const char *line,
                              struct tg_error *error);

/* How many seconds the certificate in that file is still good for, by the policy; 0: there is none, or none
 * that is. */
int64_t tg_login_certificate_left(const struct tg_client_config *config, const struct tg_policy *policy,
                                  const struct tg_public_key *key, int64_t now);

#endif
