/* SPDX-License-Identifier: BSD-2-Clause */
#include "pam_module/session.h"

#include "lib/auth_info.h"
#include "lib/base64.h"

#include <stdlib.h>
#include <string.h>

/* The name of the session's id among the handle's data. */
static const char data_name[] = "tegata_session";

/* The certificate of record. */
struct certificate {
    char key_type[128];
    uint8_t *blob; /* freed by the caller */
    size_t length;
};

/* Only frees: sshd's children end the handle as well, and must not close the session that the monitor has
 * open. */
static void forget_id(pam_handle_t *pamh, void *data, int status)
{
    (void)pamh;
    (void)status;
    free(data);
}

/* Takes the certificate from what sshd says. Returns `allowed`, or why there is none. */
static enum tg_reason find_certificate(const char *info, struct certificate *certificate)
{
    struct tg_bytes type;
    struct tg_bytes base64;
    *certificate = (struct certificate){0};
    if (info == NULL || !tg_auth_info_certificate(info, &type, &base64))
        return TG_certificate_missing;
    if (type.length >= sizeof certificate->key_type)
        return TG_certificate_malformed;
    size_t size = tg_base64_decoded_max(base64.length);
    certificate->blob = malloc(size);
    if (certificate->blob == NULL)
        return TG_internal_error;
    if (!tg_base64_decode(TG_BASE64, base64, certificate->blob, size, &certificate->length)) {
        certificate->length = 0;
        return TG_certificate_malformed;
    }
    memcpy(certificate->key_type, type.data, type.length);
    return TG_allowed;
}

bool tg_pam_certificate_was_used(pam_handle_t *pamh)
{
    struct tg_bytes type;
    struct tg_bytes base64;
    const char *info = pam_getenv(pamh, "SSH_AUTH_INFO_0");
    return info != NULL && tg_auth_info_certificate(info, &type, &base64);
}

static int ask_to_close(struct tg_pam_login *login, const char *id, const char **detail)
{
    struct tg_agent_request request = {.kind = TG_AGENT_SESSION_CLOSE, .text = tg_bytes_of_text(id)};
    *detail = tg_pam_login_ask(login, &request, TG_AGENT_DEADLINE_MS);
    return login->answer.reason == TG_allowed ? PAM_SUCCESS : PAM_SESSION_ERR;
}

/* Keeps the id that the agent gave. A session that cannot be closed later must not begin. */
static int keep_id(struct tg_pam_login *login)
{
    const char *detail;
    if (login->answer.text[0] == '\0')
        return tg_pam_login_refuse(login, TG_internal_error, "the agent gave the session no id");
    char *id = strdup(login->answer.text);
    if (id == NULL)
        return tg_pam_login_refuse(login, TG_internal_error, "out of memory");
    if (pam_set_data(login->pamh, data_name, id, forget_id) == PAM_SUCCESS)
        return PAM_SUCCESS;
    (void)ask_to_close(login, id, &detail);
    free(id);
    return tg_pam_login_refuse(login, TG_internal_error, "PAM cannot keep the session's id");
}

/* A login without a certificate is asked about as well, so that the agent can record the refusal; it stays
 * one whatever the agent answers. */
int tg_pam_session_open(struct tg_pam_login *login)
{
    struct certificate certificate;
    enum tg_reason found = find_certificate(pam_getenv(login->pamh, "SSH_AUTH_INFO_0"), &certificate);
    struct tg_agent_request request = {.kind = TG_AGENT_SESSION_OPEN,
                                       .account = login->account,
                                       .service = login->service,
                                       .rhost = login->rhost,
                                       .connection = login->connection,
                                       .certificate = tg_bytes_of(certificate.blob, certificate.length),
                                       .key_type = certificate.key_type};
    const char *detail = tg_pam_login_ask(login, &request, TG_AGENT_SESSION_DEADLINE_MS);
    free(certificate.blob);
    if (found != TG_allowed)
        return tg_pam_login_refuse(login, found, "in SSH_AUTH_INFO_0");
    if (login->answer.reason != TG_allowed)
        return tg_pam_login_refuse(login, login->answer.reason, detail);
    return keep_id(login);
}

static const char *kept_id(pam_handle_t *pamh)
{
    const void *data = NULL;
    return pam_get_data(pamh, data_name, &data) == PAM_SUCCESS ? data : NULL;
}

bool tg_pam_session_is_open(pam_handle_t *pamh)
{
    return kept_id(pamh) != NULL;
}

int tg_pam_session_close(struct tg_pam_login *login)
{
    const char *detail;
    int result = ask_to_close(login, kept_id(login->pamh), &detail);
    (void)pam_set_data(login->pamh, data_name, NULL, NULL);
    if (result != PAM_SUCCESS)
        return tg_pam_login_refuse(login, login->answer.reason, detail);
    return PAM_SUCCESS;
}
