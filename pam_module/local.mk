# libc and libpam only (tests/unit/check_symbols holds it). --gc-sections drops what of libtegata_plugin the module does not use.
pam_LTLIBRARIES += pam_tegata.la
pam_tegata_la_SOURCES = \
	pam_module/credentials.c pam_module/credentials.h \
	pam_module/environment.c pam_module/environment.h \
	pam_module/local_account.c pam_module/local_account.h \
	pam_module/login.c pam_module/login.h \
	pam_module/pam_tegata.c \
	pam_module/person.c pam_module/person.h \
	pam_module/session.c pam_module/session.h \
	pam_module/settings.c pam_module/settings.h \
	pam_module/socket_families.c pam_module/socket_families.h \
	pam_module/sudo.c pam_module/sudo.h \
	pam_module/touch.c pam_module/touch.h
pam_tegata_la_CFLAGS = $(AM_CFLAGS)
pam_tegata_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -Wl,--gc-sections \
	-Wl,--version-script=$(top_srcdir)/pam_module/pam_tegata.map
pam_tegata_la_LIBADD = libtegata_plugin.la -lpam
EXTRA_pam_tegata_la_DEPENDENCIES = pam_module/pam_tegata.map
EXTRA_DIST += pam_module/pam_tegata.map

MAN_PAGES_IN += man/pam_tegata.8.in

# PAM loads the .so; nothing ever links with the .la.
install-data-hook: remove-pam-la
remove-pam-la:
	rm -f '$(DESTDIR)$(pamdir)/pam_tegata.la'
uninstall-local:
	rm -f '$(DESTDIR)$(pamdir)/pam_tegata.so'

check_PROGRAMS += tests/unit/test_socket_families
TESTS += tests/unit/test_socket_families
tests_unit_test_socket_families_SOURCES = tests/unit/test_socket_families.c pam_module/socket_families.c
tests_unit_test_socket_families_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_socket_families_LDADD = $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_pam_module
TESTS += tests/unit/test_pam_module tests/unit/check_symbols
EXTRA_DIST += tests/unit/check_symbols
tests_unit_test_pam_module_SOURCES = tests/unit/test_pam_module.c $(FAKE_AGENT)
tests_unit_test_pam_module_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_pam_module_LDADD = $(PLUGIN_TEST_LIBS) -lpam -lpthread
