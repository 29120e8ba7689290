/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The revocation list on a host: what is taken in, what is refused, what stays over a restart, what sshd
 * gets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/revocations.h"
#include "agent/state.h"
#include "lib/base64.h"
#include "tests/unit/crypto_help.h"
#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_VERSION ((uint64_t)WORLD_TIME * 1000)

struct fixture {
    void *folder;
    struct tg_agent *agent;
};

static const struct tg_log quiet = {.program = "test", .to_stderr = true, .level = LOG_EMERG};

static struct tg_agent *new_agent(struct fixture *fixture)
{
    struct tg_error error;
    struct tg_agent *agent = calloc(1, sizeof *agent);
    assert_non_null(agent);
    agent->log = quiet;
    agent->now = WORLD_TIME;
    agent->steady = 1000000;
    (void)snprintf(agent->config.state_directory, sizeof agent->config.state_directory, "%s",
                   (const char *)fixture->folder);
    (void)snprintf(agent->config.revoked_keys, sizeof agent->config.revoked_keys, "%s",
                   in_folder(&fixture->folder, "revoked_keys"));
    (void)snprintf(agent->config.name, sizeof agent->config.name, "ops1");
    /* No roster is written: the local names cannot be read. */
    agent->passwd_path = agent->group_path = "/nonexistent/names";
    assert_int_equal(tg_tickets_init(&agent->tickets), 0);
    assert_int_equal(
        tg_events_open(&agent->events, agent->config.state_directory, "ops1", &quiet, agent->now, &error), 0);
    return agent;
}

static void free_agent(struct tg_agent *agent)
{
    tg_tickets_free(&agent->tickets);
    tg_events_close(&agent->events);
    tg_revocations_free(&agent->revocations);
    tg_policy_free(agent->policy);
    free(agent);
}

static int make_agent(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    assert_int_equal(make_folder(&fixture->folder), 0);
    fixture->agent = new_agent(fixture);
    fixture->agent->policy = world_policy(NULL);
    *state = fixture;
    return 0;
}

static int free_everything(void **state)
{
    struct fixture *fixture = *state;
    free_agent(fixture->agent);
    assert_int_equal(remove_folder(&fixture->folder), 0);
    free(fixture);
    return 0;
}

/* A list of this version that revokes the key, in base64. */
static char *make_list(uint64_t version, const char *key_line)
{
    struct tg_krl *krl = tg_krl_new(version, WORLD_TIME);
    struct tg_public_key *key = world_key(key_line);
    struct tg_error error;
    uint8_t *bytes;
    size_t length;
    assert_int_equal(tg_krl_add_key(krl, key->fingerprint, &error), 0);
    assert_int_equal(tg_krl_write(krl, &bytes, &length, &error), 0);
    char *text = malloc(tg_base64_encoded_size(length));
    assert_true(
        tg_base64_encode(TG_BASE64, tg_bytes_of(bytes, length), text, tg_base64_encoded_size(length)));
    free(bytes);
    tg_public_key_free(key);
    tg_krl_free(krl);
    return text;
}

static bool take(struct tg_agent *agent, uint64_t version, const char *key_line)
{
    char *text = make_list(version, key_line);
    bool taken = tg_revocations_take(agent, text);
    free(text);
    return taken;
}

static bool is_revoked(const struct tg_agent *agent, const char *key_line)
{
    struct tg_public_key *key = world_key(key_line);
    bool revoked = tg_policy_revokes_key(agent->policy, key->fingerprint);
    tg_public_key_free(key);
    return revoked;
}

/* The kind and the code of the last event. */
static void assert_last_event(const struct tg_agent *agent, const char *kind, const char *code)
{
    char member[64];
    assert_true(agent->events.count > 0);
    const char *text = agent->events.lines[agent->events.count - 1].text;
    (void)snprintf(member, sizeof member, "\"kind\":\"%s\"", kind);
    assert_non_null(strstr(text, member));
    (void)snprintf(member, sizeof member, "\"code\":\"%s\"", code);
    assert_non_null(strstr(text, member));
}

