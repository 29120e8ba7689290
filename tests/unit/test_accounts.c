/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What accounts rest on: the store's part, passwords, waiting after failures, the workers, and headers.
 */
#include "approval_service/backoff.h"
#include "approval_service/headers.h"
#include "approval_service/password.h"
#include "approval_service/store_accounts.h"
#include "approval_service/workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <unistd.h>

struct fixture {
    struct tg_store *store;
    struct tg_error error;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    *state = fixture;
    return tg_store_open(":memory:", &fixture->store, &fixture->error);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    tg_store_close(fixture->store);
    free(fixture);
    return 0;
}

#define refused(fixture, call, why)                                                                          \
    do {                                                                                                     \
        assert_int_equal(call, -1);                                                                          \
        assert_int_equal((fixture)->error.reason, why);                                                      \
    } while (0)

static void an_invitation_is_used_once(void **state)
{
    struct fixture *fixture = *state;
    struct tg_store *store = fixture->store;
    struct tg_error *error = &fixture->error;
    char *text = NULL;
    assert_int_equal(tg_store_invitation_add(store, "first", "bob", 100, error), 0);
    assert_int_equal(tg_store_invitation_add(store, "second", "bob", 100, error), 0);
    refused(fixture, tg_store_invitation(store, "first", 50, &text, error), TG_invitation_invalid);
    refused(fixture, tg_store_invitation(store, "second", 100, &text, error), TG_invitation_invalid);
    refused(fixture, tg_store_invitation_redeem(store, "second", "bob", "hash", 100, error),
            TG_invitation_invalid);
    refused(fixture, tg_store_invitation_redeem(store, "second", "carol", "hash", 50, error),
            TG_invitation_invalid);
    assert_int_equal(tg_store_password(store, "bob", &text, error), 0);
    assert_null(text);
    assert_int_equal(tg_store_invitation_redeem(store, "second", "bob", "hash", 50, error), 0);
    refused(fixture, tg_store_invitation_redeem(store, "second", "bob", "other", 50, error),
            TG_invitation_invalid);
    assert_int_equal(tg_store_password(store, "bob", &text, error), 0);
    assert_string_equal(text, "hash");
    free(text);
}

static void a_password_change_ends_what_was_opened_by_the_old_one(void **state)
{
    struct fixture *fixture = *state;
    struct tg_store *store = fixture->store;
    struct tg_error *error = &fixture->error;
    struct tg_stored_token token;
    assert_int_equal(tg_store_invitation_add(store, "i", "bob", 100, error), 0);
    assert_int_equal(tg_store_invitation_redeem(store, "i", "bob", "one", 1, error), 0);
    assert_int_equal(tg_store_token_add(store, "kept", "bob", "k", TG_TOKEN_WEB, 100, 1, error), 0);
    assert_int_equal(tg_store_token_add(store, "web", "bob", "k", TG_TOKEN_WEB, 100, 1, error), 0);
    assert_int_equal(tg_store_token_add(store, "new", "bob", "", TG_TOKEN_ENROLMENT, 100, 1, error), 0);
    assert_int_equal(tg_store_token_add(store, "cli", "bob", "k", TG_TOKEN_REQUEST, 100, 1, error), 0);
    assert_int_equal(tg_store_token_add(store, "hers", "carol", "k", TG_TOKEN_WEB, 100, 1, error), 0);
    assert_int_equal(tg_store_person_nonce_add(store, TG_NONCE_SIGN_IN, "n", "bob", 100, 1, error), 0);
    refused(fixture, tg_store_password_change(store, "bob", "wrong", "two", "kept", 2, error),
            TG_sign_in_failed);
    assert_int_equal(tg_store_token(store, "web", 2, &token, error), 0);
    tg_stored_token_clear(&token);
    assert_int_equal(tg_store_password_change(store, "bob", "one", "two", "kept", 2, error), 0);
    static const char *const gone[] = {"web", "new"};
    static const char *const there[] = {"kept", "cli", "hers"};
    for (size_t i = 0; i < 2; i++)
        refused(fixture, tg_store_token(store, gone[i], 2, &token, error), TG_token_invalid);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(tg_store_token(store, there[i], 2, &token, error), 0);
        tg_stored_token_clear(&token);
    }
    refused(fixture, tg_store_person_nonce_use(store, TG_NONCE_SIGN_IN, "n", "bob", 2, error),
            TG_nonce_invalid);
}

