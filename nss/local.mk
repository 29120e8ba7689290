# libnss_tegata.so.2: glibc loads it by exactly this name. It is made of its own sources and the roster's reader, not of the
# whole libtegata_plugin.la, so that nothing else (stdio, syslog) ends up in other people's processes. nodelete: a program that unloads and
# loads the module again keeps the view that it had.
NSS_SOURCES = nss/call.c nss/group.c nss/nss_tegata.h nss/passwd.c $(ROSTER_READER_SOURCES)
NSS_LDFLAGS = $(AM_LDFLAGS) -module -shared -avoid-version -shrext .so.2 \
	-Wl,-z,nodelete -Wl,--version-script=$(top_srcdir)/nss/nss_tegata.map

# Installed as a plain file, because the .la beside it would be of no use to anybody; -rpath makes libtool build a shared object.
noinst_LTLIBRARIES += nss/libnss_tegata.la
nss_libnss_tegata_la_SOURCES = $(NSS_SOURCES)
nss_libnss_tegata_la_CFLAGS = $(AM_CFLAGS)
nss_libnss_tegata_la_LDFLAGS = $(NSS_LDFLAGS) -rpath $(nssdir)
EXTRA_nss_libnss_tegata_la_DEPENDENCIES = nss/nss_tegata.map

nss_DATA = nss/libnss_tegata.so.2
nss/libnss_tegata.so.2: nss/libnss_tegata.la
	$(AM_V_GEN)cp -f nss/.libs/libnss_tegata.so.2 $@
CLEANFILES += nss/libnss_tegata.so.2
EXTRA_DIST += nss/nss_tegata.map

MAN_PAGES_IN += man/nss_tegata.8.in

# The module for the tests and the benchmark: the same, but for where its files are.
NSS_TEST_DIRECTORY = $(abs_top_builddir)/tests/unit/nss.d
NSS_TEST_MODULE = $(abs_top_builddir)/tests/unit/.libs/libnss_tegata_test.so.2
NSS_TEST_CPPFLAGS = $(AM_CPPFLAGS) -DTG_TEST_NSS_DIRECTORY='"$(NSS_TEST_DIRECTORY)"' -DTG_TEST_NSS_MODULE='"$(NSS_TEST_MODULE)"'
check_LTLIBRARIES += tests/unit/libnss_tegata_test.la
tests_unit_libnss_tegata_test_la_SOURCES = $(NSS_SOURCES)
tests_unit_libnss_tegata_test_la_CPPFLAGS = $(AM_CPPFLAGS) -DTG_NSS_ROSTER='"$(NSS_TEST_DIRECTORY)/roster"' \
	-DTG_NSS_PASSWD='"$(NSS_TEST_DIRECTORY)/passwd"' -DTG_NSS_GROUP='"$(NSS_TEST_DIRECTORY)/group"'
tests_unit_libnss_tegata_test_la_LDFLAGS = $(NSS_LDFLAGS) -rpath $(nssdir)

check_PROGRAMS += tests/unit/test_nss
TESTS += tests/unit/test_nss
tests_unit_test_nss_SOURCES = tests/unit/test_nss.c tests/unit/roster_sample.h
tests_unit_test_nss_CPPFLAGS = $(NSS_TEST_CPPFLAGS)
tests_unit_test_nss_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_nss_LDADD = $(TEST_LIBS)
EXTRA_tests_unit_test_nss_DEPENDENCIES = tests/unit/libnss_tegata_test.la

# A sanitizer's own symbols are none that the module may use, so its builds cannot be held to the list.
EXTRA_DIST += tests/unit/check_nss_symbols
if !SANITIZERS
TESTS += tests/unit/check_nss_symbols
endif

# The benchmark: built by make check, run by hand or by scripts/bench.
check_PROGRAMS += tests/bench/nss_bench
tests_bench_nss_bench_SOURCES = tests/bench/nss_bench.c
tests_bench_nss_bench_CPPFLAGS = $(NSS_TEST_CPPFLAGS)
tests_bench_nss_bench_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_bench_nss_bench_LDADD = libtegata.la
EXTRA_DIST += tests/bench/nss_bench.sh tests/bench/nss_strace
