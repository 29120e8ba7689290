# tegata-wipe and tegata-teardown, and the texts that they exchange with the agent.
libtegata_la_SOURCES += lib/wipe_lines.c lib/wipe_lines.h