static void a_nonce_has_one_person_one_purpose_and_one_use(void **state)
{
    struct fixture *fixture = *state;
    struct tg_store *store = fixture->store;
    struct tg_error *error = &fixture->error;
    assert_int_equal(tg_store_person_nonce_add(store, TG_NONCE_SIGN_IN, "n", "bob", 100, 1, error), 0);
    refused(fixture, tg_store_person_nonce_use(store, TG_NONCE_SIGN_IN, "n", "carol", 2, error),
            TG_nonce_invalid);
    refused(fixture, tg_store_person_nonce_use(store, TG_NONCE_ENROLMENT, "n", "bob", 2, error),
            TG_nonce_invalid);
    refused(fixture, tg_store_person_nonce_use(store, TG_NONCE_SIGN_IN, "n", "bob", 100, error),
            TG_nonce_invalid);
    assert_int_equal(tg_store_person_nonce_use(store, TG_NONCE_SIGN_IN, "n", "bob", 99, error), 0);
    refused(fixture, tg_store_person_nonce_use(store, TG_NONCE_SIGN_IN, "n", "bob", 99, error),
            TG_nonce_invalid);
}

static int count(void *context, const struct tg_stored_credential *credential)
{
    (void)credential;
    ++*(int *)context;
    return 0;
}

static void a_person_has_only_so_many_keys(void **state)
{
    struct fixture *fixture = *state;
    char fingerprint[16];
    struct tg_stored_credential credential = {.person = "bob",
                                              .fingerprint = fingerprint,
                                              .key = "k",
                                              .credential = "",
                                              .kind = "ssh",
                                              .device = "",
                                              .label = ""};
    for (int i = 0; i < TG_CREDENTIALS_MAX; i++) {
        (void)snprintf(fingerprint, sizeof fingerprint, "%d", i);
        assert_int_equal(tg_store_credential_add(fixture->store, &credential, &fixture->error), 0);
    }
    assert_int_equal(tg_store_credential_add(fixture->store, &credential, &fixture->error), 0); /* again */
    (void)snprintf(fingerprint, sizeof fingerprint, "one more");
    refused(fixture, tg_store_credential_add(fixture->store, &credential, &fixture->error), TG_request_rate);
    int found = 0;
    assert_int_equal(tg_store_credentials(fixture->store, "bob", count, &found, &fixture->error), 0);
    assert_int_equal(found, TG_CREDENTIALS_MAX);
}

static void passwords(void **state)
{
    (void)state;
    char setting[TG_PASSWORD_HASH_SIZE];
    char other[TG_PASSWORD_HASH_SIZE];
    char hash[TG_PASSWORD_HASH_SIZE];
    char again[TG_PASSWORD_HASH_SIZE];
    struct tg_error error = {0};
    assert_int_equal(tg_password_check("twelve chars", &error), 0);
    assert_int_equal(tg_password_check("eleven char", &error), -1);
    assert_int_equal(tg_password_check("with \x7f control", &error), -1);
    assert_int_equal(tg_password_check("with \xc2\x85 control", &error), -1);
    assert_int_equal(tg_password_setting(1, setting, &error), 0);
    assert_int_equal(tg_password_setting(2, other, &error), 0);
    assert_int_equal(tg_password_hash("twelve chars", setting, hash, &error), 0);
    assert_int_equal(tg_password_hash("twelve chars", hash, again, &error), 0);
    assert_true(tg_password_same(again, hash));
    assert_int_equal(tg_password_hash("twelve charz", hash, again, &error), 0);
    assert_false(tg_password_same(again, hash));
    assert_false(tg_password_same("", ""));
    assert_false(tg_password_same(hash, setting));
    assert_true(tg_password_has_cost(hash, setting));
    assert_false(tg_password_has_cost(hash, other));
    assert_int_equal(tg_password_hash("twelve chars", "nonsense", again, &error), -1);
}

