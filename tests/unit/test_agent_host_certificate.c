/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The certificate for the host's key: which ones are taken, where they go, when the next is fetched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/host_certificate.h"
#include "tests/unit/crypto_help.h"
#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HOUR "20270115080000Z:20270115090000Z" /* begins at WORLD_TIME */

struct fixture {
    void *folder;
    struct tg_agent *agent;
};

static const struct tg_log quiet = {.program = "test", .to_stderr = true, .level = LOG_EMERG};

/* ops1, whose key is alice's; the policy's host_ca is the first root key. */
static int make_agent(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct tg_error error;
    assert_non_null(fixture);
    assert_int_equal(make_folder(&fixture->folder), 0);
    struct tg_agent *agent = fixture->agent = calloc(1, sizeof *agent);
    assert_non_null(agent);
    agent->log = quiet;
    agent->now = WORLD_TIME;
    agent->steady = 1000000;
    (void)snprintf(agent->config.name, sizeof agent->config.name, "ops1");
    (void)snprintf(agent->config.host_certificate, sizeof agent->config.host_certificate, "%s",
                   in_folder(&fixture->folder, "host_certificate.pub"));
    assert_int_equal(
        tg_signer_from_bytes(tg_bytes_of_text(PRIVATE_ALICE), "test key", &agent->signer, &error), 0);
    agent->policy = world_policy("host_ca=[\""
                                 "ssh-ed25519\\u0020"
                                 "AAAAC3NzaC1lZDI1NTE5AAAAIN2isPfTBKPjRdnCW3HoiPLPa5F966trotLX8QcJTzyt\"]");
    write_file(in_folder(&fixture->folder, "host_ca"), tg_bytes_of_text(PRIVATE_ROOT_ONE), 0600);
    write_file(in_folder(&fixture->folder, "other_ca"), tg_bytes_of_text(PRIVATE_ROOT_TWO), 0600);
    write_file(in_folder(&fixture->folder, "host.pub"), tg_bytes_of_text(KEY_ALICE "\n"), 0600);
    write_file(in_folder(&fixture->folder, "other.pub"), tg_bytes_of_text(KEY_BOB "\n"), 0600);
    *state = fixture;
    return 0;
}

static int free_everything(void **state)
{
    struct fixture *fixture = *state;
    tg_signer_free(fixture->agent->signer);
    tg_policy_free(fixture->agent->policy);
    free(fixture->agent);
    assert_int_equal(remove_folder(&fixture->folder), 0);
    free(fixture);
    return 0;
}

