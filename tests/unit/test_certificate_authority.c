/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata-ca's decisions at moments of the test's choosing, its server with the client that the approval
 * service uses, and the file of hosts. Every refusal over the socket is in tests/e2e.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "certificate_authority/connections.h"
#include "lib/ca_client.h"
#include "tests/unit/temporary.h"
#include "tests/unit/touch.h"
#include "tests/unit/world.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SERVICE "approve.example.com:8443"

enum { PATH_SIZE = 160, PATIENCE_MS = 20000, SHORT_MS = 200 };

struct fixture {
    char folder[TEMPORARY_SIZE];
    struct touch_key touch;
    struct tg_authority *authority;
    char *policy, *signatures; /* bob may ask, with the key `touch` */
};

/* A blank would end a change of world_policy_text(). */
static const char *as_json(const char *line, char out[256])
{
    const char *blank = strchr(line, ' ');
    (void)snprintf(out, 256, "%.*s\\u0020%s", (int)(blank - line), line, blank + 1);
    return out;
}

static struct tg_signer *signer_of(const char *pem)
{
    struct tg_signer *signer;
    struct tg_error error;
    assert_int_equal(tg_signer_from_bytes(tg_bytes_of_text(pem), "ca", &signer, &error), 0);
    return signer;
}

static void make_policy(struct fixture *fixture, int64_t issued)
{
    char user_ca[256], host_ca[256], changes[4096];
    (void)snprintf(changes, sizeof changes,
                   "issued=%lld expires=%lld user_ca=[\"%s\"] host_ca=[\"%s\"] "
                   "people/bob/groups=[\"dev\",\"sre\"] "
                   "people/bob/keys=[{\"key\":\"%s\",\"attested\":1,\"uv\":0}]",
                   (long long)issued, (long long)issued + 5000, as_json(KEY_ROOT_TWO, user_ca),
                   as_json(KEY_ROOT_THREE, host_ca), fixture->touch.json_line);
    fixture->policy = world_policy_text(changes);
    char *armored = world_sign(PRIVATE_ROOT_ONE, TG_NAMESPACE_POLICY, fixture->policy);
    json_t *list = json_pack("[s]", armored);
    fixture->signatures = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    free(armored);
}

static struct tg_authority *make_authority(const char *state)
{
    struct tg_error error;
    struct tg_authority *authority = calloc(1, sizeof *authority);
    assert_non_null(authority);
    authority->log = (struct tg_log){.program = "test", .to_stderr = true, .level = LOG_EMERG};
    authority->limits = (struct tg_ca_limits){86400, 86400, 1000, 1000};
    authority->service = SERVICE;
    authority->state = state;
    authority->user_ca = signer_of(PRIVATE_ROOT_TWO);
    authority->host_ca = signer_of(PRIVATE_ROOT_THREE);
    assert_int_equal(tg_root_signers_parse("root " KEY_ROOT_ONE "\n", 1, &authority->roots, &error), 0);
    assert_int_equal(tg_authority_load(authority, &error), 0);
    return authority;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    assert_non_null(mkdtemp(temporary_template(fixture->folder)));
    touch_key_make(&fixture->touch, false);
    fixture->authority = make_authority(fixture->folder);
    make_policy(fixture, WORLD_TIME - 1000);
    *state = fixture;
    return 0;
}

