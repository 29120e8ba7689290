/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/webauthn.h"

#include "lib/ed25519_point.h"

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>

#include <string.h>

/* Authenticator data (WebAuthn Level 2 section 6.1): rpIdHash, flags, counter, and nothing else. */
enum {
    AUTHENTICATOR_DATA_SIZE = 37,
    FLAGS_AT = 32,
    FLAG_USER_PRESENT = 0x01,
    FLAG_USER_VERIFIED = 0x04,
    FLAG_BACKUP_ELIGIBLE = 0x08,
    FLAG_BACKED_UP = 0x10,
    FLAGS_KNOWN = FLAG_USER_PRESENT | FLAG_USER_VERIFIED | FLAG_BACKUP_ELIGIBLE | FLAG_BACKED_UP,
    ES256_KEY_SIZE = 64,
    RS256_KEY_SIZE = 259,
    RS256_SIGNATURE_SIZE = 256,
};

/* libfido2 checks neither the length nor any flag but UP and UV. */
static int check_flags(struct tg_bytes data, const struct tg_sshsig_demands *demands, struct tg_error *error)
{
    if (data.length != AUTHENTICATOR_DATA_SIZE)
        return tg_fail(error, TG_approval_malformed, "authenticator data of %zu bytes: must have %d",
                       data.length, AUTHENTICATOR_DATA_SIZE);
    uint8_t flags = data.data[FLAGS_AT];
    if ((flags & ~FLAGS_KNOWN) != 0)
        return tg_fail(error, TG_approval_malformed,
                       "authenticator flags 0x%02x: only UP, UV, BE and BS are taken", flags);
    if ((flags & FLAG_BACKED_UP) != 0 && (flags & FLAG_BACKUP_ELIGIBLE) == 0)
        return tg_fail(error, TG_approval_malformed, "authenticator flags 0x%02x: BS without BE", flags);
    if ((flags & FLAG_USER_PRESENT) == 0)
        return tg_fail(error, TG_approval_no_touch, "the security key was not touched");
    if (demands->user_verification && (flags & FLAG_USER_VERIFIED) == 0)
        return tg_fail(error, TG_approval_no_user_verification, "the security key did not verify its user");
    if (demands->device_bound && (flags & FLAG_BACKUP_ELIGIBLE) != 0)
        return tg_fail(error, TG_approval_synced_key, "the passkey can be copied to other devices");
    return 0;
}

/* Is the signature exactly the one DER form of two numbers? */
static bool is_exact_der(struct tg_bytes signature)
{
    const uint8_t *at = signature.data;
    uint8_t *again = NULL;
    if (signature.length == 0 || signature.length > AUTHENTICATOR_DATA_SIZE * 4)
        return false;
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &at, (long)signature.length);
    int length = parsed == NULL ? -1 : i2d_ECDSA_SIG(parsed, &again);
    bool exact = length > 0 && tg_bytes_equal(signature, tg_bytes_of(again, (size_t)length));
    OPENSSL_free(again);
    ECDSA_SIG_free(parsed);
    return exact;
}

/* The shapes of key and signature, which libfido2 takes more loosely. */
static int check_shapes(const struct tg_assertion *assertion, struct tg_error *error)
{
    bool key = false;
    bool signature = false;
    switch (assertion->algorithm) {
    case TG_COSE_ES256:
        key = assertion->public_key.length == ES256_KEY_SIZE;
        signature = is_exact_der(assertion->signature);
        break;
    case TG_COSE_EDDSA:
        key = tg_ed25519_point_is_sound(assertion->public_key);
        signature = assertion->signature.length == TG_ED25519_SIGNATURE_SIZE;
        break;
    case TG_COSE_RS256:
        key = assertion->public_key.length == RS256_KEY_SIZE;
        signature = assertion->signature.length == RS256_SIGNATURE_SIZE;
        break;
    }
    if (!key)
        return tg_fail(error, TG_approver_unknown, "the security key's public key is not well-formed");
    if (!signature)
        return tg_fail(error, TG_approval_signature, "the security key's signature is not well-formed");
    return 0;
}

/* The three kinds of key that libfido2 knows; one is set. */
struct fido_key {
    es256_pk_t *es256;
    eddsa_pk_t *eddsa;
    rs256_pk_t *rs256;
};

static void free_key(struct fido_key *key)
{
    es256_pk_free(&key->es256);
    eddsa_pk_free(&key->eddsa);
    rs256_pk_free(&key->rs256);
}

