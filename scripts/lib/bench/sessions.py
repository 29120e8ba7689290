"""Runs in a lab: how long after a revocation the last process of a session has gone, with few and with many sessions open on the
host; what sessions add to a login; what they cost the agent in memory; how long it takes to read /proc.

Somebody's session is revoked while the sessions of others stay; at the end of each level those are revoked, all at once by their one
ticket. Processes are watched by pidfd from outside of the host, so that what is measured does not depend on what the agent says."""

import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import select
import ssl
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "e2e"))

from in_lab import (BUILD, LAB, OTHER_PORT, PORT_22, Session, agent_pid, as_person, log_in, new_ticket, on_host, open_files,  # noqa: E402
                    processes_of, run, start_other_sshd)
from measure import QUICK, percentile, processor_seconds, row, status  # noqa: E402
from service_client import Key, Person, Service  # noqa: E402

LEVELS = (1, 20, 100) if QUICK else (1, 50, 500)
ROUNDS = 5 if QUICK else 20
PAIRS = 10 if QUICK else 40
SCANS = 20 if QUICK else 50
AT_A_TIME = 8  # connections that open at the same time
GONE_SECONDS = 30
TERMINAL = ("-tt",)


def load():
    return pathlib.Path("/proc/loadavg").read_text().split()[0]


class LabKey(Key):
    """A key that is there."""

    def __init__(self, path):
        self.path = pathlib.Path(path)


class LabService(Service):
    """The lab's service."""

    authority = "approve.lab:8443"

    def __init__(self):
        self.context = ssl.create_default_context(cafile=f"{LAB}/public/ca.pem")

    def connection(self):
        connection = http.client.HTTPSConnection("approve.lab", 8443, context=self.context, timeout=GONE_SECONDS)
        connection.connect()
        return connection


# --- Revoked to gone ----------------------------------------------------------------------------------------------------------


def revoke_by_request(approver, ticket):
    """On a connection that is open already. Returns when it was sent."""
    service = LabService()
    person = Person(service, LabKey(f"{LAB}/people/{approver}/.ssh/id_ed25519"), approver)
    target = f"/v1/tickets/{ticket}/revoke"
    body = b'{"reason":"benchmark"}'
    headers = {"Authorization": person.header("POST", target, body)}
    connection = service.connection()
    began = time.perf_counter()
    service.call("POST", target, body, headers, connection).ok()
    connection.close()
    return began


def revoke_by_command(approver, ticket):
    """Returns when the command began."""
    began = time.perf_counter()
    subprocess.run(["tegata", "revoke", ticket, "--reason", "benchmark"], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, **as_person(approver))
    return began


class Watch:
    """Sees the processes of sessions end. What they start from now on is their own: so none may be about to."""

    def __init__(self, sessions):
        self.audit_ids = [session.audit_id for session in sessions]
        self.poll = select.epoll()
        self.pidfds = [os.pidfd_open(pid) for pid in processes_of(self.audit_ids)]
        self.count = len(self.pidfds)
        for pidfd in self.pidfds:
            self.poll.register(pidfd, select.EPOLLIN)

    def all_gone(self):
        """Returns when the last one ended."""
        left = self.count
        at = time.perf_counter()
        while left > 0:
            ended = self.poll.poll(GONE_SECONDS, self.count)
            at = time.perf_counter()
            if not ended:
                raise RuntimeError(f"{left} of {self.count} processes are left after {GONE_SECONDS} s")
            for pidfd, _ in ended:
                self.poll.unregister(pidfd)
            left -= len(ended)
        while processes_of(self.audit_ids):
            at = time.perf_counter()
        for pidfd in self.pidfds:
            os.close(pidfd)
        self.poll.close()
        return at


def by_the_agent(ticket):
    """Milliseconds from the agent's hearing of it to the end of the session, by its own log."""
    log = f"{LAB}/ops1/agent.log"
    session = re.search(rf"session ([0-9a-f]{{32}}) opened: .* by ticket {ticket}", pathlib.Path(log).read_text())[1]
    ended = f"session {session} .* ended: by the agent: "
    run("poll", GONE_SECONDS, "grep", "-q", ended, log)
    return int(re.search(rf"{ended}.* (\d+) ms", pathlib.Path(log).read_text())[1])


KINDS = {
    "whose processes end when told": (Session.PLAIN, (), revoke_by_request),
    "the same, from the start of `tegata revoke`": (Session.PLAIN, (), revoke_by_command),
    "on a terminal, whose processes ignore HUP and TERM": (Session.STUBBORN, TERMINAL, revoke_by_request),
}


def revoke_one(command, options, revoke):
    """Milliseconds until all is gone, by the watch and by the agent."""
    ticket = new_ticket()
    session = Session(command=command, options=options)
    watch = Watch([session])
    began = revoke("bob", ticket)
    took = (watch.all_gone() - began) * 1000
    session.leave()
    return took, by_the_agent(ticket)


def measure_revocations(level):
    for kind, how in KINDS.items():
        began = load()
        times, agents = zip(*(revoke_one(*how) for _ in range(ROUNDS)))
        row(f"{level} open, one revoked, {kind}: p50, p99 of {ROUNDS}",
            f"{percentile(times, 0.5):.0f} ms, {percentile(times, 0.99):.0f} ms (of which after the agent has heard of it: "
            f"{percentile(agents, 0.5):.0f} ms, {percentile(agents, 0.99):.0f} ms; load {began} to {load()})", "p99 1000 ms")


def open_many(person, count):
    """Half of them on a terminal, and ignore all that can be."""
    def one(number):
        stubborn = number % 2 == 1
        return Session(person, command=Session.STUBBORN if stubborn else Session.PLAIN, options=TERMINAL if stubborn else ())
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(one, range(count)))


