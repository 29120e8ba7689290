# lib/ builds two internal static libraries.
#   libtegata_plugin.la  libc only (and inih, static): what the three plugins and everybody else may link
#   libtegata.la         all of the above plus OpenSSL, jansson and libfido2: for the agent, the service and the CLI
noinst_LTLIBRARIES += libtegata_plugin.la libtegata.la

libtegata_plugin_la_SOURCES = \
	lib/agent_client.c lib/agent_protocol.c lib/agent_protocol.h \
	lib/auth_info.c lib/auth_info.h \
	lib/config.c lib/config.h lib/host_config.c lib/host_config.def \
	lib/options.c lib/options.h \
	lib/base64.c lib/base64.h \
	lib/ca_client.c lib/ca_client.h lib/ca_protocol.c lib/ca_protocol.h \
	lib/error.h \
	lib/grow.c lib/grow.h \
	lib/log.c lib/log.h \
	lib/monotonic.c lib/monotonic.h \
	lib/reason.c lib/reason.h lib/reason.def \
	lib/recording.c lib/recording.h \
	lib/ssh_agent_ask.c lib/ssh_agent_ask.h \
	lib/stream.c lib/stream.h \
	lib/wire.c lib/wire.h
libtegata_plugin_la_CFLAGS = $(AM_CFLAGS) -ffunction-sections -fdata-sections
libtegata_plugin_la_LIBADD = $(INIH_STATIC_LIBS)

LIBTEGATA_CFLAGS = $(OPENSSL_CFLAGS) $(JANSSON_CFLAGS) $(FIDO2_CFLAGS) $(CBOR_CFLAGS)
libtegata_la_SOURCES = lib/canonical_json.h lib/certificate.h lib/policy.h lib/public_key.h lib/request_auth.h \
	lib/roster.h lib/signer.h lib/sshsig.h lib/ticket.h lib/verdict.h lib/webauthn.h
libtegata_la_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
libtegata_la_LIBADD = libtegata_plugin.la $(OPENSSL_LIBS) $(JANSSON_LIBS) $(FIDO2_LIBS) $(CBOR_LIBS)

# The tests of the libc-only half link only that half, which so stays one. FAKE_AGENT is for whoever asks the agent.
PLUGIN_TEST_LIBS = libtegata_plugin.la $(CMOCKA_LIBS)
FAKE_AGENT = tests/unit/fake_agent.c tests/unit/fake_agent.h

PLUGIN_LIBRARY_TESTS = \
	tests/unit/test_wire tests/unit/test_base64 tests/unit/test_reason tests/unit/test_log \
	tests/unit/test_config tests/unit/test_options tests/unit/test_auth_info tests/unit/test_agent_protocol
check_PROGRAMS += $(PLUGIN_LIBRARY_TESTS)
TESTS += $(PLUGIN_LIBRARY_TESTS)
tests_unit_test_wire_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_wire_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_test_base64_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_base64_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_test_reason_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_reason_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_test_log_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_log_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_test_config_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_config_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_test_options_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_options_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_test_auth_info_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_auth_info_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_test_agent_protocol_SOURCES = tests/unit/test_agent_protocol.c $(FAKE_AGENT)
tests_unit_test_agent_protocol_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_agent_protocol_LDADD = $(PLUGIN_TEST_LIBS) -lpthread

EXTRA_DIST += tests/fuzz/corpus/agent_protocol tests/fuzz/corpus/auth_info tests/fuzz/corpus/config \
	tests/fuzz/corpus/ssh_agent_answer
if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_agent_protocol tests/fuzz/fuzz_auth_info tests/fuzz/fuzz_config \
	tests/fuzz/fuzz_ssh_agent_answer
tests_fuzz_fuzz_ssh_agent_answer_LDADD = libtegata_plugin.la
tests_fuzz_fuzz_ssh_agent_answer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_agent_protocol_LDADD = libtegata_plugin.la
tests_fuzz_fuzz_agent_protocol_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_auth_info_LDADD = libtegata_plugin.la
tests_fuzz_fuzz_auth_info_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_config_LDADD = libtegata_plugin.la
tests_fuzz_fuzz_config_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
