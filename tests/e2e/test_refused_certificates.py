"""Certificates that open nothing, beside an approved ticket that would. Where the client or sshd would refuse one by itself, or cannot even
read it, the host's agent is asked as sshd asks it, by tegata-principals."""

import json
import pathlib

import pytest

from forger import ident

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/ssh"
CRAFTED = {vector["name"]: vector for vector in json.loads((VECTORS / "manifest.json").read_text())["crafted"]}
DATED = ["-I", "alice@lab", "-n", "alice", "-V", "-1m:+50m"]
YEAR = 365 * 86400


@pytest.fixture
def alice(lab, forger):
    """alice's approved ticket; afterwards she has a good certificate again."""
    yield forger.grant()
    lab.run("lab-certificate", "alice").ok()


def sign(lab, *options, key="alice", authority=None):
    """A new certificate for alice's key."""
    path = f"{lab.home('alice')}/.ssh/id_ed25519.pub" if key == "alice" else key
    lab.run("ssh-keygen", "-q", "-s", authority or f"{lab.folder}/deployment/user_ca", *options, path).ok()


def asked(lab, account, certificate):
    """Why tegata-principals prints nothing, run by the user by whom sshd runs it."""
    key_type, blob = certificate.split()[:2]
    lab.mark()
    said = lab.on("ops1", "setpriv", "--reuid=tegata-principals", "--regid=tegata-principals", "--init-groups", "sh", "-c",
                  '/usr/libexec/tegata-principals "$@"; exit $?', "sshd", f"--account={account}", f"--key-type={key_type}",
                  f"--certificate={blob}").ok().out
    assert said == ""
    lab.logged(": principals")
    return lab.log()[lab.log_marks["ops1", "agent.log"]:].split(": ")[1]


