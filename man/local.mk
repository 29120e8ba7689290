# The pages are mdoc; their lists come from the tables that the programs are compiled from. A part adds its own with
#   MAN_PAGES_IN += man/tegatad.8.in
# and, for each table that the page names, a line such as
#   man/tegatad.8: agent/options.def
MAN_PAGES_IN += man/tegata.conf.5.in man/tegata-reasons.7.in

man_MANS += $(MAN_PAGES_IN:.in=)
EXTRA_DIST += man/expand.awk $(MAN_PAGES_IN)
CLEANFILES += $(MAN_PAGES_IN:.in=)

man/tegata.conf.5: lib/host_config.def
man/tegata-reasons.7: lib/reason.def

MAKE_PAGE = $(AM_V_GEN)$(MKDIR_P) man && LC_ALL=C $(AWK) -v srcdir='$(top_srcdir)' -v sysconfdir='$(sysconfdir)' \
	-v libexecdir='$(libexecdir)' -v pamdir='$(pamdir)' -v unitdir='$(systemdsystemunitdir)' \
	-v version='$(PACKAGE_VERSION)' -f $(top_srcdir)/man/expand.awk $< >$@.new && mv -f $@.new $@

man/%.1: man/%.1.in man/expand.awk
	$(MAKE_PAGE)
man/%.5: man/%.5.in man/expand.awk
	$(MAKE_PAGE)
man/%.7: man/%.7.in man/expand.awk
	$(MAKE_PAGE)
man/%.8: man/%.8.in man/expand.awk
	$(MAKE_PAGE)
