/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The state directory: files that are whole or set aside, and the chain of events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/events.h"
#include "agent/process_table.h"
#include "agent/sessions.h"
#include "agent/state.h"
#include "lib/canonical_json.h"
#include "tests/unit/temporary.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct tg_log quiet = {.program = "test", .to_stderr = true, .level = LOG_EMERG};

static int make_directory(void **state)
{
    char *directory = malloc(TEMPORARY_SIZE);
    assert_non_null(directory);
    assert_non_null(mkdtemp(temporary_template(directory)));
    *state = directory;
    return 0;
}

static int remove_directory(void **state)
{
    char command[TEMPORARY_SIZE + 16];
    (void)snprintf(command, sizeof command, "rm -rf %s", (char *)*state);
    int status = system(command);
    free(*state);
    return status;
}

static void test_every_flipped_bit_is_noticed(void **state)
{
    char *data;
    size_t length;
    struct tg_error error;
    json_t *object = json_pack("{s:s, s:I}", "name", "value", "number", (json_int_t)7);
    assert_int_equal(tg_state_write(*state, "file", object, &error), 0);
    json_decref(object);
    assert_int_equal(tg_file_read(*state, "file", 4096, &data, &length, &error), 0);
    for (size_t i = 0; i < length * 8; i++) {
        data[i / 8] = (char)(data[i / 8] ^ (1 << i % 8));
        assert_null(tg_state_parse(tg_bytes_of(data, length)));
        data[i / 8] = (char)(data[i / 8] ^ (1 << i % 8));
    }
    for (size_t i = 0; i < length; i++)
        assert_null(tg_state_parse(tg_bytes_of(data, i)));
    object = tg_state_parse(tg_bytes_of(data, length));
    assert_non_null(object);
    json_decref(object);
    free(data);
}

static void test_a_damaged_file_is_set_aside(void **state)
{
    struct tg_error error;
    json_t *object;
    char *data;
    size_t length;
    assert_int_equal(tg_state_read(*state, "none", 5, &object, &error), 0);
    assert_null(object);
    assert_int_equal(tg_file_replace(*state, "bad", tg_bytes_of_text("tegata-state 1 00\n{}"), &error), 0);
    assert_int_equal(tg_state_read(*state, "bad", 5, &object, &error), -1);
    assert_null(object);
    assert_int_equal(tg_file_read(*state, "bad", 4096, &data, &length, &error), 1);
    assert_int_equal(tg_file_read(*state, "bad.damaged-5", 4096, &data, &length, &error), 0);
    free(data);
}

static void add(struct tg_events *events, const char *kind)
{
    assert_true(tg_events_add(
        events, &(struct tg_event){.kind = kind, .account = "a\nb", .code = TG_ticket_none}, 1));
}

static void test_events_survive_a_restart(void **state)
{
    struct tg_events events;
    struct tg_error error;
    char second[TG_DIGEST_SIZE];
    assert_int_equal(tg_events_open(&events, *state, "ops1", &quiet, 1, &error), 0);
    assert_null(tg_events_batch(&events));
    add(&events, "started");
    add(&events, "login_refused");
    assert_null(tg_events_batch(&events)); /* nothing leaves that is not on disk */
    assert_true(tg_events_flush(&events));
    memcpy(second, events.lines[1].digest, sizeof second);
    assert_true(tg_events_acknowledge(&events, 1, events.lines[0].digest, 1));
    assert_int_equal(events.count, 1);
    tg_events_close(&events);

    assert_int_equal(tg_events_open(&events, *state, "ops1", &quiet, 1, &error), 0);
    assert_int_equal(events.count, 1);
    assert_int_equal(events.next, 3);
    add(&events, "stopped");
    assert_non_null(strstr(events.lines[1].text, second));
    assert_non_null(strstr(events.lines[1].text, "\"number\":3"));
    assert_non_null(strstr(events.lines[0].text, "a\\\\x0ab"));
    assert_true(tg_events_flush(&events));
    char *batch = tg_events_batch(&events);
    assert_non_null(strstr(batch, "stopped"));
    free(batch);
    tg_events_close(&events);
}

