/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The signed document of a sign-in, as two calls take it.
 */
#ifndef TEGATA_APPROVAL_SERVICE_SIGN_IN_CALL_H
#define TEGATA_APPROVAL_SERVICE_SIGN_IN_CALL_H

#include "approval_service/service.h"

#include "lib/sign_in.h"

/* Verifies the body's document and signature by the policy in force and uses its nonce up. On 0, *out is
 * filled in and to be cleared before the policy changes. Reasons of tg_sign_in_verify(), and nonce_invalid.
 */
int tg_sign_in_accept(struct tg_service *service, const struct tg_http_request *request,
                      enum tg_sign_in_kind kind, struct tg_signed_in *out, struct tg_error *error);

#endif
