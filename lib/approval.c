/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ticket.h"

#include "lib/canonical_json.h"
#include "lib/schema.h"

#include <stdlib.h>
#include <string.h>

static bool is_decision(const char *text)
{
    return strcmp(text, "approve") == 0;
}

static const struct tg_form form_decision = {is_decision, "approve"};

#define AT(member) offsetof(struct tg_approval, member)

static const struct tg_field fields[] = {
    {"v", TG_FIELD_NUMBER, 1, 1, .offset = TG_FIELD_UNSTORED},
    {"ticket", TG_FIELD_CHARS, TG_DIGEST_SIZE - 1, TG_DIGEST_SIZE - 1, .offset = AT(ticket),
     .form = &tg_form_digest},
    {"approver", TG_FIELD_TEXT, 1, 32, .offset = AT(approver), .form = &tg_form_name},
    {"at", TG_FIELD_TIME, 0, TG_INTEGER_MAX, .offset = AT(at)},
    {"decision", TG_FIELD_TEXT, 1, 32, .offset = TG_FIELD_UNSTORED, .form = &form_decision},
    {"seconds", TG_FIELD_NUMBER, 0, 86400, .offset = AT(seconds)},
};
static const struct tg_schema schema = TG_SCHEMA(fields);

int tg_approval_parse(struct tg_bytes document, struct tg_approval **out, struct tg_error *error)
{
    json_t *root;
    struct tg_reading reading = {.reason = TG_approval_malformed, .error = error, .where = "approval"};
    *out = NULL;
    if (tg_canonical_json_parse(document, "approval", TG_TICKET_MAX, TG_approval_malformed, &root, error) !=
        0)
        return -1;
    struct tg_approval *approval = calloc(1, sizeof *approval);
    if (approval != NULL)
        approval->storage = reading.storage = tg_storage_new(document, &approval->document);
    if (reading.storage == NULL) {
        json_decref(root);
        tg_approval_free(approval);
        return tg_fail(error, TG_approval_malformed, "approval: no memory");
    }
    tg_storage_keep(reading.storage, root);
    if (tg_schema_read(&reading, &schema, root, approval) != 0) {
        tg_approval_free(approval);
        return -1;
    }
    *out = approval;
    return 0;
}

void tg_approval_free(struct tg_approval *approval)
{
    if (approval == NULL)
        return;
    tg_storage_free(approval->storage);
    free(approval);
}

int tg_approval_compose(const struct tg_ticket *ticket, const char *approver, int64_t at, uint32_t seconds,
                        char **document, size_t *length)
{
    *document = NULL;
    *length = 0;
    json_t *object =
        json_pack("{s:i, s:s, s:s, s:I, s:s, s:I}", "v", 1, "ticket", ticket->digest, "approver", approver,
                  "at", (json_int_t)at, "decision", "approve", "seconds", (json_int_t)seconds);
    if (object == NULL)
        return -1;
    int result = tg_canonical_json_write(object, document, length);
    json_decref(object);
    return result;
}
