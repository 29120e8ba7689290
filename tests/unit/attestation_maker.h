/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes attestations, right ones and wrong ones, each signed over exactly what it says: so that a refusal is
 * that of one check and no other.
 */
#ifndef TEGATA_TESTS_UNIT_ATTESTATION_MAKER_H
#define TEGATA_TESTS_UNIT_ATTESTATION_MAKER_H

#include "lib/attestation.h"

enum { MADE_MAX = 8192 };

/* What tests may have otherwise. recipe_default() is a good one. */
struct recipe {
    const char *rp_id;
    uint8_t flags; /* ED follows from the extensions */
    uint8_t aaguid[16];
    bool ed25519;          /* the credential's key */
    bool off_curve;        /* its y is wrong */
    unsigned protection;   /* credProtect; 0: none */
    const char *extension; /* another extension, with the value true */
    size_t id_length;      /* of the credential id */
    bool trailing;         /* a byte behind the authenticator data */
    /* The statement. */
    const char *format;
    int algorithm;
    bool self;          /* by the credential's own key */
    bool damaged;       /* a bit of the signature is turned */
    const char *member; /* another member of the statement */
    bool root_in_chain; /* x5c has two certificates: the intermediate is the second */
    /* The device's certificate. */
    long version;     /* as encoded: 2 is version 3 */
    const char *unit; /* OU; NULL: none */
    bool country;
    bool basic_constraints;
    bool authority; /* CA:TRUE */
    bool big_curve; /* a P-384 key */
    bool extension_missing, extension_critical, extension_short, extension_twice;
    uint8_t extension_aaguid[16];
    bool stranger;     /* issued by a root that nobody trusts */
    bool intermediate; /* issued by an intermediate of the root */
    int64_t not_after;
};

/* The roots, and a trust directory for them. */
struct maker;

/* `folder` is an empty directory; the trust directory is folder/trust. */
struct maker *maker_new(const char *folder);
void maker_free(struct maker *maker);

struct recipe recipe_default(void);

/* The time at which all certificates that do not say otherwise are good. */
extern const int64_t made_at;

/* An attestation object over `client_data`, malloc'ed. */
struct tg_bytes make_object(struct maker *maker, const struct recipe *recipe, const char *client_data);

/* A file of ssh-keygen over `challenge`, malloc'ed. */
struct tg_bytes make_ssh_file(struct maker *maker, const struct recipe *recipe, struct tg_bytes challenge);

/* The public key of what was made last, "TYPE BASE64", malloc'ed. */
char *made_key_line(const struct maker *maker, const struct recipe *recipe);

/* PEM of the device's certificate of what was made last. */
void write_made_certificate(const struct maker *maker, const char *path);

/* PEM of the intermediate. */
void write_made_intermediate(const struct maker *maker, const char *path);

#endif
