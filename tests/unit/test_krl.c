/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Revocation lists: ssh-keygen's are read as ssh-keygen -Q reads them, ours are read by ssh-keygen -Q, and
 * whatever is odd is refused.
 */
#include "lib/certificate.h"
#include "lib/krl.h"
#include "lib/ssh_signature.h"
#include "tests/unit/crypto_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANY_AUTHORITY ((struct tg_bytes){0})

enum { HEADER_SIZE = 8 + 4 + 8 + 8 + 8 + 4 + 4, LIST_SIZE = 512 };

/* --- A list by hand
 * ------------------------------------------------------------------------------------------------- */

struct list {
    uint8_t bytes[LIST_SIZE];
    struct tg_writer writer;
};

static void begin_list(struct list *list)
{
    list->writer = tg_writer_of(list->bytes, sizeof list->bytes);
    tg_write_u64(&list->writer, UINT64_C(0x5353484b524c0a00));
    tg_write_u32(&list->writer, 1);
    tg_write_u64(&list->writer, 7);
    tg_write_u64(&list->writer, 1800000000);
    tg_write_u64(&list->writer, 0);
    tg_write_text(&list->writer, "");
    tg_write_text(&list->writer, "");
}

static struct tg_bytes bytes_of(const struct list *list)
{
    assert_false(list->writer.failed);
    return tg_bytes_of(list->bytes, list->writer.used);
}

static void add_section(struct list *list, uint8_t type, struct tg_bytes data)
{
    tg_write_u8(&list->writer, type);
    tg_write_string(&list->writer, data);
}

/* One section of certificates of any authority with one section in it. */
static void add_certificates(struct list *list, uint8_t type, struct tg_bytes data)
{
    uint8_t bytes[LIST_SIZE];
    struct tg_writer writer = tg_writer_of(bytes, sizeof bytes);
    tg_write_text(&writer, "");
    tg_write_text(&writer, "");
    tg_write_u8(&writer, type);
    tg_write_string(&writer, data);
    assert_false(writer.failed);
    add_section(list, 1, tg_bytes_of(bytes, writer.used));
}

