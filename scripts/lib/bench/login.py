"""Runs in a lab: what Tegata adds to `ssh host true`, and what the agent needs with 100 tickets.

The other side of the comparison is a second sshd on the same host, with the same host key, the same user and the same PAM stack
without pam_tegata; its AuthorizedPrincipalsCommand only prints the account. The two are measured in turn."""

import statistics
import sys
import time

from in_lab import BUILD, OTHER_PORT, PORT_22, Session, agent_pid, log_in, new_ticket, on_host, start_other_sshd
from measure import IDLE_SECONDS, QUICK, processor_seconds, resident_mib, row, status, switches

ROUNDS = 20 if QUICK else 60
TICKETS = 100


def start_plain_sshd():
    on_host(f"install -m 755 {BUILD}/tests/bench/principal_only /usr/libexec/principal_only")
    start_other_sshd("sshd_plain", "/pam_tegata/d",
                     "s|^AuthorizedPrincipalsCommand .*|AuthorizedPrincipalsCommand /usr/libexec/principal_only %u|")


def compare_logins():
    times = {PORT_22: [], OTHER_PORT: []}
    # While a session is open, the agent leaves alone what it sees of the account outside of its sessions.
    open_meanwhile = Session()
    for port in times:
        log_in(port)
    for _ in range(ROUNDS):
        for port, measured in times.items():
            measured.append(log_in(port))
    open_meanwhile.finish()
    on, off = (statistics.median(times[port]) for port in (PORT_22, OTHER_PORT))
    row(f"ssh host true with Tegata / with a helper that only prints the principal (medians of {ROUNDS} each, in turn)",
        f"{on:.1f} ms / {off:.1f} ms = {on / off:.3f}", "1.10")


def measure_agent():
    for _ in range(TICKETS - 1):
        new_ticket()
    pid = agent_pid()
    before, woken = processor_seconds(pid), switches(pid)
    time.sleep(IDLE_SECONDS)
    used, woken = processor_seconds(pid) - before, switches(pid) - woken
    row(f"agent with {TICKETS} tickets: resident (of which its own, not libraries')",
        f"{resident_mib(pid):.1f} MiB ({status(pid, 'RssAnon') / 1024:.1f} MiB)", "15 MiB")
    row(f"agent with {TICKETS} tickets, {IDLE_SECONDS} s idle: CPU, wake-ups", f"{100 * used / IDLE_SECONDS:.2f} %, "
        f"{woken / IDLE_SECONDS:.1f} a second", "near zero")


def main():
    start_plain_sshd()
    new_ticket()
    compare_logins()
    measure_agent()
    return 0


if __name__ == "__main__":
    sys.exit(main())
