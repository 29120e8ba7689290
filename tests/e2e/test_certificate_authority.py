"""tegata-ca alone, against lib/ca_protocol.h and tegata-ca(8): every kind of key that it can sign with, and everything that it must refuse."""

import contextlib
import os
import pathlib
import secrets
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

from authority import PROVIDER, SOFTHSM, Authority, SecurityKey, Sshd, World, read_exactly, shown
from service_client import Background, Key


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def ca(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ca") / "one"
    with Authority(folder, world.root, f"key = {world.user_ca.path}\n", f"key = {world.host_ca.path}\n") as running:
        yield running


# --- what a certificate says ----------------------------------------------------------------------------------------------------------


def test_a_certificate_says_what_the_policy_says(world, ca, tmp_path):
    before = int(time.time())
    line = ca.user(world.policy(), *world.sign_in(world.bob, world.bob)).ok()
    said = shown(tmp_path, line)
    assert said["Type"] == "sk-ssh-ed25519-cert-v01@openssh.com user certificate"
    assert said["Principals"] == ["bob"]
    assert said["Key ID"] == f'"bob#{said["Serial"]}"' == f'"{line.split()[2]}"'
    assert int(said["Serial"]) > 2**32
    assert said["Critical Options"] == []
    assert said["Extensions"] == ["permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding", "permit-pty"]
    begin, end = (time.mktime(time.strptime(word, "%Y-%m-%dT%H:%M:%S")) for word in (said["Valid"].split()[1], said["Valid"].split()[3]))
    assert before - 60 <= begin <= before - 40 and end - begin == 1860, "the least of both rules, begun 60 s ago"
    again = ca.user(world.policy(), *world.sign_in(world.bob, world.bob, seconds=7200)).ok()
    assert shown(tmp_path, again)["Serial"] != said["Serial"]
    log = ca.log.read_text()
    assert f"user certificate bob#{said['Serial']}, serial {said['Serial']}, principal bob, key {world.bob.fingerprint}, valid until 20" in log
    assert line.split()[1] not in log and world.bob.public.split()[1] not in log


def test_a_software_key_gets_what_rules_without_hardware_give(world, ca, tmp_path):
    for key in (world.bob_file, world.bob_other):
        said = shown(tmp_path, ca.user(world.policy(), *world.sign_in(world.bob, key)).ok())
        assert said["Extensions"] == ["permit-pty"]
        ca.user(world.policy(), *world.sign_in(world.bob, key, seconds=1801)).refused("certificate_too_long")


def test_a_key_that_verifies_its_user_must_do_so_at_each_login(world, ca, tmp_path):
    said = shown(tmp_path, ca.user(world.policy(), *world.sign_in(world.carol, world.carol, "carol")).ok())
    assert said["Critical Options"] == ["verify-required"] and said["Principals"] == ["carol"]


# --- every kind of key ----------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def running_agent(folder, flags):
    """An ssh-agent that may load the security key in software, whose signatures have these flags."""
    path = folder / "sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path, "-P", str(PROVIDER)], stdout=subprocess.DEVNULL,
                               env={**os.environ, "TG_TEST_SK_FLAGS": flags})
    deadline = time.monotonic() + 20
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    yield path
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    with running_agent(tmp_path_factory.mktemp("agent"), "0x05") as path:
        yield path


def add_to_agent(agent, key):
    subprocess.run(["ssh-add", "-q", "-S", PROVIDER, key.path], check=True, env={**os.environ, "SSH_AUTH_SOCK": str(agent)})


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    """A softhsm2 token with an ECDSA and an RSA key; their public halves as `name -> line`."""
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    environment = {"SOFTHSM2_CONF": f"{folder}/softhsm2.conf"}
    (folder / "pin").write_text("1234\n")
    (folder / "pin").chmod(0o600)

    def run(*command):
        return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, env={**os.environ, **environment}).stdout

    run("softhsm2-util", "--init-token", "--free", "--label", "tegata", "--pin", "1234", "--so-pin", "12345678")
    for number, (name, options) in enumerate({"ec": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "ec384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
                                              "rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:3072"]}.items()):
        run("openssl", "genpkey", "-algorithm", *options, "-out", folder / f"{name}.pem")
        run("softhsm2-util", "--import", folder / f"{name}.pem", "--token", "tegata", "--label", name, "--id", f"0{number}", "--pin", "1234")
        (folder / f"{name}.pem").chmod(0o600)
        (folder / f"{name}.pub").write_text(run("ssh-keygen", "-y", "-f", folder / f"{name}.pem"))
    return folder, environment


