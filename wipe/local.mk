# tegata-wipe and tegata-teardown, and the texts that they exchange with the agent.
libtegata_la_SOURCES += lib/wipe_lines.c lib/wipe_lines.h

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