static void failures_wait_longer_and_longer(void **state)
{
    (void)state;
    struct tg_backoff *backoff = calloc(1, sizeof *backoff);
    int64_t now = 1000;
    for (int i = 0; i < TG_BACKOFF_FREE; i++)
        assert_int_equal(tg_backoff_attempt(backoff, "bob", "192.0.2.1", now), 0);
    static const int64_t seconds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        assert_int_equal(tg_backoff_attempt(backoff, "bob", "192.0.2.1", now), seconds[i] * 1000);
        now += seconds[i] * 1000;
        assert_int_equal(tg_backoff_attempt(backoff, "bob", "192.0.2.1", now - 1), 1);
        assert_int_equal(tg_backoff_attempt(backoff, "bob", "192.0.2.1", now), 0);
    }
    assert_int_equal(tg_backoff_attempt(backoff, "bob", "198.51.100.1", now), 0); /* from home */
    assert_int_equal(tg_backoff_attempt(backoff, "carol", "192.0.2.1", now), 0);
    tg_backoff_succeeded(backoff, "bob", "192.0.2.1");
    assert_int_equal(tg_backoff_attempt(backoff, "bob", "192.0.2.1", now), 0);
    free(backoff);
}

static void many_names_do_not_drive_a_guesser_out_of_the_table(void **state)
{
    (void)state;
    struct tg_backoff *backoff = calloc(1, sizeof *backoff);
    char name[32];
    for (int i = 0; i < TG_BACKOFF_FREE; i++)
        assert_int_equal(tg_backoff_attempt(backoff, "bob", "192.0.2.1", 1000), 0);
    for (int i = 0; i < 20 * TG_BACKOFF_SETS * TG_BACKOFF_WAYS; i++) {
        (void)snprintf(name, sizeof name, "x%d", i);
        (void)tg_backoff_attempt(backoff, name, "192.0.2.1", 1000);
    }
    assert_int_equal(tg_backoff_attempt(backoff, "bob", "192.0.2.1", 1000), 1000);
    free(backoff);
}

static void networks(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"192.0.2.7", "192.0.2.7"},
                                           {"::ffff:192.0.2.7", "192.0.2.7"},
                                           {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
                                           {"fe80::1%eth0", "fe80::"},
                                           {"unknown", "unknown"}};
    char network[TG_NETWORK_SIZE];
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        tg_network_of(pairs[i][0], network);
        assert_string_equal(network, pairs[i][1]);
    }
    tg_site_of("2001:db8:1:2:3:4:5:6", network);
    assert_string_equal(network, "2001:db8:1::");
    tg_site_of("192.0.2.7", network);
    assert_string_equal(network, "192.0.2.7");
}

struct test_job {
    struct tg_job job;
    int gate; /* `run` reads a byte from it first */
};

static void run_job(struct tg_job *base)
{
    char byte;
    (void)!read(((struct test_job *)base)->gate, &byte, 1);
}

static int released;

static void release_job(struct tg_job *base)
{
    released++;
    free(base);
}

static struct tg_job *submit(struct tg_workers *workers, const char *network, int gate)
{
    struct test_job *job = calloc(1, sizeof *job);
    job->job.run = run_job;
    job->job.release = release_job;
    job->gate = gate;
    (void)snprintf(job->job.network, sizeof job->job.network, "%s", network);
    tg_workers_submit(workers, &job->job);
    return &job->job;
}

