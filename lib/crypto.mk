# Keys, certificates, signatures, signers.
libtegata_la_SOURCES += \
	lib/armor.c lib/armor.h \
	lib/attestation.c lib/attestation.h lib/attestation_certificate.c lib/attestation_data.c lib/attestation_parts.h \
	lib/attestation_statement.c lib/attestation_trust.c \
	lib/cbor.c lib/cbor.h \
	lib/certificate.c \
	lib/certificate_make.c lib/certificate_make.h \
	lib/client_data.c \
	lib/ed25519_point.c lib/ed25519_point.h \
	lib/key_parts.h \
	lib/krl.c lib/krl.h lib/krl_list.h lib/krl_parse.c lib/krl_write.c \
	lib/mpint.c lib/mpint.h \
	lib/openssh_private_key.c lib/openssh_private_key.h \
	lib/public_key.c \
	lib/request_auth.c \
	lib/signer.c \
	lib/ssh_agent.c lib/ssh_agent.h \
	lib/ssh_keygen.c lib/ssh_keygen.h \
	lib/ssh_signature.c lib/ssh_signature_make.c lib/ssh_signature.h \
	lib/sshsig.c \
	lib/webauthn.c

# --- Test vectors: tests/vectors/check DIR... runs the judge over any folder of their layout ----------------------------------------------------------
noinst_PROGRAMS += tests/vectors/judge
tests_vectors_judge_SOURCES = tests/vectors/judge.c tests/vectors/vectors.h tests/vectors/material.c \
	tests/vectors/attestation_vectors.c tests/vectors/certificate_vectors.c tests/vectors/ssh_vectors.c tests/vectors/webauthn_vectors.c
tests_vectors_judge_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_vectors_judge_LDADD = libtegata.la $(JANSSON_LIBS) $(OPENSSL_LIBS)
TESTS += tests/vectors/run
EXTRA_DIST += tests/vectors/check tests/vectors/run tests/vectors/ssh tests/vectors/webauthn

# --- A security key in software: build/tests/security_key/.libs/tg_sk_provider.so, for ssh-keygen -w and ssh -o SecurityKeyProvider=. Never
# with sanitizers or hidden behind our own flags: programs of OpenSSH load it.
noinst_LTLIBRARIES += tests/security_key/tg_sk_provider.la
tests_security_key_tg_sk_provider_la_SOURCES = tests/security_key/tg_sk_provider.c tests/security_key/attestation_key.h
EXTRA_DIST += tests/security_key/make_attestation tests/security_key/trust
tests_security_key_tg_sk_provider_la_CFLAGS = -std=gnu17 -Wall -Wextra -Wconversion -Wshadow -fvisibility=hidden $(OPENSSL_CFLAGS)
tests_security_key_tg_sk_provider_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
tests_security_key_tg_sk_provider_la_LIBADD = $(OPENSSL_LIBS)

# --- Unit tests --------------------------------------------------------------------------------------------------------------------------
CRYPTO_TESTS = tests/unit/test_public_key tests/unit/test_certificate tests/unit/test_certificate_make tests/unit/test_sshsig \
	tests/unit/test_webauthn tests/unit/test_signer tests/unit/test_request_auth tests/unit/test_attestation tests/unit/test_krl
CRYPTO_HELP = tests/unit/crypto_help.c tests/unit/crypto_help.h
check_PROGRAMS += $(CRYPTO_TESTS)
TESTS += $(CRYPTO_TESTS)

tests_unit_test_public_key_SOURCES = tests/unit/test_public_key.c $(CRYPTO_HELP)
tests_unit_test_public_key_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_public_key_LDADD = $(TEST_LIBS) $(OPENSSL_LIBS)

tests_unit_test_certificate_SOURCES = tests/unit/test_certificate.c $(CRYPTO_HELP)
tests_unit_test_certificate_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_certificate_LDADD = $(TEST_LIBS) $(OPENSSL_LIBS)

