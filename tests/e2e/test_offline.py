"""The service is out of reach: what a host still decides by itself, and for how long."""

from host import STATE
from lab import wait_until

LEASE = {"lease_seconds": 1}
GRACE = {"lease_seconds": 1, "offline_grace_seconds": 3600}


def refused_at_the_session(host, code, person="alice"):
    """sshd has let the person in; the last gate tells why that was all."""
    host.mark()
    done = host.ssh(person).failed(254)
    assert f"({code}" in done.out + done.err, done.describe()
    host.refused(code, ": session: ")
    return done


def test_beyond_the_lease_nobody_is_let_in(host, ticket):
    host.configure(**LEASE)
    host.ssh().ok()
    host.cut_beyond_the_lease()
    done = refused_at_the_session(host, "service_unreachable")
    assert "the host cannot ask the approval service now" in done.out + done.err
    host.mend()
    host.ssh().ok()


def test_within_the_grace_tickets_in_hand_count_and_beyond_it_not(host, ticket):
    host.configure(**GRACE)
    host.cut_beyond_the_lease()
    host.ssh().ok()
    host.edit("/etc/tegata/tegata.conf", "offline_grace_seconds = 3600", "offline_grace_seconds = 1")
    host.agent("reload").ok()
    host.logged("configuration read again")
    refused_at_the_session(host, "service_unreachable")


def test_a_limited_ticket_needs_the_service_even_within_the_grace(host, host_lab):
    limited = host_lab.ticket("bob", ["dave"], "ops1", "--rule", "operations", "--sessions", "2")
    host.configure(**GRACE)
    host.cut_beyond_the_lease()
    refused_at_the_session(host, "service_unreachable", "bob")
    host.mend()
    host.ssh("bob").ok()
    host_lab.release("bob", limited)


def test_a_restart_needs_no_network(host, ticket):
    host.configure(**GRACE)
    host.ssh().ok()
    host.cut()
    host.agent("restart").ok()
    assert host.status()["policy_serial"] > 0
    assert host.run("getent", "passwd", "alice").ok().out.startswith("alice:*:20001:")
    host.ssh().ok()


def test_a_restart_does_not_lengthen_anything(host, ticket):
    host.configure(**LEASE)
    host.cut()
    host.agent("restart").ok()
    refused_at_the_session(host, "service_unreachable")


def test_what_was_revoked_stays_so_over_a_restart_without_network(host, host_lab):
    gone = host_lab.ticket("bob", ["dave"], "ops1", "--rule", "operations")
    host.configure(**GRACE)
    host_lab.revoke("dave", gone)
    host.cut()
    host.kill_and_start()
    host.mark()
    host.ssh("bob").failed(255)
    host.refused("ticket_revoked", ": principals: ")


def test_a_killed_agent_comes_back_with_what_it_had(host, ticket):
    host.configure(**GRACE)
    session = host.lab.start("as", "alice", "ssh", "-o", "BatchMode=yes", host.name, "echo here; cat")
    assert session.stdout.readline() == "here\n"
    assert host.status()["sessions"] == 1
    host.cut()
    host.kill_and_start()
    assert host.status()["sessions"] == 1
    host.ssh().ok()
    session.stdin.close()
    assert session.wait(timeout=20) == 0
    wait_until(lambda: host.status()["sessions"] == 0, "the end of the session")
    host.sh(f"! ls {STATE} | grep damaged").ok()
