"""An ops server that systemd has booted: the unit files, what logind and systemd add to a session, and how one ends without the agent."""

import re
import shlex
import time

import pytest

from host import CONFIG, Host, events
from lab import Lab, wait_until
from shell import Shell

CHANGES = """
rules = {rule["id"]: rule for rule in policy["rules"]}
rules["developers"]["max_extension_seconds"] = 3600
rules["administration"]["max_extension_seconds"] = 0
policy["rules"].append(dict(rules["developers"], id="recorded", record=1, max_extension_seconds=0))
"""
UNITS = "/etc/systemd/system"
# Runs as root in a session, and leaves it as far as a process can: no parent in it, none of its descriptors, and not its audit
# session.
LEAVE = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open("/proc/self/loginuid", "w") as file:
            file.write("4294967295")
        for descriptor in range(3):
            os.close(descriptor)
        os.execvp(sys.argv[1], sys.argv[1:])
"""
DEAF = "trap '' HUP TERM; while :; do sleep {}; done"
SECONDS = {"h": 3600, "min": 60, "s": 1, "ms": 0.001, "us": 0.000001}


class Booted(Host):
    """The host, whose daemons are systemd's units."""

    def systemctl(self, *words):
        return self.run("systemctl", *words)

    def property(self, unit, name):
        return self.systemctl("show", "--property", name, "--value", unit).ok().out.strip()

    def main_pid(self, unit="tegatad.service"):
        return self.property(unit, "MainPID")

    def settle_unit(self, unit, text):
        """Settings beside those of a unit's file, for this test."""
        self.touched = True
        self.sh(f"mkdir -p {UNITS}/{unit}.d").ok()
        self.write(f"{UNITS}/{unit}.d/test.conf", text)
        self.systemctl("daemon-reload").ok()

    def mask(self):
        """The agent is gone, and does not come back."""
        self.touched = True
        self.systemctl("mask", "--runtime", "--now", "tegatad.service", "tegatad.socket").ok()

    def wait_for_agent(self, pid):
        """Until another agent than this one is there and in step."""
        wait_until(lambda: self.main_pid() not in (pid, "0") and self.lab.run("lab-agent", self.name, "status").status == 0,
                   "another agent")
        self.wait_in_step()

    def has(self, marker):
        return self.run("pgrep", "-f", f"sleep {marker}$").status == 0

    def alices(self):
        return self.run("pgrep", "-l", "-u", "20001").out

    def close(self):
        self.sh(f"rm -f {UNITS}/*/test.conf").ok()
        self.systemctl("unmask", "--runtime", "tegatad.service", "tegatad.socket").ok()
        self.systemctl("daemon-reload").ok()
        self.systemctl("stop", "cron.service", "atd.service", "tegata-teardown.service").ok()
        self.run("loginctl", "disable-linger", "alice")
        super().close()


@pytest.fixture(scope="module")
def own():
    with Lab(hosts=1, own=True, options=["--systemd"]) as lab:
        lab.change_policy(CHANGES)
        yield lab


@pytest.fixture
def host(own):
    one = Booted(own)
    one.mark()
    yield one
    one.close()
    wait_until(lambda: own.status()["sessions"] == 0 and one.alices() == "", "the end of all that was alice's")


@pytest.fixture
def ticket(own, host):
    """Makes tickets of alice, which end with the test."""
    tickets = []

    def make(*options, rule="developers", duration="30m"):
        tickets.append(own.ticket("alice", ["bob"], "ops1", "--rule", rule, *options, duration=duration))
        return tickets[-1]

    yield make
    for one in tickets:
        own.as_("alice", "tegata", "release", one)


def revoke(lab, ticket):
    lab.as_("bob", "tegata", "revoke", ticket, "--reason", "end-to-end test").ok()


def ended_because(lab, ticket, code):
    event = wait_until(lambda: [event for event in events(lab) if event["kind"] == "session_ended" and event["ticket"] == ticket],
                       f"the end of {ticket}")[-1]
    assert event["code"] == code, event


