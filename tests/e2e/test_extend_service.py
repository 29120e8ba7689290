"""What people see of running sessions and of their extensions, with the real agent at the other end."""

import re

import pytest

from lab import wait_until


@pytest.fixture
def session(lab):
    """A session of alice on a ticket of its own; both are over after the test."""
    ticket = lab.ticket("alice", ["bob"], "ops1", duration="20m")
    process = lab.start("as", "alice", "ssh", "-o", "BatchMode=yes", "ops1", "echo here; exec cat")
    assert process.stdout.readline() == "here\n"
    yield ticket, process
    if process.poll() is None:
        process.stdin.close()
        process.wait(timeout=40)
    lab.as_("alice", "tegata", "release", ticket)


def sessions(lab, person, ticket, *options):
    listed = lab.as_(person, "tegata", "--json", "sessions", *options).json()["sessions"]
    return [one for one in listed if one["ticket"] == ticket]


def told(lab, ticket):
    return wait_until(lambda: sessions(lab, "alice", ticket), "the session in the list")[0]


def test_a_session_is_listed_extended_and_followed_to_its_end(lab, session):
    ticket, process = session
    one = told(lab, ticket)
    assert (one["host"], one["account"], one["person"], one["ended"]) == ("ops1", "alice", "alice", 0)
    assert one["ends"] == lab.show("alice", ticket)["verdict"]["ends"] and one["seen"] > 0
    assert re.search(rf"^ops1 +alice +alice +{ticket} ", lab.as_("bob", "tegata", "sessions").ok().out, re.MULTILINE)

    extension = lab.as_("alice", "tegata", "extend", ticket, "1h", "--reason", "not done yet").ok().out.split("\n", 1)[0]
    follower = lab.start("as", "alice", "tegata", "show", ticket, "--follow")
    said = lab.approve("bob", extension).ok().out
    assert re.search(rf"extends +{ticket}: the running session would end at ", said), said
    assert re.search(r"session +alice@ops1 would end at .* \(now: ", said), said

    extended = wait_until(lambda: [now for now in sessions(lab, "alice", ticket) if now["ends"] > one["ends"]], "the later end")[0]
    assert extended["ends"] == lab.show("alice", extension)["verdict"]["ends"] and extended["session"] == one["session"]
    process.stdin.write("still here\n")
    process.stdin.flush()
    assert process.stdout.readline() == "still here\n"

    said = lab.as_("bob", "tegata", "revoke", ticket, "--reason", "enough").ok().out
    assert f"{extension}, which extends it: revoked." in said
    assert process.wait(timeout=40) != 0
    out, err = follower.communicate(timeout=40)  # it ends by itself
    assert follower.returncode == 0, err
    for line in ("session_opened of alice on ops1", "session_extended of alice on ops1", "revoked by bob: enough",
                 "session_ended of alice on ops1 (ticket_revoked): by the agent: "):
        assert line in out, out
    assert sessions(lab, "alice", ticket) == []
    over = sessions(lab, "alice", ticket, "--all")
    assert [(now["session"], now["code"]) for now in over] == [(one["session"], "ticket_revoked")]
    assert re.search(r"session +alice@ops1.* ended .*: ticket_revoked", lab.as_("alice", "tegata", "show", ticket).ok().out)


def test_a_session_that_closes_by_itself_leaves_the_list(lab, session):
    ticket, process = session
    told(lab, ticket)
    process.stdin.close()
    assert process.wait(timeout=40) == 0
    wait_until(lambda: not sessions(lab, "alice", ticket), "the end of the session in the list")
    assert sessions(lab, "alice", ticket, "--all")[0]["ended"] > 0


def test_only_those_see_a_session_who_see_its_ticket(lab, session):
    ticket, _ = session
    told(lab, ticket)
    assert sessions(lab, "bob", ticket)
    assert not sessions(lab, "mallory", ticket)
