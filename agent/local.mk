# Everything but main(), so that the unit tests and the fuzzers can link it.
noinst_LTLIBRARIES += libtegata_agent.la
libtegata_agent_la_SOURCES = \
	agent/accounts.c \
	agent/admissions.c agent/admissions.h \
	agent/agent.c agent/agent.h \
	agent/agent_state.c \
	agent/claims.c agent/claims.h \
	agent/clients.c agent/clients.h \
	agent/command_line.c \
	agent/dedicated.c agent/dedicated.h \
	agent/ending.c agent/ending.h \
	agent/events.c agent/events.h \
	agent/gates.c agent/gates.h \
	agent/granted.c agent/granted.h \
	agent/host_certificate.c agent/host_certificate.h \
	agent/intake.c \
	agent/job_gate.c \
	agent/local_names.c \
	agent/loop.c \
	agent/marks.c agent/marks.h \
	agent/netfilter.c agent/netfilter.h \
	agent/network_grants.c agent/network_grants.h \
	agent/network_rules.c agent/network_rules.h \
	agent/notify.c agent/notify.h \
	agent/principals_line.c agent/principals_line.h \
	agent/privileges.c agent/privileges.h \
	agent/process.c agent/process.h \
	agent/process_table.c agent/process_table.h \
	agent/publish.c agent/roster_publish.h \
	agent/recording.c agent/recording.h \
	agent/repeats.c agent/repeats.h \
	agent/revocations.c agent/revocations.h \
	agent/service_request.c agent/service_request.h \
	agent/session_clock.c agent/session_clock.h \
	agent/session_gate.c \
	agent/session_right.c agent/session_right.h agent/session_warning.c agent/sessions_turn.c \
	agent/sessions.c agent/sessions.h agent/sessions_state.c \
	agent/state.c agent/state.h \
	agent/step_up.c agent/step_up.h \
	agent/sudo_gate.c agent/sudo_gate.h \
	agent/sync.c \
	agent/teardown_gate.c agent/teardown_gate.h \
	agent/telling.c agent/telling.h \
	agent/tickets.c agent/tickets.h agent/tickets_state.c \
	agent/uid_ledger.c agent/uid_ledger.h \
	agent/update.c agent/update.h
AGENT_CFLAGS = $(LIBTEGATA_CFLAGS) $(CURL_CFLAGS) $(LIBCAP_CFLAGS) $(NFTABLES_CFLAGS)
libtegata_agent_la_CFLAGS = $(AM_CFLAGS) $(AGENT_CFLAGS)
libtegata_agent_la_LIBADD = libtegata.la $(CURL_LIBS) $(LIBCAP_LIBS) $(NFTABLES_LIBS)

sbin_PROGRAMS += agent/tegatad
agent_tegatad_SOURCES = agent/main.c agent/options.def
agent_tegatad_CFLAGS = $(AM_CFLAGS) $(AGENT_CFLAGS) $(PIE_CFLAGS)
agent_tegatad_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
agent_tegatad_LDADD = libtegata_agent.la

MAN_PAGES_IN += man/tegatad.8.in
man/tegatad.8: agent/options.def

AGENT_TESTS = tests/unit/test_agent_accounts tests/unit/test_agent_gates tests/unit/test_agent_network tests/unit/test_agent_state tests/unit/test_agent_tickets
check_PROGRAMS += $(AGENT_TESTS)
TESTS += $(AGENT_TESTS)

