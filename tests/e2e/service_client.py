"""A small deployment of tegata-approvald in a temporary folder, and people and hosts who sign their requests with nothing but
`ssh-keygen -Y sign`: so the service is tested against the protocol, not against our own client."""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import secrets
import signal
import socket
import ssl
import subprocess
import threading
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def canonical(document):
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Key:
    """An SSH key in a file."""

    def __init__(self, folder, name, kind="ed25519"):
        self.path = folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", self.path], check=True)
        self.public = " ".join(self.path.with_suffix(".pub").read_text().split()[:2])
        digest = hashlib.sha256(base64.b64decode(self.public.split()[1])).digest()
        self.fingerprint = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def sign(self, name_space, text):
        done = subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", self.path, "-n", name_space],
                              input=text.encode(), capture_output=True, check=True)
        return done.stdout.decode()

    def sign_binary(self, name_space, text):
        lines = self.sign(name_space, text).strip().splitlines()
        return "".join(lines[1:-1])


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.text = status, headers, body.decode()
        self.json = json.loads(self.text) if "json" in headers.get("content-type", "") else None

    @property
    def code(self):
        return self.json["code"] if self.json and "code" in self.json else ""

    def ok(self, status=200):
        assert self.status == status, (self.status, self.text)
        return self.json

    def refused(self, status, code):
        assert (self.status, self.code) == (status, code), (self.status, self.text)
        assert self.headers["content-type"] == "application/problem+json"
        assert set(self.json) == {"title", "status", "detail", "code"} and self.json["status"] == status
        return self.json


class Service:
    """One running tegata-approvald. PORT in `extra` stands for its port."""

    def __init__(self, program, folder, extra=""):
        self.program, self.folder = program, folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.authority = f"127.0.0.1:{self.port}"
        self.root = Key(folder, "root")
        (folder / "root_signers").write_text(f"root {self.root.public}\n")
        self._make_tls()
        self.token = secrets.token_urlsafe(32)
        (folder / "token").write_text(self.token + "\n")
        (folder / "token").chmod(0o600)
        self.config = folder / "approvald.conf"
        self.config.write_text(f"""[listen]
address = 127.0.0.1
port = {self.port}
tls_certificate = {folder}/server.pem
tls_key = {folder}/server.key
[store]
database = {folder}/approvald.db
[trust]
root_signers = {folder}/root_signers
[enrolment]
token_file = {folder}/token
[service]
user = root
{extra.replace("PORT", str(self.port))}""")
        self.config.chmod(0o600)
        self.context = ssl.create_default_context(cafile=str(folder / "server.pem"))
        self.log = folder / "log"
        self.process = None
        self.start()

    def _make_tls(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=tegata-test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                        self.folder / "server.key", "-out", self.folder / "server.pem"], check=True, capture_output=True)
        (self.folder / "server.key").chmod(0o600)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.program, "-e", "-d", "-c", self.config], stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                if self.call("GET", "/healthz").status == 200:
                    return
            except OSError:
                pass
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=20)
        assert status == 0, (status, self.log.read_text())

    def connection(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=40)

    def call(self, method, target, body=b"", headers=None, connection=None):
        own = connection is None
        connection = connection or self.connection()
        body = body.encode() if isinstance(body, str) else body
        headers = {**({"Content-Type": "application/json"} if body else {}), **(headers or {})}
        connection.request(method, target, body=body or None, headers=headers)
        got = connection.getresponse()
        answer = Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        if own:
            connection.close()
        return answer


class Signer:
    """Somebody with a key: a person, a host, a root key holder."""

    def __init__(self, service, key, name=""):
        self.service, self.key, self.name = service, key, name

    def header(self, method, target, body=b"", at=None, nonce=None, authority=None, name_space="request-v1@tegata"):
        at = int(time.time()) if at is None else at
        nonce = nonce or secrets.token_urlsafe(16)
        message = canonical({"authority": authority or self.service.authority, "body": hashlib.sha256(body).hexdigest(), "method": method,
                             "nonce": nonce, "target": target, "time": at})
        return f"SSHSIG time={at},nonce={nonce},signature={self.key.sign_binary(name_space, message)}"

    def call(self, method, target, body=b"", **how):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        body = body.encode() if isinstance(body, str) else body
        return self.service.call(method, target, body, {"Authorization": self.header(method, target, body, **how)})

    def get(self, target):
        return self.call("GET", target)

    def post(self, target, body):
        return self.call("POST", target, body)


class Person(Signer):
    def approval(self, ticket_text, **changes):
        document = {"v": 1, "ticket": hashlib.sha256(ticket_text.encode()).hexdigest(), "approver": self.name,
                    "at": int(time.time()), "decision": "approve", "seconds": 0, **changes}
        text = canonical(document)
        return {"document": text, "signature": self.key.sign("approval-v1@tegata", text)}

    def approve(self, ticket_text, **changes):
        return self.post(f"/v1/tickets/{json.loads(ticket_text)['id']}/approvals", self.approval(ticket_text, **changes))


