# The login shell of recorded accounts, and what the recorder runs. libc only. sshd and everything that starts a login shell find
# them by the roster, so they stand in libexecdir itself.
libexec_PROGRAMS += tegata-record tegata-recorded-shell
RECORDER_SHELL = recorder_shell/real_shell.c recorder_shell/real_shell.h pam_module/socket_families.c pam_module/socket_families.h
RECORDER_SHELL_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS)
tegata_record_SOURCES = recorder_shell/tegata_record.c agent/process.c agent/process.h $(RECORDER_SHELL)
tegata_record_CFLAGS = $(RECORDER_SHELL_CFLAGS)
tegata_record_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
tegata_record_LDADD = libtegata_plugin.la
tegata_recorded_shell_SOURCES = recorder_shell/tegata_recorded_shell.c $(RECORDER_SHELL)
tegata_recorded_shell_CFLAGS = $(RECORDER_SHELL_CFLAGS)
tegata_recorded_shell_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
tegata_recorded_shell_LDADD = libtegata_plugin.la

dist_doc_DATA += docs/recording.md
MAN_PAGES_IN += man/tegata-record.8.in

check_PROGRAMS += tests/unit/test_recording
TESTS += tests/unit/test_recording
tests_unit_test_recording_SOURCES = tests/unit/test_recording.c
tests_unit_test_recording_CFLAGS = $(TEST_CFLAGS) $(CURL_CFLAGS)
tests_unit_test_recording_LDADD = libtegata_agent.la $(TEST_LIBS)
