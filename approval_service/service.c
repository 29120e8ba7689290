/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Setting the service's state up from its configuration, again at SIGHUP, and taking it down.
 */
#include "approval_service/setup.h"

#include "lib/digest.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_LENGTH_MIN = 32 };

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
    char token[TG_DIGEST_SIZE];
    if (read_token(config->token_file, token, error) < 0 || read_roots(config, &roots, error) < 0)
        return -1;
    tg_root_signers_free(&service->roots);
    service->roots = roots;
    memcpy(service->enrolment_token, token, sizeof token);
    (void)snprintf(service->authority, sizeof service->authority, "%s", config->authority);
    (void)snprintf(service->monitors, sizeof service->monitors, "%s", config->allow);
    service->requests_per_minute = config->requests_per_minute;
    (void)snprintf(service->administrators, sizeof service->administrators, "%s", config->administrators);
    return 0;
}

void tg_service_clear(struct tg_service *service)
{
    tg_policy_free(service->policy);
    free(service->policy_signatures);
    tg_root_signers_free(&service->roots);
    tg_revocation_list_clear(&service->revocations);
    tg_store_close(service->store);
    service->policy = NULL;
    service->policy_signatures = NULL;
    service->store = NULL;
}
