/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata login --web: the password and the touch happen on the approval page; the certificate is fetched from
 * here, by requests that the login key signs.
 */
#include "cli/login.h"

#include "cli/follow.h"
#include "cli/run.h"
#include "cli/signing_key.h"
#include "lib/base64.h"
#include "lib/code_words.h"
#include "lib/digest.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_PATIENCE_SECONDS = 600, WAIT_SECONDS = 25 };

/* Is this the origin of one of the person's keys in the verified policy? Where the service says that its page
 * is counts for nothing else: nobody is sent to a look-alike. */
static bool is_known_origin(const struct tg_person *person, const char *origin)
{
    for (size_t i = 0; i < person->key_count; i++) {
        if (person->keys[i].origin != NULL && strcmp(person->keys[i].origin, origin) == 0)
            return true;
    }
    return false;
}

/* "ORIGIN/#certificate=KEY&seconds=N", KEY being the line "TYPE BASE64" in base64url; malloc'ed. */
static char *compose_url(const char *origin, const struct tg_public_key *key, uint32_t seconds)
{
    char *line = tg_public_key_line(key);
    size_t size = line != NULL ? tg_base64_encoded_size(strlen(line)) : 0;
    char *encoded = line != NULL ? malloc(size) : NULL;
    char *url = NULL;
    if (encoded != NULL && tg_base64_encode(TG_BASE64URL, tg_bytes_of_text(line), encoded, size) &&
        asprintf(&url, "%s/#certificate=%s&seconds=%" PRIu32, origin, encoded, seconds) < 0)
        url = NULL;
    free(encoded);
    free(line);
    return url;
}

/* Where the page is. On 0, *url is malloc'ed. */
static int page_url(struct tg_cli *cli, struct tg_link *link, const struct tg_login_wish *wish,
                    const struct tg_public_key *key, char **url, struct tg_problem *problem)
{
    json_t *answer = NULL;
    struct tg_call call = {.method = "GET", .target = "/v1/page"};
    *url = NULL;
    if (tg_client_call(link->client, &call, &answer, problem) != 0)
        return -1;
    const char *origin = json_string_value(json_object_get(answer, "origin"));
    const struct tg_person *person = tg_policy_person(link->trusted.policy, cli->config.name);
    int result = -1;
    if (origin == NULL || !is_known_origin(person, origin))
        (void)tg_problem_set(problem, TG_web_key_unknown, "no key of %s is one for %s", person->name,
                             origin != NULL ? origin : "a page");
    else if ((*url = compose_url(origin, key, wish->seconds)) == NULL)
        (void)tg_problem_set(problem, TG_internal_error, "out of memory");
    else
        result = 0;
    json_decref(answer);
    return result;
}

/* Asks once for the newest certificate of the key that was issued after *after. On 0, *line is malloc'ed, or
 * NULL if there is none yet. */
static int ask(struct tg_link *link, const struct tg_public_key *key, long wait, json_int_t *after,
               char **line, struct tg_problem *problem)
{
    char target[256];
    json_t *answer = NULL;
    char *fingerprint = curl_easy_escape(NULL, key->fingerprint, 0);
    *line = NULL;
    (void)snprintf(target, sizeof target, "/v1/certificates?key=%s&after=%" JSON_INTEGER_FORMAT "&wait=%ld",
                   fingerprint != NULL ? fingerprint : "", *after, wait);
    curl_free(fingerprint);
    struct tg_call call = {
        .method = "GET", .target = target, .credential = TG_CREDENTIAL_PERSON, .wait = wait};
    if (tg_client_call(link->client, &call, &answer, problem) != 0)
        return -1;
    const json_t *newest = json_array_get(json_object_get(answer, "certificates"), 0);
    const char *certificate = json_string_value(json_object_get(newest, "certificate"));
    json_int_t issued = json_integer_value(json_object_get(newest, "issued"));
    int result = 0;
    if (certificate != NULL && issued > *after) {
        *after = issued;
        *line = strdup(certificate);
        if (*line == NULL)
            result = tg_problem_set(problem, TG_internal_error, "out of memory");
    }
    json_decref(answer);
    return result;
}

static int wait_for_certificate(struct tg_link *link, const struct tg_public_key *key, json_int_t after,
                                char **line, struct tg_problem *problem)
{
    int64_t last_answer = tg_monotonic_seconds();
    int64_t end = last_answer + PAGE_PATIENCE_SECONDS;
    while (tg_monotonic_seconds() < end) {
        if (ask(link, key, WAIT_SECONDS, &after, line, problem) != 0) {
            if (!tg_follow_again(last_answer, problem))
                return -1;
            continue;
        }
        last_answer = tg_monotonic_seconds();
        if (*line != NULL)
            return 0;
    }
    (void)tg_problem_set(problem, TG_security_key_timeout,
                         "no certificate was made on the page within %d minutes", PAGE_PATIENCE_SECONDS / 60);
    problem->exit_status = TG_EXIT_TIMED_OUT;
    return -1;
}

/* The page shows the same six words: whoever sees others there has followed somebody else's link. */
static void tell_page(struct tg_cli *cli, const struct tg_public_key *key, const char *url)
{
    char digest[TG_DIGEST_SIZE];
    char words[TG_CODE_WORDS_SIZE];
    tg_line(&cli->err, "Sign in and touch your key on this page, if it shows the words %s:",
            tg_digest(key->blob, digest) ? tg_code_words(digest, words) : "");
    tg_line(&cli->err, "  %s", url);
}

int tg_login_on_page(struct tg_cli *cli, struct tg_link *link, const struct tg_login_wish *wish,
                     const struct tg_public_key *key, char **line, struct tg_problem *problem)
{
    char *url = NULL;
    char *before = NULL;
    json_int_t after = 0;
    int result = -1;
    *line = NULL;
    if (page_url(cli, link, wish, key, &url, problem) != 0 ||
        ask(link, key, 0, &after, &before, problem) != 0)
        goto out;
    tell_page(cli, key, url);
    if (wish->open) {
        const char *const arguments[] = {"xdg-open", url, NULL};
        struct tg_error error = {0};
        if (tg_run(arguments, &error) != 0)
            tg_line(&cli->err, "It does not open by itself: %s", error.text);
    }
    result = wait_for_certificate(link, key, after, line, problem);
out:
    free(before);
    free(url);
    return result;
}
