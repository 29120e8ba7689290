/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/request_auth.h"

#include "tests/unit/crypto_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1790000000 };

static const struct tg_request request = {
    .method = "POST",
    .authority = "approve.example.com:8443",
    .target = "/v1/tickets?role=mine",
    .body = {.data = (const uint8_t *)"{\"a\":1}", .length = 7},
};

static struct tg_signer *open_signer(void **state)
{
    struct tg_error error;
    struct tg_signer *signer;
    size_t length;
    char *pem = read_file(in_vectors("keys/test_user_ed25519"), &length);
    (void)state;
    assert_int_equal(tg_signer_from_bytes(tg_bytes_of(pem, length), "key", &signer, &error), 0);
    free(pem);
    return signer;
}

static char *make_header(void **state, const struct tg_request *what)
{
    struct tg_error error;
    char *header;
    struct tg_signer *signer = open_signer(state);
    assert_int_equal(tg_request_sign(what, signer, NOW, &header, &error), 0);
    tg_signer_free(signer);
    return header;
}

static void refuse(const struct tg_request *what, const char *header, int64_t now, enum tg_reason reason)
{
    struct tg_error error;
    struct tg_request_proof proof;
    assert_refused(tg_request_verify(what, header, now, &proof, &error), &error, reason);
    assert_null(proof.key);
}

static void test_round_trip(void **state)
{
    struct tg_error error;
    struct tg_request_proof proof;
    char *header = make_header(state, &request);
    char *other = make_header(state, &request);
    assert_int_equal(tg_request_verify(&request, header, NOW + TG_REQUEST_TIME_SKEW, &proof, &error), 0);
    assert_string_equal(proof.key->fingerprint, "SHA256:kwlL7ZWEzCRqWAN5C/vIB40gDzpTi/bG71jcw6zyzXY");
    assert_int_equal(proof.time, NOW);
    assert_int_equal(strlen(proof.nonce), TG_REQUEST_NONCE_SIZE - 1);
    assert_null(strstr(other, proof.nonce));
    tg_public_key_free(proof.key);
    free(other);
    free(header);
}

static void test_empty_body(void **state)
{
    struct tg_error error;
    struct tg_request_proof proof;
    struct tg_request empty = request;
    empty.body = (struct tg_bytes){0};
    char *header = make_header(state, &empty);
    assert_int_equal(tg_request_verify(&empty, header, NOW, &proof, &error), 0);
    tg_public_key_free(proof.key);
    free(header);
}

/* The signature covers every part of the request. */
static void test_other_requests(void **state)
{
    char *header = make_header(state, &request);
    struct tg_request other = request;
    other.method = "PUT";
    refuse(&other, header, NOW, TG_request_signature);
    other = request;
    other.authority = "approve.example.com";
    refuse(&other, header, NOW, TG_request_signature);
    other = request;
    other.target = "/v1/tickets?role=all";
    refuse(&other, header, NOW, TG_request_signature);
    other = request;
    other.body = tg_bytes_of_text("{\"a\":2}");
    refuse(&other, header, NOW, TG_request_signature);
    other = request;
    other.target = "/\xff";
    refuse(&other, header, NOW, TG_request_malformed);
    free(header);
}

static void test_time(void **state)
{
    char *header = make_header(state, &request);
    refuse(&request, header, NOW + TG_REQUEST_TIME_SKEW + 1, TG_request_time);
    refuse(&request, header, NOW - TG_REQUEST_TIME_SKEW - 1, TG_request_time);
    char *digit = strstr(header, "time=") + strlen("time=179000000");
    *digit = '1';
    refuse(&request, header, NOW, TG_request_signature);
    free(header);
}

static void test_nonce(void **state)
{
    char *header = make_header(state, &request);
    char *first = strstr(header, "nonce=") + strlen("nonce=");
    *first = *first == 'A' ? 'B' : 'A';
    refuse(&request, header, NOW, TG_request_signature);
    free(header);
}

static void test_malformed(void **state)
{
    static const char *const headers[] = {
        "SSHSIG ",
        "SSHSIG time=1790000000",
        "SSHSIG time=1790000000,nonce=AAAAAAAAAAAAAAAAAAAAAA",
        "SSHSIG time=1790000000,nonce=AAAAAAAAAAAAAAAAAAAAAA,signature=",
        "SSHSIG nonce=AAAAAAAAAAAAAAAAAAAAAA,time=1790000000,signature=AAAA",
        "SSHSIG time=1790000000,nonce=AAAAAAAAAAAAAAAAAAAAAA,signature=AAAA,",
        "SSHSIG time=1790000000,nonce=AAAAAAAAAAAAAAAAAAAAAA,signature=AAAA,more=1",
        "SSHSIG time=1790000000, nonce=AAAAAAAAAAAAAAAAAAAAAA,signature=AAAA",
        "SSHSIG time=+1790000000,nonce=AAAAAAAAAAAAAAAAAAAAAA,signature=AAAA",
        "SSHSIG time=01790000000,nonce=AAAAAAAAAAAAAAAAAAAAAA,signature=AAAA",
        "SSHSIG time=9999999999999999,nonce=AAAAAAAAAAAAAAAAAAAAAA,signature=AAAA",
        "SSHSIG time=1790000000,nonce=AAAAAAAAAAAAAAAAAAAAA,signature=AAAA",
        "SSHSIG time=1790000000,nonce=AAAAAAAAAAAAAAAAAAAAAB,signature=AAAA",
        "SSHSIG time=1790000000,nonce=AAAAAAAAAAAAAAAAAAAAAA,signature=AAA",
    };
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        refuse(&request, headers[i], NOW, TG_request_malformed);
    refuse(&request, "", NOW, TG_request_unsigned);
    refuse(&request, "Bearer abc", NOW, TG_request_unsigned);
    refuse(&request, "SSHSIG time=1790000000,nonce=AAAAAAAAAAAAAAAAAAAAAA,signature=AAAA", NOW,
           TG_request_signature);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_empty_body),
        cmocka_unit_test(test_other_requests), cmocka_unit_test(test_time),
        cmocka_unit_test(test_nonce),          cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests_name("request_auth", tests, NULL, NULL);
}
