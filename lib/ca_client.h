/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking tegata-ca for a certificate: one connection, one question, one answer (lib/ca_protocol.h). Blocking,
 * with a deadline on the monotonic clock: for a worker thread. Keeps nothing, raises no signal, may be called
 * by several threads at once. Where somebody touches the authority's key for each certificate, tegata-ca
 * waits up to 60 s for that, and for one at a time: give it 75 s and more.
 */
#ifndef TEGATA_LIB_CA_CLIENT_H
#define TEGATA_LIB_CA_CLIENT_H

#include "lib/error.h"
#include "lib/wire.h"

/* Asks for a user certificate. `policy` are the bytes of the policy in force and `signatures` the JSON array
 * of its armored signatures, as text; `document` and `signature` are the person's own certificate-v1@tegata
 * document and its armored signature (lib/sign_in.h). On 0, *line is "TYPE BASE64 KEYID", malloc'ed.
 * error->reason is what tegata-ca refused it with, or ca_unreachable. */
int tg_ca_user_certificate(const char *socket_path, struct tg_bytes policy, const char *signatures,
                           struct tg_bytes document, const char *signature, int deadline_ms, char **line,
                           struct tg_error *error);

/* Asks for a host certificate: `name` is the host's name, `key` its public key line, "TYPE BASE64". Else as
 * above. */
int tg_ca_host_certificate(const char *socket_path, struct tg_bytes policy, const char *signatures,
                           const char *name, const char *key, int deadline_ms, char **line,
                           struct tg_error *error);

#endif
