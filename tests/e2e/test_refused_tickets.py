"""Tickets that open nothing: not yet or no longer, for something else, or over. The codes are those that the host gives."""

import json
import time

import pytest

from forger import ident
from lab import wait_until

ALLOWED = "allowed"


def approved(forger, ticket, at=0):
    """The ticket with the approval that its rule asks for."""
    return [forger.approval("bob", ticket, at=int(time.time()) + at)]


# --- when ---------------------------------------------------------------------------------------------------------------------


def test_nobody_approved_in_time(lab, forger):
    ticket = forger.ticket(approve_by=max(int(time.time()), forger.newest + 1) + 2)
    forger.submit(ticket).ok(201)
    wait_until(lambda: lab.state("alice", ident(ticket)) == "lapsed", "the lapse")
    forger.refused("alice", ("ticket_lapsed", ident(ticket)))
    assert forger.send(ticket, forger.approval("bob", ticket)).code == "ticket_state"


def test_before_the_window(lab, forger):
    ticket = forger.ticket(not_before=int(time.time()) + 600)
    forger.submit(ticket).ok(201)
    assert forger.send(ticket, *approved(forger, ticket)).ok(201)["verdict"]["code"] == "ticket_early"
    lab.wait_acknowledged("alice", ident(ticket))
    assert forger.refusal("alice") == ("ticket_early", ident(ticket))


def test_after_the_window_by_the_clock(forger):
    """The service never says that it is over: the host's clock does."""
    now = int(time.time())
    ticket = forger.ticket(approve_by=now + 300, seconds=60)
    assert forger.carry("ops1", ticket, approved(forger, ticket, at=-100)) == "ticket_late"
    assert forger.refusal("alice") == ("ticket_late", ident(ticket))


def test_the_window_closes(lab, forger):
    ticket = forger.ticket(seconds=3)
    forger.submit(ticket).ok(201)
    forger.send(ticket, *approved(forger, ticket)).ok(201)
    wait_until(lambda: lab.state("alice", ident(ticket)) == "expired", "the end of the window")
    forger.refused("alice", ("ticket_late", ident(ticket)))


def test_an_approver_may_shorten_the_window(forger):
    ticket = forger.ticket(seconds=1800)
    assert forger.carry("ops1", ticket, [forger.approval("bob", ticket, at=int(time.time()) - 100, seconds=50)]) == "ticket_late"
    assert forger.refusal("alice") == ("ticket_late", ident(ticket))


def test_made_in_the_future(forger):
    """carol's, because it stays her newest for a while."""
    forger.acquaint("carol", "peers", "bob")
    ticket = forger.ticket("carol", rule="peers", created=int(time.time()) + 400)
    assert forger.submit(ticket).code == "ticket_from_future"
    assert forger.carry("ops1", ticket, approved(forger, ticket, at=400)) == "ticket_from_future"
    assert forger.refusal("carol") == ("ticket_from_future", ident(ticket))


# --- for what -----------------------------------------------------------------------------------------------------------------


def test_another_host(lab, forger):
    forger.acquaint("alice", "developers", "bob", host="ops2")
    ticket = forger.grant()
    approvals = approved(forger, ticket)
    lab.ssh("alice", "ops1", "true").ok()
    lab.mark("ops2")
    assert forger.carry("ops2", ticket, approvals) == "ticket_other_host"
    lab.logged(f"ticket {ident(ticket)} does not name this host (ops2)", "ops2")
    code, _ = forger.refusal("alice", "ops2")
    assert code != ALLOWED
    assert lab.why("alice", "ops2") != ALLOWED  # which code, depends on the older tickets that alice had there