static void test_a_torn_event_is_dropped_and_a_damaged_file_set_aside(void **state)
{
    struct tg_events events;
    struct tg_error error;
    char *data;
    size_t length;
    assert_int_equal(tg_events_open(&events, *state, "ops1", &quiet, 1, &error), 0);
    add(&events, "started");
    add(&events, "stopped");
    assert_true(tg_events_flush(&events));
    tg_events_close(&events);
    assert_int_equal(tg_file_read(*state, "events", 1 << 20, &data, &length, &error), 0);
    assert_int_equal(tg_file_replace(*state, "events", tg_bytes_of(data, length - 5), &error), 0);
    assert_int_equal(tg_events_open(&events, *state, "ops1", &quiet, 1, &error), 0);
    assert_int_equal(events.count, 1);
    tg_events_close(&events);
    data[length - 10] = (char)(data[length - 10] ^ 1);
    assert_int_equal(tg_file_replace(*state, "events", tg_bytes_of(data, length), &error), 0);
    free(data);
    assert_int_equal(tg_events_open(&events, *state, "ops1", &quiet, 9, &error), 0);
    assert_int_equal(events.count, 0);
    assert_int_equal(events.next, 1);
    tg_events_close(&events);
    assert_int_equal(tg_file_read(*state, "events.damaged-9", 1 << 20, &data, &length, &error), 0);
    free(data);
}

