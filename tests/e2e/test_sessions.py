"""A session lives exactly as long as its right to exist: whatever takes the right away ends it, and nothing else does."""

import json
import time

import pytest

from forger import Forger
from host import CONFIG, Host, events
from lab import Lab, wait_until

DEVELOPERS = 'rule = next(rule for rule in policy["rules"] if rule["id"] == "developers"); '
EXTENDABLE = DEVELOPERS + 'rule["max_extension_seconds"] = 3600'


@pytest.fixture(scope="module")
def own():
    """A lab of this file alone: tickets of other tests would carry its sessions."""
    with Lab(hosts=1, own=True) as lab:
        lab.change_policy(EXTENDABLE)
        yield lab


@pytest.fixture
def policy(own):
    text = own.read(f"{own.folder}/policy.json")
    yield text
    own.publish_policy(text)


@pytest.fixture
def host(own):
    one = Host(own)
    one.mark()
    yield one
    one.close()


class Session:
    """One that goes on until it is ended: `cat` at the other end."""

    def __init__(self, lab, person="alice", *options):
        self.process = lab.start("as", person, "ssh", "-o", "BatchMode=yes", *options, "ops1", "echo here; exec cat")
        assert self.process.stdout.readline() == "here\n"

    def answers(self, text="still here"):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline() == text + "\n"

    def wait_ended(self):
        """By the other side; ssh then has no exit status of its own."""
        assert self.process.wait(timeout=40) != 0

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(timeout=40)


@pytest.fixture
def opened(own):
    """Opens sessions, which are closed with the test, as the tickets are that it was told of."""
    sessions, tickets = [], []

    def open_session(*arguments):
        sessions.append(Session(own, *arguments))
        return sessions[-1]

    def ticket(person="alice", approvers=("bob",), *options, **more):
        tickets.append((person, own.ticket(person, approvers, "ops1", *options, **more)))
        return tickets[-1][1]

    open_session.ticket = ticket
    yield open_session
    for session in sessions:
        session.close()
    for person, one in tickets:
        own.as_(person, "tegata", "release", one)
    wait_until(lambda: own.status()["sessions"] == 0, "the end of every session")


def reported(lab, kind, ticket):
    """Waits for an event about a ticket, and returns the last of its kind."""
    return wait_until(lambda: [event for event in events(lab) if event["kind"] == kind and event["ticket"] == ticket],
                      f"{kind} of {ticket}")[-1]


def extended(lab, ticket, duration):
    """An extension that is approved and known to the host."""
    extension = lab.as_("alice", "tegata", "extend", ticket, duration).ok().out.split("\n", 1)[0]
    lab.approve("bob", extension).ok()
    lab.wait_acknowledged("alice", extension)
    return extension


def ended_because(lab, session, ticket, code):
    session.wait_ended()
    event = reported(lab, "session_ended", ticket)
    assert event["code"] == code, event
    assert event["detail"].startswith("by the agent: "), event


# --- What ends it ------------------------------------------------------------------------------------------------------------


def test_the_end_of_the_window_ends_it_and_no_other(own, opened):
    opened.ticket("bob", ("dave",), "--rule", "operations")
    other = opened("bob")
    ticket = opened.ticket(duration="8s")
    session = opened()
    event = reported(own, "session_opened", ticket)
    window = own.show("alice", ticket)["verdict"]
    assert event["ends"] == window["ends"], (event, window)
    ended_because(own, session, ticket, "ticket_late")
    assert other.answers()
    assert own.status()["sessions"] == 1


def test_revocation_ends_it(own, opened):
    ticket = opened.ticket()
    session = opened()
    own.revoke("bob", ticket)
    ended_because(own, session, ticket, "ticket_revoked")


def test_release_ends_it(own, opened):
    ticket = opened.ticket()
    session = opened()
    own.release("alice", ticket)
    ended_because(own, session, ticket, "ticket_released")


@pytest.mark.parametrize("change, code", [
    ('policy["people"]["alice"]["disabled"] = 1', "requester_disabled"),
    (DEVELOPERS + 'rule["max_seconds"] = 60', "rule_narrowed"),
    ('policy["rules"] = [rule for rule in policy["rules"] if rule["id"] != "developers"]', "rule_gone"),
    (DEVELOPERS + 'rule["approvers"][0]["group"] = "lead"', "approval_not_in_group"),
])
def test_a_policy_that_does_not_cover_it_ends_it(own, opened, policy, change, code):
    ticket = opened.ticket()
    session = opened()
    own.change_policy(change)
    ended_because(own, session, ticket, code)


