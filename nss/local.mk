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
