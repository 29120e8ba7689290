"""The approval service in the wrong hands (hostile_service.py), with the real one's name and TLS key: whatever it says, it opens no
door, it does not bring the agent down, and when the real service is back everything goes on without a restart."""

import json
import random
import re
import secrets
import threading
import time

import pytest

from lab import SOURCE, Lab, wait_until
from service_client import ALPHABET, canonical

import hashlib  # isort: skip

CONFIGURATION = "/etc/tegata/tegata.conf"
LEASE_SECONDS = 2
MOST_MEMORY_MIB = 200
LARGEST_INTEGER = 2**53 - 1
HOUR = 3600


def make_id():
    return "T-" + "".join(secrets.choice(ALPHABET) for _ in range(13))


class Hostile:
    """Drives one hostile service, and forges what it says."""

    def __init__(self, lab):
        self.lab = lab
        self.number = 0
        self.revision = 1000
        self.created = int(time.time()) - 100
        self.seen = []
        self.arrived = threading.Condition()
        tls = "/etc/tegata/tls"
        other = f"{lab.folder}/public/other"
        lab.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=approve.lab", "-addext", "subjectAltName=DNS:approve.lab", "-keyout", f"{other}.key", "-out", f"{other}.pem").ok()
        self.process = lab.start(
            "on", "service", "/usr/bin/python3", SOURCE / "tests/e2e/hostile_service.py", "--address", "10.77.0.1", "--port", 8443,
            "--certificate", f"{tls}/server.pem", "--key", f"{tls}/server.key", "--other-certificate", f"{other}.pem", "--other-key",
            f"{other}.key")
        threading.Thread(target=self.listen, daemon=True).start()
        self.wait("ready", lambda report: report["script"] == 0)

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
        self.process.wait(timeout=20)

    def listen(self):
        for line in self.process.stdout:
            with self.arrived:
                self.seen.append(json.loads(line))
                self.arrived.notify_all()

    # --- what it does -------------------------------------------------------------------------------------------------------

    def play(self, **script):
        self.number += 1
        self.process.stdin.write(json.dumps({"number": self.number, **script}) + "\n")
        self.process.stdin.flush()
        return self.number

    def wait(self, kind, fits=lambda report: True, count=1, seconds=30):
        """Waits until so many requests have come that fit."""
        def enough():
            return sum(report["kind"] == kind and fits(report) for report in self.seen) >= count
        with self.arrived:
            assert self.arrived.wait_for(enough, seconds), (kind, self.process.poll(), self.seen[-3:])

    def answered(self, script, count=2):
        """Waits until so many polls have come under this script: all but the last have been answered then."""
        self.wait("poll", lambda report: report["script"] == script, count)

    def serve(self, *tickets, revision=None, skew=0, **more):
        """A well-formed update; returns when the agent has taken it in."""
        self.revision = self.revision + 1 if revision is None else revision
        update = {"revision": self.revision, "tickets": list(tickets)}
        update.update({key: more.pop(key) for key in ("policy", "krl") if key in more})
        script = self.play(poll={"update": update, "skew": skew}, **more)
        self.wait("poll", lambda report: report["script"] == script and report["after"] == self.revision)

    # --- what it forges -----------------------------------------------------------------------------------------------------

    def key(self, name):
        return f"{self.lab.folder}/{name}" if "/" in name else f"{self.lab.home(name)}/.ssh/id_ed25519"

    def fingerprint(self, name):
        return self.lab.run("ssh-keygen", "-lf", self.key(name) + ".pub").ok().out.split()[1]

    def sign(self, name, name_space, text):
        return self.lab.run("ssh-keygen", "-q", "-Y", "sign", "-f", self.key(name), "-n", name_space, stdin=text).ok().out

    def ticket(self, **changes):
        """What alice would have asked for: half an hour on ops1. Each is newer than the one before, so that it is the one that counts."""
        now = int(time.time())
        self.created += 1
        return {"v": 1, "id": make_id(), "created": self.created, "requester": "alice", "key": self.fingerprint("alice"), "hosts": ["ops1"],
                "account": "alice", "uid": 20001, "shell": "/bin/bash", "groups": [], "sudo": [], "options": ["pty"],
                "permit_open": [], "command": "", "source": [], "seconds": 1800, "not_before": 0, "approve_by": now + 600,
                "sessions": 0, "reason": "hostile", "reference": "", "rule": "developers", "policy": 1, "emergency": 0, **changes}

    def bobs_ticket(self, **changes):
        return self.ticket(**{"requester": "bob", "key": self.fingerprint("bob"), "account": "bob", "uid": 20002, "rule": "operations",
                              **changes})

    def approval(self, ticket, signer="bob", name_space="approval-v1@tegata", after=(), **changes):
        """An approval of a ticket. `after` is what is changed behind the signature."""
        document = {"v": 1, "ticket": hashlib.sha256(canonical(ticket).encode()).hexdigest(), "approver": "bob",
                    "at": int(time.time()), "decision": "approve", "seconds": 0, **changes}
        signature = self.sign(signer, name_space, canonical(document))
        return {"document": canonical({**document, **dict(after)}), "signature": signature}

    def policy(self, change=None, signer="deployment/root", signatures=None):
        """The policy of the lab, changed, as one who holds `signer` can sign it."""
        policy = json.loads(self.lab.read(f"{self.lab.folder}/policy.json"))
        if change:
            change(policy)
        text = canonical(policy)
        return {"document": text, "signatures": [self.sign(signer, "policy-v1@tegata", text)] if signatures is None else signatures}