static const char theirs[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/* A lost journal: the service knows more than we do, and the chain goes on behind it. */
static void test_a_lost_journal_goes_on_behind_the_service(void **state)
{
    struct tg_events events;
    struct tg_error error;
    assert_int_equal(tg_events_open(&events, *state, "ops1", &quiet, 1, &error), 0);
    add(&events, "started");
    add(&events, "stopped");
    assert_true(tg_events_flush(&events));
    for (int again = 0; again < 2; again++) {
        assert_false(tg_events_acknowledge(&events, 40 + (uint64_t)again, theirs, 1));
        assert_int_equal(events.count, 3); /* it says so, once */
        assert_int_equal(events.next, 44 + again);
    }
    assert_non_null(strstr(events.lines[0].text, theirs));
    assert_non_null(strstr(events.lines[1].text, events.lines[0].digest));
    assert_non_null(strstr(events.lines[2].text, "\"kind\":\"chain_restarted\""));
    tg_events_close(&events);

    assert_int_equal(tg_events_open(&events, *state, "ops1", &quiet, 1, &error), 0);
    assert_int_equal(events.count, 3);
    assert_true(tg_events_acknowledge(&events, 41, theirs, 1));
    assert_int_equal(events.count, 3);
    char last[TG_DIGEST_SIZE];
    memcpy(last, events.lines[2].digest, sizeof last);
    assert_true(tg_events_acknowledge(&events, 44, last, 1));
    assert_int_equal(events.count, 0);
    assert_true(tg_events_acknowledge(&events, 44, last, 1));
    tg_events_close(&events);
}

/* A database that was put back: the service knows less than it had acknowledged. */
static void test_a_service_that_forgot_is_followed(void **state)
{
    struct tg_events events;
    struct tg_error error;
    assert_int_equal(tg_events_open(&events, *state, "ops1", &quiet, 1, &error), 0);
    for (int i = 0; i < 3; i++)
        add(&events, "started");
    assert_true(tg_events_flush(&events));
    assert_true(tg_events_acknowledge(&events, 2, events.lines[1].digest, 1));
    assert_false(tg_events_acknowledge(&events, 1, theirs, 1));
    assert_int_equal(events.count, 2);
    assert_non_null(strstr(events.lines[0].text, "\"number\":2"));
    assert_non_null(strstr(events.lines[0].text, theirs));
    tg_events_close(&events);
}

/* Whatever the service claims, the journal stays one that can be read again. */
static void test_nonsense_from_the_service_changes_no_event(void **state)
{
    struct tg_events events;
    struct tg_error error;
    char wrong[] = "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    assert_int_equal(tg_events_open(&events, *state, "ops1", &quiet, 1, &error), 0);
    add(&events, "started");
    assert_true(tg_events_flush(&events));
    assert_false(tg_events_acknowledge(&events, UINT64_MAX, theirs, 1));
    assert_false(tg_events_acknowledge(&events, (uint64_t)TG_INTEGER_MAX / 2, theirs, 1));
    assert_false(tg_events_acknowledge(&events, 40, wrong, 1));
    assert_false(tg_events_acknowledge(&events, 40, "", 1));
    assert_int_equal(events.count, 1);
    assert_int_equal(events.next, 2);
    assert_false(tg_events_acknowledge(&events, (uint64_t)TG_INTEGER_MAX / 2 - 1, theirs, 1));
    tg_events_close(&events);
    assert_int_equal(tg_events_open(&events, *state, "ops1", &quiet, 1, &error), 0);
    assert_int_equal(events.count, 2);
    /* Nor when it goes on from there. */
    add(&events, "started");
    assert_true(tg_events_flush(&events));
    assert_true(tg_events_acknowledge(&events, (uint64_t)TG_INTEGER_MAX / 2 + 1, events.lines[1].digest, 1));
    tg_events_close(&events);
    assert_int_equal(tg_events_open(&events, *state, "ops1", &quiet, 1, &error), 0);
    assert_int_equal(events.count, 1);
    assert_int_equal(events.next, (uint64_t)TG_INTEGER_MAX / 2 + 3);
    tg_events_close(&events);
}

static void test_the_event_queue_is_bounded(void **state)
{
    struct tg_events events;
    struct tg_error error;
    const struct tg_event refusal = {.kind = "login_refused"};
    const struct tg_event session = {.kind = "session_opened"};
    assert_int_equal(tg_events_open(&events, *state, "ops1", &quiet, 1, &error), 0);
    while (tg_events_add(&events, &refusal, 1))
        assert_true(events.count < TG_EVENTS_MAX);
    assert_int_equal(events.count, TG_EVENTS_MAX - TG_EVENTS_RESERVED);
    assert_int_equal(events.dropped, 1);
    assert_true(tg_events_have_room(&events));
    /* Refusals can be had for nothing, whatever kind they are of. */
    assert_false(tg_events_add(&events, &(struct tg_event){.kind = "session_refused"}, 1));
    while (tg_events_add(&events, &session, 1))
        assert_true(events.count <= TG_EVENTS_MAX);
    assert_false(tg_events_have_room(&events));
    tg_events_close(&events);
}

static struct tg_session sample_session(void)
{
    struct tg_session session = {.pidfd = -1,
                                 .audit_id = 7,
                                 .cgroup = "/user.slice/session-7.scope",
                                 .ticket = "T-0000000000000",
                                 .carrier = "T-1111111111111",
                                 .account = "alice",
                                 .person = "alice",
                                 .uid = 20001,
                                 .source = "192.0.2.1",
                                 .opened = 5,
                                 .ends = 100,
                                 .limit = 200,
                                 .warned = 2,
                                 .counted = true,
                                 .ending = {.reason = TG_ticket_revoked, .detail = "by bob"}};
    assert_int_equal(tg_process_read("/proc", getpid(), &session.monitor, NULL), 0);
    assert_true(tg_session_new_id(session.id));
    assert_int_equal(strlen(session.id), TG_SESSION_ID_SIZE - 1);
    return session;
}

static void test_a_session_comes_back_as_it_was(void **state)
{
    (void)state;
    struct tg_session again;
    const struct tg_session session = sample_session();
    json_t *saved = tg_session_to_json(&session, "boot");
    assert_true(tg_session_from_json(&again, saved, "/proc", "boot"));
    assert_true(again.pidfd >= 0);
    assert_string_equal(again.id, session.id);
    assert_string_equal(again.ticket, session.ticket);
    assert_string_equal(again.carrier, session.carrier);
    assert_string_equal(again.cgroup, session.cgroup);
    assert_string_equal(again.source, session.source);
    assert_int_equal(again.audit_id, 7);
    assert_int_equal(again.uid, 20001);
    assert_int_equal(again.ends, 100);
    assert_int_equal(again.limit, 200);
    assert_int_equal(again.warned, 2);
    assert_true(again.counted);
    assert_int_equal(again.ending.reason, TG_ticket_revoked);
    assert_string_equal(again.ending.detail, "by bob");
    assert_null(again.certificate);
    tg_session_clear(&again);
    json_decref(saved);
}

/* Another boot: the same numbers are other processes. */
static void test_nothing_is_left_of_a_session_of_another_boot(void **state)
{
    (void)state;
    struct tg_session again;
    const struct tg_session session = sample_session();
    json_t *saved = tg_session_to_json(&session, "boot");
    assert_true(tg_session_from_json(&again, saved, "/proc", "other boot"));
    assert_true(again.pidfd < 0);
    assert_int_equal(again.monitor.pid, 0);
    assert_true(again.audit_id == TG_AUDIT_UNSET);
    assert_string_equal(again.cgroup, "");
    assert_true(again.counted);
    tg_session_clear(&again);
    json_decref(saved);
}

static void test_a_session_that_lacks_anything_is_refused(void **state)
{
    (void)state;
    struct tg_session again;
    const struct tg_session session = sample_session();
    json_t *saved = tg_session_to_json(&session, "boot");
    const char *key;
    json_t *value;
    json_object_foreach(saved, key, value)
    {
        json_t *less = json_copy(saved);
        assert_int_equal(json_object_del(less, key), 0);
        bool fine = tg_session_from_json(&again, less, "/proc", "boot");
        /* Without its certificate it is known, and has no right. */
        assert_int_equal(fine, strcmp(key, "certificate") == 0);
        tg_session_clear(&again);
        json_decref(less);
    }
    assert_int_equal(json_object_size(saved), 21);
    json_decref(saved);
}

static void test_sessions_are_found_by_audit_id(void **state)
{
    (void)state;
    struct tg_sessions sessions = {0};
    struct tg_session session = sample_session();
    assert_non_null(tg_sessions_add(&sessions, &session));
    assert_non_null(tg_sessions_find_audit(&sessions, 7));
    assert_null(tg_sessions_find_audit(&sessions, 8));
    sessions.list[0].ended = 9;
    assert_null(tg_sessions_find_audit(&sessions, 7));
    sessions.list[0].ended = 0;
    sessions.list[0].audit_id = TG_AUDIT_UNSET;
    assert_null(tg_sessions_find_audit(&sessions, TG_AUDIT_UNSET));
    tg_sessions_free(&sessions);
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(test_every_flipped_bit_is_noticed),
        IN_DIRECTORY(test_a_damaged_file_is_set_aside),
        IN_DIRECTORY(test_events_survive_a_restart),
        IN_DIRECTORY(test_a_torn_event_is_dropped_and_a_damaged_file_set_aside),
        IN_DIRECTORY(test_a_lost_journal_goes_on_behind_the_service),
        IN_DIRECTORY(test_a_service_that_forgot_is_followed),
        IN_DIRECTORY(test_nonsense_from_the_service_changes_no_event),
        IN_DIRECTORY(test_the_event_queue_is_bounded),
        cmocka_unit_test(test_a_session_comes_back_as_it_was),
        cmocka_unit_test(test_nothing_is_left_of_a_session_of_another_boot),
        cmocka_unit_test(test_a_session_that_lacks_anything_is_refused),
        cmocka_unit_test(test_sessions_are_found_by_audit_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
