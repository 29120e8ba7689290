"""Policies that no host takes, and what a newer one takes away. The service refuses them as well; where it would, the host is shown them
by a service that trusts more than it does, or by a database that was set back."""

import json
import time

import pytest

from forger import ident
from lab import wait_until
from service_client import canonical


@pytest.fixture
def put_back(forger):
    yield
    forger.publish()


# --- what a newer policy takes away -------------------------------------------------------------------------------------------


def rule_of(policy, identifier):
    return next(rule for rule in policy["rules"] if rule["id"] == identifier)


def without(identifier):
    return lambda policy: policy["rules"].remove(rule_of(policy, identifier))


def narrowed(identifier, **changes):
    return lambda policy: rule_of(policy, identifier).update(changes)


def person(name, **changes):
    return lambda policy: policy["people"][name].update(changes)


def without_key(name):
    return lambda policy: policy["people"][name]["keys"].pop(0)


def replaced_by_mallory(**changes):
    """A rule needs somebody who may request; alice is gone, or changed."""
    def change(policy):
        policy["people"]["mallory"]["groups"] = ["developer"]
        policy["people"]["alice"].update(changes)
        if not changes:
            del policy["people"]["alice"]
    return change


CHANGES = {
    "rule gone": (without("developers"), "rule_gone"),
    "rule for other hosts": (narrowed("developers", hosts=["db*"]), "rule_narrowed"),
    "rule for less time": (narrowed("developers", max_seconds=60), "rule_narrowed"),
    "rule for other people": (narrowed("developers", requesters=["lead"]), "rule_narrowed"),
    "rule without a terminal": (narrowed("developers", options=[]), "rule_narrowed"),
    "rule for known addresses": (narrowed("developers", sources=["10.77.0.0/24"]), "rule_narrowed"),
    "rule that asks for more": (narrowed("developers", approvers=[{"group": "sre", "count": 2}]), "approvals_missing"),
    "rule with other approvers": (narrowed("developers", approvers=[{"group": "lead", "count": 1}]), "approval_not_in_group"),
    "rule with security keys": (narrowed("developers", hardware_key=1), "certificate_software_key"),
    "rule with user verification": (narrowed("developers", user_verification=1), "approval_no_user_verification"),
    "requester disabled": (person("alice", disabled=1), "requester_disabled"),
    "requester out of the group": (replaced_by_mallory(groups=["lead"]), "rule_narrowed"),
    "requester's uid another": (person("alice", uid=20999), "ticket_uid"),
    "requester gone": (replaced_by_mallory(), "requester_unknown"),
    "requester's key gone": (without_key("alice"), "certificate_key_unknown"),
    "approver disabled": (person("bob", disabled=1), "approver_disabled"),
    "approver out of the group": (person("bob", groups=["lead"]), "approval_not_in_group"),
    "approver's key gone": (without_key("bob"), "approver_unknown"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_taken_away(lab, forger, put_back, change):
    """A ticket that opens the door is judged by the policy now in force; and opens it again with the policy before."""
    taken_away, code = CHANGES[change]
    ticket = forger.ticket()
    assert forger.carry("ops1", ticket, [forger.approval("bob", ticket)]) == "allowed"
    lab.ssh("alice", "ops1", "true").ok()
    forger.publish(taken_away)
    assert forger.refusal("alice") == (code, ident(ticket))


# --- policies that nobody takes -----------------------------------------------------------------------------------------------


def signed(forger, keys, **changes):
    """The next policy, signed by these keys of the deployment folder."""
    text = canonical({**forger.policy, "serial": forger.policy["serial"] + 1, **changes})
    return {"document": text, "signatures": [forger.root(name).sign("policy-v1@tegata", text) for name in keys]}


def put(forger, policy):
    return forger.service.call("PUT", "/v1/policy", json.dumps(policy))


def test_the_service_refuses(forger):
    forger.make_root("other_root")
    now = int(time.time())
    assert put(forger, signed(forger, [])).code == "policy_unsigned"
    assert put(forger, signed(forger, ["other_root"])).code == "policy_unsigned"
    assert put(forger, {**signed(forger, ["root"]), "signatures": signed(forger, ["root"], issued=now - 77)["signatures"]}).code == "policy_unsigned"
    assert put(forger, signed(forger, ["root"], issued=now - 9, expires=now - 1)).code == "policy_expired"
    assert put(forger, signed(forger, ["root"], serial=forger.policy["serial"] - 1)).code == "policy_old"
    assert put(forger, signed(forger, ["root"], serial=forger.policy["serial"], issued=now - 9)).code == "policy_old"


def test_too_few_roots_for_the_host(own_lab):
    """The service is content with one signature, the host asks for two by different keys: it takes none of the service's policies, and
    nobody gets in."""
    own = own_lab(hosts=1)
    folder = f"{own.folder}/deployment"
    own.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/second_root").ok()
    ticket = own.ticket("alice", ["bob"])
    own.ssh("alice", "ops1", "true").ok()

    own.on("ops1", "sh", "-ec", "cat >>/etc/tegata/root_signers; sed -i 's/^root_threshold.*/root_threshold = 2/' /etc/tegata/tegata.conf",
           stdin=f"second {own.read(f'{folder}/second_root.pub')}").ok()
    own.mark()
    own.run("lab-agent", "ops1", "restart").ok()
    own.logged("tegatad: policy_unsigned: ")
    assert own.status()["policy_serial"] == 0
    own.ssh("alice", "ops1", "true").failed(255)
    own.logged(": principals: account alice")
    assert "tegatad: policy_unsigned: the policy is not signed by enough root keys: principals" in own.log()

    def publish(*keys):
        own.run("lab-policy", "change", "pass").ok()
        policy = f"{own.folder}/policy.json"
        out = f"{own.folder}/signed.json"
        text = json.loads(own.read(policy))
        text["serial"] += 1
        own.write(policy, json.dumps(text))
        own.write(out, json.dumps(text))
        for key in keys:
            own.run("tegata", "policy", "sign", out, "--key", f"{folder}/{key}", "--output", out).ok()
        own.run("tegata", "-C", f"{folder}/client.conf", "policy", "publish", out).ok()
        return text["serial"]

    own.mark()
    publish("root", "root")
    own.logged("tegatad: policy_unsigned: ")
    own.ssh("alice", "ops1", "true").failed(255)
    serial = publish("root", "second_root")
    wait_until(lambda: own.status()["policy_serial"] == serial, "the policy with two signatures")
    own.ssh("alice", "ops1", "true").ok()
    own.revoke("bob", ticket)


def test_expired_and_set_back(own_lab):
    """A database that was set back serves an old policy, soundly signed: the host has seen a newer one, and keeps it, over a restart
    too. Then the one in force expires, and the old one, which does not, is no way back."""
    own = own_lab(hosts=1)
    ticket = own.ticket("alice", ["bob"])
    own.ssh("alice", "ops1", "true").ok()
    old = json.loads(own.read(f"{own.folder}/policy.json"))["serial"]
    ends = int(time.time()) + 10
    own.change_policy(f"policy['expires'] = {ends}")
    new = own.status()["policy_serial"]
    assert new > old

    own.mark()
    own.run("lab-service", "stop").ok()
    own.on("service", "python3", "-c", f"""
import sqlite3
database = sqlite3.connect("/var/lib/tegata-approvald/approvald.db")
with database:
    database.execute("DELETE FROM policies WHERE serial > {old}")
    database.execute("UPDATE counter SET revision = revision + 1")
    database.execute("UPDATE policies SET revision = (SELECT revision FROM counter)")
""").ok()
    own.run("lab-service", "start").ok()
    own.logged("tegatad: policy_old: ")
    assert own.status()["policy_serial"] == new
    wait_until(lambda: time.time() > ends, "the end of the policy")
    own.ssh("alice", "ops1", "true").failed(255)
    own.logged("tegatad: policy_expired: the policy has expired: principals: ")
    own.run("lab-agent", "ops1", "restart").ok()
    own.mark()
    own.ssh("alice", "ops1", "true").failed(255)
    own.logged("tegatad: policy_expired: the policy has expired: principals: ")
    assert own.state("alice", ticket) in ("approved", "active")
