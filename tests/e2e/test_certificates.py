"""tegata login and tegata ssh: a password and a touch become a certificate of an hour, and that opens, with a ticket, what it may."""

import re
import shlex

import pytest

from lab import Lab, wait_until

TYPIST = "scripts/lib/lab/typist.py"
TEGATA = ("tegata", "-C", ".config/tegata/touch.conf")  # with a security key to sign in


@pytest.fixture(scope="module")
def own():
    """A lab whose people have no certificate but what they get by tegata login: LAB_KEEP_CERTIFICATE is set wherever somebody acts."""
    with Lab(hosts=1, own=True) as lab:
        yield lab


@pytest.fixture
def no_certificate(own):
    own.run("rm", "-f", certificate(own)).ok()
    return own


def certificate(lab, person="alice"):
    return f"{lab.home(person)}/.ssh/id_ed25519-cert.pub"


def login(lab, person="alice", *options, environment=None):
    return lab.run("lab-login", person, *options, environment=environment)


def described(lab, person="alice"):
    return lab.run("ssh-keygen", "-L", "-f", certificate(lab, person), environment={"TZ": "UTC"}).ok().out


def ssh(lab, person, host="ops1", *options):
    return lab.ssh(person, host, "id", "-un", options=options, environment={"LAB_KEEP_CERTIFICATE": 1})


def typed(lab, answers, *command, person="alice"):
    """A command of a person's on a terminal; `answers` are typed."""
    words = [f"{question}={answer}" for question, answer in answers]
    return lab.run("python3", f"{lab.run('printenv', 'LAB_SOURCE').ok().out.strip()}/{TYPIST}", *words, "--", "as", person, *command,
                   environment={"LAB_KEEP_CERTIFICATE": 1})


def password(lab, person="alice"):
    lab.run("lab-account", person).ok()
    return lab.read(f"{lab.folder}/passwords/{person}").strip()


def test_a_password_and_a_touch_become_a_certificate_that_opens_the_door_with_a_ticket(no_certificate):
    lab = no_certificate
    login(lab).ok()
    text = described(lab)
    assert re.search(r'Key ID: "alice#\d+"', text)
    assert re.search(r"Principals: *\n +alice\n +Critical Options: \(none\)\n", text)
    assert re.search(r"Extensions: *\n +permit-agent-forwarding\n +permit-port-forwarding\n +permit-pty\n", text)
    ssh(lab, "alice").failed(255)
    ticket = lab.ticket("alice", ["bob"], "ops1")
    assert ssh(lab, "alice").ok().out == "alice\n"
    lab.release("alice", ticket)


def test_a_wrong_password_gets_nothing(no_certificate):
    lab = no_certificate
    password(lab)
    said = typed(lab, [("Password of", "something else altogether")], *TEGATA, "login").failed(1)
    assert "sign_in_failed" in said.err
    lab.run("test", "-e", certificate(lab)).failed()


def test_a_key_that_was_not_touched_gets_nothing(no_certificate):
    lab = no_certificate
    right = password(lab)
    typed(lab, [("Password of", right)], "env", "TG_TEST_SK_FLAGS=0", *TEGATA, "login").failed(1)
    lab.run("test", "-e", certificate(lab)).failed()


def test_the_authority_signs_nothing_but_what_the_policy_gives(no_certificate):
    lab = no_certificate
    right = password(lab)
    said = typed(lab, [("Password of", right)], *TEGATA, "login", "--for", "2h").failed(1)
    assert "certificate_too_long" in said.err
    lab.run("test", "-e", certificate(lab)).failed()


def test_without_the_authority_there_is_a_clear_word(no_certificate):
    lab = no_certificate
    right = password(lab)
    lab.run("lab-ca", "stop").ok()
    try:
        said = typed(lab, [("Password of", right)], *TEGATA, "login").failed(3)
        assert "ca_unreachable" in said.err
    finally:
        lab.run("lab-ca", "start").ok()
    login(lab).ok()


def test_a_key_that_is_gone_from_the_policy_gets_no_certificate(no_certificate):
    lab = no_certificate
    before = lab.read(f"{lab.folder}/policy.json")
    lab.change_policy('policy["people"]["alice"]["keys"] = [k for k in policy["people"]["alice"]["keys"] if k["key"].startswith("sk-")]')
    try:
        assert "certificate_key_unknown" in login(lab).failed().err
    finally:
        lab.publish_policy(before)
    lab.run("test", "-e", certificate(lab)).failed()


# --- tegata ssh ---------------------------------------------------------------------------------------------------------------