static void take_done(void *context, struct tg_job *job)
{
    (void)job;
    ++*(int *)context;
}

static void workers_have_room_for_every_network(void **state)
{
    (void)state;
    struct tg_workers *workers = NULL;
    struct tg_error error = {0};
    struct tg_job *jobs[TG_JOBS_PER_NETWORK_MAX + 1];
    int gate[2];
    int done = 0;
    released = 0;
    assert_int_equal(pipe(gate), 0);
    assert_int_equal(tg_workers_start(1, &workers, &error), 0);
    for (int i = 0; i < TG_JOBS_PER_NETWORK_MAX; i++) {
        assert_int_equal(tg_workers_room(workers, "192.0.2.1", &error), 0);
        jobs[i] = submit(workers, "192.0.2.1", gate[0]);
    }
    assert_int_equal(tg_workers_room(workers, "192.0.2.1", &error), -1);
    assert_int_equal(error.reason, TG_service_busy);
    assert_int_equal(tg_workers_room(workers, "192.0.2.2", &error), 0);
    jobs[TG_JOBS_PER_NETWORK_MAX] = submit(workers, "192.0.2.2", gate[0]);
    tg_job_abandon(jobs[0]); /* it runs or waits: it is released when it comes back */
    assert_int_equal(released, 0);
    assert_int_equal(write(gate[1], "12345", 5), 5);
    struct pollfd poller = {.fd = tg_workers_descriptor(workers), .events = POLLIN};
    while (done + released < TG_JOBS_PER_NETWORK_MAX + 1) {
        assert_int_equal(poll(&poller, 1, 10000), 1);
        tg_workers_collect(workers, take_done, &done);
    }
    assert_int_equal(released, 1);
    assert_int_equal(tg_workers_room(workers, "192.0.2.1", &error), 0);
    for (int i = 1; i <= TG_JOBS_PER_NETWORK_MAX; i++)
        tg_job_abandon(jobs[i]);
    assert_int_equal(released, TG_JOBS_PER_NETWORK_MAX + 1);
    tg_workers_stop(workers);
    (void)close(gate[0]);
    (void)close(gate[1]);
}

static bool ambiguous(const char *const *pairs)
{
    struct tg_headers headers = {0};
    for (size_t i = 0; pairs[i] != NULL; i += 2)
        tg_headers_take(&headers, pairs[i], pairs[i + 1]);
    return tg_headers_ambiguous(&headers);
}

static void headers_that_can_be_read_in_two_ways(void **state)
{
    (void)state;
    assert_false(ambiguous((const char *const[]){"content-length", "2", "X", "a", "X", "b", NULL}));
    assert_false(ambiguous((const char *const[]){"Transfer-Encoding", "Chunked", NULL}));
    assert_true(ambiguous((const char *const[]){"Content-Length", "2", "content-length", "2", NULL}));
    assert_true(
        ambiguous((const char *const[]){"Content-Length", "2", "Transfer-Encoding", "chunked", NULL}));
    assert_true(ambiguous((const char *const[]){"Content-Length", "+2", NULL}));
    assert_true(ambiguous((const char *const[]){"Content-Length", "", NULL}));
    assert_true(ambiguous((const char *const[]){"Transfer-Encoding", "gzip, chunked", NULL}));
    assert_true(ambiguous((const char *const[]){"Authorization", "a", "authorization", "b", NULL}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_invitation_is_used_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_password_change_ends_what_was_opened_by_the_old_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_nonce_has_one_person_one_purpose_and_one_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_person_has_only_so_many_keys, set_up, tear_down),
        cmocka_unit_test(passwords),
        cmocka_unit_test(failures_wait_longer_and_longer),
        cmocka_unit_test(many_names_do_not_drive_a_guesser_out_of_the_table),
        cmocka_unit_test(networks),
        cmocka_unit_test(workers_have_room_for_every_network),
        cmocka_unit_test(headers_that_can_be_read_in_two_ways),
    };
    return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
