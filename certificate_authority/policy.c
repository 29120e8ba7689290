/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The policy in force, as tegata-ca sees it: verified by its own root keys, and never going back.
 */
#include "agent/state.h"
#include "certificate_authority/authority.h"
#include "lib/digest.h"
#include "lib/form.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNATURES_MAX = 16, SERIAL_FILE_MAX = 256 };

/* "SERIAL DIGEST\n", and nothing else. */
static bool parse_serial(const char *text, uint64_t *serial, char digest[TG_DIGEST_SIZE])
{
    char number[24];
    size_t length = strcspn(text, " ");
    if (length >= sizeof number || text[length] != ' ')
        return false;
    memcpy(number, text, length);
    number[length] = '\0';
    const char *rest = text + length + 1;
    if (!tg_serial_from_text(number, serial) || strlen(rest) != TG_DIGEST_SIZE ||
        rest[TG_DIGEST_SIZE - 1] != '\n')
        return false;
    memcpy(digest, rest, TG_DIGEST_SIZE - 1);
    digest[TG_DIGEST_SIZE - 1] = '\0';
    return tg_form_digest.matches(digest);
}

int tg_authority_load(struct tg_authority *authority, struct tg_error *error)
{
    char *text = NULL;
    size_t length;
    authority->lowest_serial = 0;
    authority->digest[0] = '\0';
    int result = tg_file_read(authority->state, TG_CA_SERIAL_FILE, SERIAL_FILE_MAX, &text, &length, error);
    if (result == 0 && !parse_serial(text, &authority->lowest_serial, authority->digest))
        result = tg_fail(error, TG_config_bad,
                         "%s/%s is damaged: put a copy of it back; without one, write the serial and the "
                         "SHA-256 of the policy in force into it",
                         authority->state, TG_CA_SERIAL_FILE);
    free(text);
    return result < 0 ? -1 : 0;
}

static int remember(struct tg_authority *authority, uint64_t serial, const char *digest,
                    struct tg_error *error)
{
    char text[SERIAL_FILE_MAX];
    int length = snprintf(text, sizeof text, "%" PRIu64 " %s\n", serial, digest);
    if (tg_file_replace(authority->state, TG_CA_SERIAL_FILE, tg_bytes_of(text, (size_t)length), error) != 0)
        return -1;
    authority->lowest_serial = serial;
    memcpy(authority->digest, digest, TG_DIGEST_SIZE);
    tg_log(&authority->log, LOG_NOTICE, "policy %" PRIu64 " is in force", serial);
    return 0;
}

/* Verifies with the signatures of a JSON array. */
static int verify(const struct tg_authority *authority, struct tg_bytes document, struct tg_bytes signatures,
                  int64_t now, struct tg_policy **policy, struct tg_error *error)
{
    const char *list[SIGNATURES_MAX];
    size_t count = 0;
    *policy = NULL;
    json_t *array =
        json_loadb((const char *)signatures.data, signatures.length, JSON_REJECT_DUPLICATES, NULL);
    for (; count < json_array_size(array) && count < SIGNATURES_MAX; count++) {
        list[count] = json_string_value(json_array_get(array, count));
        if (list[count] == NULL)
            break;
    }
    int result = -1;
    if (array == NULL || count != json_array_size(array))
        (void)tg_fail(error, TG_policy_unsigned,
                      "policy: its signatures must be an array of at most %d texts", SIGNATURES_MAX);
    else
        result = tg_policy_verify(document, list, count, &authority->roots, authority->lowest_serial, now,
                                  policy, error);
    json_decref(array);
    return result;
}

/* A verified policy that is not the one in hand: newer, or, after a start, the one that was in force. */
static int adopt(struct tg_authority *authority, struct tg_policy *policy, struct tg_error *error)
{
    char digest[TG_DIGEST_SIZE];
    if (!tg_digest(policy->document, digest))
        return tg_fail(error, TG_internal_error, "SHA-256 failed");
    if (policy->serial == authority->lowest_serial && strcmp(digest, authority->digest) != 0)
        return tg_fail(error, TG_policy_old, "policy: another one with serial %" PRIu64 " has been seen",
                       policy->serial);
    if (policy->serial > authority->lowest_serial && remember(authority, policy->serial, digest, error) != 0)
        return -1;
    tg_policy_free(authority->policy);
    authority->policy = policy;
    return 0;
}

int tg_authority_take_policy(struct tg_authority *authority, struct tg_bytes document,
                             struct tg_bytes signatures, int64_t now, struct tg_error *error)
{
    struct tg_policy *policy;
    if (authority->policy != NULL && tg_bytes_equal(authority->policy->document, document)) {
        if (now < authority->policy->expires)
            return 0;
        return tg_fail(error, TG_policy_expired, "policy: key 'expires': it ended %" PRId64 " seconds ago",
                       now - authority->policy->expires);
    }
    if (verify(authority, document, signatures, now, &policy, error) != 0)
        return -1;
    if (adopt(authority, policy, error) == 0)
        return 0;
    tg_policy_free(policy);
    return -1;
}