static void test_a_newer_list_is_in_force(void **state)
{
    struct tg_agent *agent = ((struct fixture *)*state)->agent;
    assert_true(take(agent, NOW_VERSION, KEY_BOB));
    assert_true(is_revoked(agent, KEY_BOB));
    assert_true(agent->sessions_unjudged);
    assert_int_equal(agent->publish_due, agent->now);
    assert_last_event(agent, "revocations_accepted", "");
    size_t events = agent->events.count;
    assert_false(take(agent, NOW_VERSION, KEY_BOB)); /* the very same: no news */
    assert_int_equal(agent->events.count, events);
    assert_true(take(agent, NOW_VERSION + 1, KEY_CAROL));
    assert_false(is_revoked(agent, KEY_BOB));
    assert_true(is_revoked(agent, KEY_CAROL));
}

static void test_an_older_list_is_refused(void **state)
{
    struct tg_agent *agent = ((struct fixture *)*state)->agent;
    assert_true(take(agent, NOW_VERSION, KEY_BOB));
    assert_false(take(agent, NOW_VERSION - 1, KEY_CAROL));
    assert_last_event(agent, "revocations_refused", "revocations_old");
    assert_false(take(agent, NOW_VERSION, KEY_CAROL));
    assert_last_event(agent, "revocations_refused", "revocations_old");
    assert_true(is_revoked(agent, KEY_BOB));
    assert_false(is_revoked(agent, KEY_CAROL));
}

/* Else a service in the wrong hands could take a version that the real one never reaches. */
static void test_a_version_from_the_future_is_refused(void **state)
{
    struct tg_agent *agent = ((struct fixture *)*state)->agent;
    assert_false(take(agent, NOW_VERSION + 120 * 1000 + 1, KEY_BOB));
    assert_last_event(agent, "revocations_refused", "revocations_early");
    assert_false(take(agent, UINT64_MAX, KEY_BOB));
    assert_last_event(agent, "revocations_refused", "revocations_early");
    assert_false(is_revoked(agent, KEY_BOB));
    assert_true(take(agent, NOW_VERSION + 120 * 1000, KEY_BOB));
}

static void test_what_is_no_list_is_refused_and_told_once(void **state)
{
    struct tg_agent *agent = ((struct fixture *)*state)->agent;
    static const char *const lists[] = {"", "AAAA", "not base64", "U1NIS1JMCgA="};
    assert_true(take(agent, NOW_VERSION, KEY_BOB));
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        assert_false(tg_revocations_take(agent, lists[i]));
        assert_last_event(agent, "revocations_refused", "revocations_malformed");
    }
    size_t events = agent->events.count;
    assert_false(tg_revocations_take(agent, lists[1]));
    assert_int_equal(agent->events.count, events);
    char *huge = malloc(2 * TG_KRL_MAX + 1);
    memset(huge, 'A', 2 * TG_KRL_MAX);
    huge[2 * TG_KRL_MAX] = '\0';
    assert_false(tg_revocations_take(agent, huge));
    free(huge);
    assert_true(is_revoked(agent, KEY_BOB));
}

static void test_it_outlives_a_restart(void **state)
{
    struct fixture *fixture = *state;
    assert_true(take(fixture->agent, NOW_VERSION, KEY_BOB));
    assert_true(tg_agent_save_revocations(fixture->agent));
    free_agent(fixture->agent);
    fixture->agent = new_agent(fixture);
    tg_agent_load(fixture->agent);
    fixture->agent->policy = world_policy(NULL);
    fixture->agent->policy->revocations = fixture->agent->revocations.krl;
    assert_true(is_revoked(fixture->agent, KEY_BOB));
    assert_false(take(fixture->agent, NOW_VERSION - 1, KEY_CAROL));
}

