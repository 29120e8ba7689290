bin_PROGRAMS += cli/tegata

# Everything but main(), so that the unit tests can link it.
noinst_LTLIBRARIES += libtegata_cli.la
libtegata_cli_la_SOURCES = \
	cli/accounts.c cli/agent_keys.c cli/agent_keys.h cli/approve.c cli/ask.c cli/ask.h cli/carry.c cli/client.c cli/client.h \
	cli/client_config.c cli/client_config.def cli/client_config.h cli/command.c cli/command.h cli/decide.c cli/doctor.c cli/doctor.h \
	cli/doctor_agent.c cli/doctor_dedicated.c cli/doctor_files.c cli/doctor_homes.c cli/doctor_host_certificate.c cli/doctor_nss.c cli/doctor_pam.c \
	cli/doctor_recording.c cli/doctor_sshd.c cli/duration.c cli/duration.h cli/enroll.c cli/enter.c cli/enter.h cli/extend.c \
	cli/extension.c cli/extension.h cli/fetch.c cli/fetch.h cli/fido_devices.c cli/files.c cli/files.h cli/findings.c cli/findings.h \
	cli/follow.c cli/follow.h cli/host.c cli/host_session.c cli/host_session.h cli/init.c cli/key_words.c cli/key_words.h \
	cli/known_hosts.c cli/known_hosts.h cli/link.c cli/link.h cli/list.c cli/login.c cli/login.h cli/login_certificate.c \
	cli/login_certificate.h cli/login_web.c cli/lost.c cli/output.c cli/output.h cli/policy.c cli/policy_change.c cli/policy_diff.c \
	cli/policy_diff.h cli/policy_file.c cli/policy_file.h cli/policy_render.c cli/policy_render.h cli/policy_warnings.c cli/problem.c \
	cli/problem.h cli/program.c cli/program.h cli/prompt.c cli/prompt.h cli/render.c cli/render.h cli/request.c cli/run.c cli/run.h \
	cli/security_key.c cli/security_key.h cli/security_signer.c cli/security_signer.h cli/session_token.c cli/session_token.h \
	cli/sessions.c cli/show.c cli/signing_key.c cli/signing_key.h cli/ssh.c cli/ssh_config.c cli/ssh_options.c cli/ssh_options.h \
	cli/status_line.c cli/status_line.h cli/submit.c cli/submit.h cli/ticket_view.c cli/ticket_view.h cli/tls.c cli/tls.h cli/trust.c \
	cli/trust.h cli/wait.c cli/wait.h cli/warnings.c cli/web_key.c cli/web_key.h cli/why.c cli/wish.c cli/wish.h $(CLI_OPTIONS)
libtegata_cli_la_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS) $(CURL_CFLAGS)
libtegata_cli_la_LIBADD = libtegata.la $(CURL_LIBS)

CLI_OPTIONS = \
	cli/options/approve.def cli/options/carry_export.def cli/options/carry_import.def cli/options/config.def cli/options/doctor.def \
	cli/options/enroll.def cli/options/extend.def cli/options/host_enroll.def cli/options/host_remove.def cli/options/init.def \
	cli/options/invite.def cli/options/list.def cli/options/login.def cli/options/lost.def cli/options/policy_add_key.def \
	cli/options/policy_sign.def cli/options/reason.def cli/options/request.def cli/options/sessions.def cli/options/show.def \
	cli/options/ssh.def cli/options/tegata.def cli/options/why.def
cli_tegata_SOURCES = cli/main.c
cli_tegata_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS) $(LIBTEGATA_CFLAGS)
cli_tegata_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
cli_tegata_LDADD = libtegata_cli.la

MAN_PAGES_IN += man/tegata.1.in man/tegata-client.conf.5.in man/tegata-attestation.5.in
man/tegata.1: $(CLI_OPTIONS)
man/tegata-client.conf.5: cli/client_config.def

# --- Tests -------------------------------------------------------------------
CLI_TEST_LIBS = libtegata_cli.la $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_duration tests/unit/test_output tests/unit/test_client_config tests/unit/test_doctor \
	tests/unit/test_cli_keys tests/unit/test_warnings tests/unit/test_extension
