/* SPDX-License-Identifier: BSD-2-Clause */
#include "certificate_authority/authority.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { KEY_ID_SIZE = 128, TIME_SIZE = 32 };

static const char everybody[] = "everybody";

void tg_authority_clear(struct tg_authority *authority)
{
    tg_root_signers_free(&authority->roots);
    tg_signer_free(authority->user_ca);
    tg_signer_free(authority->host_ca);
    tg_policy_free(authority->policy);
    authority->user_ca = NULL;
    authority->host_ca = NULL;
    authority->policy = NULL;
}

int tg_authority_is_listed(const struct tg_policy *policy, const struct tg_signer *signer, const char *key,
                           struct tg_public_key *const *listed, size_t count, struct tg_error *error)
{
    const struct tg_public_key *own = tg_signer_public_key(signer);
    if (!tg_public_key_is_among(own, listed, count))
        return tg_fail(error, TG_certificate_ca_unknown, "%s is not in the policy's %s", own->fingerprint,
                       key);
    if (tg_policy_revokes_key(policy, own->fingerprint))
        return tg_fail(error, TG_certificate_ca_unknown, "the policy revokes %s", own->fingerprint);
    return 0;
}

/* A serial of 0 would say that there is none. */
static int choose(struct tg_certificate_content *content, struct tg_error *error)
{
    do {
        if (getrandom(&content->serial, sizeof content->serial, 0) != (ssize_t)sizeof content->serial ||
            getrandom(content->nonce, sizeof content->nonce, 0) != (ssize_t)sizeof content->nonce)
            return tg_fail(error, TG_internal_error, "getrandom: %s", strerror(errno));
    } while (content->serial == 0);
    return 0;
}

int tg_authority_issue(struct tg_authority *authority, struct tg_signer *signer,
                       struct tg_certificate_content *content, const char *name, struct tg_certificate **out,
                       struct tg_error *error)
{
    struct tg_error fault = {0};
    char key_id[KEY_ID_SIZE];
    if (choose(content, error) != 0)
        return -1;
    (void)snprintf(key_id, sizeof key_id, "%s#%" PRIu64, name, content->serial);
    content->key_id = key_id;
    if (tg_certificate_make(content, signer, out, &fault) == 0)
        return 0;
    tg_log(&authority->log, LOG_CRIT, "%s cannot sign: %s", tg_signer_public_key(signer)->fingerprint,
           fault.text);
    return tg_fail(error, TG_ca_unreachable, "tegata-ca cannot sign: %s", fault.text);
}

/* What is kept of a certificate: what it says and for how long, and no more of the key than its fingerprint.
 */
static void log_certificate(const struct tg_log *log, const struct tg_certificate *certificate)
{
    char until[TIME_SIZE] = "";
    time_t when = (time_t)certificate->valid_before;
    struct tm parts;
    if (gmtime_r(&when, &parts) != NULL)
        (void)strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", &parts);
    tg_log(log, LOG_NOTICE, "%s certificate %s, serial %" PRIu64 ", principal %s, key %s, valid until %s",
           certificate->type == TG_CERTIFICATE_USER ? "user" : "host", certificate->key_id,
           certificate->serial, certificate->principals[0], certificate->key->fingerprint, until);
}

static int make(struct tg_authority *authority, const struct tg_ca_request *request,
                struct tg_ca_moment moment, struct tg_certificate **out, struct tg_error *error)
{
    *out = NULL;
    if (!tg_rate_take(&authority->all, everybody, authority->limits.all_per_minute, moment.steady_ms))
        return tg_fail(error, TG_request_rate, "more than %" PRId64 " requests a minute in all",
                       authority->limits.all_per_minute);
    if (tg_authority_take_policy(authority, request->policy, request->signatures, moment.now, error) != 0)
        return -1;
    if (request->kind == TG_CA_USER)
        return tg_authority_user(authority, request, moment, out, error);
    return tg_authority_host(authority, request, moment, out, error);
}

int tg_authority_answer(struct tg_authority *authority, const struct tg_ca_request *request,
                        struct tg_ca_moment moment, char **line, struct tg_error *error)
{
    struct tg_error fault = {.reason = TG_internal_error};
    struct tg_certificate *certificate;
    *line = NULL;
    if (make(authority, request, moment, &certificate, &fault) == 0) {
        *line = tg_certificate_line(certificate);
        if (*line != NULL)
            log_certificate(&authority->log, certificate);
        else
            (void)tg_fail(&fault, TG_internal_error, "out of memory");
        tg_certificate_free(certificate);
    }
    if (*line != NULL)
        return 0;
    tg_log_refusal(&authority->log, fault.reason, "%s", fault.text);
    return tg_fail(error, fault.reason, "%s", fault.text);
}