CASES = {
    "expired": (["-I", "a", "-n", "alice", "-V", "-50m:-1m"], "certificate_expired"),
    "not yet valid": (["-I", "a", "-n", "alice", "-V", "+5m:+50m"], "certificate_not_yet_valid"),
    "living too long": (["-I", "a", "-n", "alice", "-V", "-1m:+63m"], "certificate_lifetime"),
    "living for ever": (["-I", "a", "-n", "alice"], "certificate_lifetime"),
    "without principals": (["-I", "alice", "-V", "-1m:+50m"], "certificate_no_principals"),
    "for another principal": (["-I", "alice", "-n", "bob", "-V", "-1m:+50m"], "certificate_principal"),
    "an unknown critical option": ([*DATED, "-O", "critical:door@example.org=open"], "certificate_critical_option"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(lab, forger, alice, case):
    options, code = CASES[case]
    sign(lab, *options)
    assert forger.refusal("alice")[0] == code
    sign(lab, *DATED)
    lab.ssh("alice", "ops1", "true", environment={"LAB_KEEP_CERTIFICATE": 1}).ok()


def test_a_host_certificate(lab, alice):
    """ssh does not offer it, but somebody's own client might."""
    sign(lab, "-h", *DATED)
    lab.ssh("alice", "ops1", "true", environment={"LAB_KEEP_CERTIFICATE": 1}).failed(255)
    assert asked(lab, "alice", lab.read(f"{lab.home('alice')}/.ssh/id_ed25519-cert.pub")) == "certificate_not_user"


def test_an_authority_that_only_sshd_trusts(lab, forger, alice):
    other = f"{lab.folder}/forger/other_ca"
    forger.make_key(other)
    lab.on("ops1", "cp", "-p", "/etc/ssh/user_ca.pub", "/etc/ssh/user_ca.pub.kept").ok()
    lab.on("ops1", "sh", "-c", "cat >>/etc/ssh/user_ca.pub", stdin=lab.read(f"{other}.pub")).ok()
    try:
        sign(lab, *DATED, authority=other)
        assert forger.refusal("alice")[0] == "certificate_ca_unknown"
    finally:
        lab.on("ops1", "mv", "/etc/ssh/user_ca.pub.kept", "/etc/ssh/user_ca.pub").ok()


def test_a_key_that_the_policy_does_not_list(lab, forger):
    """Signed by the right authority, and named in a ticket that bob believed."""
    key = f"{lab.home('alice')}/.ssh/unlisted"
    forger.make_key(key)
    lab.run("sh", "-c", f"chown alice: {key}*").ok()
    forger.keys["unlisted"] = type(forger.keys["alice"])(lab, key)
    ticket = forger.ticket(key="unlisted")
    assert forger.submit(ticket).code == "certificate_key_unknown"
    assert forger.carry("ops1", ticket, [forger.approval("bob", ticket)]) == "certificate_key_unknown"
    sign(lab, *DATED, key=f"{key}.pub")
    assert forger.refusal("alice", options=["-F", "none", "-i", key, "-o", "BindAddress=10.77.0.101"]) == (
        "certificate_key_unknown", ident(ticket))


def test_a_software_key_under_a_hardware_rule(forger):
    """Of a policy in which the rule came to ask for one: no honest request would name this key."""
    ticket = forger.ticket("bob", rule="hardware")
    assert forger.carry("ops1", ticket, [forger.approval("carol_hardware", ticket)]) == "certificate_software_key"
    assert forger.refusal("bob") == ("certificate_software_key", ident(ticket))


def test_a_security_key_that_is_not_attested(lab, forger):
    """The policy lists it, but nobody has vouched for what it is made of."""
    forger.publish(lambda policy: [key.update(attested=0) for key in policy["people"]["bob"]["keys"]])
    try:
        ticket = forger.ticket("bob", key="bob_hardware", rule="hardware")
        assert forger.carry("ops1", ticket, [forger.approval("carol_hardware", ticket)]) == "certificate_software_key"
        lab.run("lab-certificate", "bob", environment={"KEY": f"{forger.paths['bob_hardware']}.pub"}).ok()
        assert forger.refusal("bob", options=["-F", f"{lab.home('bob')}/.ssh/security_key_config"]) == ("certificate_software_key",
                                                                                                        ident(ticket))
    finally:
        forger.publish()


def test_revoked(lab, forger, alice):
    """By serial, by key id, by key."""
    revoked = {"keys": [], "serials": ["4711"], "key_ids": ["stolen"]}
    try:
        forger.publish(lambda policy: policy.update(revoked=revoked))
        for number, identity in ((4711, "alice"), (1, "stolen")):
            sign(lab, "-z", number, "-I", identity, "-n", "alice", "-V", "-1m:+50m")
            assert forger.refusal("alice")[0] == "certificate_revoked"
        sign(lab, "-z", "1", *DATED)
        lab.ssh("alice", "ops1", "true", environment={"LAB_KEEP_CERTIFICATE": 1}).ok()
        revoked["keys"].append(forger.keys["alice"].fingerprint)
        forger.publish(lambda policy: policy.update(revoked=revoked))
        assert forger.refusal("alice")[0] == "certificate_revoked"
    finally:
        forger.publish()


# --- the crafted ones ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trusting(lab, module_forger):
    """A policy and a ticket by which a crafted certificate in form opens the door: its authority is the policy's, its key is alice's, and it
    may live for a year, which leaves its ten years for the only reason to refuse it."""
    forger = module_forger

    class Crafted:
        fingerprint = "SHA256:g8ae+iq3X9UIO1uEwDn+ANu1kkCRCGc2+u/tRZrZMGk"
        public = " ".join((VECTORS / "keys/test_user_sk_ed25519.pub").read_text().split()[:2])

    def change(policy):
        policy["people"]["alice"]["keys"].append({"key": Crafted.public, "attested": 1, "uv": 0})
        policy["user_ca"].append(" ".join((VECTORS / "ca/test_ca_ed25519.pub").read_text().split()[:2]))
        policy["rules"].append({**forger.RULES[0], "id": "year", "approvers": [{"group": "sre", "count": 1}],
                                "max_certificate_seconds": YEAR})

    forger.keys["crafted"] = Crafted
    forger.publish(change)
    ticket = forger.ticket(key="crafted", rule="year")
    assert forger.carry("ops1", ticket, [forger.approval("bob", ticket)]) == "allowed"
    yield ident(ticket)
    forger.publish()


CODES = {"ok_baseline": "certificate_lifetime", "type_plain_key_cert": "ticket_other_key", "app_not_ssh": "ticket_other_key",
         "sig_bitflip": "certificate_signature", "sig_trailing_inside": "certificate_signature",
         "validity_inverted": "certificate_malformed"}


def test_crafted(lab, trusting):
    """All at once, because they share one ticket. What is malformed is so for every account, and under an account of its own no refusal is
    counted as one more of the same."""
    found = {}
    for name, vector in CRAFTED.items():
        found[name] = asked(lab, "alice" if name in CODES else name, (VECTORS / vector["file"]).read_text())
    assert found == {name: CODES.get(name, "certificate_malformed") for name in CRAFTED}


def test_crafted_through_sshd(lab, forger, trusting):
    """Those that OpenSSH's client and server take for certificates, with the key that they are for."""
    folder = f"{lab.home('alice')}/.ssh/crafted"
    lab.run("mkdir", "-p", folder).ok()
    lab.write(f"{folder}/key", (VECTORS / "keys/test_user_sk_ed25519").read_text(), mode="600")
    lab.write(f"{folder}/key.pub", (VECTORS / "keys/test_user_sk_ed25519.pub").read_text())
    names = [name for name, vector in CRAFTED.items() if vector["opensshParsesIt"] and name not in ("type_plain_key_cert", "app_not_ssh")]
    for name in names:
        lab.write(f"{folder}/{name}", (VECTORS / CRAFTED[name]["file"]).read_text())
    lab.run("chown", "-R", "alice:", folder).ok()
    lab.on("ops1", "cp", "-p", "/etc/ssh/user_ca.pub", "/etc/ssh/user_ca.pub.kept").ok()
    lab.on("ops1", "sh", "-c", "cat >>/etc/ssh/user_ca.pub", stdin=(VECTORS / "ca/test_ca_ed25519.pub").read_text()).ok()
    try:
        for name in names:
            options = ["-F", "none", "-i", f"{folder}/key", "-o", f"CertificateFile={folder}/{name}", "-o", "IdentitiesOnly=yes",
                       "-o", "BindAddress=10.77.0.101"]
            assert forger.refusal("alice", options=options)[0] == CODES.get(name, "certificate_malformed"), name
    finally:
        lab.on("ops1", "mv", "/etc/ssh/user_ca.pub.kept", "/etc/ssh/user_ca.pub").ok()
