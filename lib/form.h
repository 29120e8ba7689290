/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The forms that texts inside documents must have: names, host names, fingerprints and so on.
 * docs/protocol.md, "Documents". All but the command are printable ASCII.
 */
#ifndef TEGATA_LIB_FORM_H
#define TEGATA_LIB_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tg_form {
    bool (*matches)(const char *text);
    const char *description; /* continues "must be ..." */
};

extern const struct tg_form tg_form_name;             /* people, groups, accounts, rules */
extern const struct tg_form tg_form_host;             /* host names */
extern const struct tg_form tg_form_host_glob;        /* fnmatch(3) globs over them */
extern const struct tg_form tg_form_ticket_id;        /* T- and 13 characters of Crockford's base32 */
extern const struct tg_form tg_form_digest;           /* lower-case hex SHA-256 */
extern const struct tg_form tg_form_fingerprint;      /* SHA256:... */
extern const struct tg_form tg_form_option;           /* what sshd may permit a session */
extern const struct tg_form tg_form_destination;      /* host:port, [IPv6]:port */
extern const struct tg_form tg_form_destination_glob; /* the same with * and ? */
extern const struct tg_form tg_form_network;          /* address or CIDR network */
extern const struct tg_form tg_form_shell;            /* absolute path */
extern const struct tg_form tg_form_command;          /* what a line for sshd can carry between quotes */
extern const struct tg_form tg_form_origin;           /* web origin */
extern const struct tg_form tg_form_serial;           /* certificate serial, decimal */

/* Does a destination (tg_form_destination) name an address, IPv4 or [IPv6], and not a host that a name server
 * is asked for? */
bool tg_destination_is_numeric(const char *destination);

/* Is the text one of these, letter by letter? */
bool tg_is_among(const char *text, const char *const *texts, size_t count);

/* The number behind tg_form_serial. False if the text does not have that form. */
bool tg_serial_from_text(const char *text, uint64_t *out);

#endif