class Host(Signer):
    def __init__(self, service, key, name):
        super().__init__(service, key, name)
        self.number, self.previous = 0, "0" * 64

    def event(self, **fields):
        """The next event of the chain, as text."""
        self.number += 1
        event = {"v": 1, "host": self.name, "number": self.number, "previous": self.previous, "time": int(time.time()), "kind": "started",
                 "ticket": "", "person": "", "account": "", "source": "", "code": "", "detail": "", "session": "", **fields}
        text = canonical(event)
        self.previous = hashlib.sha256(text.encode()).hexdigest()
        return text

    def send(self, *events):
        return self.post("/v1/host/events", {"events": list(events)})

    def poll(self, after=0, wait=0):
        return self.get(f"/v1/host/tickets?after={after}&wait={wait}").ok()


class World:
    """alice requests; bob and carol (sre) and dave (lead) approve; mallory may nothing; eve is disabled."""

    PEOPLE = {"alice": ["developers"], "bob": ["sre"], "carol": ["sre"], "dave": ["lead", "sre"], "mallory": ["guests"], "eve": ["sre"]}

    def __init__(self, program, folder, extra=""):
        self.service = self.make_service(program, folder, extra)
        self.root = Signer(self.service, self.service.root)
        self.keys = {name: Key(folder, name) for name in self.PEOPLE}
        self.ca = Key(folder, "ca")
        self.serial = 0
        for name, key in self.keys.items():
            setattr(self, name, Person(self.service, key, name))
        self.bob_second = Person(self.service, Key(folder, "bob_second"), "bob")

    def make_service(self, program, folder, extra):
        return Service(program, folder, extra)

    def policy(self, change=None):
        self.serial += 1
        people = {name: {"uid": 20001 + i, "groups": groups, "disabled": int(name == "eve"),
                         "keys": [{"key": self.keys[name].public, "attested": 0, "uv": 0}]}
                  for i, (name, groups) in enumerate(self.PEOPLE.items())}
        people["bob"]["keys"].append({"key": self.bob_second.key.public, "attested": 0, "uv": 0})
        rule = {"id": "developers", "hosts": ["ops*"], "accounts": ["self"], "requesters": ["developers"],
                "approvers": [{"group": "sre", "count": 1}], "max_seconds": 3600, "max_certificate_seconds": 3600, "hardware_key": 0,
                "user_verification": 0, "groups": [], "sudo": [], "options": ["pty"], "permit_open": [], "sources": [], "sessions": 0,
                "emergency": 0}
        policy = {"v": 1, "serial": self.serial, "issued": int(time.time()) - 5, "expires": int(time.time()) + 86400, "people": people,
                  "accounts": {}, "groups": {}, "user_ca": [self.ca.public],
                  "rules": [rule, {**rule, "id": "two", "approvers": [{"group": "sre", "count": 1}, {"group": "lead", "count": 1}]}],
                  "revoked": {"keys": [], "serials": [], "key_ids": []}, "limits": {"approve_by_seconds": 3600, "open_tickets": 40}}
        if change:
            change(policy)
        text = canonical(policy)
        return {"document": text, "signatures": [self.service.root.sign("policy-v1@tegata", text)]}

    def publish(self, change=None):
        return self.service.call("PUT", "/v1/policy", json.dumps(self.policy(change)))

    def enrol(self, name, folder):
        host = Host(self.service, Key(folder, f"host_{name}"), name)
        self.root.post("/v1/hosts", {"name": name, "labels": ["test"], "key": host.key.public}).ok(201)
        return host

    def ticket(self, **changes):
        now = int(time.time())
        return canonical({"v": 1, "id": "T-" + "".join(secrets.choice(ALPHABET) for _ in range(13)), "created": now, "requester": "alice",
                          "key": self.keys["alice"].fingerprint, "hosts": ["ops1"], "account": "alice", "uid": 20001, "shell": "/bin/bash",
                          "groups": [], "sudo": [], "options": ["pty"], "permit_open": [], "command": "", "source": [], "seconds": 1800,
                          "not_before": 0, "approve_by": now + 600, "sessions": 0, "reason": "restart the matcher", "reference": "",
                          "rule": "developers", "policy": self.serial, "emergency": 0, **changes})

    def submit(self, **changes):
        text = self.ticket(**changes)
        self.alice.post("/v1/tickets", text).ok(201)
        return text

    def approved(self, **changes):
        text = self.submit(**changes)
        assert self.bob.approve(text).ok(201)["state"] == "approved"
        return text


class Background:
    """A call that waits, in a thread of its own."""

    def __init__(self, function, *arguments):
        self.result = None
        self.thread = threading.Thread(target=self._run, args=(function, arguments), daemon=True)
        self.thread.start()

    def _run(self, function, arguments):
        self.result = function(*arguments)

    def join(self):
        self.thread.join(timeout=40)
        assert not self.thread.is_alive(), "it still waits"
        return self.result


def find_program():
    named = os.environ.get("TEGATA_APPROVALD", "")
    candidates = [pathlib.Path(named)] if named else [SOURCE / "build" / "tegata-approvald", *SOURCE.glob("build*/tegata-approvald")]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise FileNotFoundError("build tegata-approvald first (in build/), or name it in TEGATA_APPROVALD")
