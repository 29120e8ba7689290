# Documents, rules and the verdict: the part of libtegata that decides.
libtegata_la_SOURCES += \
	lib/approval.c \
	lib/approvals.c \
	lib/canonical_json.c \
	lib/digest.c lib/digest.h \
	lib/form.c lib/form.h \
	lib/network.c \
	lib/policy.c \
	lib/policy_check.c lib/policy_check.h \
	lib/policy_signatures.c \
	lib/rule.c lib/rule.h \
	lib/schema.c lib/schema.h \
	lib/seats.c lib/seats.h \
	lib/ticket.c \
	lib/ticket_compose.c \
	lib/verdict.c