def measure_all_at_once(ticket, sessions):
    watch = Watch(sessions)
    used, before = processor_seconds(agent_pid()), load()
    began = revoke_by_request("dave", ticket)
    took = (watch.all_gone() - began) * 1000
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(Session.leave, sessions))
    used = processor_seconds(agent_pid()) - used
    row(f"{len(sessions)} sessions with {watch.count} processes revoked at once, half of them ignore HUP and TERM",
        f"{took:.0f} ms (CPU of the agent: {1000 * used:.0f} ms; load {before})", "1000 ms")


def measure_memory(level):
    pid = agent_pid()
    pss = re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1]
    row(f"agent with {level} open sessions: resident, its own, PSS",
        f"{status(pid, 'VmRSS') / 1024:.1f} MiB, {status(pid, 'RssAnon') / 1024:.2f} MiB, {int(pss) / 1024:.1f} MiB", "")
    return status(pid, "RssAnon")


def measure_scan(level):
    count, without, with_uids = run("on", "ops1", f"{BUILD}/tests/bench/proc_scan", SCANS).split()
    row(f"one scan of /proc with {level} open sessions, {count} processes: processor time, and with the uids",
        f"{int(without) / 1000:.1f} ms, {int(with_uids) / 1000:.1f} ms", "")


def measure_level(level, own_before):
    """level - 1 sessions of bob's are open, and one of alice's at a time."""
    began, before = time.perf_counter(), load()
    ticket = new_ticket("bob", "dave", "--rule", "operations") if level > 1 else ""
    sessions = open_many("bob", level - 1)
    if sessions:
        print(f"{len(sessions)} sessions opened, {AT_A_TIME} at a time, in {time.perf_counter() - began:.0f} s (load {before} to {load()})",
              flush=True)
        own = measure_memory(level)
        if level == LEVELS[-1]:
            row("memory of the agent's own for each session", f"{(own - own_before) / len(sessions):.1f} KiB", "")
    measure_scan(level)
    measure_revocations(level)
    if sessions:
        measure_all_at_once(ticket, sessions)


# --- What a session adds to a login -------------------------------------------------------------------------------------------


def time_of_close(port, person):
    """Milliseconds from the end of the command to that of sshd's last process."""
    session = Session(person, port)
    watch = Watch([session])
    began = time.perf_counter()
    session.client.stdin.write("\n")
    session.client.stdin.flush()
    took = (watch.all_gone() - began) * 1000
    session.finish()
    return took


def in_turn(ways):
    """name -> median of what each function gives, called in turn."""
    for way in ways.values():
        way()
    times = {name: [] for name in ways}
    for _ in range(PAIRS):
        for name, way in ways.items():
            times[name].append(way())
    return {name: statistics.median(measured) for name, measured in times.items()}


def furnish_costs():
    """carol is confined; bob is recorded, into a file."""
    on_host("""
        install -d -o _tlog -g _tlog /run/tlog
        touch /var/lib/recordings /run/utmp
        chmod 622 /var/lib/recordings
        chown root:utmp /run/utmp && chmod 664 /run/utmp
        printf '\\n[sessions]\\nrecordings = /var/lib/recordings\\n' >>/etc/tegata/tegata.conf""")
    run("lab-agent", "ops1", "restart")
    run("lab-policy", "change", "policy['people']['carol']['confined'] = 1\n"
        "rule = next(rule for rule in policy['rules'] if rule['id'] == 'operations')\n"
        "policy['rules'].append(dict(rule, id='recorded', record=1))")
    serial = json.loads(pathlib.Path(f"{LAB}/policy.json").read_text())["serial"]
    run("poll", "30", "sh", "-c", f"lab-agent ops1 status | grep -q '\"policy_serial\":{serial}[,}}]'")
    new_ticket()
    new_ticket("carol", "dave", "--rule", "operations", "--permit-open", "10.77.0.1:9")
    new_ticket("bob", "dave", "--rule", "recorded")


def pair(what, with_it, without):
    row(f"{what} (medians of {PAIRS} each, in turn; load {load()})", f"{with_it:.1f} ms / {without:.1f} ms = {with_it / without:.3f}, "
        f"{with_it - without:+.1f} ms", "")


def measure_costs():
    """The other side is a second sshd, whose stack has no session part of the module."""
    furnish_costs()
    start_other_sshd("sshd_free", "/^session.*pam_tegata/d")
    # While a session is open, the agent leaves alone what it sees of the account outside of its sessions.
    open_meanwhile = [Session(person) for person in ("alice", "carol")]
    used = processor_seconds(agent_pid())
    for person, which in (("alice", "a session"), ("carol", "a session of a confined account")):
        logins = in_turn({port: lambda port=port: log_in(port, person) for port in (PORT_22, OTHER_PORT)})
        pair(f"ssh host true with / without the session part of pam_tegata: {which}", logins[PORT_22], logins[OTHER_PORT])
        closes = in_turn({port: lambda port=port: time_of_close(port, person) for port in (PORT_22, OTHER_PORT)})
        pair(f"the end of the command to the end of sshd's last process: {which}", closes[PORT_22], closes[OTHER_PORT])
    logins = in_turn({person: lambda person=person: log_in(PORT_22, person, TERMINAL) for person in ("bob", "alice")})
    pair("ssh -t host true, recorded / not recorded", logins["bob"], logins["alice"])
    used = processor_seconds(agent_pid()) - used
    row("the agent's processor time for a login with its session", f"{1000 * used / (6 * PAIRS + 8):.1f} ms", "")
    for session in open_meanwhile:
        session.finish()


def main():
    open_files(16384)
    own_before = measure_memory(0)
    for level in LEVELS:
        measure_level(level, own_before)
    measure_costs()
    return 0


if __name__ == "__main__":
    sys.exit(main())