def test_another_account(lab, forger):
    """deploy exists on ops1, because a ticket of bob's is for it."""
    shared = forger.ticket("bob", rule="deploy", account="deploy", uid=forger.policy["accounts"]["deploy"]["uid"])
    assert forger.carry("ops1", shared, [forger.approval("carol", shared), forger.approval("dave", shared)]) == ALLOWED
    lab.ssh("bob", "deploy@ops1", "true").ok()
    ticket = forger.ticket()
    assert forger.carry("ops1", ticket, approved(forger, ticket)) == ALLOWED
    assert forger.refusal("alice", "deploy@ops1") == ("ticket_other_account", ident(ticket))
    assert forger.refusal("bob", "alice@ops1") == ("ticket_other_account", ident(shared))


def test_another_key(lab, forger):
    """Both keys are alice's."""
    ticket = forger.ticket(key="alice_second")
    assert forger.carry("ops1", ticket, approved(forger, ticket)) == ALLOWED
    assert forger.refusal("alice") == ("ticket_other_key", ident(ticket))
    second = forger.paths["alice_second"]
    lab.run("lab-certificate", "alice", environment={"KEY": f"{second}.pub"}).ok()
    lab.ssh("alice", "ops1", "true", options=["-F", "none", "-i", second, "-o", "BindAddress=10.77.0.101"]).ok()


def test_another_source_address(lab, forger):
    """sshd refuses by itself where it is told the address (before OpenSSH 9.4 the agent is not); the agent does where it is not heeded."""
    ticket = forger.ticket(source=["10.77.0.101"])
    assert forger.carry("ops1", ticket, approved(forger, ticket)) == ALLOWED
    elsewhere = ["-o", "BindAddress=10.77.0.105"]
    lab.ssh("alice", "ops1", "true").ok()
    lab.mark(name="sshd.log")
    lab.mark()
    lab.ssh("alice", "ops1", "true", options=elsewhere).failed(255)
    wait_until(lambda: "not from a permitted host" in lab.since_mark(name="sshd.log")
               or "ticket_other_source: " in lab.since_mark(), "the refusal of the address")

    lab.on("ops1", "sh", "-ec", """
        cat >/usr/local/sbin/unheeded && chmod 755 /usr/local/sbin/unheeded
        sed -i.heeded 's|/usr/libexec/tegata-principals|/usr/local/sbin/unheeded|' /etc/ssh/sshd_config""", stdin="""#!/bin/bash
words=()
for word; do [[ $word == --connection=* ]] || words+=("$word"); done
exec /usr/libexec/tegata-principals "${words[@]}" > >(sed 's/from="[^"]*",\\?//')
""").ok()
    lab.run("lab-sshd", "ops1", "restart").ok()
    try:
        lab.ssh("alice", "ops1", "true").ok()
        assert forger.refusal("alice", options=elsewhere, gate="account") == ("ticket_other_source", ident(ticket))
    finally:
        lab.on("ops1", "mv", "/etc/ssh/sshd_config.heeded", "/etc/ssh/sshd_config").ok()
        lab.run("lab-sshd", "ops1", "restart").ok()


def test_anothers_uid(forger):
    ticket = forger.ticket(uid=20002)
    assert forger.submit(ticket).code == "ticket_uid"
    assert forger.carry("ops1", ticket, approved(forger, ticket)) == "ticket_uid"
    assert forger.refusal("alice") == ("ticket_uid", ident(ticket))


def test_for_somebody_unknown(forger):
    """No certificate can name a person whom the policy does not know and hold a key that it does: only the agent is asked."""
    ticket = forger.ticket("nobody", key="alice")
    assert forger.carry("ops1", ticket, approved(forger, ticket)) == "requester_unknown"


def test_not_in_form(forger):
    for changes in ({"more": 1}, {"sessions": -1}, {"hosts": []}, {"reason": ""}, {"id": "T-0"}):
        ticket = forger.ticket(**changes)
        assert forger.submit(ticket).code == "ticket_malformed"
        assert forger.carry("ops1", ticket, approved(forger, ticket)) == "ticket_malformed"
    ticket = forger.ticket()
    spaced = json.dumps(json.loads(ticket), sort_keys=True)
    assert forger.submit(spaced).code == "ticket_malformed"
    assert forger.carry("ops1", spaced, approved(forger, spaced)) == "ticket_malformed"


