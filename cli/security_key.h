/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signing with a security key that is plugged in here: CTAP2 (and U2F) by way of libfido2, without
 * ssh-keygen. Finds the one of several keys that holds the credential, asks for its PIN, asks to touch it,
 * and says what is wrong. Who lists and opens the devices, and who asks and tells, are tables of functions,
 * so that tests can stand in for both.
 */
#ifndef TEGATA_CLI_SECURITY_KEY_H
#define TEGATA_CLI_SECURITY_KEY_H

#include "lib/public_key.h"

#include <fido.h>

enum {
    TG_SECURITY_DEVICES_MAX = 16,
    TG_SECURITY_PIN_SIZE = 64,               /* CTAP2: at most 63 bytes */
    TG_SECURITY_KEY_PATIENCE_MS = 60 * 1000, /* for one touch */
};

struct tg_security_device {
    char path[256];
    char name[96]; /* what its maker calls it */
};

/* Where devices come from. */
struct tg_security_devices {
    /* Writes what is plugged in, at most `size`, and returns how many. */
    size_t (*list)(void *context, struct tg_security_device *devices, size_t size);
    /* An opened device, for fido_dev_close() and fido_dev_free(); NULL: it cannot be opened, and errno may
     * say why. */
    fido_dev_t *(*open)(void *context, const char *path);
    void *context;
};

/* Those of this machine's USB ports. */
extern const struct tg_security_devices tg_usb_devices;

/* The person who uses them. */
struct tg_security_user {
    /* Asks for a PIN without showing it. 0, and `pin` is text; the caller wipes it. */
    int (*ask_pin)(void *context, const char *question, char pin[TG_SECURITY_PIN_SIZE],
                   struct tg_error *error);
    /* Shows one line. */
    void (*tell)(void *context, const char *text);
    void *context;
};

/* What is to be signed, by what. */
struct tg_security_key_wish {
    const struct tg_public_key *key; /* its application is the relying party's id */
    const char *origin;              /* of a WebAuthn key; NULL: an OpenSSH one */
    struct tg_bytes credential;      /* its id; OpenSSH calls it key handle */
    bool user_verification;
    int patience_ms; /* for the touch; the PIN has all the time */
};

/* Has a device sign `data`, the signed data of an SSHSIG: itself for OpenSSH keys (PROTOCOL.u2f), as the
 * challenge of a clientDataJSON that is composed here for WebAuthn keys (the form that lib/webauthn.h takes).
 * On 0, *signature is a malloc'ed SSH signature blob; it is not verified. Reasons: security_key_none,
 * security_key_other, security_key_pin_wrong, security_key_pin_blocked, security_key_pin_none,
 * security_key_timeout, security_key_failed, and those of ask_pin. */
int tg_security_key_sign(const struct tg_security_devices *devices, const struct tg_security_user *user,
                         const struct tg_security_key_wish *wish, struct tg_bytes data, uint8_t **signature,
                         size_t *length, struct tg_error *error);

/* Is a device plugged in that says without a touch and without a PIN that it holds the credential? Those made
 * with credProtect 3 stay silent. */
bool tg_security_key_is_here(const struct tg_security_devices *devices, const struct tg_public_key *key,
                             struct tg_bytes credential);

#endif