def shown(ticket, *approvals, state="approved"):
    return {"ticket": canonical(ticket), "approvals": list(approvals), "state": state}


class Door:
    """The way into ops1, and the agent that guards it."""

    def __init__(self, lab):
        self.lab = lab
        self.pid = self.agent_pid()

    def agent_pid(self):
        return self.lab.on("ops1", "cat", "/run/lab/tegatad.pid").ok().out

    def opens(self, person="alice", account=None, options=()):
        target = f"{account}@ops1" if account else "ops1"
        self.lab.ssh(person, target, "true", options=options).ok()

    def refuses(self, code, person="alice", account=None, options=()):
        """ssh is refused, and for this one reason at every gate that is asked."""
        self.lab.mark()
        start = self.lab.log_marks["ops1", "agent.log"]
        target = f"{account}@ops1" if account else "ops1"
        self.lab.ssh(person, target, "true", options=options).failed()
        self.lab.logged(f": account {account or person}, ")
        codes = re.findall(rf"(?m)^tegatad: (\w+): .*: account {account or person}, person", self.lab.log("ops1")[start:])
        assert set(codes) == {code}, codes

    def is_guarded(self):
        """The agent is the one that it was, answers, and has stayed small."""
        assert self.agent_pid() == self.pid
        assert self.lab.status()["host"] == "ops1"
        status = self.lab.on("ops1", "cat", f"/proc/{self.pid.strip()}/status").ok().out
        memory = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024
        assert memory < MOST_MEMORY_MIB, f"the agent has needed {memory} MiB"
        return memory


@pytest.fixture(scope="module")
def lab():
    """A lab of its own, whose service is in the wrong hands from the beginning of the tests to the end."""
    with Lab(own=True, hosts=1) as running:
        running.run("lab-policy", "change", "policy['limits']['open_tickets'] = 400").ok()
        running.wait_for_policy()
        text = running.on("ops1", "cat", CONFIGURATION).ok().out
        text = re.sub(r"(?m)^\[login\]\n", "", text) + f"\n[login]\nlease_seconds = {LEASE_SECONDS}\n"
        running.on("ops1", "tee", CONFIGURATION, stdin=text).ok()
        running.run("lab-agent", "ops1", "restart").ok()
        running.run("lab-service", "stop").ok()
        yield running


@pytest.fixture(scope="module")
def door(lab):
    return Door(lab)


