/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/security_key.h"

#include "lib/base64.h"
#include "lib/monotonic.h"
#include "lib/ssh_signature.h"
#include "lib/webauthn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUICK_MS = 5000,     /* for what needs nobody */
    TOUCH_POLL_MS = 200, /* of each device, while several may be touched */
    CLIENT_DATA_MAX = 4096,
    TEXT_SIZE = 256,
};

static const char webauthn_algorithm[] = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";

struct opened {
    fido_dev_t *device;
    const char *name;
};

/* The devices that are plugged in, and those of them that could be opened. */
struct plugged {
    struct tg_security_device devices[TG_SECURITY_DEVICES_MAX];
    size_t count;
    struct opened opened[TG_SECURITY_DEVICES_MAX];
    size_t opened_count;
    const char *closed; /* the path of one that could not */
    int closed_why;     /* errno */
};

static void close_device(struct opened *opened)
{
    if (opened->device == NULL)
        return;
    (void)fido_dev_close(opened->device);
    fido_dev_free(&opened->device);
}

static void close_all(struct plugged *plugged)
{
    for (size_t i = 0; i < plugged->opened_count; i++)
        close_device(&plugged->opened[i]);
    plugged->opened_count = 0;
}

static void open_all(const struct tg_security_devices *devices, struct plugged *plugged)
{
    *plugged = (struct plugged){0};
    plugged->count = devices->list(devices->context, plugged->devices, TG_SECURITY_DEVICES_MAX);
    for (size_t i = 0; i < plugged->count; i++) {
        struct tg_security_device *about = &plugged->devices[i];
        errno = 0;
        fido_dev_t *device = devices->open(devices->context, about->path);
        if (device == NULL) {
            plugged->closed = about->path;
            plugged->closed_why = errno;
            continue;
        }
        plugged->opened[plugged->opened_count++] = (struct opened){.device = device, .name = about->name};
    }
}

static int check_opened(const struct plugged *plugged, struct tg_error *error)
{
    if (plugged->opened_count > 0)
        return 0;
    if (plugged->count == 0)
        return tg_fail(error, TG_security_key_none, "no FIDO device was found at a USB port");
    return tg_fail(error, TG_security_key_none, "%s cannot be opened: %s", plugged->closed,
                   plugged->closed_why != 0 ? strerror(plugged->closed_why) : "it does not answer");
}

/* One assertion: `up` false asks without a touch. A libfido2 error code. */
static int get_assertion(const struct opened *opened, const struct tg_public_key *key,
                         struct tg_bytes credential, struct tg_bytes client_data, bool up, fido_opt_t uv,
                         const char *pin, fido_assert_t **out)
{
    fido_assert_t *assertion = fido_assert_new();
    int code = FIDO_ERR_INTERNAL;
    *out = NULL;
    if (assertion != NULL && fido_assert_set_rp(assertion, key->application) == FIDO_OK &&
        fido_assert_set_clientdata(assertion, client_data.data, client_data.length) == FIDO_OK &&
        fido_assert_allow_cred(assertion, credential.data, credential.length) == FIDO_OK &&
        fido_assert_set_up(assertion, up ? FIDO_OPT_TRUE : FIDO_OPT_FALSE) == FIDO_OK &&
        fido_assert_set_uv(assertion, uv) == FIDO_OK)
        code = fido_dev_get_assert(opened->device, assertion, pin);
    if (code == FIDO_OK && fido_assert_count(assertion) == 1)
        *out = assertion;
    else
        fido_assert_free(&assertion);
    return code == FIDO_OK && *out == NULL ? FIDO_ERR_NO_CREDENTIALS : code;
}

/* Asks without a touch whether the device holds the credential: FIDO_OK if it does, else libfido2's code. */
static int probe(const struct opened *opened, const struct tg_public_key *key, struct tg_bytes credential)
{
    fido_assert_t *assertion = NULL;
    (void)fido_dev_set_timeout(opened->device, QUICK_MS);
    int code = get_assertion(opened, key, credential, tg_bytes_of_text("is it here?"), false, FIDO_OPT_OMIT,
                             NULL, &assertion);
    fido_assert_free(&assertion);
    /* A U2F device cannot sign without a touch: that it wants one says that it holds the key. */
    return code == FIDO_ERR_USER_PRESENCE_REQUIRED ? FIDO_OK : code;
}

/* Does this answer leave it open whether the device holds the credential? Made with credProtect 3 (ssh-keygen
 * -O verify-required), one shows only to whoever has the PIN; and some devices say nothing without it. */
