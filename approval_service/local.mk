# approval_service/: the daemon is a thin main around libtegata_service.la, so that tests and fuzzers link the rest.
noinst_LTLIBRARIES += libtegata_service.la
libtegata_service_la_SOURCES = \
	approval_service/backoff.c approval_service/backoff.h \
	approval_service/call_job.c approval_service/call_job.h \
	approval_service/certificates.c \
	approval_service/credentials.c \
	approval_service/cross_origin.c approval_service/cross_origin.h \
	approval_service/enrolment.c approval_service/enrolment.h \
	approval_service/headers.c approval_service/headers.h \
	approval_service/invitations.c \
	approval_service/page.c approval_service/page.h approval_service/page_facts.c \
	approval_service/password.c approval_service/password.h approval_service/password_change.c \
	approval_service/password_job.c approval_service/password_job.h \
	approval_service/response.c approval_service/response.h \
	approval_service/secret.c approval_service/secret.h \
	approval_service/sign_in_call.h approval_service/sign_ins.c \
	approval_service/store_accounts.c approval_service/store_accounts.h approval_service/store_credentials.c \
	approval_service/store_tokens.c \
	approval_service/wiping_memory.c approval_service/wiping_memory.h \
	approval_service/workers.c approval_service/workers.h \
	approval_service/approvals.c \
	approval_service/authenticate.c \
	approval_service/body.c approval_service/body.h \
	approval_service/config.c approval_service/config.h approval_service/service_config.def \
	approval_service/events.c \
	approval_service/extension.c \
	approval_service/expiry.c \
	approval_service/host_event.c approval_service/host_event.h \
	approval_service/host_sessions.c \
	approval_service/hosts.c \
	approval_service/http.c approval_service/http.h \
	approval_service/metrics.c \
	approval_service/policy.c \
	approval_service/problem.c approval_service/problem.h \
	approval_service/rate.c approval_service/rate.h \
	approval_service/revocations.c \
	approval_service/route.c approval_service/route.h \
	approval_service/server.c approval_service/server.h \
	approval_service/service.c approval_service/service.h approval_service/setup.h \
	approval_service/sessions.c \
	approval_service/store.h approval_service/store_hosts.c approval_service/store_schema.h \
	approval_service/store_revocations.c approval_service/store_sessions.c \
	approval_service/store_sqlite.c approval_service/store_sqlite.h approval_service/store_statements.def \
	approval_service/store_tickets.c \
	approval_service/ticket_view.c approval_service/ticket_view.h \
	approval_service/tickets.c \
	approval_service/waiting.c approval_service/waiting.h \
	approval_service/why.c
libtegata_service_la_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS) $(LIBTEGATA_CFLAGS) $(MICROHTTPD_CFLAGS) $(SQLITE_CFLAGS) $(CRYPT_CFLAGS)
libtegata_service_la_LIBADD = libtegata.la $(MICROHTTPD_LIBS) $(SQLITE_LIBS) $(CRYPT_LIBS) -lpthread

sbin_PROGRAMS += tegata-approvald
tegata_approvald_SOURCES = approval_service/main.c approval_service/options.def
tegata_approvald_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS) $(LIBTEGATA_CFLAGS)
tegata_approvald_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
tegata_approvald_LDADD = libtegata_service.la libtegata.la

MAN_PAGES_IN += man/tegata-approvald.8.in man/tegata-approvald.conf.5.in
man/tegata-approvald.8: approval_service/options.def
man/tegata-approvald.conf.5: approval_service/service_config.def

check_PROGRAMS += tests/unit/test_store tests/unit/test_service_parts
TESTS += tests/unit/test_store tests/unit/test_service_parts
check_PROGRAMS += tests/unit/test_accounts
TESTS += tests/unit/test_accounts
tests_unit_test_accounts_SOURCES = tests/unit/test_accounts.c
tests_unit_test_accounts_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_accounts_LDADD = libtegata_service.la $(TEST_LIBS)
tests_unit_test_store_SOURCES = tests/unit/test_store.c
tests_unit_test_store_CFLAGS = $(TEST_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_store_LDADD = libtegata_service.la $(TEST_LIBS) $(SQLITE_LIBS)
tests_unit_test_service_parts_SOURCES = tests/unit/test_service_parts.c
tests_unit_test_service_parts_CFLAGS = $(TEST_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_service_parts_LDADD = libtegata_service.la $(TEST_LIBS)
EXTRA_DIST += tests/e2e/test_accounts.py tests/e2e/test_static_page.py tests/e2e/test_http_hostile.py
EXTRA_DIST += tests/e2e/test_service.py tests/e2e/test_service_sessions.py tests/e2e/test_extend_service.py tests/e2e/service_client.py

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_http_bodies
tests_fuzz_fuzz_http_bodies_SOURCES = tests/fuzz/fuzz_http_bodies.c
tests_fuzz_fuzz_http_bodies_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_fuzz_fuzz_http_bodies_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_http_bodies_LDADD = libtegata_service.la libtegata.la
endif
EXTRA_DIST += tests/fuzz/corpus/http_bodies