def in_token(token, name):
    folder, environment = token
    lines = f"key = pkcs11:{SOFTHSM}\npublic_key = {folder}/{name}.pub\ntoken = tegata\npin_file = {folder}/pin\n"
    return lines, " ".join((folder / f"{name}.pub").read_text().split()[:2]), environment


FILES = {"ed25519": ["ed25519"], "ecdsa256": ["ecdsa", "-b", "256"], "ecdsa384": ["ecdsa", "-b", "384"], "ecdsa521": ["ecdsa", "-b", "521"],
         "rsa3072": ["rsa", "-b", "3072"]}


def make_authority(kind, folder, request):
    """What [user_ca] says, the public key, and the environment."""
    if kind.startswith("token-"):
        return in_token(request.getfixturevalue("token"), kind.removeprefix("token-"))
    if kind in FILES:
        path = folder / kind
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", "", "-f", path, "-t", *FILES[kind]], check=True)
        return f"key = {path}\n", " ".join(path.with_suffix(".pub").read_text().split()[:2]), {}
    agent = request.getfixturevalue("agent")
    key = SecurityKey(folder, kind, kind.removeprefix("agent-")) if "-sk" in kind else Key(folder, kind, kind.removeprefix("agent-"))
    add_to_agent(agent, key)
    return f"key = agent:{agent}\npublic_key = {key.path}.pub\n", key.public, {}


@pytest.mark.parametrize("kind", [*FILES, "agent-ed25519", "agent-rsa", "agent-ed25519-sk", "agent-ecdsa-sk", "token-ec", "token-ec384", "token-rsa"])
def test_every_kind_of_authority(world, kind, tmp_path, request):
    lines, public, environment = make_authority(kind, tmp_path, request)
    policy = world.policy(lambda document: document.update(user_ca=[public]))
    with Authority(tmp_path / "ca", world.root, lines, environment=environment) as running:
        line = running.user(policy, *world.sign_in(world.bob, world.bob_file)).ok()
    path = tmp_path / "signing_ca.pub"
    path.write_text(public + "\n")
    fingerprint = subprocess.run(["ssh-keygen", "-lf", path], capture_output=True, text=True, check=True).stdout.split()[1]
    said = shown(tmp_path, line)
    assert fingerprint in said["Signing CA"]
    if kind in ("rsa3072", "agent-rsa", "token-rsa"):
        assert said["Signing CA"].endswith("(using rsa-sha2-512)")
    with Sshd(tmp_path / "sshd", public) as sshd:
        entered, why = sshd.login(world.bob_file, line)
        assert entered, why + sshd.log.read_text()
    with Sshd(tmp_path / "other", Key(tmp_path, "other_ca").public) as sshd:
        assert not sshd.login(world.bob_file, line)[0], "an sshd that trusts another authority"


def test_host_certificate_is_accepted_by_ssh(world, ca, tmp_path):
    host_key = Key(tmp_path, "ops1_host_key")
    policy = world.policy()
    host_line = ca.host(policy, "ops1", host_key.public).ok()
    said = shown(tmp_path, host_line)
    assert said["Type"] == "ssh-ed25519-cert-v01@openssh.com host certificate"
    assert said["Principals"] == ["ops1"] and said["Critical Options"] == said["Extensions"] == []
    line = ca.user(policy, *world.sign_in(world.bob, world.bob_file)).ok()
    with Sshd(tmp_path / "sshd", world.user_ca.public, host_key, host_line) as sshd:
        entered, why = sshd.login(world.bob_file, line, f"@cert-authority ops1 {world.host_ca.public}")
        assert entered, why
        assert not sshd.login(world.bob_file, line, f"@cert-authority ops1 {world.user_ca.public}")[0]


