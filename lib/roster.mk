# The roster. Its reader is libc only, and the NSS module is made of these sources alone.
ROSTER_READER_SOURCES = \
	lib/crc32c.c lib/crc32c.h \
	lib/roster_cache.c lib/roster_check.c lib/roster_load.c lib/roster_local.c \
	lib/roster_format.h lib/roster_reader.c lib/roster_reader.h lib/roster_rules.c

libtegata_plugin_la_SOURCES += $(ROSTER_READER_SOURCES)
libtegata_la_SOURCES += lib/roster.c lib/roster_build.c lib/roster_build.h

check_PROGRAMS += tests/unit/test_roster
TESTS += tests/unit/test_roster
tests_unit_test_roster_SOURCES = tests/unit/test_roster.c tests/unit/roster_sample.h
tests_unit_test_roster_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_roster_LDADD = $(TEST_LIBS)

EXTRA_DIST += tests/fuzz/roster_corpus
if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_roster
tests_fuzz_fuzz_roster_SOURCES = tests/fuzz/fuzz_roster.c
tests_fuzz_fuzz_roster_LDADD = libtegata_plugin.la
tests_fuzz_fuzz_roster_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
