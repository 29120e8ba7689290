/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/fake_agent.h"
#include "tests/unit/temporary.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* Long enough that a loaded machine answers in time, short enough for a test of silence. */
enum { PATIENT_MS = 10000, HASTY_MS = 100 };

static const uint8_t certificate[] = {0, 1, 2, 0xff, 0};

static struct tg_agent_request full_request(enum tg_agent_kind kind)
{
    return (struct tg_agent_request){.kind = kind,
                                     .account = "alice",
                                     .service = "sshd",
                                     .rhost = "203.0.113.7",
                                     .connection = "203.0.113.7 50000 192.0.2.1 22",
                                     .key_type = "ssh-ed25519-cert-v01@openssh.com",
                                     .certificate = tg_bytes_of(certificate, sizeof certificate),
                                     .text = tg_bytes_of_text("0123456789abcdef")};
}

/* The fields that each kind carries, independently of the library's own table. */
static const struct {
    enum tg_agent_kind kind;
    bool account, service, rhost, connection, key_type, certificate, text;
} shapes[] = {
    {TG_AGENT_PRINCIPALS, true, false, false, true, true, true, false},
    {TG_AGENT_ACCOUNT, true, true, true, true, false, false, false},
    {TG_AGENT_SESSION_OPEN, true, true, true, true, true, true, false},
    {TG_AGENT_SESSION_CLOSE, false, false, false, false, false, false, true},
    {TG_AGENT_STATUS, false, false, false, false, false, false, false},
    {TG_AGENT_IMPORT, false, false, false, false, false, false, true},
    {TG_AGENT_EXEMPT, true, true, true, false, false, false, false},
};

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void requests_go_round(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        uint8_t packet[1024];
        struct tg_agent_request request = full_request(shapes[i].kind);
        struct tg_agent_request read;
        size_t length = tg_agent_request_encode(&request, packet, sizeof packet);
        assert_int_not_equal(length, 0);
        assert_true(tg_agent_request_decode(tg_bytes_of(packet, length), &read));
        assert_int_equal(read.kind, shapes[i].kind);
        assert_string_equal(read.account, shapes[i].account ? request.account : "");
        assert_string_equal(read.service, shapes[i].service ? request.service : "");
        assert_string_equal(read.rhost, shapes[i].rhost ? request.rhost : "");
        assert_string_equal(read.connection, shapes[i].connection ? request.connection : "");
        assert_string_equal(read.key_type, shapes[i].key_type ? request.key_type : "");
        assert_int_equal(read.certificate.length, shapes[i].certificate ? sizeof certificate : 0);
        assert_int_equal(read.text.length, shapes[i].text ? 16 : 0);
        if (shapes[i].certificate)
            assert_memory_equal(read.certificate.data, certificate, sizeof certificate);
    }
}

static void requests_have_known_bytes(void **state)
{
    (void)state;
    static const uint8_t expected[] = "\x01\x02\0\0\0\x02"
                                      "ab"
                                      "\0\0\0\x04"
                                      "sshd"
                                      "\0\0\0\0"
                                      "\0\0\0\x01"
                                      "c";
    uint8_t packet[64];
    struct tg_agent_request request = {
        .kind = TG_AGENT_ACCOUNT, .account = "ab", .service = "sshd", .connection = "c"};
    assert_int_equal(tg_agent_request_encode(&request, packet, sizeof packet), sizeof expected - 1);
    assert_memory_equal(packet, expected, sizeof expected - 1);
}

static void cut_or_long_requests_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        uint8_t packet[1024];
        struct tg_agent_request request = full_request(shapes[i].kind);
        struct tg_agent_request read;
        size_t length = tg_agent_request_encode(&request, packet, sizeof packet - 1);
        for (size_t cut = 0; cut < length; cut++) {
            assert_false(tg_agent_request_decode(tg_bytes_of(packet, cut), &read));
            assert_string_equal(read.account, "");
            assert_int_equal(tg_agent_request_encode(&request, packet, cut), 0);
        }
        (void)tg_agent_request_encode(&request, packet, sizeof packet);
        packet[length] = 0;
        assert_false(tg_agent_request_decode(tg_bytes_of(packet, length + 1), &read));
    }
}

