# The lab, the scripts that stand on it and the end-to-end tests: run by scripts/check, not by make check, because they need root.
EXTRA_DIST += .ci/run scripts tests/e2e

# Every unit test runs in a folder of its own, which is removed.
LOG_COMPILER = $(top_srcdir)/tests/unit/in_own_folder
EXTRA_DIST += tests/unit/in_own_folder tests/unit/temporary.h

# Programs of scripts/bench, built by make check.
check_PROGRAMS += tests/bench/principal_only
tests_bench_principal_only_SOURCES = tests/bench/principal_only.c
check_PROGRAMS += tests/bench/proc_scan
tests_bench_proc_scan_SOURCES = tests/bench/proc_scan.c
tests_bench_proc_scan_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_bench_proc_scan_LDADD = libtegata_agent.la
check_PROGRAMS += tests/bench/verify_approvals
tests_bench_verify_approvals_SOURCES = tests/bench/verify_approvals.c
tests_bench_verify_approvals_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_bench_verify_approvals_LDADD = libtegata.la
if APPROVAL_SERVICE
check_PROGRAMS += tests/bench/polling_hosts
tests_bench_polling_hosts_SOURCES = tests/bench/polling_hosts.c
tests_bench_polling_hosts_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS) $(CURL_CFLAGS)
tests_bench_polling_hosts_LDADD = libtegata.la $(JANSSON_LIBS) $(CURL_LIBS)
endif