def test_edited_afterwards(lab, forger):
    """The same id with other bytes: the first stands, and its approval is for the first alone."""
    ticket = forger.ticket(seconds=60)
    assert forger.carry("ops1", ticket) == "ticket_pending"
    edited = forger.ticket(id=ident(ticket), seconds=14400)
    assert forger.carry("ops1", edited, approved(forger, edited)) == "ticket_malformed"
    assert forger.refusal("alice") == ("ticket_pending", ident(ticket))
    assert forger.carry("ops1", ticket, approved(forger, edited)) == "approval_other_ticket"
    assert forger.refusal("alice") == ("approval_other_ticket", ident(ticket))


# --- over ---------------------------------------------------------------------------------------------------------------------

ENDS = {
    "denied": (False, ["bob", "deny", "--reason", "not today"], "denied", "ticket_denied"),
    "cancelled": (False, ["alice", "cancel"], "cancelled", "ticket_cancelled"),
    "released": (True, ["alice", "release"], "released", "ticket_released"),
    "revoked": (True, ["bob", "revoke", "--reason", "enough"], "revoked", "ticket_revoked"),
}


@pytest.mark.parametrize("end", ENDS)
def test_over_and_never_back(lab, forger, end):
    """And what the host was told once, it cannot be talked out of."""
    approve_first, (person, verb, *options), state, code = ENDS[end]
    ticket = forger.ticket()
    approvals = approved(forger, ticket)
    forger.submit(ticket).ok(201)
    if approve_first:
        forger.send(ticket, *approvals).ok(201)
        lab.wait_acknowledged("alice", ident(ticket))
        lab.ssh("alice", "ops1", "true").ok()
    lab.as_(person, "tegata", verb, ident(ticket), *options).ok()
    assert lab.state("alice", ident(ticket)) == state
    forger.refused("alice", (code, ident(ticket)))
    assert forger.send(ticket, forger.approval("carol", ticket)).code == "ticket_state"
    assert forger.carry("ops1", ticket, approvals, state="approved") == code
    assert forger.refusal("alice") == (code, ident(ticket))


# --- used up ------------------------------------------------------------------------------------------------------------------


def test_every_session_used_up(lab, forger):
    ticket = ident(forger.grant(sessions=2))
    for _ in range(2):
        lab.ssh("alice", "ops1", "true").ok()
    assert lab.state("alice", ticket) == "exhausted"
    forger.refused("alice", ("ticket_used_up", ticket))


def test_two_hosts_race_for_the_last_session(lab, forger):
    """Both logins wait at the same line: exactly one of them is let in, every time, and the other learns why."""
    forger.acquaint("alice", "developers", "bob", host="ops2")
    for _ in range(4):
        ticket = ident(forger.grant(hosts=["ops1", "ops2"], sessions=1))
        lab.mark("ops1")
        lab.mark("ops2")
        racers = [lab.start("as", "alice", "sh", "-c", f"echo ready; read _; exec ssh -n -o BatchMode=yes {host} echo in")
                  for host in ("ops1", "ops2")]
        for racer in racers:
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            racer.stdin.write("go\n")
            racer.stdin.flush()
        said = [racer.communicate(timeout=30)[0] for racer in racers]
        # Where the loser is refused when its session opens, sshd shows the reason where the command would have written.
        assert said.count("in\n") == 1, said
        loser = ("ops1", "ops2")[1 - said.index("in\n")]
        assert sorted(racer.returncode for racer in racers) in ([0, 254], [0, 255])
        lab.logged("ticket_used_up", loser)
        assert lab.show("alice", ticket)["opened"] == 1
        wait_until(lambda: lab.state("alice", ticket) == "exhausted", "the end of the ticket")
