/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/tls.h"

#include "cli/files.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum {
    DAY = 86400,
    CA_DAYS = 3650,
    SERVER_DAYS = 825,
    BACKDATE = 3600, /* for clients whose clocks are a little behind */
    SERIAL_BYTES = 16,
};

static int fail(struct tg_error *error, const char *what)
{
    return tg_fail(error, TG_internal_error, "%s: OpenSSL failed", what);
}

/* Version 3, a random positive serial number, validity and key. */
static X509 *new_certificate(EVP_PKEY *key, const char *common_name, long days)
{
    unsigned char random[SERIAL_BYTES];
    BIGNUM *number = NULL;
    X509 *certificate = X509_new();
    if (certificate == NULL || RAND_bytes(random, sizeof random) != 1)
        goto fail;
    random[0] = (unsigned char)((random[0] & 0x7f) | 0x40);
    number = BN_bin2bn(random, sizeof random, NULL);
    X509_NAME *subject = X509_get_subject_name(certificate);
    if (number == NULL || BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) == NULL ||
        X509_set_version(certificate, X509_VERSION_3) != 1 || X509_set_pubkey(certificate, key) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(certificate), -BACKDATE) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(certificate), days * DAY) == NULL ||
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1,
                                   0) != 1)
        goto fail;
    BN_free(number);
    return certificate;
fail:
    BN_free(number);
    X509_free(certificate);
    return NULL;
}

static int add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    int added = extension != NULL ? X509_add_ext(certificate, extension, -1) : 0;
    X509_EXTENSION_free(extension);
    return added == 1 ? 0 : -1;
}

static X509 *make_ca(EVP_PKEY *key, const char *common_name)
{
    char name[96];
    (void)snprintf(name, sizeof name, "Tegata CA for %.40s", common_name);
    X509 *ca = new_certificate(key, name, CA_DAYS);
    if (ca != NULL && X509_set_issuer_name(ca, X509_get_subject_name(ca)) == 1 &&
        add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") == 0 &&
        add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") == 0 &&
        add_extension(ca, ca, NID_subject_key_identifier, "hash") == 0 &&
        X509_sign(ca, key, EVP_sha256()) > 0)
        return ca;
    X509_free(ca);
    return NULL;
}

static X509 *make_server(EVP_PKEY *key, const char *common_name, const char *names, X509 *ca,
                         EVP_PKEY *ca_key)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%.60s", common_name);
    X509 *server = new_certificate(key, name, SERVER_DAYS);
    if (server != NULL && X509_set_issuer_name(server, X509_get_subject_name(ca)) == 1 &&
        add_extension(server, ca, NID_basic_constraints, "critical,CA:FALSE") == 0 &&
        add_extension(server, ca, NID_key_usage, "critical,digitalSignature") == 0 &&
        add_extension(server, ca, NID_ext_key_usage, "serverAuth") == 0 &&
        add_extension(server, ca, NID_subject_alt_name, names) == 0 &&
        add_extension(server, ca, NID_subject_key_identifier, "hash") == 0 &&
        add_extension(server, ca, NID_authority_key_identifier, "keyid") == 0 &&
        X509_sign(server, ca_key, EVP_sha256()) > 0)
        return server;
    X509_free(server);
    return NULL;
}

static int write_bio(const char *directory, const char *name, mode_t mode, BIO *bio, struct tg_error *error)
{
    char *path = NULL;
    char *text = NULL;
    long length = BIO_get_mem_data(bio, &text);
    if (length <= 0 || asprintf(&path, "%s/%s", directory, name) < 0)
        return fail(error, name);
    int result = tg_file_create(path, mode, text, (size_t)length, error);
    free(path);
    return result;
}

static int write_certificate(const char *directory, const char *name, X509 *certificate,
                             struct tg_error *error)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int result = bio != NULL && PEM_write_bio_X509(bio, certificate) == 1
                     ? write_bio(directory, name, 0644, bio, error)
                     : fail(error, name);
    BIO_free(bio);
    return result;
}

static int write_key(const char *directory, const char *name, EVP_PKEY *key, struct tg_error *error)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    int result = bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1
                     ? write_bio(directory, name, 0600, bio, error)
                     : fail(error, name);
    BIO_free(bio);
    return result;
}

int tg_tls_make(const char *directory, const char *common_name, const char *names, struct tg_error *error)
{
    X509 *ca = NULL;
    X509 *server = NULL;
    int result = -1;
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");
    EVP_PKEY *server_key = EVP_EC_gen("P-256");
    if (ca_key == NULL || server_key == NULL) {
        (void)fail(error, "TLS keys");
        goto out;
    }
    ca = make_ca(ca_key, common_name);
    server = ca != NULL ? make_server(server_key, common_name, names, ca, ca_key) : NULL;
    if (server == NULL) {
        (void)fail(error, "TLS certificates");
        goto out;
    }
    if (write_key(directory, "ca.key", ca_key, error) == 0 &&
        write_certificate(directory, "ca.pem", ca, error) == 0 &&
        write_key(directory, "server.key", server_key, error) == 0 &&
        write_certificate(directory, "server.pem", server, error) == 0)
        result = 0;
out:
    X509_free(ca);
    X509_free(server);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(server_key);
    return result;
}