static void odd_requests_are_refused(void **state)
{
    (void)state;
    uint8_t packet[1024];
    struct tg_agent_request request = full_request(TG_AGENT_ACCOUNT);
    struct tg_agent_request read;
    size_t length = tg_agent_request_encode(&request, packet, sizeof packet);
    packet[0] = 2;
    assert_false(tg_agent_request_decode(tg_bytes_of(packet, length), &read));
    packet[0] = TG_AGENT_PROTOCOL_VERSION;
    packet[6] = '\0'; /* inside the account */
    assert_false(tg_agent_request_decode(tg_bytes_of(packet, length), &read));
    for (unsigned kind = 0; kind < 256; kind++) {
        uint8_t bare[2] = {TG_AGENT_PROTOCOL_VERSION, (uint8_t)kind};
        bool has_no_fields =
            kind == TG_AGENT_STATUS || kind == TG_AGENT_TEARDOWN || kind == TG_AGENT_ACCOUNTS;
        assert_int_equal(tg_agent_request_decode(tg_bytes_of(bare, 2), &read), has_no_fields);
    }
}

static void long_fields_are_refused(void **state)
{
    (void)state;
    static uint8_t packet[TG_AGENT_REQUEST_MAX];
    static uint8_t big[TG_AGENT_REQUEST_MAX];
    char text[257];
    struct tg_agent_request read;
    memset(text, 'a', sizeof text);
    text[256] = '\0';
    struct tg_agent_request request = {.kind = TG_AGENT_ACCOUNT, .account = text};
    assert_int_equal(tg_agent_request_encode(&request, packet, sizeof packet), 0);
    text[255] = '\0';
    size_t length = tg_agent_request_encode(&request, packet, sizeof packet);
    assert_int_not_equal(length, 0);
    assert_true(tg_agent_request_decode(tg_bytes_of(packet, length), &read));
    text[64] = '\0';
    request = (struct tg_agent_request){.kind = TG_AGENT_ACCOUNT, .service = text};
    assert_int_equal(tg_agent_request_encode(&request, packet, sizeof packet), 0);
    request = (struct tg_agent_request){.kind = TG_AGENT_IMPORT, .text = tg_bytes_of(big, sizeof big)};
    assert_int_equal(tg_agent_request_encode(&request, packet, sizeof packet), 0);
}

static void a_large_certificate_fits(void **state)
{
    (void)state;
    static uint8_t packet[TG_AGENT_REQUEST_MAX];
    static const uint8_t big[131072];
    struct tg_agent_request request = full_request(TG_AGENT_SESSION_OPEN);
    struct tg_agent_request read;
    request.certificate = tg_bytes_of(big, sizeof big);
    size_t length = tg_agent_request_encode(&request, packet, sizeof packet);
    assert_int_not_equal(length, 0);
    assert_true(tg_agent_request_decode(tg_bytes_of(packet, length), &read));
    assert_int_equal(read.certificate.length, sizeof big);
}

static void answers_go_round(void **state)
{
    (void)state;
    uint8_t packet[512];
    struct tg_agent_answer answer = {
        .reason = TG_ticket_late, .ticket = "T-0123456789ABC", .detail = "ended", .text = "restrict alice"};
    struct tg_agent_answer read;
    size_t length = tg_agent_answer_encode(TG_AGENT_PRINCIPALS, &answer, packet, sizeof packet);
    assert_true(tg_agent_answer_decode(tg_bytes_of(packet, length), TG_AGENT_PRINCIPALS, &read));
    assert_int_equal(read.reason, TG_ticket_late);
    assert_string_equal(read.ticket, answer.ticket);
    assert_string_equal(read.detail, answer.detail);
    assert_string_equal(read.text, answer.text);
    for (size_t cut = 0; cut < length; cut++) {
        assert_false(tg_agent_answer_decode(tg_bytes_of(packet, cut), TG_AGENT_PRINCIPALS, &read));
        assert_int_equal(read.reason, TG_message_malformed);
        assert_int_equal(tg_agent_answer_encode(TG_AGENT_PRINCIPALS, &answer, packet, cut), 0);
    }
    (void)tg_agent_answer_encode(TG_AGENT_PRINCIPALS, &answer, packet, sizeof packet);
    assert_false(tg_agent_answer_decode(tg_bytes_of(packet, length + 1), TG_AGENT_PRINCIPALS, &read));
    assert_false(tg_agent_answer_decode(tg_bytes_of(packet, length), TG_AGENT_ACCOUNT, &read));
}

