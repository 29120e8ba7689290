/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The files of the state directory, and /proc/PID/stat.
 */
#include "agent/events.h"
#include "agent/marks.h"
#include "agent/process.h"
#include "agent/roster_publish.h"
#include "agent/sessions.h"
#include "agent/state.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The content behind the sum, which a fuzzer cannot guess. */
static void load_object(const char *text, size_t size)
{
    struct tg_session session;
    struct tg_accounts accounts = {0};
    struct tg_marks marks = {0};
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    (void)tg_session_from_json(&session, object, "/nonexistent", "boot");
    (void)tg_accounts_from_json(&accounts, object);
    (void)tg_marks_from_json(&marks, json_object_get(object, "marks"));
    tg_marks_free(&marks);
    tg_session_clear(&session);
    tg_accounts_free(&accounts);
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_events events = {.fd = -1, .next = 1};
    struct tg_process_stat stat;
    char *copy = malloc(size + 1);
    if (copy == NULL)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    json_decref(tg_state_parse(tg_bytes_of(data, size)));
    load_object(copy, size);
    (void)tg_process_parse_stat(copy, &stat);
    (void)tg_events_parse(&events, copy, size);
    tg_events_close(&events);
    free(copy);
    return 0;
}