static bool may_hold(const struct opened *opened, int code, bool user_verification)
{
    return fido_dev_has_pin(opened->device) &&
           (code == FIDO_ERR_PIN_REQUIRED || (code == FIDO_ERR_NO_CREDENTIALS && user_verification));
}

bool tg_security_key_is_here(const struct tg_security_devices *devices, const struct tg_public_key *key,
                             struct tg_bytes credential)
{
    struct plugged plugged;
    bool found = false;
    open_all(devices, &plugged);
    for (size_t i = 0; i < plugged.opened_count && !found; i++)
        found = probe(&plugged.opened[i], key, credential) == FIDO_OK;
    close_all(&plugged);
    return found;
}

/* Of the devices that may hold the credential, but do not say so without their PIN, the one that is touched
 * first. The others are told to stop. */
static struct opened *first_touched(struct plugged *plugged, const struct tg_security_user *user,
                                    int patience_ms)
{
    bool asked[TG_SECURITY_DEVICES_MAX] = {false};
    struct opened *found = NULL;
    int64_t end = tg_monotonic_ms() + patience_ms;
    user->tell(user->context, "Several security keys are plugged in: touch the one to be used.");
    for (size_t i = 0; i < plugged->opened_count; i++)
        asked[i] = fido_dev_has_pin(plugged->opened[i].device) &&
                   fido_dev_get_touch_begin(plugged->opened[i].device) == FIDO_OK;
    while (found == NULL && tg_monotonic_ms() < end) {
        bool any = false;
        for (size_t i = 0; i < plugged->opened_count && found == NULL; i++) {
            int touched = 0;
            if (!asked[i])
                continue;
            if (fido_dev_get_touch_status(plugged->opened[i].device, &touched, TOUCH_POLL_MS) != FIDO_OK)
                asked[i] = false; /* it was taken out */
            else if (touched != 0)
                found = &plugged->opened[i];
            any = true;
        }
        if (!any)
            break;
    }
    for (size_t i = 0; i < plugged->opened_count; i++) {
        if (asked[i] && &plugged->opened[i] != found)
            (void)fido_dev_cancel(plugged->opened[i].device);
    }
    return found;
}

/* How many tries of the PIN are left; -1: the device does not say. */
static int tries_left(const struct opened *opened)
{
    int count = -1;
    return fido_dev_get_retry_count(opened->device, &count) == FIDO_OK ? count : -1;
}

static int explain_pin(const struct opened *opened, int code, struct tg_error *error)
{
    if (code == FIDO_ERR_PIN_AUTH_BLOCKED)
        return tg_fail(error, TG_security_key_pin_wrong,
                       "too many wrong PINs in a row: take %s out and put it in again (%d tries left)",
                       opened->name, tries_left(opened));
    if (code == FIDO_ERR_PIN_NOT_SET)
        return tg_fail(error, TG_security_key_pin_none, "%s", opened->name);
    return tg_fail(error, TG_security_key_pin_blocked, "%s", opened->name);
}

static int explain(const struct opened *opened, const struct tg_security_key_wish *wish, int code,
                   bool waited, struct tg_error *error)
{
    switch (code) {
    case FIDO_ERR_NO_CREDENTIALS:
    case FIDO_ERR_INVALID_CREDENTIAL:
        return tg_fail(error, TG_security_key_other, "%s does not hold %s", opened->name,
                       wish->key->fingerprint);
    case FIDO_ERR_USER_ACTION_TIMEOUT:
    case FIDO_ERR_ACTION_TIMEOUT:
    case FIDO_ERR_OPERATION_DENIED:
    case FIDO_ERR_KEEPALIVE_CANCEL:
        return tg_fail(error, TG_security_key_timeout, "%s: %s", opened->name, fido_strerr(code));
    case FIDO_ERR_PIN_BLOCKED:
    case FIDO_ERR_PIN_AUTH_BLOCKED:
    case FIDO_ERR_PIN_NOT_SET:
        return explain_pin(opened, code, error);
    default:
        break;
    }
    if ((code == FIDO_ERR_RX || code == FIDO_ERR_TX) && waited)
        return tg_fail(error, TG_security_key_timeout, "%s waited %d seconds for a touch", opened->name,
                       wish->patience_ms / 1000);
    if (code == FIDO_ERR_RX || code == FIDO_ERR_TX)
        return tg_fail(error, TG_security_key_failed, "%s does not answer any more; was it taken out?",
                       opened->name);
    return tg_fail(error, TG_security_key_failed, "%s: %s", opened->name, fido_strerr(code));
}

