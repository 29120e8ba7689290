"""Runs in a lab: what Tegata adds to `ssh host true`, and what the agent needs with 100 tickets.

The other side of the comparison is a second sshd on the same host, with the same host key (sshd's padding of each attempt depends on
it), the same user and the same PAM stack without pam_tegata; its AuthorizedPrincipalsCommand only prints the account. The two
are measured in turn."""

import os
import pathlib
import statistics
import subprocess
import sys
import time

from measure import IDLE_SECONDS, QUICK, processor_seconds, resident_mib, row, status, switches

LAB = os.environ["LAB"]
BUILD = os.environ["LAB_BUILD"]
ROUNDS = 20 if QUICK else 60
TICKETS = 100
PLAIN = "sshd_plain"


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def on_host(script):
    return run("on", "ops1", "sh", "-euc", script)


def start_plain_sshd():
    """OpenSSH before 9.8 takes its PAM service from the name it was started by; later ones have an option."""
    on_host(f"""
        install -m 755 {BUILD}/tests/bench/principal_only /usr/libexec/principal_only
        cp /usr/sbin/sshd /usr/sbin/{PLAIN}
        grep -v pam_tegata /etc/pam.d/sshd >/etc/pam.d/{PLAIN}
        sed -e 's|^AuthorizedPrincipalsCommand .*|AuthorizedPrincipalsCommand /usr/libexec/principal_only %u|' /etc/ssh/sshd_config \\
            >/etc/ssh/{PLAIN}_config
        echo 'Port 2222' >>/etc/ssh/{PLAIN}_config
        echo 'PidFile /run/{PLAIN}.pid' >>/etc/ssh/{PLAIN}_config
        if ! /usr/sbin/{PLAIN} -t -f /etc/ssh/{PLAIN}_config; then exit 1; fi
        if [ -e /usr/lib/openssh/sshd-session ]; then echo 'PAMServiceName {PLAIN}' >>/etc/ssh/{PLAIN}_config; fi
        /usr/sbin/{PLAIN} -f /etc/ssh/{PLAIN}_config -E {LAB}/ops1/{PLAIN}.log""")


def log_in(port):
    began = time.perf_counter()
    subprocess.run(["ssh", "-o", "HostKeyAlias=ops1", "-o", "BatchMode=yes", "-p", str(port), "ops1", "true"], check=True,
                   user="alice", group="alice", extra_groups=[], cwd=f"{LAB}/people/alice", stdin=subprocess.DEVNULL,
                   env={"HOME": f"{LAB}/people/alice", "USER": "alice", "PATH": "/usr/bin:/bin"})
    return (time.perf_counter() - began) * 1000


def new_ticket():
    ticket = run("as", "alice", "tegata", "request", "ops1", "--for", "1h", "--reason", "benchmark").split("\n", 1)[0]
    run("as", "bob", "tegata", "approve", ticket, "--yes")
    run("poll", "20", "sh", "-c", f"as alice tegata --json show {ticket} | grep -q '\"acknowledged\": *1'")


def compare_logins():
    times = {22: [], 2222: []}
    for port in times:
        log_in(port)
    for _ in range(ROUNDS):
        for port, measured in times.items():
            measured.append(log_in(port))
    on, off = (statistics.median(times[port]) for port in (22, 2222))
    row(f"ssh host true with Tegata / with a helper that only prints the principal (medians of {ROUNDS} each, in turn)",
        f"{on:.1f} ms / {off:.1f} ms = {on / off:.3f}", "1.10")


def measure_agent():
    for _ in range(TICKETS - 1):
        new_ticket()
    pid = [pid for pid in run("pgrep", "-x", "tegatad").split() if os.path.exists(f"/proc/{pid}")][0]
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