static int take_down(void **state)
{
    struct fixture *fixture = *state;
    char command[PATH_SIZE];
    tg_authority_clear(fixture->authority);
    free(fixture->authority);
    touch_key_free(&fixture->touch);
    free(fixture->policy);
    free(fixture->signatures);
    (void)snprintf(command, sizeof command, "rm -rf %s", fixture->folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
    free(fixture);
    return 0;
}

/* bob's document, dated `at`, that asks for a certificate of his security key; `nonce` tells it from others.
 */
static char *document_of(const struct fixture *fixture, int64_t at, unsigned nonce)
{
    struct tg_sign_in sign_in = {.at = at, .person = "bob", .service = SERVICE, .key = fixture->touch.line};
    char *text;
    size_t length;
    (void)snprintf(sign_in.nonce, sizeof sign_in.nonce, "%021uA", nonce);
    assert_int_equal(tg_sign_in_compose(TG_SIGN_IN_CERTIFICATE, &sign_in, &text, &length), 0);
    return text;
}

/* Asks for bob at a moment. */
static enum tg_reason ask(struct fixture *fixture, int64_t now, unsigned nonce)
{
    struct tg_error error = {0};
    char *line;
    char *document = document_of(fixture, now, nonce);
    char *armored = touch_sign(&fixture->touch, TG_NAMESPACE_CERTIFICATE, document, TOUCHED, NULL);
    const struct tg_ca_request request = {.kind = TG_CA_USER,
                                          .policy = tg_bytes_of_text(fixture->policy),
                                          .signatures = tg_bytes_of_text(fixture->signatures),
                                          .subject = tg_bytes_of_text(document),
                                          .proof = tg_bytes_of_text(armored)};
    const struct tg_ca_moment moment = {.now = now, .steady_ms = now * 1000};
    int result = tg_authority_answer(fixture->authority, &request, moment, &line, &error);
    assert_int_equal(result == 0, line != NULL);
    free(line);
    free(armored);
    free(document);
    return result == 0 ? TG_allowed : error.reason;
}

static void test_a_held_policy_expires(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, WORLD_TIME, 1), TG_allowed);
    assert_int_equal(ask(fixture, WORLD_TIME + 3999, 2), TG_allowed);
    assert_int_equal(ask(fixture, WORLD_TIME + 4000, 3), TG_policy_expired);
}

static void test_nonces_are_kept_for_as_long_as_they_matter(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, WORLD_TIME, 1), TG_allowed);
    assert_int_equal(ask(fixture, WORLD_TIME + 120, 1), TG_request_replayed);
    assert_int_equal(ask(fixture, WORLD_TIME + 121, 1), TG_allowed);
    for (size_t i = 0; i < TG_CA_USED_NONCES; i++)
        fixture->authority->used[i] = (struct tg_used_nonce){.nonce = "x", .until = WORLD_TIME + 200};
    assert_int_equal(ask(fixture, WORLD_TIME + 200, 2), TG_request_rate);
    assert_int_equal(ask(fixture, WORLD_TIME + 201, 2), TG_allowed);
}

static void test_rates_fill_again(void **state)
{
    struct fixture *fixture = *state;
    fixture->authority->limits.each_per_minute = 1;
    assert_int_equal(ask(fixture, WORLD_TIME, 1), TG_allowed);
    assert_int_equal(ask(fixture, WORLD_TIME + 30, 2), TG_request_rate);
    assert_int_equal(ask(fixture, WORLD_TIME + 60, 3), TG_allowed);
    fixture->authority->limits.all_per_minute = 1;
    assert_int_equal(ask(fixture, WORLD_TIME + 120, 4), TG_allowed);
    assert_int_equal(ask(fixture, WORLD_TIME + 121, 5), TG_request_rate);
}

/* A serial that cannot be kept might be forgotten: then nothing is signed by it. */
static void test_a_serial_that_cannot_be_kept(void **state)
{
    struct fixture *fixture = *state;
    fixture->authority->state = "/nowhere";
    assert_int_equal(ask(fixture, WORLD_TIME, 1), TG_internal_error);
    assert_null(fixture->authority->policy);
    fixture->authority->state = fixture->folder;
    assert_int_equal(ask(fixture, WORLD_TIME, 1), TG_allowed);
    assert_int_equal(fixture->authority->lowest_serial, 7);
}

static void test_pins(void **state)
{
    static const char text[] = "# made by hand\n\nops1 ssh-ed25519 AAAA\nops10 ssh-rsa BBBB";
    static const char *const damaged[] = {"ops1\n",
                                          "ops1 \n",
                                          " ssh-ed25519 AAAA\n",
                                          "ops1 ssh-ed25519\n",
                                          "ops1 ssh-ed25519 \n",
                                          "ops2 x y\nops1  AAAA\n"};
    (void)state;
    struct tg_error error = {0};
    struct tg_bytes line;
    assert_int_equal(tg_host_pin_find(text, "ops1", &line, &error), 0);
    assert_true(tg_bytes_equal_text(line, "ssh-ed25519 AAAA"));
    assert_int_equal(tg_host_pin_find(text, "ops10", &line, &error), 0);
    assert_true(tg_bytes_equal_text(line, "ssh-rsa BBBB"));
    assert_int_equal(tg_host_pin_find(text, "ops", &line, &error), 0);
    assert_int_equal(line.length, 0);
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        assert_int_equal(tg_host_pin_find(damaged[i], "ops1", &line, &error), -1);
        world_assert_error(&error, TG_config_bad, "hosts, line");
    }
}