/* Which of the devices is to sign. */
static int choose(struct plugged *plugged, const struct tg_security_user *user,
                  const struct tg_security_key_wish *wish, struct opened **out, struct tg_error *error)
{
    size_t silent = 0;
    const struct opened *failed = NULL;
    int failure = FIDO_OK;
    *out = NULL;
    if (check_opened(plugged, error) != 0)
        return -1;
    for (size_t i = 0; i < plugged->opened_count; i++) {
        struct opened *opened = &plugged->opened[i];
        int code = probe(opened, wish->key, wish->credential);
        if (code == FIDO_OK) {
            *out = opened;
            return 0;
        }
        if (may_hold(opened, code, wish->user_verification)) {
            *out = opened;
            silent++;
        } else if (code != FIDO_ERR_NO_CREDENTIALS && code != FIDO_ERR_INVALID_CREDENTIAL) {
            failed = opened;
            failure = code;
        }
    }
    if (silent == 1)
        return 0;
    if (silent == 0 && failed != NULL) /* it may be the one: that another is not says nothing */
        return explain(failed, wish, failure, false, error);
    if (silent == 0)
        return tg_fail(error, TG_security_key_other, "%s%s does not hold %s", plugged->opened[0].name,
                       plugged->opened_count > 1 ? " (and the others plugged in)" : "",
                       wish->key->fingerprint);
    *out = first_touched(plugged, user, wish->patience_ms);
    return *out != NULL ? 0 : tg_fail(error, TG_security_key_timeout, "none of them was touched");
}

/* The touch. */
static int touch(const struct opened *opened, const struct tg_security_user *user,
                 const struct tg_security_key_wish *wish, struct tg_bytes client_data, fido_opt_t uv,
                 const char *pin, fido_assert_t **out, int *code, struct tg_error *error)
{
    char text[TEXT_SIZE];
    int64_t end = tg_monotonic_ms() + wish->patience_ms;
    (void)snprintf(text, sizeof text, "Touch %s.", opened->name);
    user->tell(user->context, text);
    (void)fido_dev_set_timeout(opened->device, wish->patience_ms);
    *code = get_assertion(opened, wish->key, wish->credential, client_data, true, uv, pin, out);
    if (*code == FIDO_OK)
        return 0;
    if (tg_monotonic_ms() >= end)
        (void)fido_dev_cancel(opened->device);
    return explain(opened, wish, *code, tg_monotonic_ms() >= end, error);
}

/* Asks for the PIN until the device takes it. A silent assertion tries it, so that nobody is asked to touch
 * for nothing. */
static int ask_pin(const struct opened *opened, const struct tg_security_user *user,
                   const struct tg_security_key_wish *wish, char pin[TG_SECURITY_PIN_SIZE],
                   struct tg_error *error)
{
    char question[TEXT_SIZE];
    fido_assert_t *assertion = NULL;
    const char *before = "";
    for (;;) {
        int left = tries_left(opened);
        if (left == 0)
            return explain_pin(opened, FIDO_ERR_PIN_BLOCKED, error);
        if (left > 0)
            (void)snprintf(question, sizeof question, "%sPIN of %s (%d %s left): ", before, opened->name,
                           left, left == 1 ? "try" : "tries");
        else
            (void)snprintf(question, sizeof question, "%sPIN of %s: ", before, opened->name);
        if (user->ask_pin(user->context, question, pin, error) != 0)
            return -1;
        (void)fido_dev_set_timeout(opened->device, QUICK_MS);
        int code = get_assertion(opened, wish->key, wish->credential, tg_bytes_of_text("is it the PIN?"),
                                 false, FIDO_OPT_OMIT, pin, &assertion);
        fido_assert_free(&assertion);
        if (code == FIDO_OK)
            return 0;
        explicit_bzero(pin, TG_SECURITY_PIN_SIZE);
        if (code != FIDO_ERR_PIN_INVALID && code != FIDO_ERR_PIN_POLICY_VIOLATION)
            return explain(opened, wish, code, false, error);
        before = "Wrong PIN. ";
    }
}

static int sign_with_pin(const struct opened *opened, const struct tg_security_user *user,
                         const struct tg_security_key_wish *wish, struct tg_bytes client_data,
                         fido_assert_t **out, struct tg_error *error)
{
    char pin[TG_SECURITY_PIN_SIZE];
    int code;
    if (!fido_dev_has_pin(opened->device))
        return explain_pin(opened, FIDO_ERR_PIN_NOT_SET, error);
    int result = ask_pin(opened, user, wish, pin, error);
    if (result == 0)
        result = touch(opened, user, wish, client_data, FIDO_OPT_OMIT, pin, out, &code, error);
    explicit_bzero(pin, sizeof pin);
    return result;
}

