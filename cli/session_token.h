/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Session tokens of POST /v1/sessions, kept between commands so that a security key is not touched for every
 * call: one file of mode 0600 for each service and key in $XDG_RUNTIME_DIR/tegata/. Without XDG_RUNTIME_DIR
 * nothing is kept.
 */
#ifndef TEGATA_CLI_SESSION_TOKEN_H
#define TEGATA_CLI_SESSION_TOKEN_H

#include <stdint.h>

/* The kept token, malloc'ed, or NULL if there is none that is good for another minute. */
char *tg_session_token_load(const char *url, const char *fingerprint, int64_t now);

/* Keeps a token. A failure only means that the key is touched again next time. */
void tg_session_token_store(const char *url, const char *fingerprint, const char *token, int64_t expires);

void tg_session_token_forget(const char *url, const char *fingerprint);

#endif
