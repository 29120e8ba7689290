"""A host whose journal of events is lost, or that is enrolled again while its journal goes on, delivers events all the same."""

import json

from lab import wait_until


def delivered(lab):
    return wait_until(lambda: lab.status()["events_waiting"] == 0, "the delivery of all events")


def last_refusals(lab):
    return json.loads(lab.as_("alice", "tegata", "--json", "why", "ops1").out)["refusals"]


def test_a_lost_journal_and_a_second_enrolment(own_lab):
    lab = own_lab(hosts=1)
    ticket = lab.ticket("alice", ["bob"])
    lab.revoke("bob", ticket)
    lab.ssh("alice", "ops1", "true").failed()
    before = wait_until(lambda: len(last_refusals(lab)), "the first refusal")
    text = lab.as_("alice", "tegata", "why", "ops1").out
    assert "ticket_revoked" in text and " from ," not in text and "not confirmed" not in text

    lab.run("lab-agent", "ops1", "stop").ok()
    lab.on("ops1", "rm", "/var/lib/tegata/events").ok()
    lab.mark()
    lab.run("lab-agent", "ops1", "start").ok()
    lab.logged("continuing behind it")
    lab.ssh("alice", "ops1", "true").failed()
    wait_until(lambda: len(last_refusals(lab)) > before, "a refusal after the loss")
    delivered(lab)

    root = f"{lab.folder}/deployment/root"
    key = lab.on("ops1", "cat", "/etc/ssh/ssh_host_ed25519_key.pub").ok().out
    lab.write(f"{lab.folder}/ops1.pub", key)
    lab.as_("alice", "tegata", "host", "remove", "ops1", "--root-key", root).failed()  # the root key is root's
    client = f"{lab.folder}/deployment/client.conf"
    lab.run("tegata", "-C", client, "host", "remove", "ops1", "--root-key", root).ok()
    lab.run("tegata", "-C", client, "host", "enroll", "ops1", "--host-key", f"{lab.folder}/ops1.pub", "--root-key", root).ok()
    lab.ssh("alice", "ops1", "true").failed()
    wait_until(lambda: last_refusals(lab), "a refusal by the host that was enrolled again")
    delivered(lab)