tests_unit_test_agent_accounts_SOURCES = tests/unit/test_agent_accounts.c $(WORLD)
tests_unit_test_agent_accounts_CFLAGS = $(TEST_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_agent_accounts_LDADD = libtegata_agent.la $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_ending
TESTS += tests/unit/test_ending
tests_unit_test_ending_SOURCES = tests/unit/test_ending.c $(WORLD)
tests_unit_test_ending_CFLAGS = $(TEST_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_ending_LDADD = libtegata_agent.la $(TEST_LIBS)

tests_unit_test_agent_gates_SOURCES = tests/unit/test_agent_gates.c $(WORLD)
tests_unit_test_agent_gates_CFLAGS = $(TEST_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_agent_gates_LDADD = libtegata_agent.la $(TEST_LIBS)

tests_unit_test_agent_network_SOURCES = tests/unit/test_agent_network.c $(WORLD)
tests_unit_test_agent_network_CFLAGS = $(TEST_CFLAGS) $(CURL_CFLAGS) $(NFTABLES_CFLAGS)
tests_unit_test_agent_network_LDADD = libtegata_agent.la $(NFTABLES_LIBS) $(TEST_LIBS)

tests_unit_test_agent_state_SOURCES = tests/unit/test_agent_state.c
tests_unit_test_agent_state_CFLAGS = $(TEST_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_agent_state_LDADD = libtegata_agent.la $(TEST_LIBS)

tests_unit_test_agent_tickets_SOURCES = tests/unit/test_agent_tickets.c $(WORLD)
tests_unit_test_agent_tickets_CFLAGS = $(TEST_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_agent_tickets_LDADD = libtegata_agent.la $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_step_up
TESTS += tests/unit/test_step_up
tests_unit_test_step_up_SOURCES = tests/unit/test_step_up.c $(WORLD)
tests_unit_test_step_up_CFLAGS = $(TEST_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_step_up_LDADD = libtegata_agent.la $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_agent_sessions
TESTS += tests/unit/test_agent_sessions
tests_unit_test_agent_sessions_SOURCES = tests/unit/test_agent_sessions.c $(WORLD) $(CRYPTO_HELP)
tests_unit_test_agent_sessions_CFLAGS = $(TEST_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_agent_sessions_LDADD = libtegata_agent.la $(TEST_LIBS) $(OPENSSL_LIBS)

check_PROGRAMS += tests/unit/test_agent_host_certificate
TESTS += tests/unit/test_agent_host_certificate
tests_unit_test_agent_host_certificate_SOURCES = tests/unit/test_agent_host_certificate.c $(WORLD) $(CRYPTO_HELP)
tests_unit_test_agent_host_certificate_CFLAGS = $(TEST_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_agent_host_certificate_LDADD = libtegata_agent.la $(TEST_LIBS) $(OPENSSL_LIBS)

check_PROGRAMS += tests/unit/test_agent_revocations
TESTS += tests/unit/test_agent_revocations
tests_unit_test_agent_revocations_SOURCES = tests/unit/test_agent_revocations.c $(WORLD) $(CRYPTO_HELP)
tests_unit_test_agent_revocations_CFLAGS = $(TEST_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_agent_revocations_LDADD = libtegata_agent.la $(TEST_LIBS) $(OPENSSL_LIBS)

EXTRA_DIST += tests/fuzz/corpus/update tests/fuzz/corpus/agent_state tests/fuzz/corpus/network_rules
if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_update tests/fuzz/fuzz_agent_state tests/fuzz/fuzz_network_rules
tests_fuzz_fuzz_network_rules_SOURCES = tests/fuzz/fuzz_network_rules.c
tests_fuzz_fuzz_network_rules_CFLAGS = $(AM_CFLAGS) $(AGENT_CFLAGS)
tests_fuzz_fuzz_network_rules_LDADD = libtegata_agent.la
tests_fuzz_fuzz_network_rules_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_update_SOURCES = tests/fuzz/fuzz_update.c
tests_fuzz_fuzz_update_CFLAGS = $(AM_CFLAGS) $(AGENT_CFLAGS)
tests_fuzz_fuzz_update_LDADD = libtegata_agent.la
tests_fuzz_fuzz_update_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_agent_state_SOURCES = tests/fuzz/fuzz_agent_state.c
tests_fuzz_fuzz_agent_state_CFLAGS = $(AM_CFLAGS) $(AGENT_CFLAGS)
tests_fuzz_fuzz_agent_state_LDADD = libtegata_agent.la
tests_fuzz_fuzz_agent_state_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