/* By finger, where the device knows fingers, and by PIN where that fails; by touch alone where no more is
 * asked. */
static int sign_with(const struct opened *opened, const struct tg_security_user *user,
                     const struct tg_security_key_wish *wish, struct tg_bytes client_data,
                     fido_assert_t **out, struct tg_error *error)
{
    bool verifies = fido_dev_has_uv(opened->device);
    int code = FIDO_ERR_PIN_REQUIRED;
    if ((!wish->user_verification || verifies) &&
        touch(opened, user, wish, client_data, wish->user_verification ? FIDO_OPT_TRUE : FIDO_OPT_OMIT, NULL,
              out, &code, error) == 0)
        return 0;
    if (code != FIDO_ERR_PIN_REQUIRED && code != FIDO_ERR_UV_BLOCKED && code != FIDO_ERR_UV_INVALID)
        return -1;
    return sign_with_pin(opened, user, wish, client_data, out, error);
}

/* PROTOCOL.u2f, "SSH U2F Signatures" and "WebAuthn signatures". */
static int write_signature(const struct tg_security_key_wish *wish, struct tg_bytes client_data,
                           const fido_assert_t *assertion, uint8_t **signature, size_t *length,
                           struct tg_error *error)
{
    uint8_t bytes[TG_SSH_SIGNATURE_MAX];
    struct tg_writer writer = tg_writer_of(bytes, sizeof bytes);
    struct tg_bytes value = tg_bytes_of(fido_assert_sig_ptr(assertion, 0), fido_assert_sig_len(assertion, 0));
    tg_write_text(&writer, wish->origin != NULL ? webauthn_algorithm : tg_key_type_name(wish->key->type));
    if (wish->key->type == TG_KEY_SK_ECDSA_P256)
        tg_write_ecdsa(&writer, value);
    else
        tg_write_string(&writer, value);
    tg_write_u8(&writer, fido_assert_flags(assertion, 0));
    tg_write_u32(&writer, fido_assert_sigcount(assertion, 0));
    if (wish->origin != NULL) {
        tg_write_text(&writer, wish->origin);
        tg_write_string(&writer, client_data);
        tg_write_text(&writer, ""); /* extensions */
    }
    if (writer.failed)
        return tg_fail(error, TG_security_key_failed, "it made a signature that is not well-formed");
    *signature = malloc(writer.used);
    if (*signature == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    memcpy(*signature, bytes, writer.used);
    *length = writer.used;
    return 0;
}

/* What a browser would have the key sign (WebAuthn Level 2 section 5.8.1.1), for the challenge `data`. */
static int compose_client_data(struct tg_bytes data, const char *origin, char out[CLIENT_DATA_MAX],
                               struct tg_error *error)
{
    char challenge[CLIENT_DATA_MAX];
    if (!tg_base64_encode(TG_BASE64URL, data, challenge, sizeof challenge))
        return tg_fail(error, TG_internal_error, "a challenge of %zu bytes is too long", data.length);
    int length =
        snprintf(out, CLIENT_DATA_MAX,
                 "{\"type\":\"webauthn.get\",\"challenge\":\"%s\",\"origin\":\"%s\",\"crossOrigin\":false}",
                 challenge, origin);
    if (length < 0 || length >= CLIENT_DATA_MAX)
        return tg_fail(error, TG_internal_error, "the origin %s is too long", origin);
    return tg_client_data_check(tg_bytes_of_text(out), data, origin, error);
}

int tg_security_key_sign(const struct tg_security_devices *devices, const struct tg_security_user *user,
                         const struct tg_security_key_wish *wish, struct tg_bytes data, uint8_t **signature,
                         size_t *length, struct tg_error *error)
{
    char client_data_text[CLIENT_DATA_MAX];
    struct plugged plugged;
    struct opened *chosen = NULL;
    fido_assert_t *assertion = NULL;
    struct tg_bytes client_data = data;
    int result = -1;
    *signature = NULL;
    *length = 0;
    if (wish->origin != NULL) {
        if (compose_client_data(data, wish->origin, client_data_text, error) != 0)
            return -1;
        client_data = tg_bytes_of_text(client_data_text);
    }
    open_all(devices, &plugged);
    if (choose(&plugged, user, wish, &chosen, error) == 0 &&
        sign_with(chosen, user, wish, client_data, &assertion, error) == 0)
        result = write_signature(wish, client_data, assertion, signature, length, error);
    fido_assert_free(&assertion);
    close_all(&plugged);
    return result;
}