static void odd_answers_are_refused(void **state)
{
    (void)state;
    uint8_t packet[512];
    struct tg_agent_answer answer = {.reason = (enum tg_reason)99999};
    struct tg_agent_answer read;
    size_t length = tg_agent_answer_encode(TG_AGENT_ACCOUNT, &answer, packet, sizeof packet);
    assert_true(tg_agent_answer_decode(tg_bytes_of(packet, length), TG_AGENT_ACCOUNT, &read));
    assert_int_equal(read.reason, TG_internal_error); /* a number from a newer agent never means `allowed` */
    (void)strcpy(answer.detail, "a\nb");
    length = tg_agent_answer_encode(TG_AGENT_ACCOUNT, &answer, packet, sizeof packet);
    assert_false(tg_agent_answer_decode(tg_bytes_of(packet, length), TG_AGENT_ACCOUNT, &read));
    answer = (struct tg_agent_answer){.ticket = "T-\x1b[2J"};
    length = tg_agent_answer_encode(TG_AGENT_ACCOUNT, &answer, packet, sizeof packet);
    assert_false(tg_agent_answer_decode(tg_bytes_of(packet, length), TG_AGENT_ACCOUNT, &read));
}

static int start(void **state)
{
    *state = fake_agent_start();
    return *state != NULL ? 0 : -1;
}

static int stop(void **state)
{
    fake_agent_stop(*state);
    return 0;
}

static void the_agent_is_asked(void **state)
{
    struct fake_agent *agent = *state;
    struct tg_agent_request request = full_request(TG_AGENT_PRINCIPALS);
    struct tg_agent_answer answer;
    static const uint8_t big[131072] = {7};
    request.certificate = tg_bytes_of(big, sizeof big);
    fake_agent_expect(agent, FAKE_ANSWERS, TG_allowed, "T-0123456789ABC", "restrict alice");
    int before = dup(0);
    assert_int_equal(tg_agent_ask(agent->socket, &request, PATIENT_MS, &answer), 0);
    int after = dup(0);
    assert_int_equal(after, before + 1); /* no descriptor stayed open in between */
    (void)close(before);
    (void)close(after);
    assert_int_equal(answer.reason, TG_allowed);
    assert_string_equal(answer.text, "restrict alice");
    assert_true(agent->well_formed);
    assert_int_equal(agent->request.certificate.length, sizeof big);
    assert_string_equal(agent->request.connection, request.connection);
}