@pytest.fixture(scope="module")
def hostile(lab):
    service = Hostile(lab)
    # sshd asks only about accounts that exist: these do from now on, because names outlive their tickets.
    long_ago = int(time.time()) - 14400 + 60
    for ticket, at, *approvers in (
            (service.ticket(), service.created, "bob"),
            (service.ticket(account="deploy", uid=20100, rule="deploy"), service.created, "bob", "dave"),
            (service.bobs_ticket(created=long_ago, approve_by=long_ago + 600, seconds=14400), long_ago, "dave")):
        entry = shown(ticket, *(service.approval(ticket, name, approver=name, at=at) for name in approvers))
        service.serve(entry)
        service.serve({**entry, "state": "cancelled"})
    lab.on("ops1", "getent", "passwd", "alice", "deploy", "bob").ok()
    yield service
    service.close()


@pytest.fixture(autouse=True)
def always(door, hostile):
    """After each test the same agent is there, in step with whoever answers, and has stayed small."""
    yield
    if hostile.process.poll() is None:
        hostile.serve()
    door.is_guarded()


@pytest.fixture
def served(hostile):
    """serve(), and afterwards every ticket is called over, so that it is no reason for anything in the next test."""
    given = {}

    def serve(*tickets, **more):
        given.update({json.loads(ticket["ticket"])["id"]: ticket for ticket in tickets})
        hostile.serve(*tickets, **more)

    yield serve
    hostile.serve(*({**ticket, "state": "cancelled"} for ticket in given.values()))


# --- tickets and approvals ------------------------------------------------------------------------------------------------------------


def test_an_honest_ticket_opens_the_door(hostile, door, served):
    """So what is refused below is refused for what was done to it, and not because nothing works."""
    ticket = hostile.ticket()
    served(shown(ticket, state="pending"))
    door.refuses("ticket_pending")
    served(shown(ticket, hostile.approval(ticket)))
    door.opens()


@pytest.mark.parametrize("state", ["pending", "approved", "active"])
def test_a_state_is_no_approval(hostile, door, served, state):
    served(shown(hostile.ticket(), state=state))
    door.refuses("ticket_pending")


EDITS = {
    "longer": {"seconds": 14400},
    "until later": {"approve_by": int(time.time()) + 1200},
    "another reason": {"reason": "something else"},
    "another host's": {"hosts": ["ops1", "ops2"]},
    "more groups": {"groups": ["ops"]},
    "a new id": {"id": "T-0000000000000"},
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edited_ticket_has_lost_its_approval(hostile, door, served, edit):
    ticket = hostile.ticket(hosts=["ops2"])
    served(shown({**ticket, "hosts": ["ops1"], **edit}, hostile.approval(ticket)))
    door.refuses("approval_other_ticket")


def test_another_hosts_ticket_is_not_taken(hostile, lab, door, served):
    served(shown(hostile.ticket(), state="pending"))
    ticket = hostile.ticket(hosts=["ops2"])
    before = lab.status()["tickets"]
    lab.mark()
    hostile.serve(shown(ticket, hostile.approval(ticket)))
    lab.logged("ticket_other_host: ")
    door.refuses("ticket_pending")
    assert lab.status()["tickets"] == before


def test_a_ticket_for_another_account(hostile, door, served):
    ticket = hostile.ticket()
    served(shown(ticket, hostile.approval(ticket)))
    door.refuses("ticket_other_account", account="bob")
    edited = {**ticket, "id": make_id(), "account": "deploy", "uid": 20100, "rule": "deploy"}
    served(shown(edited, hostile.approval(ticket)))
    door.refuses("approval_other_ticket", account="deploy")


def test_another_login_key_with_the_certificate_authority_in_hand(hostile, lab, door, served):
    """The service, the CA and even an approver's honest signature do not make mallory's key alice's."""
    key = f"{lab.folder}/people/mallory/.ssh/stolen"
    lab.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).ok()
    lab.run("lab-certificate", "mallory", "-I", "alice@lab", "-n", "alice", "-V", "-1m:+30m", environment={"KEY": f"{key}.pub"}).ok()
    lab.run("chown", "mallory", key, f"{key}.pub", f"{key}-cert.pub").ok()
    ticket = hostile.ticket(key=lab.run("ssh-keygen", "-lf", key).ok().out.split()[1])
    served(shown(ticket, hostile.approval(ticket)))
    door.refuses("certificate_key_unknown", "mallory", "alice", ["-F", "none", "-i", key, "-o", f"CertificateFile={key}-cert.pub"])