# --- what it must refuse --------------------------------------------------------------------------------------------------------------


def refused(world, ca, code, signer, certified, person="bob", policy=None, **how):
    return ca.user(policy or world.policy(), *world.sign_in(signer, certified, person, **how)).refused(code)


def test_documents_that_are_refused(world, ca):
    refused(world, ca, "sign_in_key", world.carol, world.bob_file)  # carol's touch for bob
    refused(world, ca, "sign_in_key", world.bob, world.carol, "carol")
    refused(world, ca, "sign_in_software_key", world.bob_file, world.bob_file)
    refused(world, ca, "sign_in_no_touch", world.bob, world.bob_file, flags="0x00")
    refused(world, ca, "sign_in_no_touch", world.carol, world.carol, "carol", flags="0x01")
    refused(world, ca, "sign_in_signature", world.bob, world.bob_file, name_space="session-v1@tegata")
    refused(world, ca, "sign_in_time", world.bob, world.bob_file, at=int(time.time()) - 130)
    refused(world, ca, "sign_in_time", world.bob, world.bob_file, at=int(time.time()) + 130)
    refused(world, ca, "sign_in_service", world.bob, world.bob_file, service="approve.example.org:8443")
    refused(world, ca, "sign_in_malformed", world.bob, world.bob_file, nonce="short")
    refused(world, ca, "sign_in_malformed", world.bob, world.bob_file, principals=["root"])
    refused(world, ca, "sign_in_malformed", world.bob, world.bob_file, extensions=["permit-pty"])
    refused(world, ca, "requester_disabled", world.eve, world.eve, "eve")
    refused(world, ca, "ticket_no_rule", world.mallory, world.mallory, "mallory")
    refused(world, ca, "certificate_too_long", world.bob, world.bob, seconds=7201)
    policy = world.policy()
    text, signature = world.sign_in(world.bob, world.bob_file)
    ca.user(policy, text.replace('"person":"bob"', '"person":"eve"'), signature).refused("sign_in_signature")
    ca.user(policy, text, "").refused("sign_in_malformed")
    assert "sign_in_software_key: " in ca.log.read_text()


def test_a_stranger(world, ca, tmp_path):
    stranger = SecurityKey(tmp_path, "stranger")
    refused(world, ca, "sign_in_key", stranger, world.bob_file)
    refused(world, ca, "certificate_key_unknown", world.bob, stranger)
    refused(world, ca, "certificate_key_unknown", world.bob, world.carol)  # somebody else's key


def test_a_document_is_good_once(world, ca):
    policy = world.policy()
    used = world.sign_in(world.bob, world.bob_file)
    ca.user(policy, *used).ok()
    ca.user(policy, *used).refused("request_replayed")
    # Another signature over the same bytes, and the same nonce in other bytes.
    ca.user(policy, used[0], world.bob.sign("certificate-v1@tegata", used[0])).refused("request_replayed")
    nonce = secrets.token_urlsafe(16)
    ca.user(policy, *world.sign_in(world.bob, world.bob_file, nonce=nonce)).ok()
    ca.user(policy, *world.sign_in(world.bob, world.bob, nonce=nonce)).refused("request_replayed")


def test_revoked_keys(world, ca):
    def revoking(key):
        return world.policy(lambda policy: policy["revoked"]["keys"].append(key.fingerprint))

    refused(world, ca, "sign_in_key", world.bob, world.bob_file, policy=revoking(world.bob))
    refused(world, ca, "certificate_revoked", world.bob, world.bob_file, policy=revoking(world.bob_file))
    refused(world, ca, "certificate_ca_unknown", world.bob, world.bob_file, policy=revoking(world.user_ca))