/* What ssh-keygen signs with these; malloc'ed, without the newline. `option`: one more, or NULL. */
static char *certificate(struct fixture *fixture, const char *authority, const char *key, const char *name,
                         const char *validity, const char *option)
{
    char file[32];
    size_t length;
    (void)snprintf(file, sizeof file, "%s.pub", key);
    const char *const sign[] = {"ssh-keygen",
                                "-q",
                                "-s",
                                in_folder(&fixture->folder, authority),
                                "-I",
                                name,
                                "-n",
                                name,
                                "-V",
                                validity,
                                option != NULL ? option : "-h",
                                "-z",
                                "7",
                                in_folder(&fixture->folder, file),
                                NULL};
    assert_int_equal(run_program(sign), 0);
    (void)snprintf(file, sizeof file, "%s-cert.pub", key);
    char *line = read_file(in_folder(&fixture->folder, file), &length);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static void test_a_good_one_is_written(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_error error = {0};
    struct stat status;
    size_t length;
    char *line = certificate(fixture, "host_ca", "host", "ops1", HOUR, NULL);
    assert_int_equal(tg_host_certificate_take(agent, line, &error), 0);
    char *written = read_file(agent->config.host_certificate, &length);
    assert_int_equal(strncmp(written, line, strlen(line)), 0);
    assert_string_equal(written + strlen(line), "\n");
    assert_int_equal(stat(agent->config.host_certificate, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
    assert_int_equal(agent->host_certificate.due, agent->steady + 1800 * 1000); /* half of its hour */
    free(written);
    free(line);
}

static void test_others_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    static const struct {
        const char *authority;
        const char *key;
        const char *name;
        const char *validity;
        const char *option;
        const char *fault;
    } cases[] = {
        {"other_ca", "host", "ops1", HOUR, NULL, "host_ca"},
        {"host_ca", "other", "ops1", HOUR, NULL, "another key"},
        {"host_ca", "host", "ops2", HOUR, NULL, "another name"},
        {"host_ca", "host", "ops1", "20270115070000Z:20270115080000Z", NULL, "valid now"},
        {"host_ca", "host", "ops1", "20270115080001Z:20270115090000Z", NULL, "valid now"},
        {"host_ca", "host", "ops1", HOUR, "-Oclear", "none for a host"},
        {"host_ca", "host", "ops1", HOUR, "-hOcritical:door@example.org=open", "critical options"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tg_error error = {0};
        struct stat status;
        char *line = certificate(fixture, cases[i].authority, cases[i].key, cases[i].name, cases[i].validity,
                                 cases[i].option);
        int result = tg_host_certificate_take(agent, line, &error);
        assert_refused(result, &error, TG_host_certificate_bad);
        if (strstr(error.text, cases[i].fault) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", error.text, cases[i].fault);
        assert_int_not_equal(stat(agent->config.host_certificate, &status), 0);
        free(line);
    }
}

static void test_what_is_none_is_refused(void **state)
{
    struct tg_agent *agent = ((struct fixture *)*state)->agent;
    struct tg_error error = {0};
    assert_int_equal(tg_host_certificate_take(agent, "", &error), -1);
    assert_int_equal(tg_host_certificate_take(agent, KEY_ALICE, &error), -1);
    char *line = certificate(*state, "host_ca", "host", "ops1", HOUR, NULL);
    char *two = NULL;
    assert_true(asprintf(&two, "%s\n%s", line, line) > 0);
    assert_int_equal(tg_host_certificate_take(agent, two, &error), -1);
    free(two);
    free(line);
}

static void test_a_revoked_authority_is_none(void **state)
{
    struct fixture *fixture = *state;
    struct tg_krl *krl = tg_krl_new(1, 1);
    struct tg_public_key *authority = world_key(KEY_ROOT_ONE);
    struct tg_error error = {0};
    assert_int_equal(tg_krl_add_key(krl, authority->fingerprint, &error), 0);
    fixture->agent->policy->revocations = krl;
    char *line = certificate(fixture, "host_ca", "host", "ops1", HOUR, NULL);
    int result = tg_host_certificate_take(fixture->agent, line, &error);
    assert_refused(result, &error, TG_host_certificate_bad);
    fixture->agent->policy->revocations = NULL;
    free(line);
    tg_public_key_free(authority);
    tg_krl_free(krl);
}

static void test_when_it_is_fetched(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_error error = {0};
    char *line = certificate(fixture, "host_ca", "host", "ops1", HOUR, NULL);
    assert_int_equal(tg_host_certificate_take(agent, line, &error), 0);
    assert_true(tg_host_certificate_turn(agent) == agent->steady + 1800 * 1000);
    /* Never without an authority, a policy or a place. */
    size_t count = agent->policy->host_ca_count;
    agent->policy->host_ca_count = 0;
    assert_true(tg_host_certificate_turn(agent) == INT64_MAX);
    agent->policy->host_ca_count = count;
    struct tg_policy *policy = agent->policy;
    agent->policy = NULL;
    assert_true(tg_host_certificate_turn(agent) == INT64_MAX);
    agent->policy = policy;
    agent->config.host_certificate[0] = '\0';
    assert_true(tg_host_certificate_turn(agent) == INT64_MAX);
    free(line);
}

/* There is no libcurl here, so a request cannot be made, which shows that it would have been. */
static void test_a_new_authority_wants_a_new_one(void **state)
{
    struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_error error = {0};
    char *line = certificate(fixture, "host_ca", "host", "ops1", HOUR, NULL);
    assert_int_equal(tg_host_certificate_take(agent, line, &error), 0);
    tg_public_key_free(agent->policy->host_ca[0]);
    agent->policy->host_ca[0] = world_key(KEY_ROOT_TWO);
    assert_true(tg_host_certificate_turn(agent) == agent->steady + 5000);
    assert_int_equal(agent->host_certificate.failures, 1);
    assert_true(tg_host_certificate_turn(agent) == agent->steady + 5000);
    assert_int_equal(agent->host_certificate.failures, 1);
    agent->steady += 5000;
    assert_true(tg_host_certificate_turn(agent) == agent->steady + 10000);
    assert_int_equal(agent->host_certificate.failures, 2);
    free(line);
}

#define WITH_AGENT(test) cmocka_unit_test_setup_teardown(test, make_agent, free_everything)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AGENT(test_a_good_one_is_written),   WITH_AGENT(test_others_are_refused),
        WITH_AGENT(test_what_is_none_is_refused), WITH_AGENT(test_a_revoked_authority_is_none),
        WITH_AGENT(test_when_it_is_fetched),      WITH_AGENT(test_a_new_authority_wants_a_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