def digest(ticket):
    return hashlib.sha256(canonical(ticket).encode()).hexdigest()


# What the host says of it -> how to make it of alice's ticket and of another one.
FORGERIES = {
    "by a key of nobody": ("approver_unknown", lambda h, ticket, other: h.approval(ticket, "public/nobody")),
    "by mallory as bob": ("approver_unknown", lambda h, ticket, other: h.approval(ticket, "mallory")),
    "by somebody unknown": ("approver_unknown", lambda h, ticket, other: h.approval(ticket, "mallory", approver="nobody")),
    "bob's signature on another": ("approval_signature", lambda h, ticket, other: {
        **h.approval(other), "document": h.approval(ticket)["document"]}),
    "bob's, for this ticket": ("approval_signature", lambda h, ticket, other: h.approval(other, after={"ticket": digest(ticket)})),
    "bob's, at another time": ("approval_signature", lambda h, ticket, other: h.approval(ticket, after={"at": 1})),
    "bob's, for longer": ("approval_signature", lambda h, ticket, other: h.approval(ticket, seconds=60, after={"seconds": 0})),
    "bob's, of another ticket": ("approval_other_ticket", lambda h, ticket, other: h.approval(other)),
    "bob's request": ("approval_namespace", lambda h, ticket, other: h.approval(ticket, name_space="request-v1@tegata")),
    "bob's policy": ("approval_namespace", lambda h, ticket, other: h.approval(ticket, name_space="policy-v1@tegata")),
    "by alice herself": ("approval_by_requester", lambda h, ticket, other: h.approval(ticket, "alice", approver="alice")),
    "by mallory": ("approval_not_in_group", lambda h, ticket, other: h.approval(ticket, "mallory", approver="mallory")),
    "by dave": ("approval_not_in_group", lambda h, ticket, other: h.approval(ticket, "dave", approver="dave")),
    "too late": ("approval_late", lambda h, ticket, other: h.approval(ticket, at=ticket["approve_by"] + 1)),
    "too early": ("approval_early", lambda h, ticket, other: h.approval(ticket, at=ticket["created"] - 200)),
    "tomorrow's": ("approval_future", lambda h, ticket, other: h.approval(ticket, at=int(time.time()) + 300)),
    "a denial": ("approval_malformed", lambda h, ticket, other: h.approval(ticket, decision="deny")),
    "with more in it": ("approval_malformed", lambda h, ticket, other: h.approval(ticket, more="x")),
    "not armored": ("approval_malformed", lambda h, ticket, other: {**h.approval(ticket), "signature": "AAAA"}),
}


@pytest.fixture(scope="module")
def nobody(lab):
    lab.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{lab.folder}/public/nobody").ok()


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("code, forge", FORGERIES.values(), ids=FORGERIES)
def test_an_approval_that_nobody_gave(hostile, door, served, code, forge):
    ticket = hostile.ticket()
    served(shown(ticket, forge(hostile, ticket, hostile.ticket(hosts=["ops2"]))))
    door.refuses(code)


def test_two_signatures_are_not_two_people(hostile, door, served):
    ticket = hostile.ticket(account="deploy", uid=20100, rule="deploy")
    served(shown(ticket, hostile.approval(ticket), hostile.approval(ticket, at=int(time.time()) - 1)))
    door.refuses("approvals_missing", account="deploy")


def test_a_ticket_of_the_past(hostile, door, served):
    begun = int(time.time()) - HOUR
    ticket = hostile.bobs_ticket(created=begun, approve_by=begun + 600)
    served(shown(ticket, hostile.approval(ticket, "dave", approver="dave", at=begun + 10)))
    door.refuses("ticket_late", "bob")


def test_what_the_policy_does_not_grant(hostile, door, served):
    """Even with an honest approval: a service and an approver together cannot go beyond the rule."""
    for code, changes in {"ticket_uid": {"uid": 20002}, "rule_gone": {"rule": "root"}, "rule_narrowed": {"seconds": 86400}}.items():
        ticket = hostile.ticket(**changes)
        served(shown(ticket, hostile.approval(ticket)))
        door.refuses(code)