def test_every_rule_asks_for_hardware(world, ca, tmp_path):
    policy = world.policy(lambda document: document["rules"][0].update(hardware_key=1))
    refused(world, ca, "certificate_software_key", world.bob, world.bob_file, policy=policy)
    refused(world, ca, "certificate_software_key", world.bob, world.bob_other, policy=policy)  # not attested
    ca.user(policy, *world.sign_in(world.bob, world.bob)).ok()


def test_policies_that_are_refused(world, ca, tmp_path):
    old, newer = world.policy(), world.policy()
    ca.user(newer, *world.sign_in(world.bob, world.bob_file)).ok()
    refused(world, ca, "policy_old", world.bob, world.bob_file, policy=old)
    same_serial = world.policy(lambda document: document["limits"].update(open_tickets=7), serial=world.serial)
    refused(world, ca, "policy_old", world.bob, world.bob_file, policy=same_serial)
    unsigned = world.policy()
    stranger = Key(tmp_path, "not_root")
    for signatures in ([], [stranger.sign("policy-v1@tegata", unsigned["document"])], [world.root.sign("approval-v1@tegata", unsigned["document"])]):
        refused(world, ca, "policy_unsigned", world.bob, world.bob_file, policy={**unsigned, "signatures": signatures})
    refused(world, ca, "policy_unsigned", world.bob, world.bob_file, policy={**unsigned, "signatures": {"a": 1}})
    refused(world, ca, "policy_expired", world.bob, world.bob_file, policy=world.policy(lambda document: document.update(issued=1000, expires=2000)))
    refused(world, ca, "policy_early", world.bob, world.bob_file, policy=world.policy(lambda document: document.update(issued=int(time.time()) + 300)))
    world.policy()
    other = Key(tmp_path, "other_ca").public
    refused(world, ca, "certificate_ca_unknown", world.bob, world.bob_file, policy=world.policy(lambda document: document.update(user_ca=[other])))


def test_a_policy_is_remembered_over_a_restart(world, tmp_path):
    with Authority(tmp_path / "ca", world.root, f"key = {world.user_ca.path}\n") as running:
        old, newer = world.policy(), world.policy()
        running.user(newer, *world.sign_in(world.bob, world.bob_file)).ok()
        running.stop()
        running.start()
        refused(world, running, "policy_old", world.bob, world.bob_file, policy=old)
        running.user(newer, *world.sign_in(world.bob, world.bob_file)).ok()
        running.stop()
        serial = running.state / "policy_serial"
        good = serial.read_text()
        for damaged in ("", "x\n", good.rstrip("\n"), good + "more\n", "99999999999999999999999 " + good.split()[1] + "\n"):
            serial.write_text(damaged)
            assert "policy_serial is damaged" in running.fails()
        serial.write_text(good)
        running.start()


def test_hosts_that_are_refused(world, ca, tmp_path):
    first, second = Key(tmp_path, "first"), Key(tmp_path, "second")
    policy = world.policy()
    ca.host(policy, "ops7", first.public).ok()
    ca.host(policy, "ops7", first.public).ok()
    said = ca.host(policy, "ops7", second.public).refused("host_key_pinned")
    assert str(ca.state / "hosts") in said
    hosts = ca.state / "hosts"
    hosts.write_text("".join(line for line in hosts.read_text().splitlines(True) if not line.startswith("ops7 ")))
    ca.host(policy, "ops7", second.public).ok()
    for name in ("", "Ops7", "ops7\n", "ops*", "a" * 100, "ops7 ops8"):
        ca.host(policy, name, second.public).refused("request_malformed")
    for key in ("", "ssh-ed25519 AAAA", world.bob.public):
        ca.host(policy, "ops8", key).refused("request_malformed")
    for key in (world.bob_file, world.user_ca, world.host_ca):
        ca.host(policy, "ops8", key.public).refused("request_forbidden")
    revoking = world.policy(lambda document: document["revoked"]["keys"].append(second.fingerprint))
    ca.host(revoking, "ops7", second.public).refused("certificate_revoked")
    without = world.policy(lambda document: document.pop("host_ca"))
    ca.host(without, "ops7", second.public).refused("certificate_ca_unknown")
    hosts.write_text(hosts.read_text() + "nonsense\n")
    assert "hosts, line" in ca.host(world.policy(), "ops7", second.public).refused("config_bad")
    hosts.write_text(hosts.read_text().replace("nonsense\n", ""))


