# sshd looks at every folder above its AuthorizedPrincipalsCommand, so the program stands in libexecdir itself.
libexec_PROGRAMS += tegata-principals
tegata_principals_SOURCES = authorized_principals_cmd/tegata_principals.c authorized_principals_cmd/options.def
tegata_principals_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS)
tegata_principals_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
tegata_principals_LDADD = libtegata_plugin.la

MAN_PAGES_IN += man/tegata-principals.8.in
man/tegata-principals.8: authorized_principals_cmd/options.def

check_PROGRAMS += tests/unit/test_principals
TESTS += tests/unit/test_principals
tests_unit_test_principals_SOURCES = tests/unit/test_principals.c $(FAKE_AGENT)
tests_unit_test_principals_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_principals_LDADD = $(PLUGIN_TEST_LIBS) -lpthread