def test_a_ticket_of_the_future(hostile, door, served):
    created = int(time.time()) + 600
    ticket = hostile.bobs_ticket(created=created, approve_by=created + 600)
    served(shown(ticket, hostile.approval(ticket, "dave", approver="dave")))
    door.refuses("ticket_from_future", "bob")


# --- final states -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state, code", [("revoked", "ticket_revoked"), ("released", "ticket_released"), ("exhausted", "ticket_used_up")])
def test_a_final_state_is_never_left(hostile, lab, door, state, code):
    ticket = hostile.ticket()
    approved = shown(ticket, hostile.approval(ticket))
    hostile.serve(approved)
    door.opens()
    hostile.serve({**approved, "state": state})
    door.refuses(code)
    hostile.serve(approved)
    door.refuses(code)
    hostile.serve(revision=0)
    hostile.serve({**approved, "state": "active"})
    door.refuses(code)
    longer = {**ticket, "seconds": 3600}
    lab.mark()
    hostile.serve(shown(longer, hostile.approval(longer)))
    lab.logged("came again with other bytes; the first stands")
    door.refuses(code)


def test_a_final_state_outlives_the_agent(hostile, lab, door):
    ticket = hostile.ticket()
    approved = shown(ticket, hostile.approval(ticket))
    hostile.serve(approved)
    hostile.serve({**approved, "state": "revoked"})
    lab.run("lab-agent", "ops1", "restart").ok()
    door.pid = door.agent_pid()
    hostile.serve(approved)
    door.refuses("ticket_revoked")


# --- the policy -------------------------------------------------------------------------------------------------------------------------


def mallory_approves(policy):
    """Different each time: what was refused once is not reported again."""
    policy["serial"] += 1
    policy["limits"]["open_tickets"] = random.randrange(1, 1000)
    policy["people"]["mallory"]["groups"] = ["sre"]


def with_serial(serial):
    def change(policy):
        mallory_approves(policy)
        policy["serial"] = serial
    return change


def expired(policy):
    mallory_approves(policy)
    policy["issued"], policy["expires"] = 1, 2


def from_the_future(policy):
    mallory_approves(policy)
    policy["issued"] += 600


def refused_policies(hostile, lab):
    serial = json.loads(lab.read(f"{lab.folder}/policy.json"))["serial"]
    lab.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{lab.folder}/public/root").ok()
    honest = hostile.policy()
    return [("policy_unsigned", hostile.policy(mallory_approves, signatures=[])),
            ("policy_unsigned", hostile.policy(mallory_approves, signatures=honest["signatures"])),
            ("policy_unsigned", hostile.policy(mallory_approves, "public/root")),
            ("policy_unsigned", hostile.policy(mallory_approves, "bob")),
            ("policy_old", hostile.policy(with_serial(serial - 1))),
            ("policy_old", hostile.policy(with_serial(serial))),
            ("policy_expired", hostile.policy(expired)),
            ("policy_early", hostile.policy(from_the_future)),
            ("policy_malformed", {**honest, "more": 1}),
            ("policy_malformed", None)]


def test_policies_that_are_not_taken(hostile, lab, door, served):
    ticket = hostile.ticket()
    by_mallory = shown(ticket, hostile.approval(ticket, "mallory", approver="mallory"))
    before = lab.status()
    for code, policy in refused_policies(hostile, lab):
        lab.mark()
        served(by_mallory, policy=policy)
        lab.logged(f"{code}: ")
        assert "policy accepted" not in lab.log("ops1")[lab.log_marks["ops1", "agent.log"]:]
    door.refuses("approval_not_in_group")
    after = lab.status()
    assert (before["policy_serial"], before["policy_expires"]) == (after["policy_serial"], after["policy_expires"])


# --- the way it is said -------------------------------------------------------------------------------------------------------------------

