/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The certificates of an attestation. libfido2 only takes the public key out of the first.
 */
#include "lib/attestation_parts.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <string.h>

enum {
    DEPTH_MAX = 4,      /* certificates between the device's and the root */
    SECURITY_LEVEL = 2, /* SSL_CTX_set_security_level(3): 112 bits, and no SHA-1 */
};

/* id-fido-gen-ce-aaguid (WebAuthn Level 2 section 8.2.1) */
static const char extension_oid[] = "1.3.6.1.4.1.45724.1.1.4";

static int refuse(struct tg_error *error, const char *what)
{
    return tg_fail(error, TG_attestation_certificate, "the attestation certificate %s", what);
}

/* One certificate, all of the bytes. */
static X509 *parse(struct tg_bytes der)
{
    const unsigned char *at = der.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.length);
    if (certificate != NULL && at != der.data + der.length) {
        X509_free(certificate);
        certificate = NULL;
    }
    return certificate;
}

static bool has_p256_key(const X509 *certificate)
{
    char group[32];
    size_t length = 0;
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    return key != NULL && EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, &length) ==
               1 &&
           strcmp(group, "prime256v1") == 0;
}

/* Is there exactly one such entry in the subject, not empty, and equal to `value` unless that is NULL? */
static bool subject_has(const X509 *certificate, int nid, const char *value)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, nid, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, nid, at) >= 0)
        return false;
    const ASN1_STRING *text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    struct tg_bytes found = tg_bytes_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    return found.length > 0 && (value == NULL || tg_bytes_equal_text(found, value));
}

/* The octets of the AAGUID extension. 1: there is one; 0: there is none; -1: it is not well-formed. */
static int find_extension(const X509 *certificate, struct tg_bytes *aaguid)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(extension_oid, 1);
    int at = oid == NULL ? -1 : X509_get_ext_by_OBJ(certificate, oid, -1);
    bool twice = at >= 0 && X509_get_ext_by_OBJ(certificate, oid, at) >= 0;
    ASN1_OBJECT_free(oid);
    *aaguid = (struct tg_bytes){0};
    if (oid == NULL)
        return -1;
    if (at < 0)
        return 0;
    X509_EXTENSION *extension = X509_get_ext(certificate, at);
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
    struct tg_reader reader =
        tg_reader_of(tg_bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
    uint8_t tag, length;
    bool good = !twice && X509_EXTENSION_get_critical(extension) == 0 && tg_read_u8(&reader, &tag) &&
                tg_read_u8(&reader, &length) && tag == V_ASN1_OCTET_STRING && length == TG_AAGUID_BYTES &&
                tg_read_bytes(&reader, TG_AAGUID_BYTES, aaguid) && tg_read_end(&reader);
    return good ? 1 : -1;
}

static int check_extension(const X509 *certificate, const struct tg_credential_data *data,
                           const struct tg_attestation_model *model, struct tg_error *error)
{
    struct tg_bytes aaguid;
    int found = find_extension(certificate, &aaguid);
    if (found < 0)
        return refuse(error, "has an AAGUID extension that is not well-formed");
    if (found == 0 && !model->without_extension)
        return tg_fail(error, TG_attestation_device,
                       "the attestation certificate does not say that it is for '%s' (no AAGUID extension)",
                       model->name);
    if (found > 0 && !tg_bytes_equal(aaguid, data->aaguid))
        return tg_fail(error, TG_attestation_device,
                       "the attestation certificate is for another model than '%s'", model->name);
    return 0;
}

/* Section 8.2.1. */
static int check_packed(X509 *certificate, const struct tg_credential_data *data,
                        const struct tg_attestation_model *model, struct tg_error *error)
{
    if (X509_get_version(certificate) != X509_VERSION_3)
        return refuse(error, "is not of version 3");
    if (!subject_has(certificate, NID_countryName, NULL) ||
        !subject_has(certificate, NID_organizationName, NULL) ||
        !subject_has(certificate, NID_commonName, NULL))
        return refuse(error, "lacks C, O or CN in its subject");
    if (!subject_has(certificate, NID_organizationalUnitName, "Authenticator Attestation"))
        return refuse(error, "does not have OU=Authenticator Attestation");
    if ((X509_get_extension_flags(certificate) & EXFLAG_BCONS) == 0)
        return refuse(error, "does not say CA:FALSE");
    return check_extension(certificate, data, model, error);
}

static int check_shape(X509 *certificate, const struct tg_attestation_statement *statement,
                       const struct tg_attestation_model *model, struct tg_error *error)
{
    if (!has_p256_key(certificate))
        return refuse(error, "does not have a P-256 key");
    uint32_t flags = X509_get_extension_flags(certificate);
    if ((flags & EXFLAG_INVALID) != 0 || (flags & EXFLAG_CA) != 0 || X509_check_ca(certificate) != 0)
        return refuse(error, "is that of an authority, or not well-formed");
    if (strcmp(statement->format, "packed") == 0)
        return check_packed(certificate, &statement->data, model, error);
    return 0; /* section 8.6 asks nothing more: CTAP1 devices know no AAGUID */
}

/* What may stand between: the configured intermediates, and the rest of x5c. */
static STACK_OF(X509) *
    intermediates(const struct tg_attestation_trust *trust, const struct tg_attestation_statement *statement)
{
    STACK_OF(X509) *stack = X509_chain_up_ref(trust->intermediates);
    bool good = stack != NULL;
    for (size_t i = 1; good && i < statement->chain_length; i++) {
        X509 *certificate = parse(statement->chain[i]);
        good = certificate != NULL && sk_X509_push(stack, certificate) > 0;
        if (!good)
            X509_free(certificate);
    }
    if (good)
        return stack;
    sk_X509_pop_free(stack, X509_free);
    return NULL;
}

/* Chains may end at any configured certificate, as in the FIDO metadata, where a device's own may be listed.
 */
static int check_chain(const struct tg_attestation_trust *trust, X509 *certificate, STACK_OF(X509) * between,
                       int64_t now, struct tg_error *error)
{
    int result = -1;
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (context == NULL || X509_STORE_CTX_init(context, trust->roots, certificate, between) != 1) {
        (void)tg_fail(error, TG_internal_error, "out of memory");
        goto out;
    }
    X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(parameters, (time_t)now);
    X509_VERIFY_PARAM_set_depth(parameters, DEPTH_MAX);
    X509_VERIFY_PARAM_set_auth_level(parameters, SECURITY_LEVEL);
    if (X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
        X509_verify_cert(context) == 1)
        result = 0;
    else
        (void)tg_fail(error, TG_attestation_untrusted, "the attestation certificate leads to no root: %s",
                      X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
out:
    X509_STORE_CTX_free(context);
    return result;
}

int tg_attestation_check_chain(const struct tg_attestation_trust *trust,
                               const struct tg_attestation_statement *statement,
                               const struct tg_attestation_model *model, int64_t now, struct tg_error *error)
{
    int result = -1;
    X509 *certificate = parse(statement->chain[0]);
    STACK_OF(X509) *between = intermediates(trust, statement);
    if (certificate == NULL || between == NULL)
        (void)refuse(error, "or one of its chain is not well-formed");
    else if (check_shape(certificate, statement, model, error) == 0)
        result = check_chain(trust, certificate, between, now, error);
    sk_X509_pop_free(between, X509_free);
    X509_free(certificate);
    return result;
}