def test_a_revoked_key_ends_it(own, opened, policy):
    ticket = opened.ticket()
    session = opened()
    key = own.run("ssh-keygen", "-l", "-f", f"{own.home('alice')}/.ssh/id_ed25519.pub").ok().out.split()[1]
    own.change_policy(f'policy["revoked"]["keys"].append("{key}")')
    ended_because(own, session, ticket, "certificate_revoked")


def test_a_policy_that_only_lets_in_otherwise_ends_nothing(own, opened, policy):
    """Certificates may live for less, and the ticket's window is as long as it was."""
    opened.ticket()
    session = opened()
    own.change_policy(DEVELOPERS + 'rule["max_certificate_seconds"] = 60')
    assert session.answers()
    assert own.status()["sessions"] == 1


def test_it_ends_with_the_certificate_where_the_rule_says_so(own, opened, policy):
    """And where the rule does not, it outlives the certificate."""
    ticket = opened.ticket()
    serial = own.run("date", "+%s%N").ok().out.strip()
    own.run("lab-certificate", "alice", "-I", "alice@lab", "-n", "alice", "-V", "-1m:+6s", "-z", serial).ok()
    ends = int(time.time()) + 6
    done = own.start("as", "alice", "env", "LAB_KEEP_CERTIFICATE=1", "ssh", "-o", "BatchMode=yes", "ops1", "echo here; exec cat")
    assert done.stdout.readline() == "here\n"
    own.run("lab-certificate", "alice").ok()
    wait_until(lambda: time.time() > ends + 1, "the end of the certificate")
    done.stdin.write("still here\n")
    done.stdin.flush()
    assert done.stdout.readline() == "still here\n"
    own.change_policy(DEVELOPERS + 'rule["end_with_certificate"] = 1')
    assert done.wait(timeout=20) != 0
    assert reported(own, "session_ended", ticket)["code"] == "certificate_expired"


def test_revocation_ends_the_session_of_a_ticket_that_is_used_up(own, opened):
    ticket = opened.ticket("alice", ("bob",), "--sessions", "1")
    session = opened()
    assert own.state("alice", ticket) == "exhausted"
    assert session.answers()
    own.revoke("bob", ticket)
    ended_because(own, session, ticket, "ticket_revoked")


def test_of_two_sessions_on_two_tickets_one_ends(own, opened):
    first_ticket = opened.ticket(duration="30m")
    first = opened()
    second_ticket = opened.ticket(duration="1h")
    second = opened()
    own.revoke("bob", first_ticket)
    ended_because(own, first, first_ticket, "ticket_revoked")
    assert second.answers()
    own.revoke("bob", second_ticket)
    ended_because(own, second, second_ticket, "ticket_revoked")


# --- What makes it last longer -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--sessions", "1")])
def test_an_extension_moves_the_end_without_a_new_login(own, opened, options):
    ticket = opened.ticket("alice", ("bob",), *options, duration="12s")
    session = opened()
    ends = reported(own, "session_opened", ticket)["ends"]
    extension = extended(own, ticket, "10m")
    event = reported(own, "session_extended", ticket)
    assert event["ends"] > ends and event["detail"].endswith(f" by {extension}"), event
    wait_until(lambda: time.time() > ends + 1, "the first end", seconds=30)
    assert session.answers()
    own.revoke("bob", extension)
    ended_because(own, session, ticket, "ticket_late")


def test_revoking_the_first_ticket_ends_an_extended_session(own, opened):
    ticket = opened.ticket()
    session = opened()
    extended(own, ticket, "1h")
    reported(own, "session_extended", ticket)
    own.revoke("bob", ticket)
    ended_because(own, session, ticket, "ticket_revoked")