def test_without_a_host_authority(world, tmp_path):
    with Authority(tmp_path / "ca", world.root, f"key = {world.user_ca.path}\n") as running:
        running.host(world.policy(), "ops1", Key(tmp_path, "host").public).refused("ca_unreachable")


def test_rates(world, tmp_path):
    with Authority(tmp_path / "each", world.root, f"key = {world.user_ca.path}\n", f"key = {world.host_ca.path}\n",
                   extra="limits each_per_minute = 2") as running:
        policy = world.policy()
        for _ in range(2):
            running.user(policy, *world.sign_in(world.bob, world.bob_file)).ok()
            running.host(policy, "ops1", Key(tmp_path, f"host{secrets.token_hex(4)}").public)
        running.user(policy, *world.sign_in(world.bob, world.bob_file)).refused("request_rate")
        running.host(policy, "ops1", world.root.public).refused("request_rate")
        running.user(policy, *world.sign_in(world.carol, world.carol, "carol")).ok()
    with Authority(tmp_path / "all", world.root, f"key = {world.user_ca.path}\n", extra="limits all_per_minute = 2") as running:
        for _ in range(2):
            running.host(policy, "ops1", "").refused("ca_unreachable")
        running.user(policy, *world.sign_in(world.bob, world.bob_file)).refused("request_rate")


def test_its_own_ceiling(world, tmp_path):
    with Authority(tmp_path / "ca", world.root, f"key = {world.user_ca.path}\n", extra="limits user_seconds = 600") as running:
        policy = world.policy()
        said = shown(tmp_path, running.user(policy, *world.sign_in(world.bob, world.bob)).ok())
        begin, end = (time.mktime(time.strptime(said["Valid"].split()[i], "%Y-%m-%dT%H:%M:%S")) for i in (1, 3))
        assert end - begin == 660
        running.user(policy, *world.sign_in(world.bob, world.bob, seconds=601)).refused("certificate_too_long")


def test_a_key_that_cannot_sign(world, agent, tmp_path):
    """A CA key that the agent has lost, and one that signs without a touch."""
    absent = Key(tmp_path, "absent")
    policy = world.policy(lambda document: document.update(user_ca=[absent.public]))
    with Authority(tmp_path / "absent_ca", world.root, f"key = agent:{agent}\npublic_key = {absent.path}.pub\n") as running:
        assert absent.fingerprint in running.user(policy, *world.sign_in(world.bob, world.bob_file)).refused("ca_unreachable")
    key = SecurityKey(tmp_path, "untouched")
    policy = world.policy(lambda document: document.update(user_ca=[key.public]))
    with running_agent(tmp_path, "0x00") as careless:
        add_to_agent(careless, key)
        with Authority(tmp_path / "careless_ca", world.root, f"key = agent:{careless}\npublic_key = {key.path}.pub\n") as running:
            running.user(policy, *world.sign_in(world.bob, world.bob_file)).refused("ca_unreachable")


