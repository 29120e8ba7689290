/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Setting the service's state up from its configuration, again at SIGHUP, and taking it down.
 */
#include "approval_service/password.h"
#include "approval_service/setup.h"
#include "approval_service/workers.h"

#include "lib/digest.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { TOKEN_LENGTH_MIN = 32, ISSUING_WORKERS = 4 };

static int read_roots(const struct tg_service_config *config, struct tg_root_signers *roots,
                      struct tg_error *error)
{
    char *text = NULL;
    size_t length;
    if (tg_service_read_file(config->root_signers, false, &text, &length, error) < 0)
        return -1;
    int result = tg_root_signers_parse(text, (uint32_t)config->root_threshold, roots, error);
    free(text);
    return result;
}

static int read_token(const char *path, char digest[TG_DIGEST_SIZE], struct tg_error *error)
{
    digest[0] = '\0';
    if (path[0] == '\0')
        return 0;
    char *text = NULL;
    size_t length;
    if (tg_service_read_file(path, true, &text, &length, error) < 0)
        return -1;
    text[strcspn(text, "\r\n")] = '\0';
    int result = 0;
    if (strlen(text) < TOKEN_LENGTH_MIN)
        result = tg_fail(error, TG_config_bad, "%s: the token must have at least %d characters", path,
                         TOKEN_LENGTH_MIN);
    else if (!tg_digest(tg_bytes_of_text(text), digest))
        result = tg_fail(error, TG_internal_error, "SHA-256 failed");
    OPENSSL_cleanse(text, length);
    free(text);
    return result;
}

int tg_service_configure(struct tg_service *service, const struct tg_service_config *config,
                         struct tg_error *error)
{
    struct tg_root_signers roots = {0};
    struct tg_page *page = NULL;
    struct tg_attestation_trust *trust = NULL;
    char token[TG_DIGEST_SIZE];
    char setting[TG_PASSWORD_HASH_SIZE]; /* does libcrypt know this cost? */
    if (read_token(config->token_file, token, error) < 0 ||
        tg_password_setting(config->password_cost, setting, error) < 0 ||
        tg_page_read(config->directory, &page, error) < 0)
        return -1;
    if ((config->trust[0] != '\0' && tg_attestation_trust_read(config->trust, &trust, error) < 0) ||
        read_roots(config, &roots, error) < 0) {
        tg_page_free(page);
        tg_attestation_trust_free(trust);
        return -1;
    }
    tg_attestation_trust_free(service->trust);
    service->trust = trust;
    tg_page_free(service->page);
    service->page = page;
    tg_root_signers_free(&service->roots);
    service->roots = roots;
    memcpy(service->enrolment_token, token, sizeof token);
    (void)snprintf(service->authority, sizeof service->authority, "%s", config->authority);
    (void)snprintf(service->monitors, sizeof service->monitors, "%s", config->allow);
    service->requests_per_minute = config->requests_per_minute;
    service->password_cost = config->password_cost;
    (void)snprintf(service->administrators, sizeof service->administrators, "%s", config->administrators);
    (void)snprintf(service->authority_socket, sizeof service->authority_socket, "%s", config->socket);
    (void)snprintf(service->page_origin, sizeof service->page_origin, "%s", config->origin);
    (void)snprintf(service->rp_id, sizeof service->rp_id, "%s", config->rp_id);
    (void)snprintf(service->origins, sizeof service->origins, "%s", config->origins);
    return 0;
}

int tg_service_start_workers(struct tg_service *service, const struct tg_service_config *config,
                             struct tg_error *error)
{
    if (getrandom(&service->backoff.secret, sizeof service->backoff.secret, 0) !=
        (ssize_t)sizeof service->backoff.secret)
        return tg_fail(error, TG_internal_error, "no random bytes");
    if (tg_workers_start((size_t)config->workers, &service->hashing, error) < 0)
        return -1;
    return tg_workers_start(ISSUING_WORKERS, &service->issuing, error);
}

void tg_service_clear(struct tg_service *service)
{
    tg_workers_stop(service->hashing);
    tg_workers_stop(service->issuing);
    tg_page_free(service->page);
    tg_attestation_trust_free(service->trust);
    tg_policy_free(service->policy);
    free(service->policy_signatures);
    tg_root_signers_free(&service->roots);
    tg_revocation_list_clear(&service->revocations);
    tg_store_close(service->store);
    service->policy = NULL;
    service->policy_signatures = NULL;
    service->store = NULL;
}
