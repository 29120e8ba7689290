"""Ways to log in that a host's administrator chooses: a second factor through PAM, and refusals at the session alone. Each
changes its host for good, so each has a lab of its own."""

import pytest

from lab import Lab, wait_until

CODE = "four two"
SECOND_FACTOR = """\
KbdInteractiveAuthentication yes
AuthenticationMethods publickey,keyboard-interactive:pam
"""
CHECK_CODE = f"""\
#!/bin/sh
[ "$(tr -d '\\000')" = "{CODE}" ]
"""
AUTH_STACK = """\
auth required pam_exec.so expose_authtok quiet /usr/local/sbin/check-code
"""
ASK = """\
#!/bin/sh
echo asked >>asked
while [ -e wait ]; do sleep 0.02; done
echo "$CODE"
"""


def replace_on(lab, host, path, old, new):
    text = lab.on(host, "cat", path).ok().out
    assert old in text
    lab.on(host, "tee", path, stdin=text.replace(old, new)).ok()


# --- A second factor ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def factor_lab():
    """A host that asks for a code after the certificate: pam_tegata first in the auth stack, as its manual says."""
    with Lab(hosts=1, own=True) as lab:
        replace_on(lab, "ops1", "/etc/ssh/sshd_config", "KbdInteractiveAuthentication no\n", SECOND_FACTOR)
        replace_on(lab, "ops1", "/etc/pam.d/sshd", "@include common-auth\n", AUTH_STACK)
        lab.on("ops1", "tee", "/usr/local/sbin/check-code", stdin=CHECK_CODE).ok()
        lab.on("ops1", "chmod", "755", "/usr/local/sbin/check-code").ok()
        lab.run("lab-sshd", "ops1", "restart").ok()
        lab.write(f"{lab.home('alice')}/ask", ASK, owner="alice", mode="755")
        yield lab


@pytest.fixture(scope="module")
def ticket(factor_lab):
    return factor_lab.ticket("alice", ["bob"], "ops1")


def with_code(lab, code):
    """The words of a command of alice's in which ssh has a program for the code."""
    lab.run("rm", "-f", f"{lab.home('alice')}/asked").ok()
    return ["as", "alice", "env", "SSH_ASKPASS=./ask", "SSH_ASKPASS_REQUIRE=force", f"CODE={code}", "ssh",
            "-o", "NumberOfPasswordPrompts=1", "ops1"]


def asked(lab):
    """How often the program was asked."""
    return lab.run("cat", f"{lab.home('alice')}/asked").out.count("asked")


def test_a_second_factor(factor_lab, ticket):
    factor_lab.mark()
    assert factor_lab.run(*with_code(factor_lab, CODE), "id -un").ok().out == "alice\n"
    assert asked(factor_lab) == 1
    factor_lab.logged(f"by ticket {ticket}")


def test_a_wrong_second_factor(factor_lab, ticket):
    factor_lab.mark()
    factor_lab.run(*with_code(factor_lab, "wrong"), "true").failed(255)
    assert asked(factor_lab) == 1
    assert " opened: " not in factor_lab.since_mark()


def test_no_second_factor_for_programs(factor_lab, ticket):
    """BatchMode turns keyboard-interactive off; ssh names the method that is missing."""
    done = factor_lab.ssh("alice", "ops1", "true").failed(255)
    assert "Permission denied (keyboard-interactive)" in done.err


def test_a_ticket_revoked_between_the_factors(factor_lab, ticket):
    """The certificate has passed; while alice looks for the code, bob revokes. The code no longer helps, and without the first
    factor it is not even asked for."""
    lab = factor_lab
    wait_file = f"{lab.home('alice')}/wait"
    lab.write(wait_file, "")
    going = lab.start(*with_code(lab, CODE), "true")
    wait_until(lambda: asked(lab) == 1, "the question for the code")
    lab.mark()
    lab.revoke("bob", ticket)
    lab.run("rm", wait_file).ok()
    _, err = going.communicate(timeout=30)
    assert going.returncode == 255, err
    lab.logged("ticket_revoked")
    assert " opened: " not in lab.since_mark()
    lab.run(*with_code(lab, CODE), "true").failed(255)
    assert asked(lab) == 0


