/* SPDX-License-Identifier: BSD-2-Clause */
#include "pam_module/session.h"

#include "lib/auth_info.h"
#include "lib/base64.h"
#include "pam_module/credentials.h"
#include "pam_module/socket_families.h"

#include <security/pam_ext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* The name of what the handle keeps of a session. */
static const char data_name[] = "tegata_session";

/* pam_systemd reads it: the scope of the session ends then even without our agent. */
static const char runtime_data_name[] = "systemd.runtime_max_sec";

/* What the agent said about the session that is open. */
struct kept_session {
    char id[64];
    pid_t opener; /* the process that opened it: sshd's monitor */
    uint32_t flags;
    bool by_shell_last;
    uint32_t gids[TG_AGENT_GIDS_MAX];
    size_t gid_count;
};

/* The certificate of record. */
struct certificate {
    char key_type[128];
    uint8_t *blob; /* freed by the caller */
    size_t length;
};

/* Only frees: sshd's children end the handle as well, and must not close the session that the monitor has
 * open. */
static void forget(pam_handle_t *pamh, void *data, int status)
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

static bool is_confined(const struct tg_agent_answer *answer)
{
    return (answer->flags & TG_SESSION_NO_PRIVILEGES) != 0;
}

/* A recorded session's does (tegata-record(8)). */
static bool shell_gives_up_privileges(const struct tg_agent_answer *answer)
{
    return is_confined(answer) && answer->shell[0] != '\0';
}

/* Keeps what is needed later. A session that cannot be closed must not begin. */
static const char *keep(pam_handle_t *pamh, const struct tg_agent_answer *answer)
{
    struct kept_session *kept;
    size_t length = strlen(answer->text);
    if (length == 0 || length >= sizeof kept->id)
        return "the agent gave the session no id";
    kept = calloc(1, sizeof *kept);
    if (kept == NULL)
        return "out of memory";
    memcpy(kept->id, answer->text, length + 1);
    kept->opener = getpid();
    kept->flags = answer->flags;
    kept->by_shell_last = shell_gives_up_privileges(answer);
    memcpy(kept->gids, answer->gids, answer->gid_count * sizeof answer->gids[0]);
    kept->gid_count = answer->gid_count;
    if (pam_set_data(pamh, data_name, kept, forget) == PAM_SUCCESS)
        return NULL;
    free(kept);
    return "PAM cannot keep the session's id";
}

static bool put_variable(pam_handle_t *pamh, const char *name, const char *value)
{
    char *variable = NULL;
    if (asprintf(&variable, "%s=%s", name, value) < 0)
        return false;
    bool put = pam_putenv(pamh, variable) == PAM_SUCCESS;
    free(variable);
    return put;
}

static const char *put_environment(pam_handle_t *pamh, const struct tg_agent_answer *answer)
{
    if (put_variable(pamh, "TEGATA_TICKET", answer->ticket) &&
        put_variable(pamh, "TEGATA_PERSON", answer->person) &&
        put_variable(pamh, "TEGATA_SESSION", answer->text) &&
        (answer->shell[0] == '\0' || put_variable(pamh, "TEGATA_SHELL", answer->shell)) &&
        (!shell_gives_up_privileges(answer) || put_variable(pamh, "TEGATA_NO_PRIVILEGES", "1")))
        return NULL;
    return "PAM cannot keep the session's environment";
}

/* The agent ends the session; this is for the day on which there is none. */
static const char *limit_runtime(pam_handle_t *pamh, uint32_t seconds)
{
    char *text = NULL;
    if (seconds == 0)
        return NULL;
    if (asprintf(&text, "%us", seconds) < 0)
        return "out of memory";
    if (pam_set_data(pamh, runtime_data_name, text, forget) == PAM_SUCCESS)
        return NULL;
    free(text);
    return "PAM cannot keep the session's limit";
}

/* The session that the agent has opened begins here, or is given back. */
static int begin_session(struct tg_pam_login *login)
{
    char id[sizeof login->answer.text];
    const char *detail;
    const char *problem = NULL;
    /* Here, because sshd goes on whatever pam_setcred() says. */
    if (is_confined(&login->answer) && !tg_pam_socket_families_can_be_restricted())
        problem = "a confined session needs a seccomp filter, and this kernel or architecture has none";
    if (problem == NULL)
        problem = keep(login->pamh, &login->answer);
    if (problem == NULL)
        problem = put_environment(login->pamh, &login->answer);
    if (problem == NULL)
        problem = limit_runtime(login->pamh, login->answer.seconds);
    if (problem == NULL)
        return PAM_SUCCESS;
    memcpy(id, login->answer.text, sizeof id);
    if (id[0] != '\0')
        (void)ask_to_close(login, id, &detail);
    (void)pam_set_data(login->pamh, data_name, NULL, NULL);
    return tg_pam_login_refuse(login, TG_internal_error, problem);
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
    return begin_session(login);
}

static const struct kept_session *kept_session(pam_handle_t *pamh)
{
    const void *data = NULL;
    return pam_get_data(pamh, data_name, &data) == PAM_SUCCESS ? data : NULL;
}

bool tg_pam_session_is_open(pam_handle_t *pamh)
{
    return kept_session(pamh) != NULL;
}

int tg_pam_session_close(struct tg_pam_login *login)
{
    char id[sizeof((struct kept_session *)NULL)->id];
    const char *detail;
    memcpy(id, kept_session(login->pamh)->id, sizeof id);
    int result = ask_to_close(login, id, &detail);
    (void)pam_set_data(login->pamh, data_name, NULL, NULL);
    if (result != PAM_SUCCESS)
        return tg_pam_login_refuse(login, login->answer.reason, detail);
    return PAM_SUCCESS;
}

int tg_pam_session_credentials(pam_handle_t *pamh)
{
    const struct kept_session *kept = kept_session(pamh);
    if (kept == NULL || kept->opener == getpid())
        return PAM_SUCCESS;
    const struct tg_pam_credentials credentials = {.flags = kept->flags,
                                                   .by_shell_last = kept->by_shell_last,
                                                   .gids = kept->gids,
                                                   .gid_count = kept->gid_count};
    int result = tg_pam_credentials_set(&credentials);
    if (result == 0)
        return PAM_SUCCESS;
    pam_syslog(pamh, LOG_ERR, "%s: the session's groups cannot be set: %s", tg_reason_name(TG_internal_error),
               strerror(-result));
    return PAM_CRED_ERR;
}
