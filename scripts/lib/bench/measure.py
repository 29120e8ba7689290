"""What the benchmarks share. A row for the table that scripts/bench prints at the end is a line with two tabs on standard output."""

import os
import pathlib
import sys

QUICK = "--quick" in sys.argv[1:]
IDLE_SECONDS = 5 if QUICK else 20


def row(what, measured, reach):
    print(what, measured, reach, sep="\t", flush=True)


def percentile(times, share):
    times = sorted(times)
    return times[min(len(times) - 1, int(share * len(times)))]


def processor_seconds(pid):
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def status(pid, name):
    """A number of /proc/PID/status."""
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields[name].split()[0])


def resident_mib(pid):
    return status(pid, "VmRSS") / 1024


def switches(pid):
    """How often the process, which has one thread, has gone to sleep."""
    return status(pid, "voluntary_ctxt_switches")
