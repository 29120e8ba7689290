/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One FIDO2 assertion (WebAuthn Level 2 section 7.2, limited verification of section 5.8.1.2), checked with
 * libfido2 and then by the checks that libfido2 leaves to its caller. SSHSIG's sk and webauthn signatures end
 * here too.
 */
#ifndef TEGATA_LIB_WEBAUTHN_H
#define TEGATA_LIB_WEBAUTHN_H

#include "lib/sshsig.h"

enum tg_cose_algorithm { TG_COSE_ES256 = -7, TG_COSE_EDDSA = -8, TG_COSE_RS256 = -257 };

struct tg_assertion {
    enum tg_cose_algorithm algorithm;
    struct tg_bytes public_key;         /* ES256: x||y, 64 bytes; EdDSA: 32 bytes; RS256: n (256) || e (3) */
    struct tg_bytes authenticator_data; /* exactly 37 bytes */
    struct tg_bytes client_data; /* clientDataJSON as received; for plain sk signatures the signed data */
    struct tg_bytes signature;   /* ES256: DER; EdDSA: 64 bytes; RS256: 256 bytes */
};

/* Verifies an assertion for the relying party `rp_id`: rpIdHash, signature, UP, flags (only UP and UV, and
 * BE/BS where the demands do not ask for a device-bound key; BS without BE never), exact length, small-order
 * and off-curve keys, DER exactness. Reads nothing of client_data. Reasons as for tg_sshsig_verify(). */
int tg_assertion_verify(const struct tg_assertion *assertion, const char *rp_id,
                        const struct tg_sshsig_demands *demands, struct tg_sshsig_facts *facts,
                        struct tg_error *error);

/* Checks a clientDataJSON: exact prefix {"type":"webauthn.get","challenge":"<base64url of
 * challenge>","origin":"<origin>" followed by ',' or '}', at most 4096 bytes, strict parse without duplicate
 * keys, crossOrigin absent or false, no topOrigin. */
int tg_client_data_check(struct tg_bytes client_data, struct tg_bytes challenge, const char *origin,
                         struct tg_error *error);

/* The same of the clientDataJSON of a registration: "webauthn.create". */
int tg_client_data_check_creation(struct tg_bytes client_data, struct tg_bytes challenge, const char *origin,
                                  struct tg_error *error);

#endif
