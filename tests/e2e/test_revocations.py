"""A key or a certificate that was reported lost opens nothing from then on, ends what it has opened, and approves nothing; whoever holds
the service cannot bring it back with an older list."""

import base64
import re
import struct
import time

import pytest

from host import events
from lab import Lab, wait_until
from test_hostile_service import Hostile
from test_sessions import Session

SERVICE_CONFIG = "/etc/tegata/approvald.conf"
REVOKED_KEYS = "/run/tegata/revoked_keys"


@pytest.fixture(scope="module")
def own():
    """A lab of this file alone, because nothing can be taken out of its list again. dave, a lead, is an administrator."""
    with Lab(hosts=1, own=True) as lab:
        lab.on("service", "sh", "-ec", f"printf '\\n[accounts]\\nadministrators = lead\\n' >>{SERVICE_CONFIG}").ok()
        lab.run("lab-service", "restart").ok()
        yield lab


@pytest.fixture
def opened(own):
    """Opens sessions, which are closed with the test."""
    sessions = []

    def open_session(*arguments):
        sessions.append(Session(own, *arguments))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


def lost(lab, person, *arguments):
    return lab.as_(person, "tegata", "--json", "lost", *arguments, "--reason", "left in the train")


def certify(lab, person, serial, key_id=None):
    lab.run("lab-certificate", person, "-I", key_id or f"{person}@lab", "-n", person, "-V", "-1m:+50m", "-z", serial).ok()


def fingerprint(lab, person):
    return lab.run("ssh-keygen", "-lf", f"{lab.home(person)}/.ssh/id_ed25519.pub").ok().out.split()[1]


def version(lab):
    return lab.status()["revocations"]


def ended_by(lab, code):
    """Waits until the service has heard of a session that ended for this reason."""
    wait_until(lambda: [event for event in events(lab) if (event["kind"], event["code"]) == ("session_ended", code)],
               f"a session that ended because of {code}")


def refuses(lab, person):
    lab.ssh(person, "ops1", "true", environment={"LAB_KEEP_CERTIFICATE": 1}).failed(255)


def queried(lab, person):
    """What stock ssh-keygen says about a person's certificate and the file that sshd reads."""
    lab.run("cp", f"{lab.home(person)}/.ssh/id_ed25519-cert.pub", f"{lab.folder}/public/queried.pub").ok()
    lab.on("ops1", "cp", f"{lab.folder}/public/queried.pub", "/run/queried.pub")
    text = lab.on("ops1", "base64", "-w0", REVOKED_KEYS).ok().out
    lab.run("sh", "-ec", f"base64 -d >{lab.folder}/public/revoked_keys", stdin=text).ok()
    return lab.run("ssh-keygen", "-Q", "-f", f"{lab.folder}/public/revoked_keys", f"{lab.folder}/public/queried.pub").status == 1


def test_there_is_a_file_for_sshd_before_anything_is_revoked(own):
    assert version(own) == 0
    assert own.on("ops1", "stat", "-c", "%a %U", REVOKED_KEYS).ok().out.split() == ["644", "tegata"]
    own.ticket("alice", ["bob"])
    own.ssh("alice", "ops1", "true").ok()
    assert not queried(own, "alice")


def test_nobody_revokes_what_is_not_theirs(own):
    for arguments in ([fingerprint(own, "alice")], ["--key-id", "alice#7"], ["--key-id", "mallory"], ["--key-id", "mallory#7x"]):
        assert '"request_forbidden"' in lost(own, "mallory", *arguments).failed().err
    authority = own.run("ssh-keygen", "-lf", f"{own.folder}/deployment/user_ca.pub").ok().out.split()[1]
    assert '"not_found"' in lost(own, "dave", authority).failed().err
    assert version(own) == 0


def test_a_certificate_of_ones_own(own, opened):
    certify(own, "alice", 77, "alice#77")
    session = opened()
    assert session.answers()
    lost(own, "alice", "--certificate", "77").ok()
    session.wait_ended()
    ended_by(own, "certificate_revoked")
    wait_until(lambda: queried(own, "alice"), "the list for sshd")
    own.mark(name="sshd.log")
    refuses(own, "alice")
    own.logged("revoked", name="sshd.log")
    certify(own, "alice", 78, "alice#78")
    own.ssh("alice", "ops1", "true", environment={"LAB_KEEP_CERTIFICATE": 1}).ok()