def test_the_second_factor_alone(factor_lab, ticket):
    """An administrator's mistake: sshd does not ask for a certificate. The right code and a live ticket are not enough."""
    lab = factor_lab
    fresh = lab.ticket("alice", ["bob"], "ops1")
    replace_on(lab, "ops1", "/etc/ssh/sshd_config", "publickey,keyboard-interactive:pam", "keyboard-interactive:pam")
    lab.run("lab-sshd", "ops1", "restart").ok()
    lab.mark()
    lab.mark("ops1", "syslog")
    lab.run(*with_code(lab, CODE), "true").failed(255)
    lab.logged("pam_tegata(sshd:auth): certificate_missing", name="syslog")
    assert " opened: " not in lab.since_mark()
    lab.release("alice", fresh)


# --- Refusals at the session alone --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def patient_lab():
    """A host with deny_in = session: sshd never sees a failed authentication of somebody whom the policy names."""
    with Lab(hosts=1, own=True) as lab:
        lab.on("ops1", "tee", "-a", "/etc/tegata/tegata.conf", stdin="[login]\ndeny_in = session\n").ok()
        lab.run("lab-agent", "ops1", "reload").ok()
        wait_until(lambda: lab.on("ops1", "getent", "passwd", "alice").status == 0, "alice's account")
        yield lab


def refused_at_session(lab, person, code, *options):
    lab.mark()
    done = lab.ssh(person, "ops1", "touch was_here", options=options).failed(254)
    assert code in done.out + done.err, done.describe()
    lab.logged(f"{code}: ")
    assert lab.on("ops1", "ls", f"/home/{person}/was_here").status != 0
    return done


def test_the_refusal_comes_at_the_session_with_its_reason(patient_lab):
    lab = patient_lab
    assert lab.on("ops1", "getent", "passwd", "alice").ok().out.strip().endswith("nologin")
    refused_at_session(lab, "alice", "ticket_none")
    refused_at_session(lab, "mallory", "ticket_none")
    ticket = lab.request("alice")
    wait_until(lambda: lab.status()["tickets"] == 1, "the ticket on the host")
    done = refused_at_session(lab, "alice", "ticket_pending")
    assert ticket in done.out + done.err
    assert "Failed publickey" not in lab.log("ops1", "sshd.log")
    lab.approve("bob", ticket).ok()
    lab.wait_acknowledged("alice", ticket)
    assert lab.ssh("alice", "ops1", "id -un").ok().out == "alice\n"
    lab.revoke("bob", ticket)
    refused_at_session(lab, "alice", "ticket_revoked")


def test_a_connection_without_a_command_is_ended(patient_lab):
    """sshd would keep it open and idle; meanwhile it forwards nothing."""
    lab = patient_lab
    lab.mark()
    idle = lab.start("as", "bob", "ssh", "-N", "-L", "10.77.0.100:7040:127.0.0.1:22", "ops1")
    _, err = idle.communicate(timeout=20)
    assert idle.returncode == 255, err
    lab.logged("ticket_none: ")
    assert "Connection to ops1 closed by remote host" in err


def test_only_the_ticket_may_be_missing(patient_lab):
    """A certificate that is no good is refused by sshd, and so is whoever is disabled, even with an account that still lingers."""
    lab = patient_lab
    lab.run("lab-certificate", "dave", "-I", "dave", "-n", "dave", "-V", "-2h:-1h").ok()
    lab.mark()
    lab.ssh("dave", "ops1", "true", environment={"LAB_KEEP_CERTIFICATE": "1"}).failed(255)
    lab.logged("certificate_expired")
    lab.release("carol", lab.ticket("carol", ["dave"], "ops1", "--rule", "operations"))
    lab.change_policy('policy["people"]["carol"]["disabled"] = 1; policy["people"]["mallory"]["disabled"] = 1')
    lab.ssh("carol", "ops1", "true").failed(255)
    lab.logged("requester_disabled")
    wait_until(lambda: lab.on("ops1", "getent", "passwd", "mallory").status == 2, "the end of mallory's account")
