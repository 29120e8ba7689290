"""Runs in a lab: how long the agent takes for one verdict with 10,000 approved tickets in hand, of 1,000 people, all of which it has verified.

The tickets are put into the agent's state file while it is stopped."""

import base64
import hashlib
import json
import os
import pathlib
import secrets
import subprocess
import tempfile
import time

from measure import QUICK, processor_seconds, resident_mib, row

LAB = os.environ["LAB"]
SOURCE = os.environ["LAB_SOURCE"]
PEOPLE = 1000
TICKETS_EACH = 10
QUESTIONS = 1000 if QUICK else 5000
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
STATE = "/var/lib/tegata/tickets"


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def canonical(document):
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def fingerprint(key):
    return "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(key.split()[1])).digest()).decode().rstrip("=")


def make_people(folder):
    """name -> public key; the first is alice, who has the lab's."""
    keys = {"alice": " ".join(pathlib.Path(f"{LAB}/people/alice/.ssh/id_ed25519.pub").read_text().split()[:2])}
    for number in range(1, PEOPLE):
        path = folder / f"p{number}"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path)
        keys[f"p{number}"] = " ".join(path.with_suffix(".pub").read_text().split()[:2])
    return keys


def publish(keys):
    policy = json.loads(pathlib.Path(f"{LAB}/policy.json").read_text())
    for number, (name, key) in enumerate(keys.items()):
        policy["people"].setdefault(name, {"uid": 30000 + number, "groups": ["developer"], "disabled": 0,
                                           "keys": [{"key": key, "attested": 0, "uv": 0}]})
    run("lab-policy", "publish", "-", input=json.dumps(policy), stderr=subprocess.DEVNULL)
    serial = json.loads(pathlib.Path(f"{LAB}/policy.json").read_text())["serial"]
    run("poll", "30", "sh", "-c", f"lab-agent ops1 status | grep -q '\"policy_serial\":{serial}[,}}]'")
    return {name: person["uid"] for name, person in policy["people"].items()}, serial


def make_ticket(name, key, uid, serial, now):
    return canonical({"v": 1, "id": "T-" + "".join(secrets.choice(ALPHABET) for _ in range(13)), "created": now, "requester": name,
                      "key": fingerprint(key), "hosts": ["ops1"], "account": name, "uid": uid, "shell": "/bin/bash",
                      "groups": ["ops"], "sudo": [], "options": ["pty"], "permit_open": [], "command": "", "source": [],
                      "seconds": 3600, "not_before": 0, "approve_by": now + 600, "sessions": 0, "reason": "benchmark", "reference": "",
                      "rule": "developers", "policy": serial, "emergency": 0})


def approve(folder, tickets, now):
    """bob signs them all, with one ssh-keygen."""
    approvals = []
    for number, ticket in enumerate(tickets):
        digest = hashlib.sha256(ticket.encode()).hexdigest()
        approvals.append(canonical({"v": 1, "ticket": digest, "approver": "bob", "at": now, "decision": "approve", "seconds": 0}))
        (folder / f"a{number}").write_text(approvals[-1])
    files = [folder / f"a{number}" for number in range(len(tickets))]
    run("ssh-keygen", "-q", "-Y", "sign", "-n", "approval-v1@tegata", "-f", f"{LAB}/people/bob/.ssh/id_ed25519", *files)
    return [{"document": approval, "signature": pathlib.Path(f"{file}.sig").read_text()} for approval, file in zip(approvals, files)]


def load(tickets, approvals):
    run("lab-agent", "ops1", "stop")
    header, body = run("on", "ops1", "cat", STATE).split("\n", 1)
    state = json.loads(body)
    state["tickets"] = [{"ticket": ticket, "approvals": [approval], "state": "approved", "imported": 1, "opened": 0}
                        for ticket, approval in zip(tickets, approvals)]
    text = canonical(state)
    assert hashlib.sha256(body.encode()).hexdigest() == header.split()[2], "the state file's sum is made otherwise"
    run("on", "ops1", "tee", STATE, input=f"{header.rsplit(' ', 1)[0]} {hashlib.sha256(text.encode()).hexdigest()}\n{text}")
    began = time.monotonic()
    run("lab-agent", "ops1", "start")
    return time.monotonic() - began


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        keys = make_people(folder)
        uids, serial = publish(keys)
        now = int(time.time())
        tickets = [make_ticket(person, key, uids[person], serial, now) for person, key in keys.items() for _ in range(TICKETS_EACH)]
        seconds = load(tickets, approve(folder, tickets, now))
    held = json.loads(run("lab-agent", "ops1", "status"))["tickets"]
    run("lab-certificate", "alice")
    certificate = f"{LAB}/people/alice/.ssh/id_ed25519-cert.pub"
    pid = [pid for pid in run("pgrep", "-x", "tegatad").split() if os.path.exists(f"/proc/{pid}")][0]
    before = processor_seconds(pid)
    median, high = run("on", "ops1", "/usr/bin/python3", f"{SOURCE}/scripts/lib/bench/ask_agent.py", "alice", certificate,
                       QUESTIONS).split()
    used = 1e6 * (processor_seconds(pid) - before) / QUESTIONS
    row(f"verdict with {held} tickets of {PEOPLE} people, request to answer on the socket, {QUESTIONS} times: p50, p99",
        f"{median} us, {high} us (CPU of the agent: {used:.0f} us)", "100 us")
    row(f"agent with {held} tickets: start with all approvals verified, resident",
        f"{seconds:.1f} s, {resident_mib(pid):.0f} MiB", "")


if __name__ == "__main__":
    main()