def approve_when_there_is_one(lab, person="alice"):
    def pending():
        tickets = lab.as_("bob", "tegata", "--json", "list", "--approvable").json()["tickets"]
        return tickets and lab.approve("bob", re.search(r'"id":"(T-\w+)"', tickets[0]["ticket"])[1]).status == 0
    wait_until(pending, "an approval")


def start_typed(lab, answers, *command):
    words = [f"{question}={answer}" for question, answer in answers]
    source = lab.run("printenv", "LAB_SOURCE").ok().out.strip()
    return lab.start("env", "LAB_KEEP_CERTIFICATE=1", "python3", f"{source}/{TYPIST}", *words, "--", "as", "alice", *command)


def test_tegata_ssh_gets_all_that_is_missing_and_logs_in(no_certificate):
    lab = no_certificate
    running = start_typed(lab, [("Password of", password(lab)), ("What is it for", "restart the matcher"), ("For how long", "10m")],
                          *TEGATA, "ssh", "ops1", "id", "-un")
    approve_when_there_is_one(lab)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (0, "alice\n"), err
    assert "1 from sre (bob, carol can approve)" in err
    # Now that all is there, nothing is asked.
    assert lab.as_("alice", *TEGATA, "ssh", "ops1", "id", "-un", environment={"LAB_KEEP_CERTIFICATE": 1}).ok().out == "alice\n"
    lab.as_("alice", "tegata", "release", re.search(r"T-\w{13}", err)[0]).ok()


def test_plain_ssh_does_the_same_by_the_block_of_tegata_config(no_certificate):
    lab = no_certificate
    block = lab.as_("alice", *TEGATA, "config", environment={"LAB_KEEP_CERTIFICATE": 1}).ok().out
    lab.write(f"{lab.home('alice')}/.ssh/by_tegata", f"BindAddress 10.77.0.101\nUpdateHostKeys no\n{block}", owner="alice", mode="600")
    running = start_typed(lab, [("Password of", password(lab)), ("What is it for", "look around"), ("For how long", "")],
                          "ssh", "-F", ".ssh/by_tegata", "ops1", "id", "-un")
    approve_when_there_is_one(lab)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (0, "alice\n"), err
    lab.as_("alice", "tegata", "release", re.search(r"T-\w{13}", err)[0]).ok()


def test_without_a_terminal_tegata_ssh_says_what_is_missing(no_certificate):
    lab = no_certificate
    done = lab.as_("alice", *TEGATA, "ssh", "ops1", "true", environment={"LAB_KEEP_CERTIFICATE": 1}).failed(1)
    assert "no_terminal" in done.err
    login(lab).ok()
    done = lab.as_("alice", *TEGATA, "ssh", "ops1", "true", environment={"LAB_KEEP_CERTIFICATE": 1}).failed(1)
    assert "no_terminal" in done.err and "--reason" in done.err


def test_a_denied_ticket_ends_the_waiting(no_certificate):
    lab = no_certificate
    login(lab).ok()
    running = start_typed(lab, [], *TEGATA, "ssh", "--reason", "look around", "--for", "5m", "ops1", "true")
    ticket = wait_until(lambda: re.findall(r"T-\w{13}", lab.as_("bob", "tegata", "list", "--approvable").out), "a ticket")[0]
    lab.as_("bob", "tegata", "deny", ticket, "--reason", "not now").ok()
    _, err = running.communicate(timeout=60)
    assert running.returncode == 1 and "denied" in err, shlex.join([err])


# --- certificates of hosts ----------------------------------------------------------------------------------------------------


def test_nobody_is_asked_whether_they_know_the_host(own):
    """The agent has fetched a certificate for the host's key, and the policy's host_ca is all that ssh has to know."""
    wait_until(lambda: own.on("ops1", "test", "-s", "/run/tegata/host_certificate.pub").status == 0, "a host certificate")
    described_host = own.on("ops1", "ssh-keygen", "-L", "-f", "/run/tegata/host_certificate.pub").ok().out
    assert "host certificate" in described_host and re.search(r"Principals: *\n +ops1\n", described_host)
    authority = own.read(f"{own.folder}/deployment/host_ca.pub")
    other = own.read(f"{own.folder}/deployment/user_ca.pub")
    options = ("-o", "GlobalKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=.ssh/authorities")
    ticket = own.ticket("alice", ["bob"], "ops1")
    for line, works in ((other, False), (authority, True)):
        own.write(f"{own.home('alice')}/.ssh/authorities", f"@cert-authority ops* {line}", owner="alice")
        done = own.ssh("alice", "ops1", "true", options=options)
        assert (done.status == 0) == works, done.describe()
    own.release("alice", ticket)