static void test_pins_are_added(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_SIZE];
    struct tg_error error = {0};
    struct tg_public_key *first = world_key(KEY_BOB), *second = world_key(KEY_CAROL);
    (void)snprintf(path, sizeof path, "%s/" TG_CA_HOSTS_FILE, fixture->folder);
    FILE *stream = fopen(path, "we");
    assert_non_null(stream);
    assert_true(fputs("# a comment without a line's end", stream) >= 0);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(tg_host_pin(fixture->folder, "ops1", first, &error), 0);
    assert_int_equal(tg_host_pin(fixture->folder, "ops2", second, &error), 0);
    assert_int_equal(tg_host_pin(fixture->folder, "ops1", first, &error), 0);
    assert_int_equal(tg_host_pin(fixture->folder, "ops1", second, &error), -1);
    world_assert_error(&error, TG_host_key_pinned, path);
    assert_int_equal(tg_host_pin("/nowhere", "ops1", first, &error), -1);
    tg_public_key_free(first);
    tg_public_key_free(second);
}

/* --- The server and its client ---------------------------------------------------------------------------
 */

struct serving {
    struct tg_ca_server *server;
    int stop;
    pthread_t thread;
    char socket[PATH_SIZE];
};

static void *serve(void *context)
{
    struct serving *serving = context;
    tg_ca_server_run(serving->server, serving->stop);
    return NULL;
}

static void open_server(struct fixture *fixture, struct serving *serving)
{
    struct tg_error error = {0};
    (void)snprintf(serving->socket, sizeof serving->socket, "%s/ca.sock", fixture->folder);
    const struct tg_ca_server_settings settings = {
        .socket = serving->socket, .client = geteuid(), .connections = 4, .patience_ms = PATIENCE_MS};
    if (tg_ca_server_open(fixture->authority, &settings, &serving->server, &error) != 0)
        fail_msg("%s", error.text);
    serving->stop = eventfd(0, EFD_CLOEXEC);
    assert_true(serving->stop >= 0);
}

static void close_server(struct serving *serving)
{
    tg_ca_server_close(serving->server);
    assert_int_equal(close(serving->stop), 0);
}

