/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/client.h"

#include "cli/command.h"
#include "cli/session_token.h"
#include "cli/signing_key.h"
#include "lib/request_auth.h"

#include <config.h>

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ANSWER_MAX = 16 * 1024 * 1024, /* the largest honest answer: a long list of tickets */
    CONNECT_SECONDS = 10,
    ANSWER_SECONDS = 20, /* beside what the call waits for */
    AUTHORITY_SIZE = 300,
};

struct tg_client {
    const struct tg_client_config *config;
    const struct tg_signing_means *means;
    CURL *curl;
    char authority[AUTHORITY_SIZE];
    struct tg_signer *signer; /* the person's; opened when first needed */
    bool interactive;         /* signing wants a touch or a passphrase: use a session */
    char *token;
    void (*tick)(void *context); /* while a call waits; may be NULL */
    void *tick_context;
};

/* What one exchange received. */
struct received {
    char *data;
    size_t length;
    bool too_large;
};

int tg_client_authority(const char *url, char *authority, size_t size, struct tg_error *error)
{
    char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL, *user = NULL, *query = NULL;
    int result = -1;
    CURLU *parts = curl_url();
    if (parts == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK || strcmp(scheme, "https") != 0 ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
        (void)tg_fail(error, TG_client_config, "url: %s: it must be https://NAME[:PORT]", url);
        goto out;
    }
    (void)curl_url_get(parts, CURLUPART_PORT, &port, 0);
    (void)curl_url_get(parts, CURLUPART_PATH, &path, 0);
    if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK ||
        curl_url_get(parts, CURLUPART_QUERY, &query, 0) == CURLUE_OK ||
        (path != NULL && strcmp(path, "/") != 0)) {
        (void)tg_fail(error, TG_client_config,
                      "url: %s: it must be https://NAME[:PORT] without user, path or query", url);
        goto out;
    }
    bool standard = port == NULL || strcmp(port, "443") == 0;
    int length = snprintf(authority, size, "%s%s%s", host, standard ? "" : ":", standard ? "" : port);
    if (length < 0 || (size_t)length >= size)
        (void)tg_fail(error, TG_client_config, "url: the name is too long");
    else
        result = 0;
out:
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_free(user);
    curl_free(query);
    curl_url_cleanup(parts);
    return result;
}

int tg_client_open(const struct tg_client_config *config, const struct tg_signing_means *means,
                   struct tg_client **out, struct tg_problem *problem)
{
    struct tg_error error = {0};
    *out = NULL;
    struct tg_client *client = calloc(1, sizeof *client);
    if (client == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        (client->curl = curl_easy_init()) == NULL) {
        tg_client_close(client);
        return tg_problem_set(problem, TG_internal_error, "libcurl cannot be started");
    }
    client->config = config;
    client->means = means;
    if (tg_client_authority(config->url, client->authority, sizeof client->authority, &error) != 0) {
        tg_client_close(client);
        return tg_problem_from_error(problem, &error);
    }
    if (access(config->ca_file, R_OK) != 0) {
        tg_client_close(client);
        return tg_problem_set(problem, TG_client_config,
                              "ca_file: %s cannot be read: put the service's CA there", config->ca_file);
    }
    *out = client;
    return 0;
}

void tg_client_close(struct tg_client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->curl);
    tg_signer_free(client->signer);
    if (client->token != NULL)
        explicit_bzero(client->token, strlen(client->token));
    free(client->token);
    free(client);
}

static size_t receive(char *data, size_t size, size_t count, void *context)
{
    struct received *received = context;
    size_t length = size * count;
    if (length > ANSWER_MAX - received->length) {
        received->too_large = true;
        return 0;
    }
    char *grown = realloc(received->data, received->length + length + 1);
    if (grown == NULL)
        return 0;
    memcpy(grown + received->length, data, length);
    received->data = grown;
    received->length += length;
    return length;
}

/* libcurl calls this about once a second, and more often while bytes come in. */
static int progress(void *context, curl_off_t download_total, curl_off_t downloaded, curl_off_t upload_total,
                    curl_off_t uploaded)
{
    const struct tg_client *client = context;
    (void)download_total, (void)downloaded, (void)upload_total, (void)uploaded;
    client->tick(client->tick_context);
    return 0;
}

static void set_common_options(const struct tg_client *client, const struct tg_call *call,
                               struct received *received)
{
    CURL *curl = client->curl;
    curl_easy_reset(curl); /* keeps the connection */
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    (void)curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
    (void)curl_easy_setopt(curl, CURLOPT_CAINFO, client->config->ca_file);
    (void)curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, ANSWER_SECONDS + call->wait);
    (void)curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, (long)ANSWER_MAX);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "tegata/" PACKAGE_VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, received);
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    if (client->tick != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
        (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
    }
    if (call->body != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_length);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
    }
}