def length_of(text):
    """A length of time as systemd writes it, in seconds: 1h 29min 59s."""
    return sum(float(number) * SECONDS[unit] for number, unit in re.findall(r"([\d.]+)([a-z]+)", text))


def scope_of(shell):
    """logind calls it by the audit session's number, or, from systemd 257 on in a container, by one of its own: session-c5.scope."""
    return re.fullmatch(r"0::/user\.slice/user-20001\.slice/(session-\w+\.scope)\n", shell.run("grep ^0:: /proc/self/cgroup").ok().out)[1]


# --- The agent's unit ---------------------------------------------------------------------------------------------------------


def test_the_agent_has_what_it_needs_and_no_more(host):
    status = dict(line.split(":\t", 1) for line in host.read(f"/proc/{host.main_pid()}/status").splitlines() if ":\t" in line)
    uid, group, tty = (host.sh(command).ok().out.strip() for command in
                       ("id -u tegata", "id -g tegata", "getent group tty | cut -d: -f3"))
    kill_and_net_admin = f"{1 << 5 | 1 << 12:016x}"
    assert status["Uid"].split() == [uid] * 4 and status["Gid"].split() == [group] * 4
    assert sorted(status["Groups"].split()) == sorted([group, tty])
    assert {status[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb")} == {kill_and_net_admin}
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert host.systemctl("is-system-running").out == "running\n"


def test_whoever_connects_starts_a_stopped_agent(own, host, ticket):
    ticket()
    host.systemctl("stop", "tegatad.service").ok()
    host.touched = True
    assert host.systemctl("is-active", "tegatad.service").out == "inactive\n"
    assert host.status()["policy_serial"] > 0
    assert host.systemctl("is-active", "tegatad.service").out == "active\n"
    host.wait_in_step()
    host.ssh().ok()


def test_the_agent_comes_back_however_often_it_is_killed(own, host, ticket):
    """More often than systemd lets a unit start by default."""
    host.settle_unit("tegatad.service", "[Service]\nRestartSec=50ms\n")
    one = ticket()
    with Shell(own, "alice") as shell:
        for _ in range(7):
            pid = host.main_pid()
            host.agent("kill").ok()
            wait_until(lambda pid=pid: host.main_pid() not in (pid, "0"), "another agent")
        host.wait_for_agent("0")
        shell.run("true").ok()
        assert host.status()["sessions"] == 1
        revoke(own, one)
        ended_because(own, one, "ticket_revoked")


def test_an_agent_that_hangs_is_replaced(host):
    assert host.property("tegatad.service", "WatchdogUSec") not in ("0", "infinity", "")
    host.settle_unit("tegatad.service", "[Service]\nWatchdogSec=1s\n")
    host.restart()
    pid = host.main_pid()
    host.hang()
    host.wait_for_agent(pid)


def test_the_journal_has_the_reasons(own, host, ticket):
    own.release("alice", ticket())
    host.sh(f"mv {UNITS}/tegatad.service.d/lab.conf /run/lab.conf; systemctl daemon-reload; systemctl restart tegatad").ok()
    try:
        host.wait_in_step()
        host.ssh().failed()
        wait_until(lambda: "ticket_released" in host.run("journalctl", "-u", "tegatad.service", "-o", "cat").out, "the agent's reason")
        host.mask()
        host.ssh().failed()
        wait_until(lambda: "agent_unreachable" in host.run("journalctl", "-o", "cat").out, "the reason of who asked it")
    finally:
        host.sh(f"mv /run/lab.conf {UNITS}/tegatad.service.d/lab.conf").ok()


# --- A session ------------------------------------------------------------------------------------------------------------------


def test_a_session_has_a_scope_of_its_own_and_sudo_stays_in_it(own, host, ticket):
    ticket(rule="administration")
    with Shell(own, "alice") as one, Shell(own, "alice") as other:
        scopes = [scope_of(shell) for shell in (one, other)]
        assert scopes[0] != scopes[1]
        for shell, scope in zip((one, other), scopes):
            assert shell.run("sudo grep ^0:: /proc/self/cgroup").ok().out.endswith(f"/user-20001.slice/{scope}\n")
            assert shell.run("sudo -i grep ^0:: /proc/self/cgroup").ok().out.endswith(f"/user-20001.slice/{scope}\n")
        assert "alice" in one.run("loginctl --no-legend").ok().out


def test_systemds_limit_leaves_room_for_extensions(own, host, ticket):
    one = ticket()
    with Shell(own, "alice") as shell:
        limit = length_of(host.property(scope_of(shell), "RuntimeMaxUSec"))
        ends = own.show("alice", one)["verdict"]["ends"]
        now = int(host.run("date", "+%s").ok().out)
        assert ends - now + 3600 <= limit <= 1800 + 3600


def test_an_extended_session_outlives_its_first_end(own, host, ticket):
    one = ticket(duration="8s")
    with Shell(own, "alice") as shell:
        ends = own.show("alice", one)["verdict"]["ends"]
        extension = own.as_("alice", "tegata", "extend", one, "10m").ok().out.split("\n", 1)[0]
        own.approve("bob", extension).ok()
        wait_until(lambda: time.time() > ends + 1, "the first end")
        shell.run("true").ok()
        revoke(own, one)
        ended_because(own, one, "ticket_late")  # and its extension was revoked with it


# --- Its end --------------------------------------------------------------------------------------------------------------------


def test_without_an_agent_systemd_ends_everything_in_the_session(own, host, ticket):
    """Who does not act on SIGTERM is killed a moment later. A new session does not open meanwhile."""
    ticket(rule="administration", duration="15s")
    with Shell(own, "alice") as shell:
        shell.run("setsid -f sleep 81001 >/dev/null 2>&1").ok()
        shell.run("nohup sleep 81002 >/dev/null 2>&1 &").ok()
        shell.run(f"setsid -f sh -c {shlex.quote(DEAF.format(81003))} >/dev/null 2>&1").ok()
        shell.run("setsid -f sudo setsid sleep 81004 >/dev/null 2>&1").ok()
        shell.run("systemd-run --quiet --user sleep 81005").ok()
        for marker in range(81001, 81006):
            wait_until(lambda marker=marker: host.has(marker), f"process {marker}")
        host.mask()
        shell.run("true").ok()
        host.ssh().failed()
        assert shell.process.wait(timeout=40) != 0
        wait_until(lambda: not any(host.has(marker) for marker in range(81001, 81006)), "the end of everything", seconds=40)


def test_a_revocation_ends_units_of_the_persons_systemd_too(own, host, ticket):
    one = ticket()
    host.run("loginctl", "enable-linger", "alice").ok()
    with Shell(own, "alice") as shell:
        shell.run("systemd-run --quiet --user sleep 81011").ok()
        shell.run(f"systemd-run --quiet --user --property=Restart=always sh -c {shlex.quote(DEAF.format(81012))}").ok()
        shell.send("systemd-run --quiet --user --scope setsid -f sleep 81013 >/dev/null 2>&1")
        shell.run("true").ok()
        for marker in range(81011, 81014):
            wait_until(lambda marker=marker: host.has(marker), f"process {marker}")
        revoke(own, one)
        ended_because(own, one, "ticket_revoked")
        wait_until(lambda: host.alices() == "", "the end of all that is alice's")


def test_a_manager_with_groups_that_have_ended_goes_and_the_other_session_stays(own, host, ticket):
    """alice's systemd was started with all that her tickets granted then, sysop among it. The next one is not."""
    one = ticket(rule="administration")
    groups = "grep ^Groups: /proc/$(pgrep -f 'sleep {}$')/status"
    with Shell(own, "alice") as first:
        first.run("systemd-run --quiet --user sleep 81014").ok()
        wait_until(lambda: host.has(81014), "process 81014")
        assert "21001" in first.run(groups.format("81014")).ok().out.split()
        ticket(duration="1h")
        with Shell(own, "alice") as shell:
            assert "21001" not in shell.run("id -G").ok().out.split()
            revoke(own, one)
            ended_because(own, one, "ticket_revoked")
            wait_until(lambda: not host.has(81014) and host.property("user@20001.service", "ActiveState") != "active", "the manager's end")
            shell.run("test -w $XDG_RUNTIME_DIR").ok()
            with Shell(own, "alice") as later:
                later.run("systemd-run --quiet --user sleep 81015").ok()
                wait_until(lambda: host.has(81015), "process 81015")
                assert later.run(groups.format("81015")).ok().out.split()[1:] == ["20001", "21000"]
                host.restart()
                shell.run("true").ok()
                assert host.has(81015)


def test_without_a_session_there_is_no_manager(own, host, ticket):
    """Though the account lingers, as one may that was there when the host was booted."""
    ticket()
    host.systemctl("start", "user@20001.service").failed()
    host.refused("session_none", "systemd-user")
    assert host.alices() == ""


def test_a_manager_that_came_about_without_a_session_is_ended(own, host, ticket):
    """Where the line in pam.d is not there."""
    host.edit("/etc/pam.d/systemd-user", "^account required pam_tegata.so for=job$", "")
    ticket()
    host.systemctl("start", "user@20001.service").ok()
    wait_until(lambda: host.alices() != "", "alice's systemd")
    host.restart()
    wait_until(lambda: host.alices() == "", "its end")


def test_who_takes_off_the_audit_session_is_found_by_the_scope(own, host, ticket):
    """Also by an agent that was not there when the session opened, and when the session's sshd is gone."""
    one = ticket(rule="administration")
    with Shell(own, "alice") as shell:
        shell.run(f"sudo /usr/bin/python3 -c {shlex.quote(LEAVE)} sleep 81021").ok()
        pid = wait_until(lambda: host.run("pgrep", "-f", "sleep 81021$").out.strip(), "the process")
        assert host.read(f"/proc/{pid}/sessionid") == "4294967295"
        assert "PPid:\t1\n" in host.read(f"/proc/{pid}/status")
        host.restart()
        revoke(own, one)
        ended_because(own, one, "ticket_revoked")
        assert not host.has(81021)


@pytest.mark.parametrize("unit", ["cron", "atd"])
def test_jobs_of_cron_and_at_end_with_the_session_and_the_daemons_stay(own, host, ticket, unit):
    one = ticket()
    with Shell(own, "alice") as shell:
        if unit == "cron":
            shell.run("echo '@reboot sleep 81031' | crontab -").ok()
            host.sh("rm -f /run/crond.reboot").ok()
        else:
            shell.run("echo 'sleep 81031' | at now").ok()
        host.systemctl("start", f"{unit}.service").ok()
        pid = host.main_pid(f"{unit}.service")
        wait_until(lambda: host.has(81031), "the job")
        revoke(own, one)
        ended_because(own, one, "ticket_revoked")
    wait_until(lambda: host.alices() == "", "the end of the job")
    assert host.main_pid(f"{unit}.service") == pid
    host.run("crontab", "-u", "alice", "-r")


# --- A restart in the middle ----------------------------------------------------------------------------------------------------


def test_an_upgrade_of_the_agent_in_the_middle_of_a_session(own, host, ticket):
    """As a package does it: new unit files, daemon-reload, both units started again."""
    unit = host.property("tegatad.service", "FragmentPath")
    one = ticket()
    with Shell(own, "alice") as shell:
        host.change(unit, host.read(unit) + "# the next version\n")
        host.touched = True
        pid = host.main_pid()
        host.systemctl("daemon-reload").ok()
        host.systemctl("stop", "tegatad.service", "tegatad.socket").ok()
        assert shell.run("id -un").ok().out == "alice\n"
        assert host.run("getent", "passwd", "alice").ok().out.startswith("alice:*:20001:")
        host.systemctl("daemon-reexec").ok()
        host.systemctl("start", "tegatad.socket", "tegatad.service").ok()
        host.wait_for_agent(pid)
        shell.run("true").ok()
        assert host.status()["sessions"] == 1
        revoke(own, one)
        ended_because(own, one, "ticket_revoked")


# --- What the agent does from its sandbox ---------------------------------------------------------------------------------------


def test_the_last_line_reaches_a_terminal(own, host, ticket):
    one = ticket()
    terminal = own.start("as", "alice", "ssh", "-tt", "-o", "BatchMode=yes", "ops1", "echo here; exec cat")
    assert terminal.stdout.readline().strip() == "here"
    revoke(own, one)
    out, _ = terminal.communicate(timeout=20)
    assert f"Tegata: session ended: the ticket was revoked ({one})" in out, out


def test_network_rules_are_in_force(own, host, ticket):
    policy = own.read(f"{own.folder}/policy.json")
    own.change_policy('policy["people"]["alice"]["confined"] = 1')
    try:
        one = ticket("--permit-open", "10.77.0.1:8443")
        with Shell(own, "alice") as shell:
            assert "20001" in host.run("nft", "list", "table", "inet", "tegata").ok().out
            shell.run("bash -c ': </dev/tcp/10.77.0.1/8443'").ok()
            shell.run("bash -c ': </dev/tcp/127.0.0.1/22'").failed()
            assert shell.run("grep NoNewPrivs /proc/self/status").ok().out == "NoNewPrivs:\t1\n"
            revoke(own, one)
            ended_because(own, one, "ticket_revoked")
        wait_until(lambda: "8443" not in host.run("nft", "list", "table", "inet", "tegata").ok().out, "the grant's end")
    finally:
        own.publish_policy(policy)


def test_a_recording_is_in_the_journal_and_its_recorder_ends_with_the_session(own, host, ticket):
    host.sh("systemd-tmpfiles --create; test -e /run/utmp || install -g utmp -m 664 /dev/null /run/utmp").ok()
    one = ticket(rule="recorded")
    terminal = own.start("as", "alice", "ssh", "-tt", "-o", "BatchMode=yes", "ops1", "echo begun; tty; exec cat")
    wait_until(lambda: "begun" in terminal.stdout.readline(), "the session")
    assert host.run("pgrep", "-u", "20001", "tlog-rec").status == 0
    revoke(own, one)
    ended_because(own, one, "ticket_revoked")
    terminal.communicate(timeout=20)
    wait_until(lambda: host.alices() == "", "the recorder's end")
    wait_until(lambda: one in host.run("journalctl", "-o", "cat", "-t", "tlog-rec-session").out, "the recording")


# --- The one-person server --------------------------------------------------------------------------------------------------------


def test_the_teardown_unit_runs_what_is_configured_when_the_owner_is_done(own, host, ticket):
    script = "/usr/local/sbin/torn"
    host.write(script, "#!/bin/sh\nid -un >/run/torn\n")
    host.run("chmod", "755", script).ok()
    host.edit(CONFIG, r"^\[host\]$", f"[host]\ndedicated = yes\nteardown = {script}")
    host.restart()
    host.systemctl("enable", "--now", "tegata-teardown.service").ok()
    try:
        one = ticket()
        with Shell(own, "alice") as shell:
            pid = host.main_pid("tegata-teardown.service")
            assert host.run("test", "-e", "/run/torn").status == 1
            shell.run("true").ok()
            revoke(own, one)
            ended_because(own, one, "ticket_revoked")
        wait_until(lambda: host.run("test", "-s", "/run/torn").status == 0, "the teardown")
        assert host.read("/run/torn") == "root\n" and pid != "0"
    finally:
        host.systemctl("disable", "--now", "tegata-teardown.service").ok()


# --- Doctor -----------------------------------------------------------------------------------------------------------------------


def test_doctor_knows_the_order(host):
    assert "pam_systemd" not in host.run("tegata", "doctor").out
    text = host.read("/etc/pam.d/sshd")
    line = "session required pam_tegata.so\n"
    host.change("/etc/pam.d/sshd", text.replace(line, "session optional pam_systemd.so\n" + line))
    assert "pam_systemd.so comes before pam_tegata.so" in host.run("tegata", "doctor").failed().out