static void ask_for_bob(struct fixture *fixture, const struct serving *serving)
{
    struct tg_error error = {0};
    struct tg_certificate *certificate;
    char *line;
    char *document = document_of(fixture, (int64_t)time(NULL), 1);
    char *armored = touch_sign(&fixture->touch, TG_NAMESPACE_CERTIFICATE, document, TOUCHED, NULL);
    const struct tg_bytes policy = tg_bytes_of_text(fixture->policy);
    if (tg_ca_user_certificate(serving->socket, policy, fixture->signatures, tg_bytes_of_text(document),
                               armored, PATIENCE_MS, &line, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(tg_certificate_parse_line(line, &certificate, &error), 0);
    assert_true(tg_certificate_has_principal(certificate, "bob"));
    tg_certificate_free(certificate);
    free(line);
    assert_int_equal(tg_ca_user_certificate(serving->socket, policy, fixture->signatures,
                                            tg_bytes_of_text(document), armored, PATIENCE_MS, &line, &error),
                     -1);
    assert_null(line);
    world_assert_error(&error, TG_request_replayed, "bob");
    free(armored);
    free(document);
}

static void ask_for_hosts(struct fixture *fixture, const struct serving *serving)
{
    struct tg_error error = {0};
    char *line;
    const struct tg_bytes policy = tg_bytes_of_text(fixture->policy);
    assert_int_equal(tg_ca_host_certificate(serving->socket, policy, fixture->signatures, "ops1",
                                            KEY_OTHER_CA, PATIENCE_MS, &line, &error),
                     0);
    assert_non_null(strstr(line, " ops1#"));
    free(line);
    assert_int_equal(tg_ca_host_certificate(serving->socket, policy, fixture->signatures, "ops1", KEY_CA,
                                            PATIENCE_MS, &line, &error),
                     -1);
    world_assert_error(&error, TG_host_key_pinned, "ops1 has another key");
}

static void test_client(void **state)
{
    struct fixture *fixture = *state;
    struct serving serving;
    free(fixture->policy);
    free(fixture->signatures);
    make_policy(fixture, (int64_t)time(NULL));
    open_server(fixture, &serving);
    assert_int_equal(pthread_create(&serving.thread, NULL, serve, &serving), 0);
    ask_for_bob(fixture, &serving);
    ask_for_hosts(fixture, &serving);
    assert_int_equal(write(serving.stop, &(uint64_t){1}, sizeof(uint64_t)), sizeof(uint64_t));
    assert_int_equal(pthread_join(serving.thread, NULL), 0);
    close_server(&serving);
    struct stat status;
    assert_int_equal(stat(serving.socket, &status), -1);
}

/* Nobody there, and somebody who does not answer. */
static void test_client_without_answer(void **state)
{
    struct fixture *fixture = *state;
    struct serving serving;
    struct tg_error error = {0};
    char *line;
    const struct tg_bytes policy = tg_bytes_of_text(fixture->policy);
    assert_int_equal(tg_ca_host_certificate("/nowhere/ca.sock", policy, fixture->signatures, "ops1", KEY_CA,
                                            PATIENCE_MS, &line, &error),
                     -1);
    world_assert_error(&error, TG_ca_unreachable, "/nowhere/ca.sock: No such file");
    open_server(fixture, &serving);
    assert_int_equal(tg_ca_host_certificate(serving.socket, policy, fixture->signatures, "ops1", KEY_CA,
                                            SHORT_MS, &line, &error),
                     -1);
    assert_null(line);
    world_assert_error(&error, TG_ca_unreachable, "timed out");
    close_server(&serving);
}

static void test_protocol(void **state)
{
    (void)state;
    struct tg_ca_request request = {.kind = TG_CA_HOST,
                                    .policy = tg_bytes_of_text("p"),
                                    .signatures = tg_bytes_of_text("s"),
                                    .subject = tg_bytes_of_text("subject"),
                                    .proof = tg_bytes_of_text("")};
    struct tg_ca_request read;
    size_t length;
    uint8_t *frame = tg_ca_request_encode(&request, &length);
    assert_non_null(frame);
    assert_int_equal(frame[3], length - TG_CA_LENGTH_SIZE);
    assert_true(
        tg_ca_request_decode(tg_bytes_of(frame + TG_CA_LENGTH_SIZE, length - TG_CA_LENGTH_SIZE), &read));
    assert_int_equal(read.kind, TG_CA_HOST);
    assert_true(tg_bytes_equal_text(read.subject, "subject") && read.proof.length == 0);
    for (size_t cut = 0; cut < length - TG_CA_LENGTH_SIZE; cut++)
        assert_false(tg_ca_request_decode(tg_bytes_of(frame + TG_CA_LENGTH_SIZE, cut), &read));
    free(frame);
    request.policy.length = TG_CA_REQUEST_MAX; /* not looked at: the sum is too much */
    assert_null(tg_ca_request_encode(&request, &length));

    enum tg_reason reason;
    struct tg_bytes text;
    frame = tg_ca_answer_encode(TG_request_rate, "slowly", &length);
    assert_non_null(frame);
    struct tg_bytes answer = tg_bytes_of(frame + TG_CA_LENGTH_SIZE, length - TG_CA_LENGTH_SIZE);
    assert_true(tg_ca_answer_decode(answer, &reason, &text));
    assert_int_equal(reason, TG_request_rate);
    assert_true(tg_bytes_equal_text(text, "slowly"));
    for (size_t cut = 0; cut < answer.length; cut++) {
        assert_false(tg_ca_answer_decode(tg_bytes_of(answer.data, cut), &reason, &text));
        assert_int_equal(reason, TG_ca_unreachable);
    }
    free(frame);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, take_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_held_policy_expires),
        TEST(test_nonces_are_kept_for_as_long_as_they_matter),
        TEST(test_rates_fill_again),
        TEST(test_a_serial_that_cannot_be_kept),
        cmocka_unit_test(test_pins),
        TEST(test_pins_are_added),
        TEST(test_client),
        TEST(test_client_without_answer),
        cmocka_unit_test(test_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
