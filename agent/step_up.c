/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/step_up.h"

#include "lib/base64.h"
#include "lib/canonical_json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { NONCE_BYTES = 16, NONCE_SIZE = 25 }; /* base64url without padding takes 22 characters */

static void forget(struct tg_step_ups *ups, size_t index)
{
    free(ups->list[index].message);
    ups->list[index] = ups->list[--ups->count];
    ups->list[ups->count] = (struct tg_step_up){0};
}

void tg_step_ups_free(struct tg_step_ups *ups)
{
    while (ups->count > 0)
        forget(ups, ups->count - 1);
}

void tg_step_ups_remove(struct tg_step_ups *ups, struct tg_step_up *one)
{
    forget(ups, (size_t)(one - ups->list));
}

struct tg_step_up *tg_step_ups_find(struct tg_step_ups *ups, const struct tg_process *process, int64_t steady)
{
    for (size_t i = 0; i < ups->count; i++) {
        if (tg_process_same(&ups->list[i].process, process))
            return ups->list[i].until > steady ? &ups->list[i] : NULL;
    }
    return NULL;
}

/* Takes out what has lapsed, and what this process had; then says whether there is room for one more. */
static bool make_room(struct tg_step_ups *ups, const struct tg_process *process, const char *session,
                      int64_t steady)
{
    size_t of_session = 0;
    for (size_t i = ups->count; i-- > 0;) {
        if (ups->list[i].until <= steady || tg_process_same(&ups->list[i].process, process))
            forget(ups, i);
        else
            of_session += strcmp(ups->list[i].session, session) == 0;
    }
    return ups->count < TG_STEP_UPS_MAX && of_session < TG_STEP_UPS_PER_SESSION;
}

static bool make_message(struct tg_step_up *one, const struct tg_step_up_subject *subject, int64_t time)
{
    uint8_t random[NONCE_BYTES];
    char nonce[NONCE_SIZE];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random ||
        !tg_base64_encode(TG_BASE64URL, tg_bytes_of(random, sizeof random), nonce, sizeof nonce))
        return false;
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:i}", "account", subject->account,
                               "command", one->command, "host", subject->host, "nonce", nonce, "session",
                               subject->session, "ticket", subject->ticket, "time", (json_int_t)time, "v", 1);
    bool made = object != NULL && tg_canonical_json_write(object, &one->message, &one->length) == 0;
    json_decref(object);
    return made;
}

const struct tg_step_up *tg_step_ups_open(struct tg_step_ups *ups, const struct tg_process *process,
                                          const struct tg_step_up_subject *subject, int64_t time,
                                          int64_t steady)
{
    struct tg_step_up one = {.process = *process, .until = steady + TG_STEP_UP_MILLISECONDS};
    if (!make_room(ups, process, subject->session, steady))
        return NULL;
    (void)snprintf(one.session, sizeof one.session, "%s", subject->session);
    (void)snprintf(one.command, sizeof one.command, "%s", subject->command);
    if (!make_message(&one, subject, time))
        return NULL;
    ups->list[ups->count] = one;
    return &ups->list[ups->count++];
}

bool tg_step_up_text(const struct tg_step_up *one, const struct tg_public_key *key, char *out, size_t size)
{
    uint8_t *data = NULL;
    size_t length;
    bool fits = false;
    out[0] = '\0';
    if (one->message == NULL ||
        tg_sshsig_signed_data(TG_NAMESPACE_STEP_UP, tg_bytes_of(one->message, one->length), &data, &length) !=
            0)
        return false;
    if (tg_base64_encode(TG_BASE64, key->blob, out, size)) {
        size_t used = strlen(out);
        if (size - used > 1) {
            out[used++] = ' ';
            fits = tg_base64_encode(TG_BASE64, tg_bytes_of(data, length), out + used, size - used);
        }
    }
    free(data);
    return fits;
}

int tg_step_up_prove(struct tg_step_up *one, const struct tg_public_key *key, bool user_verification,
                     struct tg_bytes signature, int64_t steady, struct tg_error *error)
{
    struct tg_sshsig_demands demands = {.security_key = true, .user_verification = user_verification};
    uint8_t *blob = NULL;
    size_t length;
    if (one->message == NULL)
        return tg_fail(error, TG_step_up_failed, "the challenge was answered already");
    int result = tg_sshsig_wrap(key, TG_NAMESPACE_STEP_UP, signature, &blob, &length, error);
    if (result == 0)
        result = tg_sshsig_verify(tg_bytes_of(blob, length), TG_NAMESPACE_STEP_UP,
                                  tg_bytes_of(one->message, one->length), key, &demands, NULL, error);
    free(blob);
    if (result != 0) {
        error->reason = TG_step_up_failed;
        return -1;
    }
    free(one->message);
    one->message = NULL;
    one->length = 0;
    one->until = steady + TG_STEP_UP_MILLISECONDS;
    return 0;
}
