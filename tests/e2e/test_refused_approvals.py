"""What is no approval: refused by the service on arrival where it can know, and by the host whatever a service may say.

Each row is tried three times over: on the service, on the host's agent (handed over as root, in the state "approved"), and with a
login through sshd."""

import json
import time

import pytest

from forger import ident, with_certificate
from lab import wait_until

PENDING = None  # the service takes the approval, and the ticket is pending still


def other_ticket(forger, ticket):
    return [forger.approval("bob", forger.ticket())]


def by_certificate(forger, ticket):
    approval = forger.approval("bob", ticket)
    certificate = forger.lab.read(f"{forger.paths['bob']}-cert.pub")
    return [{**approval, "signature": with_certificate(approval["signature"], certificate)}]


def signature_of_another(forger, ticket):
    return [{**forger.approval("bob", ticket), "signature": forger.approval("bob", ticket, seconds=60)["signature"]}]


def by(*signers, **changes):
    return lambda forger, ticket: [forger.approval(signer, ticket, **changes) for signer in signers]


def at(seconds):
    return lambda forger, ticket: [forger.approval("bob", ticket, at=int(time.time()) + seconds)]


def soon_over(forger):
    """Approvals may lie 120 s ahead, so this deadline can be missed without waiting for it."""
    return forger.ticket(approve_by=int(time.time()) + 30)


def of(rule):
    return lambda forger: forger.ticket(rule=rule)


def requested_by_bob(forger):
    return forger.ticket("bob", rule="peers")


def hardware(forger):
    return forger.ticket("bob", key="bob_hardware", rule="hardware")


DEVELOPERS = of("developers")

# name: the ticket, its approvals, what the service says to the last of them, what the host says
CASES = {
    "pending": (DEVELOPERS, by(), PENDING, "ticket_pending"),
    "too few": (of("pair"), by("bob"), PENDING, "approvals_missing"),
    "one of two groups": (of("both"), by("bob"), PENDING, "approvals_missing"),
    "by the requester": (DEVELOPERS, by("alice"), "approval_by_requester", "approval_by_requester"),
    "by the requester, who is in the group": (requested_by_bob, by("bob"), "approval_by_requester", "approval_by_requester"),
    "by the requester's other key": (requested_by_bob, by("bob_second"), "approval_by_requester", "approval_by_requester"),
    "one person with two keys": (of("pair"), by("bob", "bob_second"), "approval_exists", "approval_same_person"),
    "one person for two groups": (of("both"), by("frank"), PENDING, "approval_two_groups"),
    "approver not in the group": (DEVELOPERS, by("mallory"), "approval_not_in_group", "approval_not_in_group"),
    "approver disabled": (DEVELOPERS, by("eve"), "approver_disabled", "approver_disabled"),
    "key unknown": (DEVELOPERS, by("stranger"), "approver_unknown", "approver_unknown"),
    "key unknown, in bob's name": (DEVELOPERS, by("stranger", approver="bob"), "approver_unknown", "approver_unknown"),
    "mallory's key, in bob's name": (DEVELOPERS, by("mallory", approver="bob"), "approver_unknown", "approver_unknown"),
    "for another ticket": (DEVELOPERS, other_ticket, "approval_other_ticket", "approval_other_ticket"),
    "in another namespace": (DEVELOPERS, by("bob", name_space="request-v1@tegata"), "approval_namespace", "approval_namespace"),
    "by a certificate": (DEVELOPERS, by_certificate, "approval_by_certificate", "approval_by_certificate"),
    "another document's signature": (DEVELOPERS, signature_of_another, "approval_signature", "approval_signature"),
    "no approval at all": (DEVELOPERS, by("bob", decision="deny"), "approval_malformed", "approval_malformed"),
    "a member too many": (DEVELOPERS, by("bob", more=1), "approval_malformed", "approval_malformed"),
    "without touch": (DEVELOPERS, by("bob_hardware", flags=0), "approval_no_touch", "approval_no_touch"),
    "with user verification but without touch": (of("verified"), by("frank", flags=4), "approval_no_touch", "approval_no_touch"),
    "without user verification where the rule asks": (of("verified"), by("frank", flags=1), "approval_no_user_verification",
                                                      "approval_no_user_verification"),
    "without user verification where the key's entry asks": (DEVELOPERS, by("bob_hardware", flags=1), "approval_no_user_verification",
                                                             "approval_no_user_verification"),
    "software key under a hardware rule": (hardware, by("carol"), "approval_software_key", "approval_software_key"),
    "after approve_by": (soon_over, at(60), "approval_late", "approval_late"),
    "from the future": (DEVELOPERS, at(300), "approval_future", "approval_future"),
    "older than the ticket": (DEVELOPERS, at(-300), "approval_early", "approval_early"),
}


