/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the certificate check said, remembered for 120 seconds by the sshd monitor that asked: admissions, of
 * which one monitor may have several (a client may offer several certificates), and the last refusal, so that
 * the person can be told why. Nothing here proves who logs in: sshd asks before the client has shown that it
 * holds the key.
 */
#ifndef TEGATA_AGENT_ADMISSIONS_H
#define TEGATA_AGENT_ADMISSIONS_H

#include "agent/process.h"
#include "lib/certificate.h"
#include "lib/ticket.h"

enum {
    TG_ADMISSION_MILLISECONDS = 120000, /* as sshd's LoginGraceTime: a second factor may take that long */
    TG_ADMISSIONS_MAX = 1024,
    TG_ADMISSIONS_PER_MONITOR = 8,
    TG_REFUSALS_MAX = 256,
    TG_ACCOUNT_SIZE = 256,
    TG_SOURCE_SIZE = 64,
};

/* A certificate that was parsed and whose CA signature was checked, shared by the admissions that use it. */
struct tg_known_certificate {
    struct tg_certificate *certificate;
    char digest[TG_DIGEST_SIZE];
    unsigned int references;
};

struct tg_admission {
    struct tg_process monitor;
    struct tg_known_certificate *certificate;
    char ticket[TG_TICKET_ID_SIZE]; /* whose restrictions sshd was given; "": none (deny_in = session) */
    char account[TG_ACCOUNT_SIZE];
    char source[TG_SOURCE_SIZE]; /* "": sshd did not say */
    int64_t until;               /* milliseconds of the steady clock */
};

struct tg_remembered_refusal {
    struct tg_process monitor;
    enum tg_reason reason;
    char ticket[TG_TICKET_ID_SIZE];
    char detail[160];
    int64_t until;
};

struct tg_admissions {
    struct tg_admission *list; /* the newest last */
    size_t count;
    struct tg_remembered_refusal *refusals;
    size_t refusal_count;
};

int tg_admissions_init(struct tg_admissions *admissions);
void tg_admissions_free(struct tg_admissions *admissions);

/* Parses and verifies a certificate, or finds it among those in use: a signature over the same bytes need not
 * be verified twice. The caller gives it back with tg_known_certificate_release(). */
int tg_admissions_certificate(struct tg_admissions *admissions, struct tg_bytes blob,
                              struct tg_known_certificate **out, struct tg_error *error);

/* The same with nothing to find it in. */
int tg_known_certificate_new(struct tg_bytes blob, struct tg_known_certificate **out, struct tg_error *error);
void tg_known_certificate_release(struct tg_known_certificate *known);

/* Remembers an admission; takes the place of an earlier one of the same monitor and certificate, since sshd
 * goes by the line that it was given last. `admission->until` is set here, a reference to the certificate is
 * taken. */
void tg_admissions_add(struct tg_admissions *admissions, const struct tg_admission *admission,
                       int64_t now_ms);

/* The live admission of this monitor for the certificate with this digest (NULL: any), from the newest back;
 * start with *cursor = 0. NULL if there are no more. */
const struct tg_admission *tg_admissions_find(const struct tg_admissions *admissions,
                                              const struct tg_process *monitor, const char *digest,
                                              int64_t now_ms, size_t *cursor);

void tg_admissions_refuse(struct tg_admissions *admissions, const struct tg_remembered_refusal *refusal,
                          int64_t now_ms);
const struct tg_remembered_refusal *tg_admissions_refusal(const struct tg_admissions *admissions,
                                                          const struct tg_process *monitor, int64_t now_ms);

/* Drops what is older than 120 s, or, for `monitor`, everything: its session is open and nothing may be
 * admitted by it any more. */
void tg_admissions_expire(struct tg_admissions *admissions, int64_t now_ms);
void tg_admissions_forget(struct tg_admissions *admissions, const struct tg_process *monitor);

#endif
