/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/admissions.h"

#include "lib/digest.h"

#include <stdlib.h>
#include <string.h>

int tg_admissions_init(struct tg_admissions *admissions)
{
    *admissions = (struct tg_admissions){0};
    admissions->list = calloc(TG_ADMISSIONS_MAX, sizeof *admissions->list);
    admissions->refusals = calloc(TG_REFUSALS_MAX, sizeof *admissions->refusals);
    if (admissions->list != NULL && admissions->refusals != NULL)
        return 0;
    tg_admissions_free(admissions);
    return -1;
}

void tg_known_certificate_release(struct tg_known_certificate *known)
{
    if (known == NULL || --known->references > 0)
        return;
    tg_certificate_free(known->certificate);
    free(known);
}

void tg_admissions_free(struct tg_admissions *admissions)
{
    for (size_t i = 0; i < admissions->count; i++)
        tg_known_certificate_release(admissions->list[i].certificate);
    free(admissions->list);
    free(admissions->refusals);
    *admissions = (struct tg_admissions){0};
}

int tg_known_certificate_new(struct tg_bytes blob, struct tg_known_certificate **out, struct tg_error *error)
{
    struct tg_known_certificate *fresh = calloc(1, sizeof *fresh);
    *out = NULL;
    if (fresh == NULL || !tg_digest(blob, fresh->digest)) {
        free(fresh);
        return tg_fail(error, TG_internal_error, "no memory for a certificate");
    }
    if (tg_certificate_parse(blob, &fresh->certificate, error) != 0) {
        free(fresh);
        return -1;
    }
    fresh->references = 1;
    *out = fresh;
    return 0;
}

int tg_admissions_certificate(struct tg_admissions *admissions, struct tg_bytes blob,
                              struct tg_known_certificate **out, struct tg_error *error)
{
    char digest[TG_DIGEST_SIZE];
    *out = NULL;
    if (!tg_digest(blob, digest))
        return tg_fail(error, TG_internal_error, "no digest of a certificate");
    for (size_t i = 0; i < admissions->count; i++) {
        struct tg_known_certificate *known = admissions->list[i].certificate;
        if (strcmp(known->digest, digest) == 0) {
            known->references++;
            *out = known;
            return 0;
        }
    }
    return tg_known_certificate_new(blob, out, error);
}

static void remove_at(struct tg_admissions *admissions, size_t i)
{
    tg_known_certificate_release(admissions->list[i].certificate);
    admissions->count--;
    memmove(&admissions->list[i], &admissions->list[i + 1],
            (admissions->count - i) * sizeof admissions->list[0]);
}

/* Makes room: an earlier admission of the same monitor and certificate goes, then the monitor's oldest if it
 * has too many, then the oldest of all. */
static void make_room(struct tg_admissions *admissions, const struct tg_admission *admission)
{
    size_t same_monitor = 0;
    size_t oldest = 0;
    for (size_t i = admissions->count; i-- > 0;) {
        if (!tg_process_same(&admissions->list[i].monitor, &admission->monitor))
            continue;
        if (strcmp(admissions->list[i].certificate->digest, admission->certificate->digest) == 0) {
            remove_at(admissions, i);
            return;
        }
        oldest = i;
        same_monitor++;
    }
    if (same_monitor == TG_ADMISSIONS_PER_MONITOR)
        remove_at(admissions, oldest);
    else if (admissions->count == TG_ADMISSIONS_MAX)
        remove_at(admissions, 0);
}

void tg_admissions_add(struct tg_admissions *admissions, const struct tg_admission *admission, int64_t now_ms)
{
    /* The reference is taken first: the one that makes room may hold the same certificate. */
    admission->certificate->references++;
    make_room(admissions, admission);
    struct tg_admission *added = &admissions->list[admissions->count++];
    *added = *admission;
    added->until = now_ms + TG_ADMISSION_MILLISECONDS;
}

const struct tg_admission *tg_admissions_find(const struct tg_admissions *admissions,
                                              const struct tg_process *monitor, const char *digest,
                                              int64_t now_ms, size_t *cursor)
{
    while (*cursor < admissions->count) {
        const struct tg_admission *admission = &admissions->list[admissions->count - 1 - (*cursor)++];
        if (admission->until > now_ms && tg_process_same(&admission->monitor, monitor) &&
            (digest == NULL || strcmp(admission->certificate->digest, digest) == 0))
            return admission;
    }
    return NULL;
}

void tg_admissions_refuse(struct tg_admissions *admissions, const struct tg_remembered_refusal *refusal,
                          int64_t now_ms)
{
    size_t at = admissions->refusal_count;
    size_t oldest = 0;
    for (size_t i = 0; i < admissions->refusal_count; i++) {
        if (tg_process_same(&admissions->refusals[i].monitor, &refusal->monitor))
            at = i;
        if (admissions->refusals[i].until < admissions->refusals[oldest].until)
            oldest = i;
    }
    if (at == TG_REFUSALS_MAX)
        at = oldest;
    else if (at == admissions->refusal_count)
        admissions->refusal_count++;
    admissions->refusals[at] = *refusal;
    admissions->refusals[at].until = now_ms + TG_ADMISSION_MILLISECONDS;
}

const struct tg_remembered_refusal *tg_admissions_refusal(const struct tg_admissions *admissions,
                                                          const struct tg_process *monitor, int64_t now_ms)
{
    for (size_t i = 0; i < admissions->refusal_count; i++) {
        const struct tg_remembered_refusal *refusal = &admissions->refusals[i];
        if (refusal->until > now_ms && tg_process_same(&refusal->monitor, monitor))
            return refusal;
    }
    return NULL;
}

void tg_admissions_expire(struct tg_admissions *admissions, int64_t now_ms)
{
    for (size_t i = admissions->count; i-- > 0;) {
        if (admissions->list[i].until <= now_ms)
            remove_at(admissions, i);
    }
    for (size_t i = admissions->refusal_count; i-- > 0;) {
        if (admissions->refusals[i].until <= now_ms)
            admissions->refusals[i] = admissions->refusals[--admissions->refusal_count];
    }
}

void tg_admissions_forget(struct tg_admissions *admissions, const struct tg_process *monitor)
{
    for (size_t i = admissions->count; i-- > 0;) {
        if (tg_process_same(&admissions->list[i].monitor, monitor))
            remove_at(admissions, i);
    }
}
