"""tegata-ca in a temporary folder, and whoever asks it: its socket is spoken here byte by byte (lib/ca_protocol.h), documents are signed with
`ssh-keygen -Y sign` and a security key in software."""

import json
import os
import pathlib
import secrets
import signal
import socket
import struct
import subprocess
import time

from service_client import SOURCE, Key, canonical

AUTHORITY = "approve.example.com:8443"
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"


def build_folder():
    named = os.environ.get("TEGATA_APPROVALD", "")
    candidates = [pathlib.Path(named).parent] if named else [SOURCE / "build", *SOURCE.glob("build*")]
    for candidate in candidates:
        if (candidate / "tegata-ca").exists():
            return candidate
    raise FileNotFoundError("build tegata-ca first (in build/)")


BUILD = build_folder()
PROVIDER = BUILD / "tests" / "security_key" / ".libs" / "tg_sk_provider.so"
REASONS = {}
for line in (SOURCE / "lib" / "reason.def").read_text().splitlines():
    if line.startswith("REASON("):
        name, number = line[len("REASON("):].split(",")[:2]
        REASONS[int(number)] = name


class SecurityKey(Key):
    """A security key, in software. `flags`: those of the authenticator in each signature."""

    def __init__(self, folder, name, kind="ed25519-sk"):
        os.environ["SSH_SK_PROVIDER"] = str(PROVIDER)
        super().__init__(folder, name, kind)

    def sign(self, name_space, text, flags="0x05"):
        os.environ["TG_TEST_SK_FLAGS"] = flags
        return super().sign(name_space, text)


def string(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(data)) + data


class Answer:
    def __init__(self, code, text):
        self.code, self.text = code, text

    def ok(self):
        assert self.code == "allowed", (self.code, self.text)
        return self.text

    def refused(self, code):
        assert self.code == code, (self.code, self.text)
        return self.text


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ConnectionResetError(f"closed after {len(data)} of {count} bytes")
        data += more
    return data


class Authority:
    """One running tegata-ca. `user_ca` and `host_ca` are lines of its configuration."""

    def __init__(self, folder, root, user_ca, host_ca="", extra="", program=BUILD / "tegata-ca", environment=None):
        folder.mkdir()
        self.folder, self.program, self.environment, self.prefix = folder, program, environment or {}, []
        self.socket, self.log, self.config = folder / "ca.sock", folder / "log", folder / "ca.conf"
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        (folder / "root_signers").write_text(f"root {root.public}\n")
        client = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        sections = {"listen": f"socket = {self.socket}\nclient = {client}\n", "state": f"directory = {self.state}\n",
                    "trust": f"root_signers = {folder}/root_signers\n", "service": f"authority = {AUTHORITY}\nuser = root\n",
                    "user_ca": user_ca, "host_ca": host_ca, "limits": "each_per_minute = 1000\nall_per_minute = 10000\n"}
        for line in filter(None, extra.splitlines()):
            section, setting = line.split(" ", 1)
            key = setting.split("=")[0].strip()
            kept = [old for old in sections[section].splitlines() if old.split("=")[0].strip() != key]
            sections[section] = "\n".join([*kept, setting]) + "\n"
        self.config.write_text("".join(f"[{name}]\n{lines}\n" for name, lines in sections.items()))
        self.config.chmod(0o600)
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def command(self, *more):
        return [*self.prefix, self.program, "-e", "-c", self.config, *more]

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **self.environment})
        deadline = time.monotonic() + 20
        while True:
            try:
                self.connect().close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.02)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=20) == 0, self.log.read_text()

    def fails(self, *more):
        done = subprocess.run(self.command(*more), capture_output=True, text=True, env={**os.environ, **self.environment}, timeout=20)
        assert done.returncode == 1, (done.returncode, done.stderr)
        return done.stderr

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(80)
        connection.connect(str(self.socket))
        return connection

    def exchange(self, payload, frame=None):
        with self.connect() as connection:
            connection.sendall(struct.pack(">I", len(payload)) + payload if frame is None else frame)
            length = struct.unpack(">I", read_exactly(connection, 4))[0]
            answer = read_exactly(connection, length)
        version, reason, text_length = struct.unpack(">BII", answer[:9])
        assert version == 1 and text_length == len(answer) - 9
        return Answer(REASONS[reason], answer[9:].decode())

    def ask(self, kind, policy, subject, proof):
        return self.exchange(bytes([1, kind]) + string(policy["document"]) + string(json.dumps(policy["signatures"])) +
                             string(subject) + string(proof))

    def user(self, policy, document, signature):
        return self.ask(1, policy, document, signature)

    def host(self, policy, name, key):
        return self.ask(2, policy, name, key)