/* Makes libfido2's form of the key; NULL if it refuses it (a point that is not on the curve). */
static const void *make_key(const struct tg_assertion *assertion, struct fido_key *key)
{
    const uint8_t *data = assertion->public_key.data;
    size_t length = assertion->public_key.length;
    int result = FIDO_ERR_INVALID_ARGUMENT;
    const void *made = NULL;
    switch (assertion->algorithm) {
    case TG_COSE_ES256:
        made = key->es256 = es256_pk_new();
        result = made == NULL ? FIDO_ERR_INTERNAL : es256_pk_from_ptr(key->es256, data, length);
        break;
    case TG_COSE_EDDSA:
        made = key->eddsa = eddsa_pk_new();
        result = made == NULL ? FIDO_ERR_INTERNAL : eddsa_pk_from_ptr(key->eddsa, data, length);
        break;
    case TG_COSE_RS256:
        made = key->rs256 = rs256_pk_new();
        result = made == NULL ? FIDO_ERR_INTERNAL : rs256_pk_from_ptr(key->rs256, data, length);
        break;
    }
    return result == FIDO_OK ? made : NULL;
}

/* fido_assert_set_count() must come before the data and the signature. */
static bool fill_in(fido_assert_t *fido, const struct tg_assertion *assertion, const char *rp_id,
                    bool user_verification)
{
    return fido_assert_set_rp(fido, rp_id) == FIDO_OK &&
           fido_assert_set_clientdata(fido, assertion->client_data.data, assertion->client_data.length) ==
               FIDO_OK &&
           fido_assert_set_count(fido, 1) == FIDO_OK &&
           fido_assert_set_authdata_raw(fido, 0, assertion->authenticator_data.data,
                                        assertion->authenticator_data.length) == FIDO_OK &&
           fido_assert_set_sig(fido, 0, assertion->signature.data, assertion->signature.length) == FIDO_OK &&
           fido_assert_set_up(fido, FIDO_OPT_TRUE) == FIDO_OK &&
           (!user_verification || fido_assert_set_uv(fido, FIDO_OPT_TRUE) == FIDO_OK);
}

static int verify_with_libfido2(const struct tg_assertion *assertion, const char *rp_id,
                                const struct tg_sshsig_demands *demands, struct tg_error *error)
{
    struct fido_key key = {0};
    int result = -1;
    fido_init(0);
    fido_assert_t *fido = fido_assert_new();
    const void *made = make_key(assertion, &key);
    if (fido == NULL) {
        (void)tg_fail(error, TG_internal_error, "out of memory");
        goto out;
    }
    if (made == NULL) {
        (void)tg_fail(error, TG_approver_unknown,
                      "the security key's public key is not a point of its curve");
        goto out;
    }
    int code = FIDO_ERR_INVALID_ARGUMENT;
    if (fill_in(fido, assertion, rp_id, demands->user_verification))
        code = fido_assert_verify(fido, 0, (int)assertion->algorithm, made);
    if (code == FIDO_OK)
        result = 0;
    else
        (void)tg_fail(error, TG_approval_signature, "the security key's signature is wrong (%s)",
                      fido_strerr(code));
out:
    fido_assert_free(&fido);
    free_key(&key);
    return result;
}

int tg_assertion_verify(const struct tg_assertion *assertion, const char *rp_id,
                        const struct tg_sshsig_demands *demands, struct tg_sshsig_facts *facts,
                        struct tg_error *error)
{
    struct tg_sshsig_facts discarded;
    if (facts == NULL)
        facts = &discarded;
    *facts = (struct tg_sshsig_facts){0};
    if (check_shapes(assertion, error) != 0 ||
        check_flags(assertion->authenticator_data, demands, error) != 0 ||
        verify_with_libfido2(assertion, rp_id, demands, error) != 0)
        return -1;
    struct tg_reader reader = tg_reader_of(assertion->authenticator_data);
    struct tg_bytes hash;
    uint8_t flags;
    if (!tg_read_bytes(&reader, FLAGS_AT, &hash) || !tg_read_u8(&reader, &flags) ||
        !tg_read_u32(&reader, &facts->counter))
        return tg_fail(error, TG_internal_error, "authenticator data changed its size");
    facts->security_key = true;
    facts->user_verified = (flags & FLAG_USER_VERIFIED) != 0;
    facts->backup_eligible = (flags & FLAG_BACKUP_ELIGIBLE) != 0;
    return 0;
}