def test_by_serial_by_an_administrator(own, opened):
    certify(own, "alice", 4711)
    session = opened()
    before = version(own)
    lost(own, "dave", "--certificate", "4711").ok()
    session.wait_ended()
    wait_until(lambda: version(own) > before, "the new list")
    wait_until(lambda: queried(own, "alice"), "the list for sshd")
    refuses(own, "alice")
    certify(own, "alice", 4712)
    own.ssh("alice", "ops1", "true", environment={"LAB_KEEP_CERTIFICATE": 1}).ok()


def test_the_agent_refuses_where_sshd_does_not_look(own):
    """The helper answers for the agent alone, which knows the list with or without RevokedKeys."""
    certify(own, "alice", 4711)
    key_type, blob = own.read(f"{own.home('alice')}/.ssh/id_ed25519-cert.pub").split()[:2]
    own.mark()
    said = own.on("ops1", "setpriv", "--reuid=tegata-principals", "--regid=tegata-principals", "--init-groups", "sh", "-c",
                  '/usr/libexec/tegata-principals "$@"; exit $?', "sshd", "--account=alice", f"--key-type={key_type}",
                  f"--certificate={blob}").ok().out
    assert said == ""
    own.logged("certificate_revoked")
    certify(own, "alice", 4713)


def test_the_same_again_changes_nothing(own):
    before = lost(own, "alice", "--certificate", "79").json()["version"]
    assert lost(own, "alice", "--certificate", "79").json()["version"] == before
    wait_until(lambda: version(own) == before, "the list")


def test_an_approver_whose_key_is_lost_has_approved_nothing(own, opened):
    session = opened()
    assert session.answers()
    lost(own, "bob", fingerprint(own, "bob")).ok()
    session.wait_ended()
    ended_by(own, "approver_unknown")
    assert own.why("alice", "ops1") != "allowed"
    # The service does not listen to the key any more, either.
    assert "is revoked" in own.as_("bob", "tegata", "--json", "list").failed().err
    own.ticket("alice", ["carol"])
    own.ssh("alice", "ops1", "true").ok()


def test_it_stays_over_restarts(own):
    before = version(own)
    own.run("lab-service", "restart").ok()
    own.run("lab-agent", "ops1", "restart").ok()
    assert wait_until(lambda: version(own), "the list") == before
    certify(own, "alice", 77, "alice#77")
    refuses(own, "alice")
    certify(own, "alice", 80, "alice#80")
    own.ssh("alice", "ops1", "true", environment={"LAB_KEEP_CERTIFICATE": 1}).ok()


def test_what_anybody_may_read_is_what_ssh_keygen_reads(own):
    done = own.run("sh", "-ec", f"curl --silent --show-error --fail --cacert {own.folder}/public/ca.pem "
                   f"https://approve.lab:8443/v1/revocations >{own.folder}/public/list; ssh-keygen -Q -l -f {own.folder}/public/list").ok()
    assert re.search(r"(?m)^# KRL version (\d+)$", done.out)[1] == str(version(own)), done.out
    assert "alice#77" in done.out and "4711" in done.out


def empty_list(number):
    header = bytes.fromhex("5353484b524c0a00") + struct.pack(">IQQQII", 1, number, int(time.time()), 0, 0, 0)
    return base64.b64encode(header).decode()


def test_a_hostile_service_brings_nothing_back(own):
    """With lists that are older, malformed, or so new that no true one could follow. The last test: it takes the service's place."""
    own.wait_acknowledged("alice", own.ticket("alice", ["carol"]))
    before = version(own)
    certify(own, "alice", 77, "alice#77")
    own.run("lab-service", "stop").ok()
    hostile = Hostile(own)
    try:
        for text, code in ((empty_list(before - 1), "revocations_old"), (empty_list(before), "revocations_old"),
                           (empty_list(0), "revocations_old"), (empty_list(2**64 - 1), "revocations_early"),
                           (empty_list(before + 1)[:-4], "revocations_malformed"), ("", "revocations_malformed")):
            own.mark()
            hostile.serve(krl=text)
            own.logged(code)
            assert version(own) == before
        refuses(own, "alice")
    finally:
        hostile.close()
        own.run("lab-service", "start").ok()
    own.mark()
    lost(own, "alice", "--certificate", "81").ok()
    wait_until(lambda: version(own) > before, "the real service's next list")