tests_unit_test_certificate_make_SOURCES = tests/unit/test_certificate_make.c $(WORLD)
tests_unit_test_certificate_make_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_certificate_make_LDADD = $(TEST_LIBS) $(OPENSSL_LIBS)

tests_unit_test_sshsig_SOURCES = tests/unit/test_sshsig.c $(CRYPTO_HELP)
tests_unit_test_sshsig_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_sshsig_LDADD = $(TEST_LIBS) $(OPENSSL_LIBS)

tests_unit_test_webauthn_SOURCES = tests/unit/test_webauthn.c $(CRYPTO_HELP)
tests_unit_test_webauthn_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_webauthn_LDADD = $(TEST_LIBS) $(OPENSSL_LIBS)

tests_unit_test_signer_SOURCES = tests/unit/test_signer.c $(CRYPTO_HELP)
tests_unit_test_signer_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_signer_LDADD = $(TEST_LIBS) $(OPENSSL_LIBS)

tests_unit_test_request_auth_SOURCES = tests/unit/test_request_auth.c $(CRYPTO_HELP)
tests_unit_test_request_auth_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_request_auth_LDADD = $(TEST_LIBS) $(OPENSSL_LIBS)

ATTESTATION_MAKER = tests/unit/attestation_maker.c tests/unit/attestation_maker.h $(CRYPTO_HELP)
tests_unit_test_attestation_SOURCES = tests/unit/test_attestation.c $(ATTESTATION_MAKER)
tests_unit_test_attestation_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_attestation_LDADD = $(TEST_LIBS) $(OPENSSL_LIBS)

tests_unit_test_krl_SOURCES = tests/unit/test_krl.c $(CRYPTO_HELP)
tests_unit_test_krl_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_krl_LDADD = $(TEST_LIBS) $(OPENSSL_LIBS)

# --- Fuzz targets: run with tests/fuzz/corpus/NAME ---------------------------------------------------------------------------------------
EXTRA_DIST += tests/fuzz/corpus/attestation tests/fuzz/corpus/certificate tests/fuzz/corpus/sshsig tests/fuzz/corpus/client_data \
	tests/fuzz/corpus/krl tests/fuzz/corpus/policy_change tests/fuzz/corpus/private_key tests/fuzz/corpus/request_auth
if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_certificate tests/fuzz/fuzz_sshsig tests/fuzz/fuzz_client_data tests/fuzz/fuzz_private_key \
	tests/fuzz/fuzz_request_auth tests/fuzz/fuzz_attestation tests/fuzz/fuzz_policy_change tests/fuzz/fuzz_krl
tests_fuzz_fuzz_attestation_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_fuzz_fuzz_attestation_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_attestation_LDADD = libtegata.la $(OPENSSL_LIBS)
tests_fuzz_fuzz_policy_change_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_fuzz_fuzz_policy_change_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_policy_change_LDADD = libtegata.la $(OPENSSL_LIBS)
tests_fuzz_fuzz_krl_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_fuzz_fuzz_krl_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_krl_LDADD = libtegata.la $(OPENSSL_LIBS)
tests_fuzz_fuzz_certificate_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_fuzz_fuzz_certificate_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_certificate_LDADD = libtegata.la $(OPENSSL_LIBS)
tests_fuzz_fuzz_sshsig_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_fuzz_fuzz_sshsig_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_sshsig_LDADD = libtegata.la $(OPENSSL_LIBS)
tests_fuzz_fuzz_client_data_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_fuzz_fuzz_client_data_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_client_data_LDADD = libtegata.la $(OPENSSL_LIBS)
tests_fuzz_fuzz_private_key_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_fuzz_fuzz_private_key_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_private_key_LDADD = libtegata.la $(OPENSSL_LIBS)
tests_fuzz_fuzz_request_auth_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_fuzz_fuzz_request_auth_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_request_auth_LDADD = libtegata.la $(OPENSSL_LIBS)
endif
