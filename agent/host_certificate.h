/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The certificate for this host's SSH key, by which people's ssh knows the host: fetched from the service at
 * the start and at half of its lifetime, and written where sshd's HostCertificate reads it.
 */
#ifndef TEGATA_AGENT_HOST_CERTIFICATE_H
#define TEGATA_AGENT_HOST_CERTIFICATE_H

#include "agent/agent.h"
#include "lib/certificate.h"

/* Is it one for the host `name` with this key, by an authority of the policy's host_ca, valid at `now`, and
 * without critical options? 0, or -1 with host_certificate_bad. */
int tg_host_certificate_check(const struct tg_certificate *certificate, const struct tg_public_key *host_key,
                              const char *name, const struct tg_policy *policy, int64_t now,
                              struct tg_error *error);

/* Takes in a certificate line: checks it, writes the file, and says when the next is to be fetched
 * (agent->host_certificate.due). -1 with *error: the file stays as it was. */
int tg_host_certificate_take(struct tg_agent *agent, const char *line, struct tg_error *error);

/* Fetches one if it is due. Nothing is fetched as long as the policy has no host_ca, or if [agent]
 * host_certificate is empty. Returns when to be called next, in steady milliseconds. */
int64_t tg_host_certificate_turn(struct tg_agent *agent);

#endif
