# tegata-wipe and tegata-teardown, and the texts that they exchange with the agent.
libtegata_la_SOURCES += lib/teardown.c lib/teardown.h lib/wipe_lines.c lib/wipe_lines.h

# Everything but main(), for the unit tests and the fuzzer.
noinst_LTLIBRARIES += libtegata_wipe.la
libtegata_wipe_la_SOURCES = \
	wipe/kernel.c wipe/kernel.h \
	wipe/keyrings.c \
	wipe/mounts.c wipe/mounts.h \
	wipe/objects.c \
	wipe/places.c wipe/target.h \
	wipe/processes.c \
	wipe/report.c wipe/report.h \
	wipe/search.c wipe/search.h \
	wipe/tree.c wipe/tree.h \
	agent/local_names.c agent/process.c agent/process_table.c
libtegata_wipe_la_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
libtegata_wipe_la_LIBADD = libtegata.la

sbin_PROGRAMS += wipe/tegata-wipe wipe/tegata-teardown
wipe_tegata_wipe_SOURCES = wipe/wipe_main.c wipe/wipe_options.def
wipe_tegata_wipe_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS) $(PIE_CFLAGS)
wipe_tegata_wipe_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
wipe_tegata_wipe_LDADD = libtegata_wipe.la

wipe_tegata_teardown_SOURCES = wipe/teardown_main.c wipe/teardown_options.def
wipe_tegata_teardown_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS) $(PIE_CFLAGS)
wipe_tegata_teardown_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
wipe_tegata_teardown_LDADD = libtegata.la

MAN_PAGES_IN += man/tegata-wipe.8.in man/tegata-teardown.8.in
man/tegata-wipe.8: wipe/wipe_options.def
man/tegata-teardown.8: wipe/teardown_options.def

WIPE_TESTS = tests/unit/test_wipe tests/unit/test_agent_dedicated
check_PROGRAMS += $(WIPE_TESTS)
TESTS += $(WIPE_TESTS)
tests_unit_test_wipe_SOURCES = tests/unit/test_wipe.c
tests_unit_test_wipe_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_wipe_LDADD = libtegata_wipe.la $(TEST_LIBS)
tests_unit_test_agent_dedicated_SOURCES = tests/unit/test_agent_dedicated.c
tests_unit_test_agent_dedicated_CFLAGS = $(TEST_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_agent_dedicated_LDADD = libtegata_agent.la $(TEST_LIBS)

EXTRA_DIST += tests/fuzz/corpus/wipe_lines
if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_wipe_lines
tests_fuzz_fuzz_wipe_lines_SOURCES = tests/fuzz/fuzz_wipe_lines.c
tests_fuzz_fuzz_wipe_lines_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_fuzz_fuzz_wipe_lines_LDADD = libtegata_wipe.la
tests_fuzz_fuzz_wipe_lines_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
