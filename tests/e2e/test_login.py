"""The whole path: refused without a ticket, let in with an approved one, refused again after its revocation."""


def test_nobody_gets_in_without_a_ticket(lab):
    """mallory: whoever had a ticket here in an earlier test would be told what became of it."""
    lab.ssh("mallory", "ops2", "true").failed(255)
    assert lab.why("mallory", "ops2") == "ticket_none"


def test_an_approved_ticket_opens_the_door_and_a_revocation_closes_it(lab):
    ticket = lab.request("alice")
    lab.ssh("alice", "ops1", "true").failed(255)
    assert lab.why("alice", "ops1") == "ticket_pending"

    lab.approve("bob", ticket).ok()
    lab.wait_acknowledged("alice", ticket)
    assert lab.ssh("alice", "ops1", "id", "-un").ok().out == "alice\n"
    lab.ssh("alice", "ops2", "true").failed(255)

    lab.mark()
    lab.revoke("bob", ticket)
    lab.ssh("alice", "ops1", "true").failed(255)
    lab.logged("ticket_revoked")
    assert lab.state("alice", ticket) == "revoked"


def test_the_person_is_a_user_only_tegata_knows(lab):
    ticket = lab.ticket("alice", ["bob"], "ops1", "--group", "ops")
    assert lab.on("ops1", "grep", "-c", "^alice:", "/etc/passwd").failed(1).out == "0\n"
    assert lab.on("ops1", "getent", "passwd", "alice").ok().out.startswith("alice:*:20001:")
    assert lab.ssh("alice", "ops1", "id", "-nG").ok().out.split()[-1] == "ops"
    lab.release("alice", ticket)


def test_wait_returns_when_the_host_has_it(lab):
    waiting = lab.start("as", "alice", "tegata", "request", "ops2", "--for", "10m", "--reason", "first login", "--wait=30")
    ticket = waiting.stdout.readline().strip()
    lab.approve("carol", ticket).ok()
    assert waiting.wait(timeout=30) == 0, waiting.stderr.read()
    lab.ssh("alice", "ops2", "true").ok()
    lab.release("alice", ticket)
