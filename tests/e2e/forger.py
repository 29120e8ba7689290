"""Tickets and approvals made by hand, as no honest program would make them, and two ways to hand them over: to the service as signed
requests, and to a host as root with `tegata carry import`, past everything that a service would refuse on arrival."""

import base64
import hashlib
import json
import re
import secrets
import struct
import time

from lab import wait_until
from service_client import ALPHABET, Answer, Person, canonical

REFUSAL = re.compile(r"^tegatad: (?P<code>\w+): .*: (?P<gate>principals|account|session)(?:: .*)?"
                     r": account (?P<account>\S+), person (?P<person>\S+), from (?P<source>\S+), ticket (?P<ticket>\S+)$", re.MULTILINE)


class LabService:
    """The lab's service, reached from the operators' machine."""

    authority = "approve.lab:8443"

    def __init__(self, lab):
        self.lab = lab

    def call(self, method, target, body=b"", headers=None):
        words = [word for name, value in (headers or {}).items() for word in ("--header", f"{name}: {value}")]
        body = body.decode() if isinstance(body, bytes) else body
        done = self.lab.run("curl", "--silent", "--show-error", "--http1.1", "--include", "--cacert", f"{self.lab.folder}/public/ca.pem",
                            "--request", method, *words, *(["--header", "Expect:", "--header", "Content-Type: application/json", "--data-binary", "@-"] if body else []),
                            f"https://{self.authority}{target}", stdin=body).ok()
        head, _, text = done.out.replace("\r\n", "\n").partition("\n\n")
        status, *lines = head.split("\n")
        return Answer(int(status.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, text.encode())


class LabKey:
    """A private key of the lab. It signs where it lies."""

    def __init__(self, lab, path):
        self.lab, self.path = lab, path
        self.public = " ".join(lab.read(f"{path}.pub").split()[:2])
        digest = hashlib.sha256(base64.b64decode(self.public.split()[1])).digest()
        self.fingerprint = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def sign(self, name_space, text, flags=5):
        """`flags`: what a security key says of its holder: 1 touched it, 4 is known to it."""
        done = self.lab.run("sh", "-ec", 'f=$(mktemp); cat >"$f"; ssh-keygen -q -Y sign -f "$1" -n "$2" "$f"; cat "$f.sig"; rm "$f" "$f.sig"',
                            "sh", self.path, name_space, stdin=text,
                            environment={"SSH_SK_PROVIDER": f"{self.lab.folder}/public/tg_sk_provider.so", "TG_TEST_SK_FLAGS": flags})
        return done.ok().out

    def sign_binary(self, name_space, text):
        return "".join(self.sign(name_space, text).strip().splitlines()[1:-1])


def armored(blob):
    text = base64.b64encode(blob).decode()
    lines = [text[at:at + 70] for at in range(0, len(text), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def with_certificate(signature, certificate):
    """The same signature under the certificate in place of the plain key: SSHSIG does not sign the key."""
    blob = base64.b64decode("".join(signature.strip().splitlines()[1:-1]))
    start = len(b"SSHSIG") + 4
    length = struct.unpack_from(">I", blob, start)[0]
    key = base64.b64decode(certificate.split()[1])
    return armored(blob[:start] + struct.pack(">I", len(key)) + key + blob[start + 4 + length:])


def rule(identifier, requesters, approvers, **changes):
    return {"id": identifier, "hosts": ["ops*"], "accounts": ["self"], "requesters": requesters,
            "approvers": [{"group": group, "count": count} for group, count in approvers], "max_seconds": 14400,
            "max_certificate_seconds": 3600, "hardware_key": 0, "user_verification": 0, "groups": [], "sudo": [], "options": ["pty"],
            "permit_open": [], "sources": [], "sessions": 0, "emergency": 0, **changes}


class Forger:
    """Adds to the lab's policy, until it is closed: eve (sre, disabled), frank (sre and lead, with a security key), a second key for alice
    and for bob, and a few rules.

    Of several tickets that are over, a host names the newest. So each forged ticket is newer than all before it, by a few seconds that a
    clock may be off."""

    newest = 0
    RULES = [rule("pair", ["developer"], [("sre", 2)]), rule("both", ["developer"], [("sre", 1), ("lead", 1)]),
             rule("verified", ["developer"], [("sre", 1)], user_verification=1), rule("peers", ["sre"], [("sre", 1)])]

    def __init__(self, lab):
        self.lab = lab
        self.service = LabService(lab)
        self.before = lab.read(f"{lab.folder}/policy.json")
        self.carried = []
        self.submitted = []
        homes = {name: f"{lab.home(name)}/.ssh" for name in ("alice", "bob", "carol", "dave", "mallory")}
        made = f"{lab.folder}/forger"
        lab.run("mkdir", "-p", "-m", "755", made).ok()
        self.paths = {**{name: f"{folder}/id_ed25519" for name, folder in homes.items()},
                      "alice_second": f"{homes['alice']}/second", "bob_second": f"{made}/bob_second", "bob_hardware": f"{homes['bob']}/id_ed25519_sk",
                      "carol_hardware": f"{homes['carol']}/id_ed25519_sk", "eve": f"{made}/eve", "frank": f"{made}/frank",
                      "stranger": f"{made}/stranger"}
        for name in ("alice_second", "bob_second", "eve", "stranger"):
            self.make_key(self.paths[name])
        self.make_key(self.paths["frank"], "-t", "ed25519-sk", "-w", f"{lab.folder}/public/tg_sk_provider.so")
        lab.run("sh", "-c", f"chown alice: {self.paths['alice_second']}*").ok()
        self.keys = {name: LabKey(lab, path) for name, path in self.paths.items()}
        self.people = {name: Person(self.service, key, name.split("_")[0]) for name, key in self.keys.items()}
        self.publish()
        self.acquaint("alice", "developers", "bob")
        self.acquaint("bob", "peers", "carol")

    def acquaint(self, person, rule, approver, host="ops1"):
        """Has the host know an account: one that never had a ticket does not exist there, and sshd asks nobody about it."""
        ticket = self.ticket(person, rule=rule, hosts=[host])
        assert self.carry(host, ticket, [self.approval(approver, ticket)]) == "allowed"
        self.retire()
        self.lab.run("lab-certificate", person).ok()

    def make_key(self, path, *options):
        self.lab.run("sh", "-c", 'rm -f "$0" "$0.pub"', path).ok()
        self.lab.run("ssh-keygen", "-q", *(options or ("-t", "ed25519")), "-N", "", "-C", "forger", "-f", path).ok()

    def publish(self, change=None):
        """The lab's policy with what this class adds, and perhaps changed some more."""
        policy = json.loads(self.before)
        people = policy["people"]
        for name, second in (("alice", "alice_second"), ("bob", "bob_second")):
            people[name]["keys"].append({"key": self.keys[second].public, "attested": 0, "uv": 0})
        people["eve"] = {"uid": 20301, "groups": ["sre"], "keys": [{"key": self.keys["eve"].public, "attested": 0, "uv": 0}], "disabled": 1}
        people["frank"] = {"uid": 20302, "groups": ["sre", "lead"], "disabled": 0,
                           "keys": [{"key": self.keys["frank"].public, "attested": 1, "uv": 0}]}
        policy["rules"] += self.RULES
        if change:
            change(policy)
        self.lab.publish_policy(json.dumps(policy))
        self.policy = json.loads(self.lab.read(f"{self.lab.folder}/policy.json"))

    def make_root(self, name):
        self.make_key(f"{self.lab.folder}/deployment/{name}")

    def root(self, name):
        """A key of those that may sign policies, or would like to."""
        return LabKey(self.lab, f"{self.lab.folder}/deployment/{name}")

    def close(self):
        self.retire()
        self.lab.publish_policy(self.before)
        wait_until(lambda: time.time() > Forger.newest, "a time after the newest forged ticket", seconds=100)

    def retire(self):
        """No forged ticket is to be the nearest miss of a later test."""
        for text in self.submitted:
            document = json.loads(text)
            for end in ("cancel", "release"):
                self.people[document["requester"]].post(f"/v1/tickets/{document['id']}/{end}", "{}")
        for host, text in self.carried:
            self.carry(host, text, state="revoked")
        self.submitted, self.carried = [], []

    # --- making -----------------------------------------------------------------------------------------------------------

    def ticket(self, requester="alice", key=None, rule="developers", **changes):
        """The bytes of a ticket for ops1."""
        return canonical({"v": 1, **self.made_now(), "requester": requester,
                          "key": self.keys[key or requester].fingerprint, "hosts": ["ops1"], "account": requester,
                          "uid": self.policy["people"].get(requester, {"uid": 29999})["uid"], "shell": "/bin/bash", "groups": [], "sudo": [],
                          "options": ["pty"], "permit_open": [], "command": "", "source": [], "seconds": 1800, "not_before": 0,
                          "sessions": 0, "reason": "end-to-end test", "reference": "", "rule": rule,
                          "policy": self.policy["serial"], "emergency": 0, **changes})

    def extension(self, ticket, **changes):
        """The bytes of a ticket that lengthens the sessions of another by ten minutes."""
        return canonical({**json.loads(ticket), **self.made_now(), "seconds": 600, "not_before": 0, "extends": ident(ticket), **changes})

    def made_now(self):
        now = int(time.time())
        Forger.newest = max(now, Forger.newest + 1)
        return {"id": "T-" + "".join(secrets.choice(ALPHABET) for _ in range(13)), "created": Forger.newest, "approve_by": now + 600}

    def approval(self, signer, ticket, name_space="approval-v1@tegata", flags=5, **changes):
        """An approval by the holder of a key. `ticket`: the bytes that it is for."""
        text = canonical({"v": 1, "ticket": hashlib.sha256(ticket.encode()).hexdigest(), "approver": self.people[signer].name,
                          "at": int(time.time()), "decision": "approve", "seconds": 0, **changes})
        return {"document": text, "signature": self.keys[signer].sign(name_space, text, flags)}

    # --- handing over -----------------------------------------------------------------------------------------------------

    def submit(self, ticket):
        answer = self.people[json.loads(ticket)["requester"]].post("/v1/tickets", ticket)
        if answer.status == 201:
            self.submitted.append(ticket)
        return answer

    def send(self, ticket, approval, sender="dave"):
        """Offers an approval to the service. Who sends it does not matter."""
        return self.people[sender].post(f"/v1/tickets/{json.loads(ticket)['id']}/approvals", approval)

    def grant(self, approver="bob", **changes):
        """A ticket that service and hosts know as approved."""
        ticket = self.ticket(**changes)
        self.submit(ticket).ok(201)
        assert self.send(ticket, self.approval(approver, ticket)).ok(201)["state"] == "approved"
        self.lab.wait_acknowledged(json.loads(ticket)["requester"], ident(ticket))
        return ticket

    def carry(self, host, ticket, approvals=(), state="approved"):
        """Hands a ticket to a host as root, and returns the code that its agent answers."""
        bundle = canonical({"v": 1, "ticket": ticket, "approvals": list(approvals), "state": state})
        done = self.lab.on(host, "sh", "-c", "cat >/run/carried && exec tegata --json carry import /run/carried", stdin=bundle)
        if (host, ticket) not in self.carried:
            self.carried.append((host, ticket))
        return json.loads(done.out if done.status == 0 else done.err)["code"]

    # --- logging in -------------------------------------------------------------------------------------------------------

    def refusal(self, person, destination="ops1", options=(), status=255, gate="principals"):
        """A login that must fail: (code, ticket) as the host's agent has logged them."""
        host = destination.rpartition("@")[2]
        self.lab.mark(host)
        before = self.lab.log_marks[host, "agent.log"]
        self.lab.ssh(person, destination, "true", options=options, environment={"LAB_KEEP_CERTIFICATE": 1}).failed(status)
        found = wait_until(lambda: [match for match in REFUSAL.finditer(self.lab.log(host)[before:]) if match["gate"] == gate],
                           f"a refusal by {host} at the {gate} gate")
        return found[0]["code"], found[0]["ticket"]

    def refused(self, person, expected, **options):
        """Waits until a host that is still to hear of something refuses a login so: (code, ticket)."""
        wait_until(lambda: self.refusal(person, **options) == expected, f"the refusal {expected}")


def ident(ticket):
    return json.loads(ticket)["id"]
