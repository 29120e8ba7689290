/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A small certificate authority for the approval service's TLS: one CA, one server certificate (RFC 5280).
 */
#ifndef TEGATA_CLI_TLS_H
#define TEGATA_CLI_TLS_H

#include "lib/error.h"

/* Makes `directory`/{ca.pem,ca.key,server.pem,server.key}, none of which may exist: ECDSA P-256 keys of mode
 * 0600, and a server certificate for `names`, a list for the extension subjectAltName such as
 * "DNS:approve.example.com,IP:192.0.2.1". */
int tg_tls_make(const char *directory, const char *common_name, const char *names, struct tg_error *error);

#endif
