# lib/ builds two internal static libraries.
#   libtegata_plugin.la  libc only (and inih, static): what the three plugins and everybody else may link
#   libtegata.la         all of the above plus OpenSSL, jansson and libfido2: for the agent, the service and the CLI
noinst_LTLIBRARIES += libtegata_plugin.la libtegata.la

libtegata_plugin_la_SOURCES = \
	lib/agent_client.c lib/agent_protocol.c lib/agent_protocol.h \
	lib/auth_info.c lib/auth_info.h \
	lib/config.c lib/config.h lib/host_config.c lib/host_config.def \
	lib/options.c lib/options.h \
	lib/base64.c lib/base64.h \
	lib/error.h \
	lib/log.c lib/log.h \
	lib/reason.c lib/reason.h lib/reason.def \
	lib/wire.c lib/wire.h
libtegata_plugin_la_CFLAGS = $(AM_CFLAGS) -ffunction-sections -fdata-sections
libtegata_plugin_la_LIBADD = $(INIH_STATIC_LIBS)

LIBTEGATA_CFLAGS = $(OPENSSL_CFLAGS) $(JANSSON_CFLAGS) $(FIDO2_CFLAGS)
libtegata_la_SOURCES = lib/canonical_json.h lib/certificate.h lib/policy.h lib/public_key.h lib/request_auth.h \
	lib/roster.h lib/signer.h lib/sshsig.h lib/ticket.h lib/verdict.h lib/webauthn.h
libtegata_la_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
libtegata_la_LIBADD = libtegata_plugin.la $(OPENSSL_LIBS) $(JANSSON_LIBS) $(FIDO2_LIBS)
