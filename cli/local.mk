bin_PROGRAMS += cli/tegata

# Everything but main(), so that the unit tests can link it.
noinst_LTLIBRARIES += libtegata_cli.la
libtegata_cli_la_SOURCES = \
	cli/approve.c cli/carry.c cli/client.c cli/client.h cli/client_config.c cli/client_config.def \
	cli/client_config.h cli/command.c cli/command.h cli/decide.c cli/doctor.c cli/doctor.h cli/doctor_agent.c \
	cli/doctor_files.c cli/doctor_nss.c cli/doctor_pam.c cli/doctor_sshd.c cli/duration.c cli/duration.h \
	cli/fetch.c cli/fetch.h cli/files.c cli/files.h cli/findings.c cli/findings.h cli/host.c cli/init.c cli/link.c \
	cli/link.h cli/list.c cli/output.c cli/output.h cli/policy.c cli/policy_render.c cli/policy_render.h \
	cli/problem.c cli/problem.h cli/render.c cli/render.h cli/request.c cli/run.c cli/run.h cli/session_token.c \
	cli/session_token.h cli/show.c cli/signing_key.c cli/signing_key.h cli/ticket_view.c cli/ticket_view.h cli/tls.c \
	cli/tls.h cli/trust.c cli/trust.h cli/wait.c cli/wait.h cli/warnings.c cli/why.c
libtegata_cli_la_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS) $(CURL_CFLAGS)
libtegata_cli_la_LIBADD = libtegata.la $(CURL_LIBS)

CLI_OPTIONS = \
	cli/options/approve.def cli/options/carry_export.def cli/options/carry_import.def cli/options/doctor.def \
	cli/options/host_enroll.def cli/options/host_remove.def cli/options/init.def cli/options/list.def \
	cli/options/policy_sign.def cli/options/reason.def cli/options/request.def cli/options/tegata.def \
	cli/options/why.def
cli_tegata_SOURCES = cli/main.c $(CLI_OPTIONS)
cli_tegata_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS) $(LIBTEGATA_CFLAGS)
cli_tegata_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
cli_tegata_LDADD = libtegata_cli.la
