/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Steps up: one challenge, one process, one answer, by a touched security key; and the command line as it is
 * shown and signed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/step_up.h"
#include "agent/sudo_gate.h"
#include "lib/base64.h"
#include "tests/unit/temporary.h"
#include "tests/unit/world.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct tg_process sudo_process = {.pid = 100, .start = 7};
static const struct tg_step_up_subject subject = {.account = "alice",
                                                  .command = "sudo id",
                                                  .host = "ops1",
                                                  .session = "0123456789abcdef0123456789abcdef",
                                                  .ticket = "T-0123456789ABC"};

static void a_challenge_says_what_it_is_for(void **state)
{
    (void)state;
    struct tg_step_ups ups = {0};
    const struct tg_step_up *one = tg_step_ups_open(&ups, &sudo_process, &subject, WORLD_TIME, 1000);
    assert_non_null(one);
    json_t *message = json_loadb(one->message, one->length, JSON_REJECT_DUPLICATES, NULL);
    const char *account, *command, *host, *nonce, *session, *ticket;
    json_int_t time;
    int version;
    assert_int_equal(json_unpack(message, "{s:s s:s s:s s:s s:s s:s s:I s:i !}", "account", &account,
                                 "command", &command, "host", &host, "nonce", &nonce, "session", &session,
                                 "ticket", &ticket, "time", &time, "v", &version),
                     0);
    assert_string_equal(account, "alice");
    assert_string_equal(command, "sudo id");
    assert_string_equal(host, "ops1");
    assert_int_equal(strlen(nonce), 22);
    assert_string_equal(session, subject.session);
    assert_string_equal(ticket, "T-0123456789ABC");
    assert_true(time == WORLD_TIME && version == 1);
    json_decref(message);
    char *first = strdup(one->message);
    one = tg_step_ups_open(&ups, &sudo_process, &subject, WORLD_TIME, 1000);
    assert_non_null(one);
    assert_string_not_equal(one->message, first); /* another nonce, in place of the first */
    assert_int_equal(ups.count, 1);
    free(first);
    tg_step_ups_free(&ups);
}

static void a_challenge_belongs_to_one_process_for_a_minute(void **state)
{
    (void)state;
    struct tg_step_ups ups = {0};
    const struct tg_process same_pid = {.pid = 100, .start = 8};
    assert_non_null(tg_step_ups_open(&ups, &sudo_process, &subject, WORLD_TIME, 1000));
    assert_null(tg_step_ups_find(&ups, &same_pid, 1000));
    assert_non_null(tg_step_ups_find(&ups, &sudo_process, 1000 + TG_STEP_UP_MILLISECONDS - 1));
    assert_null(tg_step_ups_find(&ups, &sudo_process, 1000 + TG_STEP_UP_MILLISECONDS));
    tg_step_ups_free(&ups);
}

static void challenges_are_bounded(void **state)
{
    (void)state;
    struct tg_step_ups ups = {0};
    struct tg_step_up_subject other = subject;
    struct tg_process process = {.pid = 1, .start = 1};
    for (int i = 0; i < TG_STEP_UPS_PER_SESSION; i++, process.pid++)
        assert_non_null(tg_step_ups_open(&ups, &process, &subject, WORLD_TIME, 1000));
    assert_null(tg_step_ups_open(&ups, &process, &subject, WORLD_TIME, 1000));
    char session[TG_STEP_UP_SESSION_SIZE] = "";
    other.session = session;
    for (int i = TG_STEP_UPS_PER_SESSION; i < TG_STEP_UPS_MAX; i++, process.pid++) {
        (void)snprintf(session, sizeof session, "%032d", i);
        assert_non_null(tg_step_ups_open(&ups, &process, &other, WORLD_TIME, 1000));
    }
    (void)snprintf(session, sizeof session, "%032d", TG_STEP_UPS_MAX);
    assert_null(tg_step_ups_open(&ups, &process, &other, WORLD_TIME, 1000));
    /* What has lapsed makes room. */
    assert_non_null(tg_step_ups_open(&ups, &process, &subject, WORLD_TIME, 1000 + TG_STEP_UP_MILLISECONDS));
    assert_int_equal(ups.count, 1);
    tg_step_ups_free(&ups);
}

