/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/service_request.h"

#include "lib/request_auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { URL_SIZE = 1024, FIRST_SIZE = 4096, CONNECT_TIMEOUT_MS = 5000 };

static size_t take_bytes(char *data, size_t size, size_t count, void *context)
{
    struct tg_transfer *transfer = context;
    size_t length = size * count;
    if (length > transfer->answer_max - transfer->answer_length)
        return 0;
    size_t needed = transfer->answer_length + length + 1;
    if (needed > transfer->answer_size) {
        size_t grown_size = transfer->answer_size == 0 ? FIRST_SIZE : 2 * transfer->answer_size;
        if (grown_size < needed)
            grown_size = needed;
        char *grown = realloc(transfer->answer, grown_size);
        if (grown == NULL)
            return 0;
        transfer->answer = grown;
        transfer->answer_size = grown_size;
    }
    memcpy(transfer->answer + transfer->answer_length, data, length);
    transfer->answer_length += length;
    transfer->answer[transfer->answer_length] = '\0';
    return length;
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    struct tg_transfer *transfer = context;
    char value[64];
    size_t length = size * count;
    if (length > 5 && length - 5 < sizeof value && strncasecmp(data, "date:", 5) == 0) {
        memcpy(value, data + 5, length - 5);
        value[length - 5] = '\0';
        time_t date = curl_getdate(value, NULL);
        transfer->date = date > 0 ? date : 0;
    }
    return length;
}

/* Nothing but https, nothing but where we asked, no proxy out of the environment, TLS 1.3 by our own
 * authorities. */
static bool set_security(CURL *easy, const struct tg_host_config *config)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    bool ok = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK;
#else
    bool ok = curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTPS) == CURLE_OK;
#endif
    ok = ok && curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_file) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
    return ok && curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
}

static bool set_answer(struct tg_transfer *transfer)
{
    bool ok = curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, take_bytes) == CURLE_OK;
    ok = ok && curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK;
    ok = ok && curl_easy_setopt(transfer->easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK;
    ok = ok && curl_easy_setopt(transfer->easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK;
    ok = ok && curl_easy_setopt(transfer->easy, CURLOPT_ERRORBUFFER, transfer->problem) == CURLE_OK;
    return ok && curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer) == CURLE_OK;
}

static bool add_header(struct tg_transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    if (longer == NULL)
        return false;
    transfer->headers = longer;
    return true;
}

static bool set_request(struct tg_transfer *transfer, const struct tg_transfer_wish *wish,
                        const char *authority)
{
    char url[URL_SIZE];
    CURL *easy = transfer->easy;
    (void)snprintf(url, sizeof url, "https://%s%s", authority, wish->target);
    bool ok = curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, wish->timeout_ms) == CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Ending a transfer must not wait for a resolver's thread that waits for a name server. */
    ok = ok && curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
#endif
    ok = ok && curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS) == CURLE_OK;
    if (transfer->body != NULL) {
        ok = ok && curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(transfer->body)) == CURLE_OK;
        ok = ok && curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body) == CURLE_OK;
        ok = ok && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, wish->method) == CURLE_OK;
        ok = ok && add_header(transfer, "Content-Type: application/json") && add_header(transfer, "Expect:");
    }
    return ok && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK;
}

static bool sign(struct tg_agent *agent, struct tg_transfer *transfer, const struct tg_transfer_wish *wish)
{
    struct tg_error error;
    char *value = NULL;
    char *line = NULL;
    bool ok = false;
    struct tg_request request = {.method = wish->method,
                                 .authority = agent->service.authority,
                                 .target = wish->target,
                                 .body = tg_bytes_of_text(transfer->body == NULL ? "" : transfer->body)};
    if (tg_request_sign(&request, agent->signer, agent->now, &value, &error) != 0)
        tg_log(&agent->log, LOG_ERR, "cannot sign a request to the service: %s", error.text);
    else if (asprintf(&line, "Authorization: %s", value) < 0)
        line = NULL;
    else
        ok = add_header(transfer, line);
    free(line);
    free(value);
    return ok;
}

static void transfer_free(struct tg_transfer *transfer)
{
    curl_slist_free_all(transfer->headers);
    curl_easy_cleanup(transfer->easy);
    free(transfer->body);
    free(transfer->answer);
    free(transfer);
}

struct tg_transfer *tg_transfer_start(struct tg_agent *agent, const struct tg_transfer_wish *wish)
{
    struct tg_transfer *transfer = calloc(1, sizeof *transfer);
    if (transfer == NULL) {
        free(wish->body);
        return NULL;
    }
    transfer->body = wish->body;
    transfer->answer_max = wish->answer_max;
    transfer->done = wish->done;
    transfer->context = wish->context;
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL || !sign(agent, transfer, wish) ||
        !set_request(transfer, wish, agent->service.authority) ||
        !set_security(transfer->easy, &agent->config) || !set_answer(transfer) ||
        curl_multi_add_handle(agent->service.multi, transfer->easy) != CURLM_OK) {
        tg_log(&agent->log, LOG_ERR, "cannot start a request to the service: %s %s", wish->method,
               wish->target);
        transfer_free(transfer);
        return NULL;
    }
    transfer->next = agent->service.transfers;
    agent->service.transfers = transfer;
    return transfer;
}

void tg_transfer_cancel(struct tg_agent *agent, struct tg_transfer *transfer)
{
    if (transfer == NULL)
        return;
    struct tg_transfer **link = &agent->service.transfers;
    while (*link != NULL && *link != transfer)
        link = &(*link)->next;
    if (*link != NULL)
        *link = transfer->next;
    (void)curl_multi_remove_handle(agent->service.multi, transfer->easy);
    transfer_free(transfer);
}

void tg_service_finish(struct tg_agent *agent)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(agent->service.multi, &left)) != NULL;) {
        struct tg_transfer *transfer = NULL;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) != CURLE_OK)
            continue;
        transfer->result = message->data.result;
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
        transfer->done(agent, transfer);
        tg_transfer_cancel(agent, transfer);
    }
}

bool tg_transfer_is(const struct tg_transfer *transfer, long status)
{
    return transfer->result == CURLE_OK && transfer->status == status;
}

const char *tg_transfer_problem(const struct tg_transfer *transfer, char *out, size_t size)
{
    if (transfer->result == CURLE_OK)
        (void)snprintf(out, size, "HTTP status %ld", transfer->status);
    else if (transfer->result == CURLE_WRITE_ERROR)
        (void)snprintf(out, size, "the answer is longer than %zu bytes", transfer->answer_max);
    else
        (void)snprintf(out, size, "%s",
                       transfer->problem[0] != '\0' ? transfer->problem
                                                    : curl_easy_strerror(transfer->result));
    return out;
}