class World:
    """bob (sre) has a security key that the policy lists as attested, one that it does not, and a key in a file. carol (lead) has one that
    verifies its user. eve is disabled, mallory is nobody's requester."""

    def __init__(self, folder):
        self.folder = folder
        self.root = Key(folder, "root")
        self.bob = SecurityKey(folder, "bob")
        self.bob_other = SecurityKey(folder, "bob_other", "ecdsa-sk")
        self.bob_file = Key(folder, "bob_file")
        self.carol = SecurityKey(folder, "carol")
        self.eve = SecurityKey(folder, "eve")
        self.mallory = SecurityKey(folder, "mallory")
        self.user_ca = Key(folder, "user_ca")
        self.host_ca = Key(folder, "host_ca")
        self.authorities = [self.user_ca.public]
        self.host_authorities = [self.host_ca.public]
        self.serial = 0

    def policy(self, change=None, serial=None):
        if serial is None:
            self.serial += 1
            serial = self.serial

        def person(uid, groups, *keys, disabled=0):
            return {"uid": uid, "groups": groups, "disabled": disabled, "keys": [{"key": key.public, "attested": a, "uv": v} for key, a, v in keys]}

        people = {"bob": person(20001, ["sre"], (self.bob, 1, 0), (self.bob_other, 0, 0), (self.bob_file, 0, 0)),
                  "carol": person(20002, ["lead"], (self.carol, 1, 1)), "eve": person(20003, ["sre"], (self.eve, 1, 0), disabled=1),
                  "mallory": person(20004, ["guests"], (self.mallory, 1, 0))}
        rule = {"id": "soft", "hosts": ["ops*"], "accounts": ["self"], "requesters": ["sre"], "approvers": [{"group": "lead", "count": 1}],
                "max_seconds": 3600, "max_certificate_seconds": 1800, "hardware_key": 0, "user_verification": 0, "groups": [], "sudo": [],
                "options": ["pty"], "permit_open": [], "sources": [], "sessions": 0, "emergency": 0}
        hard = {**rule, "id": "hard", "requesters": ["sre", "lead"], "approvers": [{"group": "sre", "count": 1}], "hardware_key": 1,
                "max_certificate_seconds": 7200, "options": ["x11", "agent-forwarding", "port-forwarding"]}
        policy = {"v": 1, "serial": serial, "issued": int(time.time()) - 5, "expires": int(time.time()) + 86400, "people": people,
                  "accounts": {}, "groups": {}, "user_ca": self.authorities, "host_ca": self.host_authorities, "rules": [rule, hard],
                  "revoked": {"keys": [], "serials": [], "key_ids": []}, "limits": {"approve_by_seconds": 3600, "open_tickets": 40}}
        if change:
            change(policy)
        text = canonical(policy)
        return {"document": text, "signatures": [self.root.sign("policy-v1@tegata", text)]}

    def document(self, certified, person="bob", **changes):
        return canonical({"at": int(time.time()), "key": certified.public, "nonce": secrets.token_urlsafe(16), "person": person, "seconds": 0,
                          "service": AUTHORITY, "v": 1, **changes})

    def sign_in(self, signer, certified, person="bob", flags="0x05", name_space="certificate-v1@tegata", **changes):
        text = self.document(certified, person, **changes)
        return text, signer.sign(name_space, text, flags) if isinstance(signer, SecurityKey) else signer.sign(name_space, text)


def shown(folder, line):
    """What `ssh-keygen -L` reads in a certificate: its lines, by the words before the colon; lists as lists."""
    path = folder / f"shown-{secrets.token_hex(8)}-cert.pub"
    path.write_text(line + "\n")
    text = subprocess.run(["ssh-keygen", "-L", "-f", path], capture_output=True, text=True, check=True).stdout
    found, last = {}, ""
    for row in text.splitlines()[1:]:
        if row.startswith(" " * 16):
            found[last].append(row.strip())
        else:
            last, _, value = row.strip().partition(":")
            found[last] = [] if not value.strip() or value.strip() == "(none)" else value.strip()
    return found


class Sshd:
    """A real sshd on a loopback port, in a mount namespace of its own, which trusts `user_ca` and lets in as root whom a certificate calls bob."""

    def __init__(self, folder, user_ca, host_key=None, host_certificate=None):
        folder.mkdir()
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.host_key = host_key or Key(folder, "sshd_host_key")
        (folder / "user_ca.pub").write_text(user_ca + "\n")
        (folder / "principals").write_text("bob\n")
        certificate = ""
        if host_certificate:
            (folder / "host-cert.pub").write_text(host_certificate + "\n")
            certificate = f"HostCertificate {folder}/host-cert.pub\n"
        (folder / "config").write_text(f"""ListenAddress 127.0.0.1:{self.port}
HostKey {self.host_key.path}
{certificate}PidFile none
UsePAM no
StrictModes no
AuthorizedKeysFile none
AuthorizedPrincipalsFile {folder}/principals
TrustedUserCAKeys {folder}/user_ca.pub
PermitRootLogin yes
PasswordAuthentication no
ForceCommand echo in
LogLevel VERBOSE
""")
        self.log = folder / "log"

    def __enter__(self):
        # sshd wants /run/sshd, and an account that is not locked.
        script = f"""mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd
sed 's/^root:[^:]*:/root:*:/' /etc/shadow >/run/shadow && mount --bind /run/shadow /etc/shadow
exec /usr/sbin/sshd -D -e -f {self.folder}/config"""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["unshare", "-m", "sh", "-ec", script], stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.02)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)

    def login(self, key, certificate, known_hosts=None):
        path = self.folder / f"login-{secrets.token_hex(8)}-cert.pub"
        path.write_text(certificate + "\n")
        hosts = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        if known_hosts:
            (self.folder / "known_hosts").write_text(known_hosts + "\n")
            hosts = ["-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={self.folder}/known_hosts", "-o", "HostKeyAlias=ops1"]
        done = subprocess.run(["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", f"CertificateFile={path}", "-i", key.path,
                               *hosts, "-p", str(self.port), "root@127.0.0.1"], capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL, env={**os.environ, "SSH_AUTH_SOCK": ""})
        return done.returncode == 0 and done.stdout == "in\n", done.stderr