static void test_an_update_brings_it(void **state)
{
    struct tg_agent *agent = ((struct fixture *)*state)->agent;
    struct tg_update update;
    struct tg_error error;
    char *list = make_list(NOW_VERSION, KEY_BOB);
    char *body = NULL;
    assert_true(asprintf(&body, "{\"revision\":9,\"time\":5,\"krl\":\"%s\",\"tickets\":[]}", list) > 0);
    assert_int_equal(tg_update_parse(tg_bytes_of_text(body), &update, &error), 0);
    assert_string_equal(update.krl, list);
    (void)tg_agent_apply_update(agent, &update);
    assert_true(is_revoked(agent, KEY_BOB));
    tg_update_free(&update);
    static const char not_text[] = "{\"revision\":9,\"time\":5,\"krl\":7,\"tickets\":[]}";
    assert_int_equal(tg_update_parse(tg_bytes_of_text(not_text), &update, &error), -1);
    free(body);
    free(list);
}

static bool sshd_would_refuse(struct fixture *fixture, const char *key_line)
{
    const char *key = in_folder(&fixture->folder, "key.pub");
    char line[512];
    (void)snprintf(line, sizeof line, "%s\n", key_line);
    write_file(key, tg_bytes_of_text(line), 0600);
    const char *const query[] = {"ssh-keygen", "-Q", "-f", fixture->agent->config.revoked_keys, key, NULL};
    int status = run_program(query);
    assert_in_range(status, 0, 1);
    return status == 1;
}

static void test_sshd_gets_it(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct stat status;
    agent->revocations.unpublished = true;
    assert_true(tg_revocations_turn(agent) == INT64_MAX);
    assert_int_equal(stat(agent->config.revoked_keys, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
    assert_false(sshd_would_refuse(fixture, KEY_BOB));
    assert_true(take(agent, NOW_VERSION, KEY_BOB));
    assert_true(tg_revocations_turn(agent) == INT64_MAX);
    assert_true(sshd_would_refuse(fixture, KEY_BOB));
    assert_false(sshd_would_refuse(fixture, KEY_CAROL));
    /* Whoever takes it away or changes it does not win for long. */
    assert_int_equal(unlink(agent->config.revoked_keys), 0);
    assert_true(tg_revocations_turn(agent) == INT64_MAX);
    assert_true(sshd_would_refuse(fixture, KEY_BOB));
    write_file(agent->config.revoked_keys, tg_bytes_of_text("\n"), 0644);
    assert_true(tg_revocations_turn(agent) == INT64_MAX);
    assert_true(sshd_would_refuse(fixture, KEY_BOB));
}

static void test_a_file_that_cannot_be_written_is_tried_again(void **state)
{
    struct tg_agent *agent = ((struct fixture *)*state)->agent;
    (void)snprintf(agent->config.revoked_keys, sizeof agent->config.revoked_keys,
                   "/nonexistent/revoked_keys");
    agent->revocations.unpublished = true;
    assert_true(tg_revocations_turn(agent) == agent->steady + 10000);
    agent->steady += 9999;
    assert_true(tg_revocations_turn(agent) == agent->steady + 1);
    agent->steady += 1;
    assert_true(tg_revocations_turn(agent) == agent->steady + 10000);
}

#define WITH_AGENT(test) cmocka_unit_test_setup_teardown(test, make_agent, free_everything)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AGENT(test_a_newer_list_is_in_force),
        WITH_AGENT(test_an_older_list_is_refused),
        WITH_AGENT(test_a_version_from_the_future_is_refused),
        WITH_AGENT(test_what_is_no_list_is_refused_and_told_once),
        WITH_AGENT(test_it_outlives_a_restart),
        WITH_AGENT(test_an_update_brings_it),
        WITH_AGENT(test_sshd_gets_it),
        WITH_AGENT(test_a_file_that_cannot_be_written_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
