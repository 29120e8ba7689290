/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What clients send to the approval service: the first byte chooses what the rest is taken for.
 */
#include "approval_service/body.h"
#include "approval_service/host_event.h"
#include "approval_service/http.h"
#include "approval_service/password.h"

#include "lib/certificate.h"
#include "lib/policy.h"
#include "lib/ticket.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *copy_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

static void try_documents(struct tg_bytes bytes)
{
    struct tg_error error;
    struct tg_ticket *ticket = NULL;
    struct tg_approval *approval = NULL;
    struct tg_policy *policy = NULL;
    (void)tg_ticket_parse(bytes, &ticket, &error);
    (void)tg_approval_parse(bytes, &approval, &error);
    (void)tg_policy_parse(bytes, &policy, &error);
    tg_ticket_free(ticket);
    tg_approval_free(approval);
    tg_policy_free(policy);
}

static void try_text(const char *text)
{
    static const char *const keys[] = {"after", "wait", "role", "ticket", "key", NULL};
    char fingerprint[TG_FINGERPRINT_SIZE] = "";
    char id[TG_TICKET_ID_SIZE] = "";
    struct tg_error error;
    struct tg_host_event event;
    struct tg_certificate *certificate = NULL;
    int64_t number = 0;
    char word[16] = "";
    if (tg_host_event_parse(text, "ops1", &event, &error) == 0)
        tg_host_event_clear(&event);
    (void)tg_password_check(text, &error);
    (void)tg_certificate_parse_line(text, &certificate, &error);
    tg_certificate_free(certificate);
    if (tg_query_check(text, keys, &error) == 0) {
        (void)tg_query_number(text, "after", INT64_MAX, &number, &error);
        (void)tg_query_word(text, "role", word, sizeof word, &error);
        (void)tg_query_ticket(text, "ticket", id, &error);
        (void)tg_query_fingerprint(text, "key", fingerprint, &error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct tg_error error;
    struct tg_bytes rest = tg_bytes_of(data + 1, size - 1);
    unsigned kind = data[0] % (TG_BODY_KINDS + 2);
    if (kind >= 2) {
        json_t *body = NULL;
        (void)tg_body_parse((enum tg_body_kind)(kind - 2), rest, &body, &error);
        json_decref(body);
    } else if (kind == 0) {
        try_documents(rest);
    } else {
        char *text = copy_text(rest.data, rest.length);
        try_text(text);
        free(text);
    }
    return 0;
}