TESTS += tests/unit/test_duration tests/unit/test_output tests/unit/test_client_config tests/unit/test_doctor \
	tests/unit/test_cli_keys tests/unit/test_warnings tests/unit/test_extension tests/unit/test_cli_offline tests/unit/test_cli_enroll

tests_unit_test_duration_SOURCES = tests/unit/test_duration.c
tests_unit_test_duration_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_duration_LDADD = $(CLI_TEST_LIBS)
tests_unit_test_output_SOURCES = tests/unit/test_output.c
tests_unit_test_output_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_output_LDADD = $(CLI_TEST_LIBS)
tests_unit_test_client_config_SOURCES = tests/unit/test_client_config.c
tests_unit_test_client_config_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_client_config_LDADD = $(CLI_TEST_LIBS)
tests_unit_test_doctor_SOURCES = tests/unit/test_doctor.c $(WORLD)
tests_unit_test_doctor_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_doctor_LDADD = $(CLI_TEST_LIBS)
tests_unit_test_cli_keys_SOURCES = tests/unit/test_cli_keys.c $(WORLD)
tests_unit_test_cli_keys_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_cli_keys_LDADD = $(CLI_TEST_LIBS)
tests_unit_test_warnings_SOURCES = tests/unit/test_warnings.c $(WORLD)
tests_unit_test_warnings_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_warnings_LDADD = $(CLI_TEST_LIBS)

check_PROGRAMS += tests/unit/test_policy_render
TESTS += tests/unit/test_policy_render
tests_unit_test_policy_render_SOURCES = tests/unit/test_policy_render.c $(WORLD)
tests_unit_test_policy_render_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_policy_render_LDADD = $(CLI_TEST_LIBS)
tests_unit_test_extension_SOURCES = tests/unit/test_extension.c $(WORLD)
tests_unit_test_extension_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_extension_LDADD = $(CLI_TEST_LIBS)
check_PROGRAMS += tests/unit/test_prompt
TESTS += tests/unit/test_prompt
tests_unit_test_prompt_SOURCES = tests/unit/test_prompt.c
tests_unit_test_prompt_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_prompt_LDADD = $(CLI_TEST_LIBS) -lutil
# Security keys in software, and the command with them instead of those at USB ports. Only for tests: the command that is installed knows
# nothing of them.
SOFTWARE_KEY = tests/security_key/software_authenticator.c tests/security_key/software_authenticator.h \
	tests/security_key/software_ctap2.c tests/security_key/software_ctap2.h
check_PROGRAMS += tests/security_key/tegata_software_key tests/unit/test_security_key
TESTS += tests/unit/test_security_key
tests_security_key_tegata_software_key_SOURCES = tests/security_key/tegata_software_key.c $(SOFTWARE_KEY)
tests_security_key_tegata_software_key_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS) $(CBOR_CFLAGS)
tests_security_key_tegata_software_key_LDADD = libtegata_cli.la $(OPENSSL_LIBS) $(FIDO2_LIBS) $(CBOR_LIBS)
check_PROGRAMS += tests/unit/test_login
TESTS += tests/unit/test_login
tests_unit_test_login_SOURCES = tests/unit/test_login.c $(WORLD)
tests_unit_test_login_CFLAGS = $(TEST_CFLAGS)
tests_unit_test_login_LDADD = $(CLI_TEST_LIBS)
tests_unit_test_security_key_SOURCES = tests/unit/test_security_key.c $(SOFTWARE_KEY) $(CRYPTO_HELP)
tests_unit_test_security_key_CFLAGS = $(TEST_CFLAGS) $(CBOR_CFLAGS)
tests_unit_test_security_key_LDADD = $(CLI_TEST_LIBS) $(OPENSSL_LIBS) $(FIDO2_LIBS) $(CBOR_LIBS)
# Both start only what they stop themselves, in a directory of their own.
if APPROVAL_SERVICE
TESTS += tests/unit/test_cli_service
endif
EXTRA_DIST += tests/unit/test_cli_enroll tests/unit/test_cli_offline tests/unit/test_cli_service

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_cli_text
tests_fuzz_fuzz_cli_text_SOURCES = tests/fuzz/fuzz_cli_text.c
tests_fuzz_fuzz_cli_text_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_fuzz_fuzz_cli_text_LDADD = libtegata_cli.la
tests_fuzz_fuzz_cli_text_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
EXTRA_DIST += tests/fuzz/corpus/cli_text