FRAME = '{"revision": 5, "time": 1, "tickets": []}'
NOT_ANSWERS = {
    "401": {"status": 401}, "403": {"status": 403}, "404": {"status": 404}, "429": {"status": 429}, "500": {"status": 500},
    "204": {"status": 204}, "206": {"status": 206, "text": FRAME},
    "a redirection": {"status": 307, "headers": [["Location", "https://approve.lab:8443/elsewhere"]]},
    "a redirection without TLS": {"status": 302, "headers": [["Location", "http://10.77.0.1:8443/elsewhere"]]},
    "hung up": {"way": "hang_up"}, "cut short": {"way": "short", "text": FRAME}, "no HTTP": {"way": "raw", "text": "\x00\xff" * 5000},
    "HTTP/0.9": {"way": "raw", "text": FRAME}, "half a head": {"way": "raw", "text": "HTTP/1.1 200 OK\r\nContent-Len"},
    "a negative length": {"way": "raw", "text": "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + FRAME},
    "packed": {"way": "packed", "text": FRAME}, "packed a thousand times": {"way": "packed", "text": " " * 1048576, "times": 200},
    "twice": {"way": "twice", "text": FRAME}, "headers": {"way": "headers"}, "empty": {"text": ""}, "garbage": {"text": "\x00\x01{"},
    "an array": {"text": "[]"}, "null": {"text": "null"}, "nothing in it": {"text": "{}"},
    "a wrong revision": {"text": '{"revision": "5", "time": 1, "tickets": []}'},
    "a negative revision": {"text": '{"revision": -1, "time": 1, "tickets": []}'},
    "a broken revision": {"text": '{"revision": 1.5, "time": 1, "tickets": []}'},
    "a huge revision": {"text": '{"revision": 18446744073709551616, "time": 1, "tickets": []}'},
    "a revision that is none": {"text": '{"revision": 9007199254740992, "time": 1, "tickets": []}'},
    "an infinite time": {"text": '{"revision": 5, "time": 1e999, "tickets": []}'},
    "a key twice": {"text": '{"revision": 5, "revision": 6, "time": 1, "tickets": []}'},
    "one key more": {"text": '{"revision": 5, "time": 1, "tickets": [], "more": 1}'},
    "tickets by name": {"text": '{"revision": 5, "time": 1, "tickets": {"T": 1}}'},
    "a NUL": {"text": '{"revision": 5, "time": 1, "tickets": [], "policy": "\\u0000"}'},
    "half a character": {"text": '{"revision": 5, "time": 1, "tickets": ["\\ud800"]}'},
}


@pytest.mark.parametrize("action", NOT_ANSWERS.values(), ids=NOT_ANSWERS)
def test_an_answer_that_is_none(hostile, lab, action):
    before, revision, start = lab.status(), hostile.revision, len(hostile.seen)
    hostile.answered(hostile.play(poll=action, events=action), 1)
    hostile.serve()
    came = hostile.seen[start:]
    assert {report["after"] for report in came if report["kind"] == "poll"} == {revision, 0, hostile.revision}
    assert not any(report["path"].startswith("/elsewhere") for report in came)
    after = lab.status()
    assert (before["policy_serial"], before["tickets"]) == (after["policy_serial"], after["tickets"])


LONG_ANSWERS = {
    "nothing but blanks": {"way": "endless", "block": " "},
    "one string": {"way": "endless", "block": '"aaaaaaaaaaaaaaa'},
    "deep": {"way": "large", "begin": "", "piece": "[", "count": 30000000},
    "deep in objects": {"way": "large", "begin": "", "piece": '{"a":', "count": 6000000},
    "many values": {"way": "large", "begin": "[0", "piece": ",0", "count": 15000000, "end": "]"},
    "as many values as may be": {"way": "large", "begin": '{"revision": 5, "time": 1, "tickets": [0', "piece": ",{}", "count": 99000,
                                 "end": "]}"},
    "chunks": {"way": "chunks"},
    "interim answers": {"way": "continue"},
}


@pytest.mark.parametrize("action", LONG_ANSWERS.values(), ids=LONG_ANSWERS)
def test_an_answer_without_end(hostile, door, action):
    """always() looks at the memory that it took."""
    hostile.answered(hostile.play(poll=action), 1)
    hostile.serve()
    assert door.is_guarded()


@pytest.mark.parametrize("tls", ["old", "other", "plain"])
def test_without_the_right_tls_nobody_is_asked(hostile, lab, tls):
    start = len(hostile.seen)
    lab.mark()
    hostile.play(tls=tls, poll={"update": {"revision": 77, "tickets": []}})
    lab.logged("the service at approve.lab:8443: ")
    assert [report for report in hostile.seen[start:] if report["kind"] != "ready"] == []
    assert "in step" not in lab.log("ops1")[lab.log_marks["ops1", "agent.log"]:]


@pytest.mark.parametrize("action", [{"way": "drip", "block": "["}, {"way": "header_drip"}], ids=["body", "head"])
def test_a_byte_a_second_for_ever(hostile, lab, door, served, action):
    """The lease runs out, so a valid ticket opens nothing until somebody answers in time; and the agent goes on asking."""
    ticket = hostile.ticket()
    approved = shown(ticket, hostile.approval(ticket))
    served(approved)
    door.opens()
    script = hostile.play(poll=action)
    hostile.answered(script, 1)
    wait_until(lambda: time.time() - lab.status()["last_contact"] > LEASE_SECONDS + 1, "the end of the lease")
    door.refuses("service_unreachable")
    served(approved)
    door.opens()


# --- the time -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skew", [-100, 100, 10**12])
def test_a_wrong_time_keeps_people_out_until_it_is_right(hostile, door, served, skew):
    ticket = hostile.ticket()
    approved = shown(ticket, hostile.approval(ticket))
    served(approved, skew=skew)
    door.refuses("clock_wrong")
    served(approved)
    door.opens()


def test_a_wrong_time_goes_away_with_who_said_it(hostile, lab, door, served):
    """Nobody is left who could take it back: what holds without a service holds then."""
    ticket = hostile.ticket()
    approved = shown(ticket, hostile.approval(ticket))
    served(approved, skew=100)
    door.refuses("clock_wrong")
    hostile.play(poll={"way": "hang_up"}, events={"way": "hang_up"})
    wait_until(lambda: time.time() - lab.status()["last_contact"] > LEASE_SECONDS + 1, "the end of the lease")
    door.refuses("service_unreachable")
    served(approved)
    door.opens()


def test_a_wrong_time_opens_no_window(hostile, door, served):
    """The host asks its own clock, and nobody else."""
    ticket = hostile.ticket(not_before=int(time.time()) + 20)
    served(shown(ticket, hostile.approval(ticket)), skew=25)
    door.refuses("ticket_early")


# --- counted sessions -----------------------------------------------------------------------------------------------------------------------


def test_a_service_that_counts_to_one_for_ever(hostile, door, served):
    """It says yes each time; the host has counted itself."""
    ticket = hostile.ticket(sessions=1)
    served(shown(ticket, hostile.approval(ticket)))
    door.opens()
    door.refuses("ticket_used_up")


def test_many_sessions_at_once_are_still_counted(hostile, lab, served):
    """Both logins are past the verdict before either is counted: the host's own count is what decides, at the very end."""
    ticket = hostile.ticket(sessions=1)
    served(shown(ticket, hostile.approval(ticket)), sessions={"way": "hold", "count": 2})
    logins = [lab.start("as", "alice", "ssh", "-o", "BatchMode=yes", "ops1", "echo in") for _ in range(2)]
    refused, let_in = sorted((login.communicate(timeout=30)[0] for login in logins), key=lambda text: text == "in\n")
    assert let_in == "in\n" and "ticket_used_up" in refused


@pytest.mark.parametrize("action, code", [({"status": 500}, "service_unreachable"), ({"way": "hang_up"}, "service_unreachable"),
                                          ({"status": 302, "headers": [["Location", "/elsewhere"]]}, "service_unreachable"),
                                          ({"status": 409}, "ticket_used_up")])
def test_a_service_that_does_not_count(hostile, lab, door, served, action, code):
    ticket = hostile.ticket(sessions=1)
    approved = shown(ticket, hostile.approval(ticket))
    served(approved, sessions=action)
    door.refuses(code)
    served(approved)
    door.opens()


# --- anything -------------------------------------------------------------------------------------------------------------------------------

ODDITIES = [None, True, -1, 0, 2**53, 1.5, 10**30, "", "\u0000", "T-0000000000000", "x" * 5000, [], [[]] * 50, {}, {"v": 1}]


def mutate(value, chance):
    """A copy with one thing, somewhere in it, that does not belong there."""
    if chance.random() < 0.2 or not isinstance(value, (dict, list, str)) or not value:
        return chance.choice(ODDITIES)
    if isinstance(value, str):
        place = chance.randrange(len(value))
        return chance.choice([value[:place], value[:place] + chance.choice('{}[]",:0aZ\x7f') + value[place + 1:], value + value[place:]])
    copy = dict(value) if isinstance(value, dict) else list(value)
    place = chance.choice(list(copy)) if isinstance(copy, dict) else chance.randrange(len(copy))
    what = chance.random()
    if what < 0.1:
        del copy[place]
    elif what < 0.2 and isinstance(copy, list):
        copy.append(copy[place])
    else:
        copy[place] = mutate(copy[place], chance)
    return copy


def test_three_hundred_mutated_updates(hostile, lab, door, served):
    """What is sent is different each time, but it is the same each time that the test is run, ids and dates aside."""
    chance = random.Random(300)
    carols = {"requester": "carol", "key": hostile.fingerprint("carol"), "account": "carol", "uid": 20003, "rule": "operations"}
    ticket, other = hostile.ticket(**carols), hostile.ticket(**carols, hosts=["ops1", "ops2"])
    served(shown(ticket, state="pending"), shown(other, state="pending"))
    entries = [shown(ticket, hostile.approval(other, "dave", approver="dave"), hostile.approval(ticket, "mallory", approver="dave")),
               shown(other, hostile.approval(ticket), state="active")]
    sound = {"revision": hostile.revision + 1, "time": int(time.time()), "policy": hostile.policy(), "tickets": entries}
    queue = []
    for number in range(300):
        update = {**sound, "tickets": [mutate(entry, chance) for entry in entries]}
        queue.append(json.dumps(mutate(sound, chance) if number % 20 == 0 else update))
    before = lab.status()["policy_serial"]
    script = hostile.play(queue=queue)
    hostile.wait("poll", lambda report: report["script"] == script, 301, seconds=120)
    served(shown(ticket, state="pending"))
    assert lab.status()["policy_serial"] == before
    lab.ssh("carol", "ops1", "true").failed(255)
    served(shown(ticket, hostile.approval(ticket, "dave", approver="dave")))
    door.opens("carol")


# --- too much -------------------------------------------------------------------------------------------------------------------------------


def test_what_is_refused_without_end_is_told_once(hostile, lab, served):
    """Tickets that would have to be kept for ever, one after the other: some lines, then a count."""
    ticket = hostile.ticket(approve_by=LARGEST_INTEGER - 100000)
    before = lab.status()
    lab.mark()
    start = lab.log_marks["ops1", "agent.log"]
    for _ in range(3):
        served(*(shown({**ticket, "id": make_id()}, state="pending") for _ in range(400)))
    lab.logged("approve_by is further ahead than the policy allows")
    assert lab.log("ops1")[start:].count("rule_narrowed: ") < 600
    assert lab.status()["tickets"] == before["tickets"]


# --- the end --------------------------------------------------------------------------------------------------------------------------------


def test_the_real_service_is_back(hostile, lab, door):
    """The last of this file. The agent believed in a revision beyond all others, and its events have gone to somebody else."""
    hostile.serve(revision=LARGEST_INTEGER)
    wait_until(lambda: lab.status()["events_waiting"] == 0, "the delivery of events to the wrong service")
    hostile.close()
    lab.run("lab-service", "start").ok()
    ticket = lab.request("alice")
    lab.approve("bob", ticket).ok()
    lab.wait_acknowledged("alice", ticket)
    door.opens()
    lab.revoke("bob", ticket)
    door.refuses("ticket_revoked")
    assert lab.why("alice", "ops1") == "ticket_revoked"
    wait_until(lambda: lab.status()["events_waiting"] == 0, "the delivery of events to the real service")