/* Appends "NAME: VALUE"; on failure the list is freed and NULL. */
static struct curl_slist *add_header(struct curl_slist *headers, const char *name, const char *value)
{
    char *line = NULL;
    if (asprintf(&line, "%s: %s", name, value) < 0) {
        curl_slist_free_all(headers);
        return NULL;
    }
    struct curl_slist *longer = curl_slist_append(headers, line);
    if (longer == NULL)
        curl_slist_free_all(headers);
    free(line);
    return longer;
}

static int explain_transport(const struct tg_client *client, CURLcode code, const char *details,
                             const struct received *received, struct tg_problem *problem)
{
    if (received->too_large || code == CURLE_FILESIZE_EXCEEDED)
        return tg_problem_unreachable(problem, "%s: its answer is larger than %d bytes", client->config->url,
                                      ANSWER_MAX);
    return tg_problem_unreachable(problem, "%s: %s", client->config->url,
                                  *details != '\0' ? details : curl_easy_strerror(code));
}

/* What the service answered, as JSON. */
static int read_answer(const struct tg_client *client, const struct received *received, json_t **answer,
                       struct tg_problem *problem)
{
    long status = 0;
    (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    json_t *body = received->length > 0
                       ? json_loadb(received->data, received->length, JSON_REJECT_DUPLICATES, NULL)
                       : json_object();
    if (status < 200 || status > 299) {
        (void)tg_problem_from_answer(problem, status, body);
        json_decref(body);
        return -1;
    }
    if (!json_is_object(body)) {
        json_decref(body);
        return tg_problem_unreachable(problem, "%s: its answer is not a JSON object", client->config->url);
    }
    *answer = body;
    return 0;
}

/* One HTTP exchange with the given Authorization value (may be NULL). */
static int exchange(struct tg_client *client, const struct tg_call *call, const char *authorization,
                    json_t **answer, struct tg_problem *problem)
{
    struct received received = {0};
    char details[CURL_ERROR_SIZE] = "";
    char *url = NULL;
    int result = -1;
    struct curl_slist *headers = add_header(NULL, "Accept", "application/json, application/problem+json");
    if (headers != NULL && call->body != NULL)
        headers = add_header(headers, "Content-Type", "application/json");
    if (headers != NULL && authorization != NULL)
        headers = add_header(headers, "Authorization", authorization);
    if (headers == NULL || asprintf(&url, "https://%s%s", client->authority, call->target) < 0) {
        (void)tg_problem_set(problem, TG_internal_error, "out of memory");
        goto out;
    }
    set_common_options(client, call, &received);
    (void)curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, details);
    (void)curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(client->curl, CURLOPT_URL, url);
    CURLcode code = curl_easy_perform(client->curl);
    if (code != CURLE_OK)
        (void)explain_transport(client, code, details, &received, problem);
    else
        result = read_answer(client, &received, answer, problem);
    /* The error buffer is on this stack. */
    (void)curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, NULL);
out:
    curl_slist_free_all(headers);
    free(url);
    free(received.data);
    return result;
}

static int signed_exchange(struct tg_client *client, const struct tg_call *call, struct tg_signer *signer,
                           json_t **answer, struct tg_problem *problem)
{
    struct tg_error error = {0};
    char *authorization = NULL;
    struct tg_request request = {
        .method = call->method,
        .authority = client->authority,
        .target = call->target,
        .body = tg_bytes_of(call->body != NULL ? call->body : "", call->body != NULL ? call->body_length : 0),
    };
    if (tg_request_sign(&request, signer, time(NULL), &authorization, &error) != 0)
        return tg_problem_from_error(problem, &error);
    int result = exchange(client, call, authorization, answer, problem);
    free(authorization);
    return result;
}

static const char *person_fingerprint(const struct tg_client *client)
{
    return tg_signer_public_key(client->signer)->fingerprint;
}

/* Opens a session with one signed request, and keeps its token. */
static int open_session(struct tg_client *client, struct tg_problem *problem)
{
    json_t *answer = NULL;
    struct tg_call call = {.method = "POST", .target = "/v1/sessions", .body = "{}", .body_length = 2};
    if (signed_exchange(client, &call, client->signer, &answer, problem) != 0)
        return -1;
    const char *token = json_string_value(json_object_get(answer, "token"));
    int64_t expires = json_integer_value(json_object_get(answer, "expires"));
    int result = -1;
    if (token == NULL || strpbrk(token, "\r\n") != NULL || (client->token = strdup(token)) == NULL) {
        (void)tg_problem_unreachable(problem, "%s: it opened a session without a token", client->config->url);
    } else {
        tg_session_token_store(client->config->url, person_fingerprint(client), token, expires);
        result = 0;
    }
    json_decref(answer);
    return result;
}

