"""tegata login, ssh, prepare, config and approve at a terminal, with security keys in software, against the real service and tegata-ca."""

import json
import os
import pwd
import re
import sqlite3
import stat
import subprocess
import time

import pytest

from service_client import Background, Key, World, find_program
from software_keys import Device, fingerprint
from terminal import Terminal

PASSWORD = "correct horse battery"
ORIGIN, RP_ID = "https://approve.example.com", "approve.example.com"


def find(path):
    """A program of the build that the service is from."""
    program = find_program().parent / path
    assert program.exists(), f"make check builds {path}"
    return program


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    made = Scene(tmp_path_factory.mktemp("login"))
    yield made
    made.stop()


class Scene(World):
    """alice logs in with a security key that wants its PIN; bob approves with the key of the approval page."""

    def __init__(self, folder):
        self.folder = folder
        self.program = find("tests/security_key/tegata_software_key")
        super().__init__(find_program(), folder, f"[page]\norigin = {ORIGIN}\nrp_id = {RP_ID}\n[certificate_authority]\nsocket = {folder}/authority/ca.sock\n"
                                                 "[accounts]\npassword_cost = 1\n")
        self.blue = Device(self.program, folder / "alice_devices", "Blue", "1234")
        self.amber = Device(self.program, folder / "bob_devices", "Amber", "5678")
        self.alice_line = self.blue.make_ssh_key(folder / "id_alice", flags=5)
        self.alice_web_line, _ = self.blue.make_web_key(RP_ID)
        self.bob_line, self.bob_credential = self.amber.make_web_key(RP_ID)
        self.host_ca = Key(folder, "host_ca")
        self._start_authority()
        self.publish(self._keys).ok()
        self.ops1 = self.enrol("ops1", folder)
        self.enrol("ops2", folder)
        self._enrol_bob()
        for name in ("alice", "bob"):
            self._set_password(name)
            self._write_config(name)
        self._make_fake_ssh()

    def _keys(self, policy):
        policy["people"]["alice"]["keys"] = [{"key": self.alice_line, "attested": 0, "uv": 1},
                                              {"key": self.alice_web_line, "attested": 0, "uv": 1, "origin": ORIGIN, "rp_id": RP_ID}]
        policy["people"]["bob"]["keys"].append({"key": self.bob_line, "attested": 0, "uv": 1, "origin": ORIGIN, "rp_id": RP_ID})
        policy["host_ca"] = [self.host_ca.public]

    def _start_authority(self):
        (self.folder / "authority" / "state").mkdir(parents=True)
        config = self.folder / "ca.conf"
        user = pwd.getpwuid(os.getuid()).pw_name
        config.write_text(f"[listen]\nsocket = {self.folder}/authority/ca.sock\nclient = {user}\n[state]\ndirectory = {self.folder}/authority/state\n"
                          f"[trust]\nroot_signers = {self.folder}/root_signers\n[service]\nauthority = {self.service.authority}\nuser = {user}\n"
                          f"[user_ca]\nkey = {self.ca.path}\n[host_ca]\nkey = {self.host_ca.path}\n[limits]\neach_per_minute = 1000\n")
        config.chmod(0o600)
        with open(self.folder / "ca.log", "ab") as log:
            self.authority = subprocess.Popen([find("tegata-ca"), "-e", "-c", config], stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not (self.folder / "authority" / "ca.sock").exists():
            assert self.authority.poll() is None and time.monotonic() < deadline, (self.folder / "ca.log").read_text()
            time.sleep(0.02)

    def _set_password(self, name):
        bearer = {"Authorization": f"Bearer {self.service.token}"}
        token = self.service.call("POST", "/v1/invitations", json.dumps({"person": name}), bearer).ok(201)["token"]
        self.service.call("POST", "/v1/invitations/redeem", json.dumps({"token": token, "password": PASSWORD})).ok(201)

    def _enrol_bob(self):
        """As if bob had enrolled the key on the page: what the service keeps of that is which credential belongs to which key."""
        with sqlite3.connect(self.folder / "approvald.db", timeout=20) as store:
            store.execute("INSERT INTO credentials VALUES (?, 'bob', ?, ?, 'webauthn', 0, 'Amber', '', ?)",
                          (fingerprint(self.bob_line), self.bob_line, self.bob_credential, int(time.time())))

    def _write_config(self, name):
        key = self.folder / "id_alice" if name == "alice" else self.keys[name].path
        path = self.folder / f"{name}.conf"
        path.write_text(f"[service]\nurl = https://{self.service.authority}\nca_file = {self.folder}/server.pem\n[person]\nname = {name}\nkey = {key}\n"
                        + ("approval_key = web\n" if name == "bob" else "") + f"[trust]\nroot_signers = {self.folder}/root_signers\n")
        (self.folder / f"home_{name}").mkdir(mode=0o700)

    def _make_fake_ssh(self):
        (self.folder / "bin").mkdir()
        ssh = self.folder / "bin" / "ssh"
        ssh.write_text('#!/bin/sh\nfor word; do printf "<%s>\\n" "$word"; done\n')
        ssh.chmod(0o755)

    def environment(self, name):
        home = self.folder / f"home_{name}"
        return {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "TERM": "xterm", "LC_ALL": "C.UTF-8",
                "NO_COLOR": "1", "TG_TEST_SECURITY_KEYS": str(self.folder / f"{name}_devices")}

    def command(self, name, *arguments):
        return [self.program, "-C", self.folder / f"{name}.conf", *arguments]

    def at_terminal(self, name, *arguments, **environment):
        return Terminal(self.command(name, *arguments), {**self.environment(name), **environment})

    def without_terminal(self, name, *arguments):
        return subprocess.run(self.command(name, *arguments), env=self.environment(name), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              start_new_session=True, timeout=60)

    def forget_certificate(self):
        (self.folder / "id_alice-cert.pub").unlink(missing_ok=True)

    def type_login(self, terminal):
        """The password and, as the login key wants it, the PIN."""
        terminal.expect("Password of alice at ")
        terminal.type(PASSWORD + "\n")
        terminal.expect(r"PIN of Blue \(8 tries left\): ")
        terminal.type("1234\n")

    def stop(self):
        self.service.stop()
        self.authority.terminate()
        self.authority.wait(timeout=20)


@pytest.fixture(scope="module")
def session(scene):
    """The first request of alice's opens a session with a touch and the PIN; after that none is asked for."""
    terminal = scene.at_terminal("alice", "list")
    terminal.expect(r"PIN of Blue")
    terminal.type("1234\n")
    assert terminal.end() == 0, terminal.seen


def test_login(scene):
    terminal = scene.at_terminal("alice", "login")
    terminal.expect("Password of alice at ")
    terminal.type(PASSWORD + "\n")
    terminal.expect(r"PIN of Blue \(8 tries left\): ")
    terminal.type("4321\n")
    terminal.expect(r"Wrong PIN. PIN of Blue \(7 tries left\): ")
    terminal.type("1234\n")
    terminal.expect(r"Touch Blue\.")
    terminal.expect(r"Certificate alice#\d+ is good until .* \(in (1h|59m[^)]*)\)")
    assert terminal.end() == 0
    assert PASSWORD not in terminal.seen and "1234" not in terminal.seen
    certificate = scene.folder / "id_alice-cert.pub"
    assert stat.S_IMODE(certificate.stat().st_mode) == 0o644
    shown = subprocess.run(["ssh-keygen", "-L", "-f", certificate], check=True, capture_output=True, text=True).stdout
    assert "user certificate" in shown and fingerprint(scene.alice_line) in shown and 'Key ID: "alice#' in shown
    known = (scene.folder / "home_alice" / ".config" / "tegata" / "known_hosts").read_text()
    assert known == f"@cert-authority * {scene.host_ca.public}\n"


def test_login_for_a_shorter_time(scene):
    terminal = scene.at_terminal("alice", "login", "--for", "10m")
    scene.type_login(terminal)
    terminal.expect(r"\(in (9m|10m)")
    assert terminal.end() == 0, terminal.seen


@pytest.fixture
def agent(scene):
    path = scene.folder / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    yield str(path)
    process.terminate()
    process.wait(timeout=20)
    path.unlink(missing_ok=True)


def with_agent(agent):
    """An environment without what other tests have named for their keys."""
    return {"PATH": os.environ["PATH"], "SSH_AUTH_SOCK": agent}


def agent_list(agent):
    done = subprocess.run(["ssh-add", "-L"], env=with_agent(agent), capture_output=True, text=True)
    return [line.split()[0] for line in done.stdout.splitlines() if line.startswith("sk-")]


def test_login_into_the_agent(scene, agent):
    """Only where it is wished, or where the key is there already, which then outlives the certificate."""
    plain, certificate = "sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com"
    terminal = scene.at_terminal("alice", "login", SSH_AUTH_SOCK=agent)
    scene.type_login(terminal)
    assert terminal.end() == 0, terminal.seen
    assert agent_list(agent) == []
    terminal = scene.at_terminal("alice", "login", "--agent", SSH_AUTH_SOCK=agent)
    scene.type_login(terminal)
    terminal.expect("ssh-agent has it, too")
    assert terminal.end() == 0, terminal.seen
    assert sorted(agent_list(agent)) == [certificate, plain]
    # As if the person had added the key, and nothing else.
    subprocess.run(["ssh-add", "-q", "-D"], env=with_agent(agent), check=True)
    subprocess.run(["ssh-add", "-q", "-k", scene.folder / "id_alice"], env=with_agent(agent), check=True)
    terminal = scene.at_terminal("alice", "login", "--for", "6s", SSH_AUTH_SOCK=agent)
    scene.type_login(terminal)
    terminal.expect("ssh-agent has it, too")
    assert terminal.end() == 0, terminal.seen
    assert sorted(agent_list(agent)) == [certificate, plain]
    deadline = time.monotonic() + 20
    while certificate in agent_list(agent):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert agent_list(agent) == [plain]


def test_wrong_password_and_no_terminal(scene):
    scene.forget_certificate()
    terminal = scene.at_terminal("alice", "login")
    terminal.expect("Password of alice at ")
    terminal.type("something else\n")
    terminal.expect("sign_in_failed: ")
    assert terminal.end() == 1
    done = scene.without_terminal("alice", "login")
    assert done.returncode == 1 and "no_terminal: " in done.stderr
    assert not (scene.folder / "id_alice-cert.pub").exists()


def test_a_certificate_that_was_not_asked_for_is_not_kept(scene):
    """The CA certifies what the service is told to; here the policy that the command trusts names another one."""
    scene.forget_certificate()
    other = Key(scene.folder, "another_ca")

    def change(policy):
        scene._keys(policy)
        policy["user_ca"] = [other.public]

    scene.publish(change).ok()
    terminal = scene.at_terminal("alice", "login")
    scene.type_login(terminal)
    assert terminal.end() == 1, terminal.seen
    assert not (scene.folder / "id_alice-cert.pub").exists()
    scene.publish(scene._keys).ok()


def test_login_on_the_page(scene, session):
    web = scene.at_terminal("alice", "login", "--web")
    url = web.expect(r"words ([a-z-]+):\s+(https://\S+)\r\n")
    assert len(url[1].split("-")) == 6
    assert url[2].startswith(f"{ORIGIN}/#certificate=") and url[2].endswith("&seconds=0")
    scene.forget_certificate()
    time.sleep(1.1)  # certificates are told apart by the second in which they were issued
    meanwhile = scene.at_terminal("alice", "login")
    scene.type_login(meanwhile)
    assert meanwhile.end() == 0, meanwhile.seen
    web.expect(r"Certificate alice#\d+ is good until")
    assert web.end() == 0, web.seen


def test_the_page_must_be_one_of_the_policy(scene, session):
    """Whoever runs the service cannot send people to a page of their own."""
    def change(policy):
        scene._keys(policy)
        policy["people"]["alice"]["keys"][1]["origin"] = "https://elsewhere.example.com"

    scene.publish(change).ok()
    done = scene.without_terminal("alice", "login", "--web")
    assert done.returncode == 1 and "web_key_unknown: " in done.stderr and "https://" + RP_ID in done.stderr and "#certificate" not in done.stderr
    scene.publish(scene._keys).ok()


def test_ssh(scene, session):
    """From nothing: certificate, reason, time, the wait with its line, bob's touch, and ssh with the right arguments."""
    scene.forget_certificate()
    after = scene.ops1.poll()["revision"]
    terminal = scene.at_terminal("alice", "ssh", "ops1", "-v", "uptime")
    scene.type_login(terminal)
    terminal.expect("You have no ticket for alice@ops1")
    terminal.expect("What is it for: ")
    terminal.type("restart the matcher\n")
    terminal.expect(r"For how long \[30m\]: ")
    terminal.type("\n")
    ticket = terminal.expect(r"T-[0-9A-Z]{13}")[0]
    terminal.expect(r"\r[0-9hms]+ left - " + ticket + r": waiting for 1 from sre \(.*bob.*")
    approval = scene.at_terminal("bob", "approve", ticket)
    words = approval.expect(r"code ([a-z]+(-[a-z]+){5})")[1]
    approval.expect("type yes: ")
    approval.type("yes\n")
    approval.expect(r"PIN of Amber \(8 tries left\): ")
    approval.type("5678\n")
    approval.expect(r"You approved " + ticket + r" \(code " + words)
    assert approval.end() == 0, approval.seen
    terminal.expect(r"left - " + ticket + r": approved; not fetched yet by ops1")
    while (update := scene.ops1.poll(after=after, wait=1))["revision"] != after:
        after = update["revision"]
    terminal.expect("Every host has it")
    assert terminal.end() == 0, terminal.seen
    words = [line.strip()[1:-1] for line in terminal.seen.splitlines() if line.startswith("<")]
    home = scene.folder / "home_alice"
    assert words == ["-o", f'IdentityFile="{scene.folder}/id_alice"', "-o", f'CertificateFile="{scene.folder}/id_alice-cert.pub"', "-o", "IdentitiesOnly=yes", "-o",
                     f'UserKnownHostsFile=~/.ssh/known_hosts ~/.ssh/known_hosts2 "{home}/.config/tegata/known_hosts"', "-o", "HostKeyAlias=ops1",
                     "-l", "alice", "ops1", "-v", "uptime"]
    # The second time nothing is asked, also without a terminal, and nothing but ssh writes to standard output.
    again = scene.without_terminal("alice", "ssh", "alice@ops1")
    assert again.returncode == 0 and again.stdout.splitlines()[-1] == "<ops1>" and again.stderr == "", again
    prepared = scene.without_terminal("alice", "prepare", "--account", "alice", "ops1")
    assert (prepared.returncode, prepared.stdout, prepared.stderr) == (0, "", "")


def test_ctrl_c_leaves_the_ticket(scene, session):
    terminal = scene.at_terminal("alice", "prepare", "ops2", "--for", "5m", "--reason", "look")
    found = terminal.expect(r"(T-[0-9A-Z]{13}): waiting for 1 from sre|Password of alice")
    if found[1] is None:
        terminal.type(PASSWORD + "\n")
        terminal.expect(r"PIN of Blue")
        terminal.type("1234\n")
        found = terminal.expect(r"(T-[0-9A-Z]{13}): waiting for 1 from sre")
    terminal.interrupt()
    terminal.expect(f"{found[1]} stays as it is.*withdraw it: tegata cancel {found[1]}")
    assert terminal.end() != 0
    assert f"{found[1]}" in scene.without_terminal("alice", "list").stdout
    # Whoever comes back waits for the same ticket.
    again = scene.at_terminal("alice", "prepare", "ops2")
    again.expect(found[1] + ": waiting for 1 from sre")
    again.interrupt()
    assert again.end() != 0
    assert scene.without_terminal("alice", "cancel", found[1]).returncode == 0


def test_prepare_without_a_terminal_says_so(scene, session):
    done = scene.without_terminal("alice", "prepare", "ops3")
    assert done.returncode == 1 and done.stdout == "" and "no_terminal: " in done.stderr
    assert "[ACCOUNT@]HOST" in scene.without_terminal("alice", "ssh", "ops1,ops2").stderr


def test_config(scene, session):
    block = scene.without_terminal("alice", "config").stdout
    assert re.search(r'Match originalhost ops1,ops2 exec "tegata -C /\S+ prepare %n"', block) and "User alice" in block
    assert "    HostKeyAlias ops1" in block
    # ssh itself reads it.
    (scene.folder / "ssh_config").write_text(re.sub('"tegata [^"]*"', "true", block))
    read = subprocess.run(["/usr/bin/ssh", "-G", "-F", scene.folder / "ssh_config", "ops1"], check=True, capture_output=True, text=True).stdout
    for line in (f"identityfile {scene.folder}/id_alice", f"certificatefile {scene.folder}/id_alice-cert.pub", "identitiesonly yes", "hostkeyalias ops1",
                 "user alice"):
        assert line in read.splitlines(), (line, read)
    written = scene.without_terminal("alice", "config", "--write", "ops1", "ops2")
    assert written.returncode == 0 and written.stdout == "" and "Include " in written.stderr
    assert "ops1,ops2" in (scene.folder / "home_alice" / ".config" / "tegata" / "ssh_config").read_text()
    assert scene.without_terminal("alice", "config", 'ops1"; rm').returncode == 2


def test_devices_are_told_apart(scene):
    """What goes wrong with the key, at the command's own surface."""
    scene.blue.set("behaviour", "absent")
    terminal = scene.at_terminal("alice", "login")
    terminal.expect("Password of alice at ")
    terminal.type(PASSWORD + "\n")
    terminal.expect("security_key_none: ")
    terminal.expect("udev")
    assert terminal.end() == 1
    scene.blue.set("behaviour", "touched")
