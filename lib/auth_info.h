/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SSH_AUTH_INFO_0, which sshd puts into the PAM environment: one line for each completed authentication
 * method, for example "publickey ssh-ed25519-cert-v01@openssh.com AAAA...\n". libc only.
 */
#ifndef TEGATA_LIB_AUTH_INFO_H
#define TEGATA_LIB_AUTH_INFO_H

#include "lib/wire.h"

#include <stdbool.h>

/* Finds the last "publickey" line whose type is a certificate type and that no later publickey line follows.
 * On true, *type and *base64 point into `info`. False if there is no such line or anything is odd: then no
 * certificate was used. */
bool tg_auth_info_certificate(const char *info, struct tg_bytes *type, struct tg_bytes *base64);

#endif