static int token_exchange(struct tg_client *client, const struct tg_call *call, json_t **answer,
                          struct tg_problem *problem)
{
    char *authorization = NULL;
    if (asprintf(&authorization, "Bearer %s", client->token) < 0)
        return tg_problem_set(problem, TG_internal_error, "out of memory");
    int result = exchange(client, call, authorization, answer, problem);
    explicit_bzero(authorization, strlen(authorization));
    free(authorization);
    return result;
}

/* With a key that wants a touch or a passphrase: by session, opened anew once if the kept one is no longer
 * good. */
static int session_exchange(struct tg_client *client, const struct tg_call *call, json_t **answer,
                            struct tg_problem *problem)
{
    if (client->token == NULL)
        client->token = tg_session_token_load(client->config->url, person_fingerprint(client), time(NULL));
    if (client->token != NULL) {
        if (token_exchange(client, call, answer, problem) == 0)
            return 0;
        if (problem->http_status != 401)
            return -1;
        tg_session_token_forget(client->config->url, person_fingerprint(client));
        free(client->token);
        client->token = NULL;
    }
    if (open_session(client, problem) != 0)
        return -1;
    return token_exchange(client, call, answer, problem);
}

static int person_exchange(struct tg_client *client, const struct tg_call *call, json_t **answer,
                           struct tg_problem *problem)
{
    struct tg_error error = {0};
    if (client->signer == NULL &&
        tg_signing_key_open(client->means, client->config->key, "[person] key", false, &client->signer,
                            &client->interactive, &error) != 0)
        return tg_problem_from_error(problem, &error);
    if (client->interactive)
        return session_exchange(client, call, answer, problem);
    return signed_exchange(client, call, client->signer, answer, problem);
}

int tg_client_call(struct tg_client *client, const struct tg_call *call, json_t **answer,
                   struct tg_problem *problem)
{
    *answer = NULL;
    switch (call->credential) {
    case TG_CREDENTIAL_NONE:
        return exchange(client, call, NULL, answer, problem);
    case TG_CREDENTIAL_PERSON:
        return person_exchange(client, call, answer, problem);
    case TG_CREDENTIAL_SIGNER:
        return signed_exchange(client, call, call->signer, answer, problem);
    }
    return tg_problem_set(problem, TG_internal_error, "unknown credential");
}

static int post(struct tg_client *client, const char *target, enum tg_credential credential, json_t *body,
                json_t **answer, struct tg_problem *problem)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    int result = -1;
    *answer = NULL;
    if (text == NULL) {
        (void)tg_problem_set(problem, TG_request_malformed,
                             "%s: the request cannot be written as JSON (is it UTF-8?)", target);
    } else {
        struct tg_call call = {.method = "POST",
                               .target = target,
                               .credential = credential,
                               .body = text,
                               .body_length = strlen(text)};
        result = tg_client_call(client, &call, answer, problem);
        explicit_bzero(text, strlen(text));
    }
    free(text);
    json_decref(body);
    return result;
}

int tg_client_post(struct tg_client *client, const char *target, json_t *body, json_t **answer,
                   struct tg_problem *problem)
{
    return post(client, target, TG_CREDENTIAL_PERSON, body, answer, problem);
}

int tg_client_post_openly(struct tg_client *client, const char *target, json_t *body, json_t **answer,
                          struct tg_problem *problem)
{
    return post(client, target, TG_CREDENTIAL_NONE, body, answer, problem);
}

void tg_client_on_tick(struct tg_client *client, void (*tick)(void *context), void *context)
{
    client->tick = tick;
    client->tick_context = context;
}

int tg_client_get(struct tg_client *client, const char *target, json_t **answer, struct tg_problem *problem)
{
    struct tg_call call = {.method = "GET", .target = target, .credential = TG_CREDENTIAL_PERSON};
    return tg_client_call(client, &call, answer, problem);
}

int tg_client_health(struct tg_client *client, struct tg_problem *problem)
{
    json_t *answer = NULL;
    struct tg_call call = {.method = "GET", .target = "/healthz"};
    if (tg_client_call(client, &call, &answer, problem) != 0)
        return -1;
    json_decref(answer);
    return 0;
}
