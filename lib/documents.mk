# Documents, rules and the verdict: the part of libtegata that decides.
libtegata_la_SOURCES += \
	lib/approval.c \
	lib/approvals.c \
	lib/canonical_json.c \
	lib/digest.c lib/digest.h \
	lib/enrolment.c \
	lib/form.c lib/form.h \
	lib/judge.h lib/judge_certificate.c lib/judge_ticket.c \
	lib/network.c \
	lib/policy.c \
	lib/policy_change.c lib/policy_change.h \
	lib/policy_check.c lib/policy_check.h \
	lib/policy_signatures.c \
	lib/rule.c lib/rule.h \
	lib/schema.c lib/schema.h \
	lib/seats.c lib/seats.h \
	lib/sign_in.c lib/sign_in.h \
	lib/ticket.c \
	lib/ticket_compose.c \
	lib/ticket_extension.c \
	lib/verdict.c \
	lib/verdict_running.c

# The words in which digests are read out: one list for the command and the page.
libtegata_la_SOURCES += lib/code_words.c lib/code_words.h
nodist_libtegata_la_SOURCES = lib/code_word_table.c
CLEANFILES += lib/code_word_table.c
EXTRA_DIST += lib/code_words.awk approval_page/words.txt approval_page/words.LICENSE
lib/code_word_table.c: approval_page/words.txt lib/code_words.awk
	$(AM_V_GEN)$(MKDIR_P) lib && LC_ALL=C $(AWK) -f $(top_srcdir)/lib/code_words.awk $(top_srcdir)/approval_page/words.txt >$@.new && mv -f $@.new $@

DOCUMENT_TESTS = tests/unit/test_approval tests/unit/test_canonical_json tests/unit/test_code_words tests/unit/test_network \
	tests/unit/test_policy tests/unit/test_policy_change tests/unit/test_sign_in tests/unit/test_ticket tests/unit/test_verdict \
	tests/unit/test_verdict_running
check_PROGRAMS += $(DOCUMENT_TESTS)
TESTS += $(DOCUMENT_TESTS)

# A policy and a ticket that the tests change.
WORLD = tests/unit/world.c tests/unit/world.h tests/unit/world_keys.h

tests_unit_test_approval_SOURCES = tests/unit/test_approval.c $(WORLD)
tests_unit_test_approval_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_approval_LDADD = $(TEST_LIBS)

tests_unit_test_canonical_json_SOURCES = tests/unit/test_canonical_json.c
tests_unit_test_canonical_json_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_canonical_json_LDADD = $(TEST_LIBS)

tests_unit_test_code_words_SOURCES = tests/unit/test_code_words.c
tests_unit_test_code_words_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_code_words_LDADD = $(TEST_LIBS)

tests_unit_test_network_SOURCES = tests/unit/test_network.c
tests_unit_test_network_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_network_LDADD = $(TEST_LIBS)

tests_unit_test_policy_SOURCES = tests/unit/test_policy.c $(WORLD)
tests_unit_test_policy_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_policy_LDADD = $(TEST_LIBS)

# A security key in memory.
TOUCH = tests/unit/touch.c tests/unit/touch.h

tests_unit_test_sign_in_SOURCES = tests/unit/test_sign_in.c $(WORLD) $(TOUCH)
tests_unit_test_sign_in_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_sign_in_LDADD = $(TEST_LIBS) $(OPENSSL_LIBS)
tests_unit_test_policy_change_SOURCES = tests/unit/test_policy_change.c $(ATTESTATION_MAKER)
tests_unit_test_policy_change_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_policy_change_LDADD = $(TEST_LIBS) $(OPENSSL_LIBS)

tests_unit_test_ticket_SOURCES = tests/unit/test_ticket.c $(WORLD)
tests_unit_test_ticket_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_ticket_LDADD = $(TEST_LIBS)

tests_unit_test_verdict_SOURCES = tests/unit/test_verdict.c $(WORLD)
tests_unit_test_verdict_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_verdict_LDADD = $(TEST_LIBS)

tests_unit_test_verdict_running_SOURCES = tests/unit/test_verdict_running.c $(WORLD)
tests_unit_test_verdict_running_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_verdict_running_LDADD = $(TEST_LIBS)

EXTRA_DIST += tests/fuzz/corpus/approval tests/fuzz/corpus/canonical_json tests/fuzz/corpus/policy tests/fuzz/corpus/sign_in tests/fuzz/corpus/ticket
if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_approval tests/fuzz/fuzz_canonical_json tests/fuzz/fuzz_policy tests/fuzz/fuzz_sign_in tests/fuzz/fuzz_ticket
tests_fuzz_fuzz_approval_LDADD = libtegata.la
tests_fuzz_fuzz_approval_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_canonical_json_LDADD = libtegata.la
tests_fuzz_fuzz_canonical_json_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_policy_LDADD = libtegata.la
tests_fuzz_fuzz_policy_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_sign_in_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_fuzz_fuzz_sign_in_LDADD = libtegata.la
tests_fuzz_fuzz_sign_in_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_ticket_LDADD = libtegata.la
tests_fuzz_fuzz_ticket_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
