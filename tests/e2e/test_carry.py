"""A ticket is brought on foot to a host that is cut off."""

import json

import pytest

LEASE = {"lease_seconds": 1}


@pytest.fixture
def carried(host, host_lab):
    """A ticket of bob that was approved when the host could not hear of it any more, as a file's text."""
    host.configure(**LEASE)
    host.cut_beyond_the_lease()
    ticket = host_lab.request("bob", "ops1", "--rule", "operations")
    host_lab.approve("dave", ticket).ok()
    yield ticket, host_lab.as_("bob", "tegata", "carry", "export", ticket).ok().out
    host.mend()
    host.restart()
    host_lab.release("bob", ticket)


def bring(host, text, *options):
    host.run("tee", "/root/carried", stdin=text).ok()
    return host.run("tegata", *options, "carry", "import", "/root/carried")


def test_a_carried_ticket_opens_the_door(host, carried):
    ticket, text = carried
    host.ssh("bob").failed(255)
    assert ticket in bring(host, text).ok().out
    host.logged(f"root brought ticket {ticket} for bob")
    assert host.ssh("bob", "id", "-un").ok().out == "bob\n"


def test_another_ticket_under_the_same_approvals_does_not(host, carried):
    ticket, text = carried
    assert_refused(host, text.replace("end-to-end test", "End-to-end test"), "approval_other_ticket")
    host.ssh("bob").failed(255)


def test_changed_approvals_do_not_and_do_no_harm(host, carried):
    ticket, text = carried
    assert_refused(host, with_approvals(text, lambda approvals: []), "ticket_pending")
    assert_refused(host, with_document(text, '"seconds":0', '"seconds":1'), "approval_signature")
    assert_refused(host, with_document(text, '"approver":"dave"', '"approver":"carol"'), "approval_signature")
    host.ssh("bob").failed(255)
    bring(host, text).ok()
    host.ssh("bob").ok()


def test_what_is_no_ticket_does_nothing(host, carried):
    ticket, text = carried
    assert_refused(host, text[:-20], "ticket_malformed")
    assert_refused(host, "{}", "ticket_malformed")
    assert_refused(host, "", "ticket_malformed")


def test_only_root_brings_tickets(host, carried):
    ticket, text = carried
    host.run("tee", "/tmp/carried", stdin=text).ok()
    done = host.run("setpriv", "--reuid=3001", "--regid=3001", "--clear-groups", "tegata", "--json", "carry", "import", "/tmp/carried")
    assert "agent_unreachable" in done.failed(1).out + done.err, done.describe()
    done = host.run("setpriv", "--reuid=3001", "--regid=tegata", "--clear-groups", "tegata", "--json", "carry", "import", "/tmp/carried")
    assert "peer_refused" in done.failed(1).out + done.err, done.describe()


def with_approvals(text, change):
    carried = json.loads(text)
    carried["approvals"] = change(carried["approvals"])
    return json.dumps(carried, sort_keys=True, separators=(",", ":")) + "\n"


def with_document(text, old, new):
    def change(approvals):
        assert old in approvals[0]["document"]
        return [{**approval, "document": approval["document"].replace(old, new)} for approval in approvals]
    return with_approvals(text, change)


def assert_refused(host, text, code):
    done = bring(host, text, "--json").failed(1)
    assert code in done.out + done.err, done.describe()
