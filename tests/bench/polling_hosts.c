/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Many hosts in one process, for the benchmark: each long-polls the approval service as tegatad does, and
 * acknowledges what it gets with a request of its own, whose answer proves that the acknowledgement is
 * stored. One line for each of those:
 *
 *     HOST REVISION NANOSECONDS      (CLOCK_MONOTONIC)
 *
 * Usage: polling_hosts URL CA-FILE KEY-FILE...   The host of KEY-FILE has the file's name. Ends when standard
 * input does.
 */
#include "lib/request_auth.h"

#include <curl/curl.h>
#include <jansson.h>

#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 1 << 20, TARGET_SIZE = 96, WAIT_SECONDS = 10 };

struct place {
    const char *url;
    const char *authority;
    const char *ca_file;
    CURLM *multi;
};

struct polling_host {
    const char *name;
    struct tg_signer *signer;
    CURL *easy;
    struct curl_slist *headers;
    char *answer;
    size_t length;
    json_int_t revision;
    bool acknowledging;
};

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct polling_host *host = context;
    size_t length = size * count;
    if (length > ANSWER_MAX - host->length)
        return 0;
    memcpy(host->answer + host->length, bytes, length);
    host->length += length;
    return length;
}

static int authorize(const struct place *place, struct polling_host *host, const char *target)
{
    struct tg_request request = {.method = "GET", .authority = place->authority, .target = target};
    struct tg_error error = {0};
    char *value = NULL;
    char *line = NULL;
    if (tg_request_sign(&request, host->signer, time(NULL), &value, &error) != 0 ||
        asprintf(&line, "Authorization: %s", value) < 0) {
        fprintf(stderr, "polling_hosts: %s\n", error.text);
        free(value);
        return -1;
    }
    curl_slist_free_all(host->headers);
    host->headers = curl_slist_append(NULL, line);
    free(line);
    free(value);
    return host->headers == NULL ? -1 : 0;
}

/* Sends the next request of a host. */
static int ask(const struct place *place, struct polling_host *host)
{
    char target[TARGET_SIZE];
    char url[512];
    (void)snprintf(target, sizeof target, "/v1/host/tickets?after=%" JSON_INTEGER_FORMAT "&wait=%d",
                   host->revision, host->acknowledging ? 0 : WAIT_SECONDS);
    (void)snprintf(url, sizeof url, "%s%s", place->url, target);
    host->length = 0;
    if (authorize(place, host, target) != 0)
        return -1;
    bool ok = curl_easy_setopt(host->easy, CURLOPT_URL, url) == CURLE_OK;
    ok = ok && curl_easy_setopt(host->easy, CURLOPT_CAINFO, place->ca_file) == CURLE_OK;
    ok = ok && curl_easy_setopt(host->easy, CURLOPT_HTTPHEADER, host->headers) == CURLE_OK;
    ok = ok && curl_easy_setopt(host->easy, CURLOPT_WRITEFUNCTION, take_bytes) == CURLE_OK;
    ok = ok && curl_easy_setopt(host->easy, CURLOPT_WRITEDATA, host) == CURLE_OK;
    ok = ok && curl_easy_setopt(host->easy, CURLOPT_PRIVATE, host) == CURLE_OK;
    return ok && curl_multi_add_handle(place->multi, host->easy) == CURLM_OK ? 0 : -1;
}

static int read_revision(const struct polling_host *host, json_int_t *revision)
{
    json_t *update = json_loadb(host->answer, host->length, 0, NULL);
    const json_t *value = json_object_get(update, "revision");
    int result = json_is_integer(value) ? 0 : -1;
    *revision = json_integer_value(value);
    json_decref(update);
    return result;
}

static void tell(const struct polling_host *host)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    printf("%s %" JSON_INTEGER_FORMAT " %" PRId64 "\n", host->name, host->revision,
           (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
}

static int answered(const struct place *place, struct polling_host *host, CURLcode result)
{
    long status = 0;
    json_int_t revision = 0;
    (void)curl_easy_getinfo(host->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK || status != 200 || read_revision(host, &revision) != 0) {
        fprintf(stderr, "polling_hosts: %s: %s, status %ld: %.*s\n", host->name, curl_easy_strerror(result),
                status, (int)host->length, host->answer);
        return -1;
    }
    if (host->acknowledging)
        tell(host);
    host->acknowledging = revision != host->revision;
    host->revision = revision;
    (void)curl_multi_remove_handle(place->multi, host->easy);
    return ask(place, host);
}

static int collect(const struct place *place)
{
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(place->multi, &left)) != NULL;) {
        struct polling_host *host = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&host);
        if (answered(place, host, message->data.result) != 0)
            return -1;
    }
    (void)fflush(stdout);
    return 0;
}

static int run(const struct place *place)
{
    struct curl_waitfd input = {.fd = STDIN_FILENO, .events = CURL_WAIT_POLLIN};
    for (;;) {
        int running = 0;
        if (curl_multi_perform(place->multi, &running) != CURLM_OK || collect(place) != 0)
            return -1;
        input.revents = 0;
        if (curl_multi_poll(place->multi, &input, 1, 1000, NULL) != CURLM_OK)
            return -1;
        char byte;
        if (input.revents != 0 && read(STDIN_FILENO, &byte, 1) <= 0)
            return 0;
    }
}

static int start_host(const struct place *place, const char *key_file, struct polling_host *host)
{
    struct tg_error error = {0};
    const char *slash = strrchr(key_file, '/');
    host->name = slash != NULL ? slash + 1 : key_file;
    if (tg_signer_from_file(key_file, &host->signer, &error) != 0) {
        fprintf(stderr, "polling_hosts: %s\n", error.text);
        return -1;
    }
    host->answer = malloc(ANSWER_MAX);
    host->easy = curl_easy_init();
    return host->answer == NULL || host->easy == NULL ? -1 : ask(place, host);
}

static void stop_host(const struct place *place, struct polling_host *host)
{
    if (host->easy != NULL)
        (void)curl_multi_remove_handle(place->multi, host->easy);
    curl_easy_cleanup(host->easy);
    curl_slist_free_all(host->headers);
    tg_signer_free(host->signer);
    free(host->answer);
}

int main(int count, char **words)
{
    if (count < 4) {
        fputs("Usage: polling_hosts URL CA-FILE KEY-FILE...\n", stderr);
        return 2;
    }
    struct place place = {.url = words[1], .ca_file = words[2]};
    const char *scheme_end = strstr(place.url, "://");
    place.authority = scheme_end != NULL ? scheme_end + 3 : place.url;
    size_t hosts = (size_t)count - 3;
    struct polling_host *all = calloc(hosts, sizeof *all);
    int result = all == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ? -1 : 0;
    place.multi = result == 0 ? curl_multi_init() : NULL;
    if (place.multi == NULL)
        result = -1;
    for (size_t i = 0; i < hosts && result == 0; i++)
        result = start_host(&place, words[3 + i], &all[i]);
    if (result == 0)
        result = run(&place);
    for (size_t i = 0; all != NULL && i < hosts; i++)
        stop_host(&place, &all[i]);
    if (place.multi != NULL)
        (void)curl_multi_cleanup(place.multi);
    curl_global_cleanup();
    free(all);
    return result == 0 ? 0 : 1;
}