static void every_misbehaviour_is_unreachable(void **state)
{
    struct fake_agent *agent = *state;
    static const struct {
        enum fake_behaviour behaviour;
        int deadline_ms;
        int result;
    } cases[] = {
        {FAKE_HANGS, HASTY_MS, -ETIMEDOUT},     {FAKE_HANGS_UP, PATIENT_MS, -EPROTO},
        {FAKE_GARBAGE, PATIENT_MS, -EPROTO},    {FAKE_CUTS, PATIENT_MS, -EPROTO},
        {FAKE_OTHER_KIND, PATIENT_MS, -EPROTO}, {FAKE_ADDS, PATIENT_MS, -EPROTO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tg_agent_request request = full_request(TG_AGENT_ACCOUNT);
        struct tg_agent_answer answer = {.reason = TG_allowed};
        fake_agent_expect(agent, cases[i].behaviour, TG_allowed, "", "text");
        assert_int_equal(tg_agent_ask(agent->socket, &request, cases[i].deadline_ms, &answer),
                         cases[i].result);
        assert_int_equal(answer.reason, TG_agent_unreachable);
        assert_string_equal(answer.text, "");
    }
}

static void an_absent_agent_is_unreachable(void **state)
{
    (void)state;
    char path[200];
    struct tg_agent_request request = full_request(TG_AGENT_ACCOUNT);
    struct tg_agent_answer answer;
    assert_int_equal(tg_agent_ask("/nonexistent/agent.sock", &request, PATIENT_MS, &answer), -ENOENT);
    assert_int_equal(answer.reason, TG_agent_unreachable);
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(tg_agent_ask(path, &request, PATIENT_MS, &answer), -ENAMETOOLONG);
    request.account = path;
    request.service = path;
    assert_int_equal(tg_agent_ask("/nonexistent/agent.sock", &request, PATIENT_MS, &answer), -EMSGSIZE);
    assert_int_equal(answer.reason, TG_message_malformed);
    assert_int_equal(tg_agent_ask("/nonexistent/agent.sock", &request, 0, &answer), -EMSGSIZE);
}

/* An agent that accepts nothing: the first connections wait in its queue, the next would block in connect().
 */
static void a_full_queue_is_unreachable(void **state)
{
    (void)state;
    char directory[TEMPORARY_SIZE];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct tg_agent_request request = full_request(TG_AGENT_ACCOUNT);
    struct tg_agent_answer answer;
    int waiting[3];
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_non_null(mkdtemp(temporary_template(directory)));
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/agent.sock", directory);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(tg_agent_ask(address.sun_path, &request, PATIENT_MS, &answer), -ECONNREFUSED);
    assert_int_equal(listen(listener, 0), 0);
    for (size_t i = 0; i < 3; i++) {
        waiting[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(waiting[i], (const struct sockaddr *)&address, sizeof address);
    }
    assert_int_equal(tg_agent_ask(address.sun_path, &request, HASTY_MS, &answer), -ETIMEDOUT);
    assert_int_equal(answer.reason, TG_agent_unreachable);
    for (size_t i = 0; i < 3; i++)
        (void)close(waiting[i]);
    (void)close(listener);
    (void)unlink(address.sun_path);
    (void)rmdir(directory);
}

/* The child listens as another user than root and than the directory's owner. */
static void a_strangers_socket_is_not_believed(void **state)
{
    (void)state;
    char directory[TEMPORARY_SIZE];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct tg_agent_request request = full_request(TG_AGENT_ACCOUNT);
    struct tg_agent_answer answer;
    if (geteuid() != 0) {
        print_message("only root can try this: another user is needed\n");
        return;
    }
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_non_null(mkdtemp(temporary_template(directory)));
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/agent.sock", directory);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(seteuid(12345), 0);
    int listened = listen(listener, 8); /* whoever calls listen() is the peer */
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(listened, 0);
    assert_int_equal(tg_agent_ask(address.sun_path, &request, PATIENT_MS, &answer), -EPERM);
    assert_int_equal(chown(directory, 12345, (gid_t)-1), 0);
    assert_int_equal(tg_agent_ask(address.sun_path, &request, HASTY_MS, &answer),
                     -ETIMEDOUT); /* believed, but silent */
    (void)close(listener);
    (void)unlink(address.sun_path);
    (void)rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_go_round),
        cmocka_unit_test(requests_have_known_bytes),
        cmocka_unit_test(cut_or_long_requests_are_refused),
        cmocka_unit_test(odd_requests_are_refused),
        cmocka_unit_test(long_fields_are_refused),
        cmocka_unit_test(a_large_certificate_fits),
        cmocka_unit_test(answers_go_round),
        cmocka_unit_test(odd_answers_are_refused),
        cmocka_unit_test_setup_teardown(the_agent_is_asked, start, stop),
        cmocka_unit_test_setup_teardown(every_misbehaviour_is_unreachable, start, stop),
        cmocka_unit_test(an_absent_agent_is_unreachable),
        cmocka_unit_test(a_full_queue_is_unreachable),
        cmocka_unit_test(a_strangers_socket_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