@pytest.fixture
def by_hand(own):
    """by_hand(ticket, ...) carries in an extension that nobody could have requested: with the rights of the ticket, unless `same` is no."""
    forger = Forger(own)

    def carry(ticket, same=True, **changes):
        first = json.loads(own.show("alice", ticket)["ticket"])
        rights = {key: first[key] for key in ("groups", "options", "shell") if key in first} if same else {}
        forged = forger.ticket(rule="developers", extends=ticket, **rights, **changes)
        forger.carry("ops1", forged, [forger.approval("bob", forged)])
    yield carry
    forger.close()


def test_an_extension_may_begin_at_the_end_of_the_first_window(own, opened, policy, by_hand):
    """And reaches as far as the rule allows beyond it, which is the limit that the session has from its opening."""
    own.change_policy(DEVELOPERS + 'rule["max_extension_seconds"] = 600')
    ticket = opened.ticket(duration="10m")
    opened()
    ends = reported(own, "session_opened", ticket)["ends"]
    by_hand(ticket, seconds=600, not_before=ends - 5)
    assert reported(own, "session_extended", ticket)["ends"] == ends - 5 + 600


def test_no_extension_reaches_beyond_what_the_rule_allows(own, opened, policy, by_hand):
    """Two that follow each other would: the session ends at its limit."""
    own.change_policy(DEVELOPERS + 'rule["max_extension_seconds"] = 600')
    ticket = opened.ticket(duration="10m")
    opened()
    ends = reported(own, "session_opened", ticket)["ends"]
    for begins in (ends - 5, ends + 300):
        by_hand(ticket, seconds=600, not_before=begins)
    wait_until(lambda: reported(own, "session_extended", ticket)["ends"] == ends + 600, "the limit")


def test_an_extension_with_other_rights_moves_nothing(own, opened, by_hand):
    ticket = opened.ticket("alice", ("bob",), "--group", "ops")
    session = opened()
    by_hand(ticket, same=False, seconds=3600)
    assert session.answers()
    assert not [event for event in events(own) if event["kind"] == "session_extended" and event["ticket"] == ticket]
    own.revoke("bob", ticket)
    ended_because(own, session, ticket, "ticket_revoked")


# --- The agent away, and the clock --------------------------------------------------------------------------------------------


def test_an_end_that_passed_while_the_agent_was_dead_is_enforced(own, opened, host):
    ticket = opened.ticket(duration="8s")
    session = opened()
    ends = reported(own, "session_opened", ticket)["ends"]
    host.touched = True
    host.agent("kill").ok()
    wait_until(lambda: time.time() > ends + 1, "the end of the window")
    assert session.answers()  # nobody is there to end it
    host.agent("start").ok()
    ended_because(own, session, ticket, "ticket_late")


@pytest.mark.parametrize("action", ["restart", "kill_and_start"])
def test_an_agent_that_comes_back_finds_its_sessions(own, opened, host, action):
    ticket = opened.ticket()
    session = opened()
    getattr(host, action)()
    assert session.answers()
    assert host.status()["sessions"] == 1
    host.wait_in_step()
    own.revoke("bob", ticket)
    ended_because(own, session, ticket, "ticket_revoked")


def test_a_session_that_was_closed_while_the_agent_was_dead_is_closed(own, opened, host):
    ticket = opened.ticket()
    session = opened()
    host.touched = True
    host.agent("kill").ok()
    session.close()
    host.agent("start").ok()
    assert "while the agent was not running" in reported(own, "session_closed", ticket)["detail"]


def start_with_clock_that_can_be_set(host):
    """The agent's clock is what this file says it is off by."""
    host.stop()
    source = host.lab.run("sh", "-c", "echo $LAB_SOURCE").ok().out.strip()
    library = host.sh("ls /usr/lib/*/faketime/libfaketime.so.1").ok().out.strip()
    host.write("/run/faketime", "+0\n")
    host.run(f"{source}/scripts/lib/lab/daemon", "tegatad", "start", f"{host.lab.folder}/{host.name}/agent.log", "env",
             f"LD_PRELOAD={library}", "FAKETIME_TIMESTAMP_FILE=/run/faketime", "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1",
             "/usr/sbin/tegatad", "--config", CONFIG, "--stderr").ok()
    host.wait_in_step()


def test_a_clock_that_is_set_forward_does_not_cut(own, opened, host):
    opened.ticket(duration="30m")
    start_with_clock_that_can_be_set(host)
    session = opened()
    host.write("/run/faketime", "+3600\n")
    host.refused("clock_wrong", "s away from the service's")
    assert session.answers()
    assert host.status()["sessions"] == 1


