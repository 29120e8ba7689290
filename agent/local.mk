# What of the agent the unit tests and the fuzzers link as well: everything but main().
AGENT_SOURCES = \
	agent/accounts.c \
	agent/admissions.c agent/admissions.h \
	agent/agent.c agent/agent.h \
	agent/agent_state.c \
	agent/clients.c agent/clients.h \
	agent/events.c agent/events.h \
	agent/gates.c agent/gates.h \
	agent/intake.c \
	agent/local_names.c \
	agent/loop.c \
	agent/notify.c agent/notify.h \
	agent/principals_line.c agent/principals_line.h \
	agent/privileges.c agent/privileges.h \
	agent/process.c agent/process.h \
	agent/publish.c agent/roster_publish.h \
	agent/service_request.c agent/service_request.h \
	agent/session_gate.c \
	agent/sessions.c agent/sessions.h \
	agent/state.c agent/state.h \
	agent/sync.c \
	agent/tickets.c agent/tickets.h agent/tickets_state.c \
	agent/update.c agent/update.h
AGENT_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS) $(CURL_CFLAGS) $(LIBCAP_CFLAGS)
AGENT_LIBS = libtegata.la $(CURL_LIBS) $(LIBCAP_LIBS)

sbin_PROGRAMS += agent/tegatad
agent_tegatad_SOURCES = agent/main.c agent/options.def $(AGENT_SOURCES)
agent_tegatad_CFLAGS = $(AGENT_CFLAGS) $(PIE_CFLAGS)
agent_tegatad_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
agent_tegatad_LDADD = $(AGENT_LIBS)