def delaying_agent(folder, agent, seconds):
    """A socket that answers as the agent does, after some seconds: as if somebody looked for the key that is to be touched."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "slow"))
    listener.listen()

    def serve():
        for connection in iter(lambda: listener.accept()[0], None):
            with connection, socket.socket(socket.AF_UNIX) as behind:
                behind.connect(str(agent))
                for source, target in ((connection, behind), (behind, connection)):
                    length = read_exactly(source, 4)
                    message = read_exactly(source, struct.unpack(">I", length)[0])
                    if source is behind:
                        time.sleep(seconds)
                    target.sendall(length + message)

    threading.Thread(target=serve, daemon=True).start()
    return folder / "slow"


def test_waiting_for_a_touch_is_on_nobody_s_account(world, agent, tmp_path):
    key = Key(tmp_path, "slow_ca")
    add_to_agent(agent, key)
    slow = delaying_agent(tmp_path, agent, 2)
    policy = world.policy(lambda document: document.update(user_ca=[key.public]))
    with Authority(tmp_path / "ca", world.root, f"key = agent:{slow}\npublic_key = {key.path}.pub\n", extra="listen seconds = 1") as running:
        with running.connect() as other:
            running.user(policy, *world.sign_in(world.bob, world.bob_file)).ok()
            other.sendall(struct.pack(">I", 3) + b"\x01\x01\x00")
            assert len(other.recv(100)) > 9, "it had a second, of which the other's touch took none"


# --- the socket -----------------------------------------------------------------------------------------------------------------------


def test_frames_that_are_no_questions(world, ca):
    policy = world.policy()
    good = bytes([1, 1]) + b"".join(struct.pack(">I", 1) + b"x" for _ in range(4))
    for payload in (b"\x01", b"\x02" + good[1:], b"\x01\x03" + good[2:], good[:-1], good + b"x", good[:-1] + b"\0", b"\xff" * 40):
        ca.exchange(payload).refused("message_malformed")
    ca.exchange(None, frame=struct.pack(">I", 0)).refused("message_malformed")
    ca.exchange(None, frame=struct.pack(">I", 2097153)).refused("message_malformed")
    ca.exchange(good).refused("policy_unsigned")
    ca.user(policy, *world.sign_in(world.bob, world.bob_file)).ok()


def test_a_question_in_pieces(world, ca):
    policy = world.policy()
    with ca.connect() as connection:
        for byte in struct.pack(">I", 3) + b"\x01\x01\x00":
            connection.sendall(bytes([byte]))
        assert connection.recv(100)[:5] == struct.pack(">IB", 9 + len("not a question to tegata-ca"), 1)
    with ca.connect():  # says nothing, and is in nobody's way
        ca.user(policy, *world.sign_in(world.bob, world.bob_file)).ok()


def test_connections_and_deadline_are_bounded(world, tmp_path):
    with Authority(tmp_path / "ca", world.root, f"key = {world.user_ca.path}\n", extra="listen connections = 2\nlisten seconds = 1") as running:
        policy = world.policy()
        idle = [running.connect() for _ in range(2)]
        idle[0].sendall(b"\x00\x00")
        started = time.monotonic()
        waiting = Background(running.user, policy, *world.sign_in(world.bob, world.bob_file))
        waiting.join().ok()
        assert 0.5 < time.monotonic() - started < 10
        assert [connection.recv(10) for connection in idle] == [b"", b""], "closed upon when their second was over"


def test_another_user_is_closed_upon(world, tmp_path):
    with Authority(tmp_path / "ca", world.root, f"key = {world.user_ca.path}\n", extra="listen client = nobody") as running:
        with pytest.raises(ConnectionError):
            running.host(world.policy(), "ops1", world.root.public)
        assert "peer_refused" in running.log.read_text()


def test_a_second_one_does_not_take_the_socket(world, ca):
    assert "another tegata-ca answers there" in ca.fails()
    ca.connect().close()


# --- configuration --------------------------------------------------------------------------------------------------------------------


def test_configurations_that_are_refused(world, tmp_path, token):
    number = 0

    def fails(user_ca, host_ca="", extra="", environment=None):
        nonlocal number
        number += 1
        return Authority(tmp_path / str(number), world.root, user_ca, host_ca, extra, environment=environment).fails("-t")

    key = f"key = {world.user_ca.path}\n"
    assert "it is that of [user_ca]" in fails(key, key)
    assert "must be a path, agent:SOCKET or pkcs11:MODULE" in fails("key = user_ca\n")
    assert "public_key: must be the path" in fails("key = agent:/nowhere\n")
    assert "there is no such file" in fails("key = agent:/nowhere\npublic_key = /nowhere.pub\n")
    assert "a security key" in fails(f"key = {world.bob.path}\n")
    locked = Key(tmp_path, "locked")
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", locked.path], check=True)
    assert "passphrase" in fails(f"key = {locked.path}\n")
    open_to_all = Key(tmp_path, "open_to_all")
    open_to_all.path.chmod(0o644)
    assert "others can read it" in fails(f"key = {open_to_all.path}\n")
    assert "[listen] client" in fails(key, extra="listen client = no-such-user")
    assert "cannot be loaded" in fails(f"key = pkcs11:/nowhere.so\npublic_key = {token[0]}/ec.pub\n")
    assert "Ed25519" not in fails(key, extra="trust root_threshold = 2")
    in_ec, _, environment = in_token(token, "ec")
    assert "there is no token 'other'" in fails(in_ec.replace("token = tegata", "token = other"), environment=environment)
    assert "ssh-ed25519 keys of tokens are not supported" in fails(in_ec.replace(f"{token[0]}/ec.pub", f"{world.user_ca.path}.pub"), environment=environment)
    wrong = tmp_path / "pin"
    wrong.write_text("4321\n")
    wrong.chmod(0o600)
    assert "does not take the PIN" in fails(in_ec.replace(f"{token[0]}/pin", str(wrong)), environment=environment)
    wrong.chmod(0o644)
    assert "others can read it" in fails(in_ec.replace(f"{token[0]}/pin", str(wrong)), environment=environment)
    stranger = tmp_path / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", stranger], check=True)
    assert "no private key for the public key" in fails(in_ec.replace(f"{token[0]}/ec.pub", f"{stranger}.pub"), environment=environment)


def test_what_it_gives_up(world, ca):
    ca.user(world.policy(), *world.sign_in(world.bob, world.bob_file)).ok()
    status = dict(line.split(":\t", 1) for line in open(f"/proc/{ca.process.pid}/status").read().splitlines())
    assert status["NoNewPrivs"] == "1"
    limits = open(f"/proc/{ca.process.pid}/limits").read()
    assert "Max core file size        0                    0" in limits
    assert "Max processes             0                    0" in limits
    assert oct(ca.socket.stat().st_mode & 0o777) == "0o660"
    assert oct((ca.state / "policy_serial").stat().st_mode & 0o777) == "0o600"


@pytest.fixture
def open_folder():
    """A folder that every user can reach."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tegata-ca-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("way", ["started as root", "started as the user"])