def login_options(forger, ticket):
    """With which key the requester logs in."""
    if json.loads(ticket)["key"] != forger.keys["bob_hardware"].fingerprint:
        return []
    forger.lab.run("lab-certificate", "bob", environment={"KEY": f"{forger.paths['bob_hardware']}.pub"}).ok()
    return ["-F", f"{forger.lab.home('bob')}/.ssh/security_key_config"]


@pytest.mark.parametrize("case", CASES)
def test_refused(forger, case):
    make_ticket, make_approvals, service_code, host_code = CASES[case]
    ticket = make_ticket(forger)
    approvals = make_approvals(forger, ticket)
    requester = json.loads(ticket)["requester"]

    forger.submit(ticket).ok(201)
    answers = [forger.send(ticket, approval) for approval in approvals]
    for answer in answers[:-1] if service_code else answers:
        assert answer.ok(201)["state"] == "pending"
    if service_code:
        assert answers[-1].code == service_code

    assert forger.carry("ops1", ticket, approvals) == host_code
    assert forger.refusal(requester, options=login_options(forger, ticket)) == (host_code, ident(ticket))


def test_the_forger_can_make_good_ones(forger):
    """What the refusals above differ in is what they are named for: the same by the right hands opens the door."""
    good = [(of("pair"), ["bob", "carol"]), (of("both"), ["frank", "bob"]), (of("verified"), ["frank"]),
            (requested_by_bob, ["carol"]), (hardware, ["carol_hardware"])]
    for make_ticket, approvers in good:
        ticket = make_ticket(forger)
        requester = json.loads(ticket)["requester"]
        assert forger.carry("ops1", ticket, by(*approvers)(forger, ticket)) == "allowed"
        forger.lab.ssh(requester, "ops1", "true", options=login_options(forger, ticket)).ok()
        forger.retire()


def test_the_database_calls_a_ticket_approved(lab, forger):
    """Whoever writes to the service's database has no approver's key."""
    ticket = forger.ticket()
    forger.submit(ticket).ok(201)
    invented = forger.approval("mallory", ticket, approver="bob")
    lab.on("service", "python3", "-c", """
import json, sqlite3, sys
ticket, document, signature = json.load(sys.stdin)
database = sqlite3.connect("/var/lib/tegata-approvald/approvald.db", timeout=10)
with database:
    database.execute("UPDATE counter SET revision = revision + 1")
    database.execute("UPDATE tickets SET state = 'approved', revision = (SELECT revision FROM counter) WHERE id = ?", [ticket])
    database.execute("INSERT INTO approvals VALUES (?, 'bob', ?, ?, 0)", [ticket, document, signature])
""", stdin=json.dumps([ident(ticket), invented["document"], invented["signature"]])).ok()
    lab.mark()
    assert forger.submit(forger.ticket(not_before=int(time.time()) + 3000)).status == 201  # so that the host gets news
    lab.logged(f"ticket {ident(ticket)}")
    assert lab.state("alice", ident(ticket)) == "approved"
    forger.people["alice"].post(f"/v1/tickets/{ident(forger.submitted[-1])}/cancel", "{}").ok()
    wait_until(lambda: forger.refusal("alice") == ("approver_unknown", ident(ticket)), "the refusal of the invented approval")
