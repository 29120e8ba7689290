# certificate_authority/: the daemon is a thin main around libtegata_authority.la, so that tests and fuzzers link the rest.
noinst_LTLIBRARIES += libtegata_authority.la
libtegata_authority_la_SOURCES = \
	agent/state.c agent/state.h \
	approval_service/rate.c approval_service/rate.h \
	certificate_authority/authority.c certificate_authority/authority.h \
	certificate_authority/config.c certificate_authority/config.h certificate_authority/ca_config.def \
	certificate_authority/connections.c certificate_authority/connections.h \
	certificate_authority/host.c \
	certificate_authority/hosts.c \
	certificate_authority/policy.c \
	certificate_authority/privileges.c certificate_authority/privileges.h \
	certificate_authority/signing_key.c certificate_authority/signing_key.h \
	certificate_authority/token.c certificate_authority/token.h \
	certificate_authority/user.c
libtegata_authority_la_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS) $(LIBTEGATA_CFLAGS) $(LIBP11_CFLAGS)
libtegata_authority_la_LIBADD = libtegata.la $(LIBP11_LIBS)

sbin_PROGRAMS += tegata-ca
tegata_ca_SOURCES = certificate_authority/main.c certificate_authority/options.def
tegata_ca_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS) $(LIBTEGATA_CFLAGS)
tegata_ca_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
tegata_ca_LDADD = libtegata_authority.la libtegata.la

MAN_PAGES_IN += man/tegata-ca.8.in man/tegata-ca.conf.5.in
man/tegata-ca.8: certificate_authority/options.def
man/tegata-ca.conf.5: certificate_authority/ca_config.def

check_PROGRAMS += tests/unit/test_certificate_authority
TESTS += tests/unit/test_certificate_authority
tests_unit_test_certificate_authority_SOURCES = tests/unit/test_certificate_authority.c $(WORLD) $(TOUCH)
tests_unit_test_certificate_authority_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_certificate_authority_LDADD = libtegata_authority.la $(TEST_LIBS) $(OPENSSL_LIBS) -lpthread
EXTRA_DIST += tests/e2e/test_certificate_authority.py tests/e2e/authority.py tests/fuzz/corpus/ca_protocol

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_ca_protocol
tests_fuzz_fuzz_ca_protocol_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_fuzz_fuzz_ca_protocol_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_ca_protocol_LDADD = libtegata_authority.la libtegata.la
endif
