"""docs/auditing.md: its recipe, word by word, accepts what the hosts accept, made with each kind of key, and stops at what was changed."""

import json
import re

import pytest

from forger import ident
from lab import SOURCE

RECIPE = re.search(r"```sh\n(.*?)```", (SOURCE / "docs/auditing.md").read_text(), re.DOTALL)[1]


@pytest.fixture
def audit(lab):
    """Runs the recipe over a ticket as the service shows it: audit(view)."""
    def run(view):
        lab.run("sh", "-ec", "rm -rf /root/audit; mkdir /root/audit").ok()
        policy = lab.run("curl", "--silent", "--fail", "--cacert", f"{lab.folder}/public/ca.pem", "https://approve.lab:8443/v1/policy").ok().out
        lab.write("/root/audit/policy.json", policy)
        lab.write("/root/audit/ticket.json", json.dumps(view))
        lab.run("cp", f"{lab.folder}/public/root_signers", "/root/audit/root_signers").ok()
        return lab.run("sh", "-c", f"cd /root/audit\nset -e\n{RECIPE}")
    return run


@pytest.mark.parametrize("key", ["bob", "bob_hardware"], ids=["plain key", "security key"])
def test_the_recipe_accepts_an_approval(lab, forger, audit, key):
    ticket = forger.grant(key)
    said = audit(lab.show("alice", ident(ticket))).ok().out
    assert 'Good "policy-v1@tegata" signature for root' in said
    assert 'Good "approval-v1@tegata" signature for bob' in said


def changed(view, old, new):
    assert old in view["ticket"]
    return {**view, "ticket": view["ticket"].replace(old, new)}


def approval_changed(view, old, new):
    approval = view["approvals"][0]
    assert old in approval["document"]
    return {**view, "approvals": [{**approval, "document": approval["document"].replace(old, new)}]}


@pytest.mark.parametrize("change", [
    lambda view: changed(view, '"seconds":1800', '"seconds":9000'),
    lambda view: changed(view, '"requester":"alice"', '"requester":"bob"'),
    lambda view: approval_changed(view, '"approver":"bob"', '"approver":"carol"'),
    lambda view: approval_changed(view, '"seconds":0', '"seconds":9'),
], ids=["another ticket", "the requester's own", "another approver", "another approval"])
def test_the_recipe_stops_at_what_was_changed(lab, forger, audit, change):
    ticket = forger.grant("bob")
    done = audit(change(lab.show("alice", ident(ticket)))).failed()
    assert 'Good "approval-v1@tegata" signature' not in done.out