static void assert_malformed(struct tg_bytes bytes, const char *part)
{
    struct tg_krl *krl;
    struct tg_error error = {0};
    int result = tg_krl_parse(bytes, &krl, &error);
    assert_null(krl);
    assert_refused(result, &error, TG_revocations_malformed);
    if (strstr(error.text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, part);
}

static struct tg_krl *parse(struct tg_bytes bytes)
{
    struct tg_krl *krl;
    struct tg_error error = {0};
    if (tg_krl_parse(bytes, &krl, &error) != 0)
        fail_msg("%s", error.text);
    return krl;
}

/* --- Together with ssh-keygen
 * ----------------------------------------------------------------------------------------- */

static void certify(void **state, const char *name, const char *serial, const char *key_id)
{
    char file[32];
    (void)snprintf(file, sizeof file, "%s.pub", name);
    generate_key(in_folder(state, name), (const char *const[]){"-t", "ed25519", NULL});
    const char *const sign[] = {"ssh-keygen", "-q", "-s",   in_folder(state, "ca"), "-I",
                                key_id,       "-z", serial, in_folder(state, file), NULL};
    assert_int_equal(run_program(sign), 0);
}

/* Three certificates of one CA and one of another with the serial of the first. */
static int make_certificates(void **state)
{
    if (make_folder(state) != 0)
        return -1;
    generate_key(in_folder(state, "ca"), (const char *const[]){"-t", "ed25519", NULL});
    generate_key(in_folder(state, "other_ca"), (const char *const[]){"-t", "ecdsa", NULL});
    certify(state, "one", "5", "alice#5");
    certify(state, "two", "1000000", "alice of two");
    certify(state, "three", "18446744073709551615", "bob#3");
    generate_key(in_folder(state, "four"), (const char *const[]){"-t", "ed25519", NULL});
    const char *const sign[] = {"ssh-keygen", "-q", "-s", in_folder(state, "other_ca"), "-I",
                                "carol",      "-z", "5",  in_folder(state, "four.pub"), NULL};
    return run_program(sign);
}

/* Does ssh-keygen find the certificate NAME-cert.pub in the list? */
static bool keygen_revokes(void **state, const char *list, const char *file)
{
    const char *const query[] = {"ssh-keygen",           "-Q", "-f", in_folder(state, list),
                                 in_folder(state, file), NULL};
    int status = run_program(query);
    assert_in_range(status, 0, 1);
    return status == 1;
}

static bool we_revoke(void **state, const struct tg_krl *krl, const char *file)
{
    struct tg_certificate *certificate;
    struct tg_error error;
    size_t length;
    char *line = read_file(in_folder(state, file), &length);
    assert_int_equal(tg_certificate_parse_line(line, &certificate, &error), 0);
    free(line);
    bool revoked = tg_krl_revokes_key(krl, certificate->key->fingerprint) ||
                   tg_krl_revokes_key(krl, certificate->authority->fingerprint) ||
                   tg_krl_revokes_certificate(krl, certificate->authority->blob, certificate->serial,
                                              certificate->key_id);
    tg_certificate_free(certificate);
    return revoked;
}

/* Both must say of the four what `expected` says, a digit for each. */
static void assert_both_say(void **state, const char *list, const char *expected)
{
    static const char *const files[] = {"one-cert.pub", "two-cert.pub", "three-cert.pub", "four-cert.pub"};
    size_t length;
    char *text = read_file(in_folder(state, list), &length);
    struct tg_krl *krl = parse(tg_bytes_of(text, length));
    for (size_t i = 0; i < 4; i++) {
        bool revoked = expected[i] == '1';
        if (keygen_revokes(state, list, files[i]) != revoked || we_revoke(state, krl, files[i]) != revoked)
            fail_msg("%s, %s: not both say %d", list, files[i], revoked);
    }
    tg_krl_free(krl);
    free(text);
}

static void test_lists_of_ssh_keygen(void **state)
{
    static const struct {
        const char *specification;
        const char *expected;
    } cases[] = {
        {"serial: 5\n", "1000"},
        {"serial: 6-18446744073709551615\n", "0110"},
        {"serial: 1000000-1000001\nserial: 4\n", "0100"},
        /* Close to each other: ssh-keygen writes a bitmap. */
        {"serial: 1\nserial: 3\nserial: 5\nserial: 7\nserial: 9\nserial: 12\nserial: 14\nserial: 17\n",
         "1000"},
        /* No #: it would begin a comment there. */
        {"id: alice of two\nid: nobody\n", "0100"},
        {"serial: 5\nid: alice of two\n", "1100"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_file(in_folder(state, "specification"), tg_bytes_of_text(cases[i].specification), 0600);
        const char *const make[] = {"ssh-keygen",
                                    "-q",
                                    "-k",
                                    "-f",
                                    in_folder(state, "list"),
                                    "-s",
                                    in_folder(state, "ca.pub"),
                                    "-z",
                                    "9",
                                    in_folder(state, "specification"),
                                    NULL};
        assert_int_equal(run_program(make), 0);
        assert_both_say(state, "list", cases[i].expected);
    }
}

static void test_ssh_keygen_for_any_authority(void **state)
{
    write_file(in_folder(state, "specification"), tg_bytes_of_text("serial: 5\nid: alice of two\n"), 0600);
    const char *const make[] = {"ssh-keygen",
                                "-q",
                                "-k",
                                "-f",
                                in_folder(state, "list"),
                                "-s",
                                "none",
                                in_folder(state, "specification"),
                                NULL};
    assert_int_equal(run_program(make), 0);
    assert_both_say(state, "list", "1101");
}

static void test_ssh_keygen_of_keys(void **state)
{
    const char *const plain[] = {
        "ssh-keygen", "-q", "-k", "-f", in_folder(state, "list"), in_folder(state, "three.pub"), NULL};
    assert_int_equal(run_program(plain), 0);
    assert_both_say(state, "list", "0010");
    const char *const authority[] = {
        "ssh-keygen", "-q", "-k", "-f", in_folder(state, "list"), in_folder(state, "other_ca.pub"), NULL};
    assert_int_equal(run_program(authority), 0);
    assert_both_say(state, "list", "0001");
    const char *const empty[] = {"ssh-keygen", "-q", "-k", "-f", in_folder(state, "list"), NULL};
    assert_int_equal(run_program(empty), 0);
    assert_both_say(state, "list", "0000");
}

static void test_ours(void **state)
{
    struct tg_krl *krl = tg_krl_new(UINT64_C(1800000000000), 1800000000);
    struct tg_public_key *authority = read_public_key(in_folder(state, "ca"));
    struct tg_public_key *two = read_public_key(in_folder(state, "two"));
    struct tg_error error;
    uint8_t *bytes;
    size_t length;
    assert_int_equal(tg_krl_write(krl, &bytes, &length, &error), 0);
    write_file(in_folder(state, "list"), tg_bytes_of(bytes, length), 0600);
    free(bytes);
    assert_both_say(state, "list", "0000");
    assert_int_equal(tg_krl_add_serials(krl, authority->blob, 5, 5, &error), 0);
    assert_int_equal(tg_krl_add_serials(krl, authority->blob, 20, 30, &error), 0);
    assert_int_equal(tg_krl_add_key(krl, two->fingerprint, &error), 0);
    assert_int_equal(tg_krl_add_key_id(krl, ANY_AUTHORITY, "bob#3", &error), 0);
    assert_int_equal(tg_krl_write(krl, &bytes, &length, &error), 0);
    write_file(in_folder(state, "list"), tg_bytes_of(bytes, length), 0600);
    assert_both_say(state, "list", "1110");
    struct tg_krl *again = parse(tg_bytes_of(bytes, length));
    assert_true(tg_krl_version(again) == UINT64_C(1800000000000));
    assert_true(tg_krl_generated(again) == 1800000000);
    struct tg_krl_counts counts = tg_krl_count(again);
    assert_int_equal(counts.keys, 1);
    assert_int_equal(counts.serials, 2);
    assert_int_equal(counts.key_ids, 1);
    free(bytes);
    tg_krl_free(again);
    tg_krl_free(krl);
    tg_public_key_free(two);
    tg_public_key_free(authority);
}

/* --- By itself
 * ------------------------------------------------------------------------------------------------------ */

static void test_the_same_list_gives_the_same_bytes(void **state)
{
    (void)state;
    static const char *const fingerprints[] = {"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                               "SHA256://///////////////////////////////////////w8",
                                               "SHA256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbA"};
    uint8_t *bytes[2];
    size_t length[2];
    struct tg_error error;
    for (size_t turn = 0; turn < 2; turn++) {
        struct tg_krl *krl = tg_krl_new(1, 1);
        for (size_t i = 0; i < 3; i++) {
            size_t at = turn == 0 ? i : 2 - i;
            assert_int_equal(tg_krl_add_key(krl, fingerprints[at], &error), 0);
            assert_int_equal(tg_krl_add_key(krl, fingerprints[at], &error), 0);
            assert_int_equal(tg_krl_add_serials(krl, ANY_AUTHORITY, 1 + at, 1 + at, &error), 0);
            assert_int_equal(tg_krl_add_key_id(krl, ANY_AUTHORITY, fingerprints[at], &error), 0);
        }
        assert_int_equal(tg_krl_write(krl, &bytes[turn], &length[turn], &error), 0);
        tg_krl_free(krl);
    }
    assert_int_equal(length[0], length[1]);
    assert_memory_equal(bytes[0], bytes[1], length[0]);
    struct tg_krl *krl = parse(tg_bytes_of(bytes[0], length[0]));
    assert_int_equal(tg_krl_count(krl).serials, 1); /* 1 to 3 */
    for (size_t i = 0; i < 3; i++)
        assert_true(tg_krl_revokes_key(krl, fingerprints[i]));
    assert_false(tg_krl_revokes_key(krl, "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"));
    assert_false(tg_krl_revokes_key(krl, "laptop"));
    assert_false(tg_krl_revokes_certificate(krl, ANY_AUTHORITY, 0, ""));
    tg_krl_free(krl);
    free(bytes[0]);
    free(bytes[1]);
}

static void test_overlapping_ranges(void **state)
{
    (void)state;
    struct tg_krl *krl = tg_krl_new(1, 1);
    struct tg_error error;
    uint8_t *bytes;
    size_t length;
    assert_int_equal(tg_krl_add_serials(krl, ANY_AUTHORITY, 100, UINT64_MAX, &error), 0);
    assert_int_equal(tg_krl_add_serials(krl, ANY_AUTHORITY, 10, 20, &error), 0);
    assert_int_equal(tg_krl_add_serials(krl, ANY_AUTHORITY, 200, 300, &error), 0);
    assert_int_equal(tg_krl_add_serials(krl, ANY_AUTHORITY, 12, 15, &error), 0);
    assert_int_equal(tg_krl_write(krl, &bytes, &length, &error), 0);
    tg_krl_free(krl);
    krl = parse(tg_bytes_of(bytes, length));
    assert_int_equal(tg_krl_count(krl).serials, 2);
    static const uint64_t in[] = {10, 15, 16, 20, 100, 301, UINT64_MAX};
    static const uint64_t out[] = {0, 1, 9, 21, 99};
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
        assert_true(tg_krl_revokes_certificate(krl, ANY_AUTHORITY, in[i], ""));
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        assert_false(tg_krl_revokes_certificate(krl, ANY_AUTHORITY, out[i], ""));
    tg_krl_free(krl);
    free(bytes);
}

static void test_what_cannot_be_added(void **state)
{
    (void)state;
    struct tg_krl *krl = tg_krl_new(1, 1);
    struct tg_error error;
    char key_id[TG_KRL_KEY_ID_MAX + 2];
    memset(key_id, 'x', sizeof key_id);
    key_id[sizeof key_id - 1] = '\0';
    assert_refused(tg_krl_add_key(krl, "MD5:00", &error), &error, TG_revocations_malformed);
    assert_refused(tg_krl_add_serials(krl, ANY_AUTHORITY, 0, 5, &error), &error, TG_revocations_malformed);
    assert_refused(tg_krl_add_serials(krl, ANY_AUTHORITY, 6, 5, &error), &error, TG_revocations_malformed);
    assert_refused(tg_krl_add_key_id(krl, ANY_AUTHORITY, key_id, &error), &error, TG_revocations_malformed);
    for (uint8_t i = 0; i < TG_KRL_AUTHORITIES_MAX; i++)
        assert_int_equal(tg_krl_add_serials(krl, tg_bytes_of(&i, 1), 1, 1, &error), 0);
    assert_refused(tg_krl_add_serials(krl, ANY_AUTHORITY, 1, 1, &error), &error, TG_revocations_malformed);
    tg_krl_free(krl);
}

static void test_too_much(void **state)
{
    (void)state;
    struct tg_krl *krl = tg_krl_new(1, 1);
    struct tg_error error;
    uint8_t *bytes;
    size_t length;
    for (uint64_t i = 0; i < TG_KRL_ENTRIES_MAX; i++)
        assert_int_equal(tg_krl_add_serials(krl, ANY_AUTHORITY, 1 + 2 * i, 1 + 2 * i, &error), 0);
    assert_refused(tg_krl_add_serials(krl, ANY_AUTHORITY, 7, 7, &error), &error, TG_revocations_malformed);
    assert_refused(tg_krl_write(krl, &bytes, &length, &error), &error, TG_revocations_malformed);
    assert_null(bytes);
    tg_krl_free(krl);
    uint8_t *zeros = calloc(1, TG_KRL_MAX + 1);
    assert_malformed(tg_bytes_of(zeros, TG_KRL_MAX + 1), "too long");
    free(zeros);
}

static void test_headers(void **state)
{
    (void)state;
    struct list list;
    begin_list(&list);
    assert_int_equal(list.writer.used, HEADER_SIZE);
    tg_krl_free(parse(bytes_of(&list)));
    for (size_t length = 0; length < HEADER_SIZE; length++)
        assert_malformed(tg_bytes_of(list.bytes, length), "revocation list");
    list.bytes[0] ^= 1;
    assert_malformed(bytes_of(&list), "does not begin");
    begin_list(&list);
    list.bytes[11] = 2;
    assert_malformed(bytes_of(&list), "format version");
    begin_list(&list);
    list.bytes[28] = 1; /* flags */
    assert_malformed(bytes_of(&list), "header");
}

static void test_sections(void **state)
{
    (void)state;
    static const uint8_t serial_zero[8] = {0};
    static const uint8_t backwards[16] = {[7] = 9, [15] = 8};
    static const uint8_t sha256[] = {[3] = 32, [4] = 9, [39] = 32, [40] = 8, [71] = 0};
    static const uint8_t overflow[] = {255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 1, 1};
    static const uint8_t negative[] = {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x80};
    static const uint8_t key_id_with_nul[] = {0, 0, 0, 2, 'a', 0};
    static const uint8_t critical[] = {0, 0, 0, 1, 'x', 1, 0, 0, 0, 0};
    static const uint8_t harmless[] = {0, 0, 0, 1, 'x', 0, 0, 0, 0, 0};
    static const struct {
        bool of_certificates;
        uint8_t type;
        struct tg_bytes data;
        const char *fault; /* NULL: none */
    } cases[] = {
        {false, 0, {0}, "unknown type"},
        {false, 6, {0}, "unknown type"},
        {false, 2, {0}, "no plain key"},
        {false, 3, {0}, "SHA-1"},
        {false, 5, {0}, "bad SHA-256"},
        {false, 5, {sha256, sizeof sha256}, "not in order"},
        {false, 5, {sha256, 36}, NULL},
        {false, 5, {sha256, 37}, "bad SHA-256"},
        {false, 255, {critical, sizeof critical}, "critical"},
        {false, 255, {harmless, sizeof harmless}, NULL},
        {false, 255, {harmless, sizeof harmless - 1}, "bad extension"},
        {true, 0x1f, {0}, "unknown type 0x1f"},
        {true, 0x20, {0}, "list of serials"},
        {true, 0x20, {serial_zero, sizeof serial_zero}, "from 1"},
        {true, 0x20, {backwards, 9}, "list of serials"},
        {true, 0x21, {backwards, 16}, "backwards"},
        {true, 0x21, {backwards, 15}, "range of serials"},
        {true, 0x22, {overflow, sizeof overflow}, "bitmap"},
        {true, 0x22, {negative, sizeof negative}, "bitmap"},
        {true, 0x23, {0}, "key id"},
        {true, 0x23, {key_id_with_nul, sizeof key_id_with_nul}, "key id"},
        {true, 0x39, {critical, sizeof critical}, "critical"},
        {true, 0x39, {harmless, sizeof harmless}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct list list;
        begin_list(&list);
        (cases[i].of_certificates ? add_certificates : add_section)(&list, cases[i].type, cases[i].data);
        if (cases[i].fault != NULL)
            assert_malformed(bytes_of(&list), cases[i].fault);
        else
            tg_krl_free(parse(bytes_of(&list)));
        /* Cut anywhere, with one byte more behind it: never. */
        for (size_t length = HEADER_SIZE + 1; length < list.writer.used; length++)
            assert_malformed(tg_bytes_of(list.bytes, length), "");
        tg_write_u8(&list.writer, 0);
        assert_malformed(bytes_of(&list), "");
    }
}

static void test_a_certificate_is_no_plain_key(void **state)
{
    struct list list;
    struct tg_certificate *certificate;
    struct tg_error error;
    uint8_t data[LIST_SIZE];
    size_t length;
    char *line = read_file(in_folder(state, "one-cert.pub"), &length);
    assert_int_equal(tg_certificate_parse_line(line, &certificate, &error), 0);
    struct tg_writer writer = tg_writer_of(data, sizeof data);
    tg_write_string(&writer, tg_bytes_of(certificate->blob.data, 40));
    begin_list(&list);
    add_section(&list, 2, tg_bytes_of(data, writer.used));
    assert_malformed(bytes_of(&list), "no plain key");
    tg_write_text(&writer, "");
    begin_list(&list);
    add_section(&list, 1, tg_bytes_of(data, writer.used));
    assert_malformed(bytes_of(&list), "authority is no plain key");
    tg_certificate_free(certificate);
    free(line);
}

/* Signs what is in the list so far, and the key, as PROTOCOL.krl section 5 says. */
static void sign_list(struct list *list)
{
    EVP_PKEY *private_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    struct tg_public_key *key;
    struct tg_error error;
    uint8_t raw[32];
    size_t raw_length = sizeof raw;
    uint8_t blob[64];
    uint8_t signature[128];
    struct tg_writer blob_writer = tg_writer_of(blob, sizeof blob);
    struct tg_writer signature_writer = tg_writer_of(signature, sizeof signature);
    assert_int_equal(EVP_PKEY_get_raw_public_key(private_key, raw, &raw_length), 1);
    tg_write_text(&blob_writer, "ssh-ed25519");
    tg_write_string(&blob_writer, tg_bytes_of(raw, raw_length));
    assert_int_equal(tg_public_key_parse(tg_bytes_of(blob, blob_writer.used), &key, &error), 0);
    tg_write_u8(&list->writer, 4);
    tg_write_string(&list->writer, key->blob);
    assert_int_equal(tg_ssh_signature_make(key, private_key, bytes_of(list), &signature_writer, &error), 0);
    tg_write_string(&list->writer, tg_bytes_of(signature, signature_writer.used));
    tg_public_key_free(key);
    EVP_PKEY_free(private_key);
}

static void test_signatures(void **state)
{
    (void)state;
    struct list list;
    begin_list(&list);
    sign_list(&list);
    size_t first = list.writer.used;
    sign_list(&list);
    tg_krl_free(parse(bytes_of(&list)));
    list.bytes[list.writer.used - 1] ^= 1;
    assert_malformed(bytes_of(&list), "signature that is wrong");
    list.bytes[list.writer.used - 1] ^= 1;
    list.bytes[20] ^= 1; /* the list's version */
    assert_malformed(bytes_of(&list), "signature that is wrong");
    list.bytes[20] ^= 1;
    list.writer.used = first;
    add_certificates(&list, 0x23, tg_bytes_of("\0\0\0\1x", 5));
    assert_malformed(bytes_of(&list), "behind the signatures");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_of_ssh_keygen),
        cmocka_unit_test(test_ssh_keygen_for_any_authority),
        cmocka_unit_test(test_ssh_keygen_of_keys),
        cmocka_unit_test(test_ours),
        cmocka_unit_test(test_the_same_list_gives_the_same_bytes),
        cmocka_unit_test(test_overlapping_ranges),
        cmocka_unit_test(test_what_cannot_be_added),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_a_certificate_is_no_plain_key),
        cmocka_unit_test(test_signatures),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_folder);
}