def test_as_a_user_of_its_own(world, open_folder, way):
    key = Key(open_folder, "user_ca")
    folder = open_folder / "ca"
    running = Authority(folder, world.root, f"key = {key.path}\n", extra=f"listen socket = {folder}/run/ca.sock\nservice user = nobody")
    running.socket = folder / "run" / "ca.sock"
    if way == "started as root":  # the key file is root's, and the directories are made
        running.state.rmdir()
        running.prefix = ["setpriv", "--groups", "4,24"]
    else:
        (folder / "run").mkdir()
        for path in (key.path, running.config, running.state, folder / "run"):
            shutil.chown(path, "nobody", "nogroup")
        running.prefix = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    policy = world.policy(lambda document: document.update(user_ca=[key.public]))
    with running:
        running.user(policy, *world.sign_in(world.bob, world.bob_file)).ok()
        proc = pathlib.Path(f"/proc/{running.process.pid}")
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        assert status["Uid"].split() == ["65534"] * 4 and status["Gid"].split() == ["65534"] * 4 and status["Groups"].split() == []
        assert int(status["CapPrm"], 16) == int(status["CapEff"], 16) == 0
        assert (proc / "environ").stat().st_uid == 0, "of a program that may be dumped and traced it would be the user's"
        assert (running.state.stat().st_uid, running.state.stat().st_mode & 0o777) == (65534, 0o700)
