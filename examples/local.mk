# Examples go to DOCDIR/examples; units, users and directories to where systemd finds them. Files with paths in them are made from *.in.
EXAMPLES_IN = examples/sshd_config.d/tegata.conf.in examples/tegata.conf.in examples/tegatad.service.in \
	examples/tegatad.socket.in examples/tegata-approvald.service.in examples/tegata-ca.service.in examples/tegata-teardown.service.in
EXAMPLES = $(EXAMPLES_IN:.in=)
noinst_DATA = $(EXAMPLES)
CLEANFILES += $(EXAMPLES)
EXTRA_DIST += $(EXAMPLES_IN)

exampledir = $(docdir)/examples
example_DATA = examples/tegata.conf
dist_example_DATA = examples/nsswitch.conf
examplesshdir = $(exampledir)/sshd_config.d
examplessh_DATA = examples/sshd_config.d/tegata.conf
examplepamdir = $(exampledir)/pam.d
examplemodprobedir = $(exampledir)/modprobe.d
dist_examplemodprobe_DATA = examples/modprobe.d/tegata-confined.conf
dist_examplepam_DATA = examples/pam.d/sshd examples/pam.d/sudo examples/pam.d/su examples/pam.d/cron examples/pam.d/atd \
	examples/pam.d/systemd-user
examplesudoersdir = $(exampledir)/sudoers.d
dist_examplesudoers_DATA = examples/sudoers.d/tegata

systemdsystemunit_DATA = examples/tegatad.service examples/tegatad.socket examples/tegata-teardown.service
systemdscopedir = $(systemdsystemunitdir)/session-.scope.d
dist_systemdscope_DATA = examples/session-.scope.d/tegata.conf
sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = examples/sysusers.d/tegata.conf
tmpfilesdir = $(prefix)/lib/tmpfiles.d
dist_tmpfiles_DATA = examples/tmpfiles.d/tegata.conf
if APPROVAL_SERVICE
systemdsystemunit_DATA += examples/tegata-approvald.service examples/tegata-ca.service
dist_sysusers_DATA += examples/sysusers.d/tegata-approvald.conf examples/sysusers.d/tegata-ca.conf
endif

examples/%: examples/%.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) -e 's|@libexecdir[@]|$(libexecdir)|g' -e 's|@sbindir[@]|$(sbindir)|g' \
		-e 's|@sysconfdir[@]|$(sysconfdir)|g' $< >$@.new && mv -f $@.new $@