def test_a_clock_that_is_set_back_does_not_prolong(own, opened, host):
    ticket = opened.ticket(duration="12s")
    start_with_clock_that_can_be_set(host)
    session = opened()
    host.write("/run/faketime", "-3600\n")
    host.refused("clock_wrong", "s away from the service's")
    session.wait_ended()
    host.write("/run/faketime", "+0\n")  # the service takes no events from an hour ago
    ended_because(own, session, ticket, "ticket_late")


def test_an_agent_that_starts_with_a_wrong_clock_goes_by_what_it_knew(own, opened, host):
    opened.ticket(duration="30m")
    start_with_clock_that_can_be_set(host)
    session = opened()
    host.write("/run/faketime", "+3600\n")
    host.sh("kill -KILL $(cat /run/lab/tegatad.pid)").ok()
    host.agent("start").ok()
    assert session.answers()
    host.wait_in_step()
    assert host.status()["sessions"] == 1


# --- Telling ---------------------------------------------------------------------------------------------------------------


def test_whoever_has_a_terminal_is_warned_and_nobody_else(own, opened, host):
    host.change(CONFIG, host.read(CONFIG) + "\n[sessions]\nwarn_minutes = 1\n")
    host.restart()
    ticket = opened.ticket(duration="66s")
    plain = opened()
    terminal = own.start("as", "alice", "ssh", "-tt", "-o", "BatchMode=yes", "ops1", "echo here; exec cat")
    assert terminal.stdout.readline().strip() == "here"
    line = terminal.stdout.readline()
    while not line.strip():
        line = terminal.stdout.readline()
    assert "Tegata: this session ends in 1 minute" in line and f"tegata extend {ticket}" in line, line
    wait_until(lambda: len([event for event in events(own) if event["kind"] == "session_warned" and event["ticket"] == ticket]) == 2,
               "both warnings")
    assert plain.answers()  # the first thing that it says
    own.release("alice", ticket)
    rest = terminal.stdout.read()
    assert ticket in rest, rest
    assert plain.process.stdout.read() == ""


# --- What cannot be tracked ------------------------------------------------------------------------------------------------


def test_a_session_that_cannot_be_told_from_others_does_not_open(own, opened, host):
    opened.ticket()
    host.edit("/etc/pam.d/sshd", r"^session.*pam_loginuid\.so.*$", "")
    done = host.ssh().failed(254)
    assert "(session_untracked" in done.out + done.err, done.describe()
    host.refused("session_untracked", "audit session")
    assert host.status()["sessions"] == 0


def test_nor_does_one_that_sshd_itself_belongs_to(own, opened, host):
    """An sshd that somebody started by hand from a login, and no pam_loginuid: all its sessions would be one."""
    opened.ticket()
    host.edit("/etc/pam.d/sshd", r"^session.*pam_loginuid\.so.*$", "")
    host.other_sshd("LogLevel DEBUG1", before="echo 0 >/proc/self/loginuid; ")
    done = host.other_ssh("alice", "-o", f"CertificateFile={own.home('alice')}/.ssh/id_ed25519-cert.pub",
                          key=f"{own.home('alice')}/.ssh/id_ed25519").failed(254)
    assert "(session_untracked" in done.out + done.err, done.describe()
    host.refused("session_untracked", "the audit session of the sshd that started it")


def test_a_damaged_session_file_is_said_and_stops_nothing(own, opened, host):
    opened.ticket()
    session = opened()
    host.stop()
    host.sh("cd /var/lib/tegata/sessions; for file in *; do truncate -s -40 $file; done").ok()
    host.mark()
    host.agent("start").ok()
    host.logged("is not watched any more")
    host.wait_in_step()
    host.ssh().ok()
    session.close()


def test_a_file_in_place_of_the_folder_is_set_aside(own, opened, host):
    opened.ticket()
    host.stop()
    host.sh("rm -rf /var/lib/tegata/sessions; touch /var/lib/tegata/sessions").ok()
    host.mark()
    host.agent("start").ok()
    host.logged("not a folder; set aside as sessions.damaged-")
    host.wait_in_step()
    host.ssh().ok()