/* The second half of the text is what the key signs. */
static void the_text_is_key_and_bytes_to_sign(void **state)
{
    (void)state;
    char text[8192];
    uint8_t bytes[4096];
    uint8_t *data;
    size_t length;
    size_t used;
    struct tg_step_ups ups = {0};
    struct tg_public_key *key = world_key(KEY_ALICE_SK);
    const struct tg_step_up *one = tg_step_ups_open(&ups, &sudo_process, &subject, WORLD_TIME, 1000);
    assert_true(tg_step_up_text(one, key, text, sizeof text));
    char *blank = strchr(text, ' ');
    assert_non_null(blank);
    assert_true(
        tg_base64_decode(TG_BASE64, tg_bytes_of(text, (size_t)(blank - text)), bytes, sizeof bytes, &used));
    assert_true(tg_bytes_equal(tg_bytes_of(bytes, used), key->blob));
    assert_int_equal(
        tg_sshsig_signed_data("step-up-v1@tegata", tg_bytes_of(one->message, one->length), &data, &length),
        0);
    assert_true(tg_base64_decode(TG_BASE64, tg_bytes_of_text(blank + 1), bytes, sizeof bytes, &used));
    assert_true(tg_bytes_equal(tg_bytes_of(bytes, used), tg_bytes_of(data, length)));
    free(data);
    assert_false(tg_step_up_text(one, key, text, 40));
    assert_false(tg_step_up_text(one, key, text, strlen(blank) + 20));
    tg_public_key_free(key);
    tg_step_ups_free(&ups);
}

static void a_plain_key_and_a_malformed_answer_prove_nothing(void **state)
{
    (void)state;
    struct tg_step_ups ups = {0};
    struct tg_error error;
    uint8_t signature[256];
    struct tg_public_key *key = world_key(KEY_ALICE_SK);
    (void)tg_step_ups_open(&ups, &sudo_process, &subject, WORLD_TIME, 1000);
    struct tg_step_up *one = tg_step_ups_find(&ups, &sudo_process, 1000);
    static const char *const algorithms[] = {"ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ssh-rsa", ""};
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        struct tg_writer writer = tg_writer_of(signature, sizeof signature);
        static const uint8_t zeros[64];
        tg_write_text(&writer, algorithms[i]);
        tg_write_string(&writer, tg_bytes_of(zeros, sizeof zeros));
        tg_write_u8(&writer, 5);
        tg_write_u32(&writer, 1);
        assert_int_equal(tg_step_up_prove(one, key, false, tg_bytes_of(signature, writer.used), 1000, &error),
                         -1);
        assert_int_equal(error.reason, TG_step_up_failed);
        assert_non_null(one->message);
    }
    assert_int_equal(tg_step_up_prove(one, key, false, tg_bytes_of(NULL, 0), 1000, &error), -1);
    tg_step_ups_remove(&ups, one);
    assert_int_equal(ups.count, 0);
    tg_public_key_free(key);
    tg_step_ups_free(&ups);
}

/* Writes a /proc/PID/cmdline below `root` and reads it. */
static void assert_command(const char *root, const char *bytes, size_t length, size_t size,
                           const char *expected)
{
    char path[TEMPORARY_SIZE + 32];
    char line[TG_COMMAND_SIZE];
    (void)snprintf(path, sizeof path, "%s/42/cmdline", root);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    tg_command_line(root, 42, line, size);
    assert_string_equal(line, expected);
    assert_int_equal(unlink(path), 0);
}

static void a_command_line_hides_nothing(void **state)
{
    (void)state;
    char root[TEMPORARY_SIZE];
    char folder[TEMPORARY_SIZE + 8];
    char line[64];
    char big[5000];
    assert_non_null(mkdtemp(temporary_template(root)));
    (void)snprintf(folder, sizeof folder, "%s/42", root);
    assert_int_equal(mkdir(folder, 0700), 0);
#define COMMAND(bytes, expected) assert_command(root, bytes, sizeof bytes, TG_COMMAND_SIZE, expected)
    COMMAND("sudo\0id\0-un", "sudo id -un");
    COMMAND("sudo\0sh\0-c\0rm -rf /", "sudo sh -c rm%20-rf%20/");
    COMMAND("sudo\0a\nb\x1b[2J\0%41\0\xc3\xa4", "sudo a%0ab%1b[2J %2541 %c3%a4");
    COMMAND("sudo\0\0x", "sudo  x");
    COMMAND("", "");
#undef COMMAND
    assert_command(root, "sudo\0abcdefgh", 14, 12, "sudo a...");
    memset(big, 'x', sizeof big);
    assert_command(root, big, sizeof big, 12, "xxxxxx...");
    tg_command_line(root, 43, line, sizeof line);
    assert_string_equal(line, "");
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(rmdir(root), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_challenge_says_what_it_is_for),
        cmocka_unit_test(a_challenge_belongs_to_one_process_for_a_minute),
        cmocka_unit_test(challenges_are_bounded),
        cmocka_unit_test(the_text_is_key_and_bytes_to_sign),
        cmocka_unit_test(a_plain_key_and_a_malformed_answer_prove_nothing),
        cmocka_unit_test(a_command_line_hides_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
