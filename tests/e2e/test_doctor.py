"""tegata doctor finds each fault that is planted on a host, and only those."""

import json
import re

import pytest

from host import CONFIG, ROSTER, Host
from lab import wait_until

SSHD = "/etc/ssh/sshd_config"
PAM = "/etc/pam.d/sshd"
NSSWITCH = "/etc/nsswitch.conf"


def findings(host, *options):
    done = host.run("tegata", "--json", "doctor", *options)
    found = json.loads(done.out)["findings"]
    assert done.status == (1 if any(finding["level"] == "error" for finding in found) else 0), done.describe()
    return found


def bad(host, *options):
    return {(finding["area"], finding["level"], finding["text"]) for finding in findings(host, *options) if finding["level"] != "ok"}


@pytest.fixture(scope="module")
def usual(host_lab):
    """What it says of the lab's host as it is: warnings that are true of the lab, and no error."""
    found = bad(Host(host_lab))
    assert {level for _, level, _ in found} == {"warning"}
    return found


def test_a_good_host_is_clean(host):
    host.configure(exempt_accounts="daemon")
    text = host.read(SSHD) + ("PermitRootLogin no\nPubkeyAcceptedAlgorithms sk-ssh-ed25519-cert-v01@openssh.com\n"
                              "PubkeyAuthOptions touch-required verify-required\n")
    if "PerSourcePenalties" in host.run("sshd", "-T").out or "persourcepenalties" in host.run("sshd", "-T").out:
        text += "PerSourcePenaltyExemptList 10.77.0.0/24\n"
    host.change(SSHD, text)
    assert bad(host) == set()


def finds(host, usual, area, level, text, *options):
    """Exactly one finding more than usual in this area, and it says this, with a line to change."""
    found = [finding for finding in findings(host, *options) if finding["level"] != "ok" and finding["area"] == area
             and (area, finding["level"], finding["text"]) not in usual]
    assert any(finding["level"] == level and text in finding["text"] and finding["fix"] for finding in found), found
    return found


@pytest.mark.parametrize("line, level, text", [
    ("UsePAM no", "error", "UsePAM is no"),
    ("PasswordAuthentication yes", "error", "PasswordAuthentication is yes"),
    ("PubkeyAuthentication no", "error", "PubkeyAuthentication is no"),
    ("AuthorizedKeysFile .ssh/authorized_keys", "error", "AuthorizedKeysFile is .ssh/authorized_keys"),
    ("AuthorizedKeysCommand /bin/true\nAuthorizedKeysCommandUser nobody", "error", "AuthorizedKeysCommand is /bin/true"),
    ("HostbasedAuthentication yes", "error", "HostbasedAuthentication is yes"),
    ("TrustedUserCAKeys none", "error", "TrustedUserCAKeys is not set"),
    ("TrustedUserCAKeys /etc/ssh/ssh_host_ed25519_key.pub", "error", "holds no authority of the policy"),
    ("AuthorizedPrincipalsCommand none", "error", "certificates are not checked against tickets"),
    ("AuthorizedPrincipalsCommand /bin/echo %u", "error", "certificates are not checked against tickets"),
    ("AuthorizedPrincipalsCommandUser nobody", "error", "AuthorizedPrincipalsCommandUser is nobody"),
    ("AuthorizedPrincipalsFile /etc/ssh/principals", "warning", "sshd reads it first"),
    ("KbdInteractiveAuthentication yes", "warning", "KbdInteractiveAuthentication is offered beside certificates"),
    ("PermitUserEnvironment yes", "warning", "PermitUserEnvironment is yes"),
    ("Match User daemon\nPermitTTY no", "warning", "sshd_config has Match blocks"),
    ("NoSuchKeyword yes", "error", "Bad configuration option: NoSuchKeyword"),
])
def test_sshd_config(host, usual, line, level, text):
    word = line.split()[0]
    lines = [old for old in host.read(SSHD).splitlines() if old.split()[:1] != [word]]
    host.write("/root/sshd_config", "\n".join([*lines, line]) + "\n")
    finds(host, usual, "sshd", level, text, "--sshd-config", "/root/sshd_config")


@pytest.mark.parametrize("old, new, level, text", [
    ("^account required pam_tegata.so\n", "", "error", "has no account line for pam_tegata.so"),
    ("^session required pam_tegata.so\n", "", "error", "has no session line for pam_tegata.so"),
    ("^account required pam_tegata.so", "account sufficient pam_tegata.so", "error", "account pam_tegata.so is sufficient"),
    ("^session required pam_tegata.so", "session optional pam_tegata.so", "error", "session pam_tegata.so is optional"),
    ("^account required", "account sufficient pam_permit.so\naccount required", "error", "can end the stack"),
    ("^session required pam_tegata", "session [success=1 default=ignore] pam_permit.so\nsession required pam_tegata", "error",
     "can end the stack or jump"),
    ("^session required pam_tegata", "session optional pam_systemd.so\nsession required pam_tegata", "error",
     "pam_systemd.so comes before pam_tegata.so"),
    ("^auth required pam_tegata.so\n", "", "error", "has no auth line for pam_tegata.so"),
    ("^auth required pam_tegata.so", "auth sufficient pam_tegata.so", "error", "auth pam_tegata.so is sufficient, not required"),
    ("^session +required +pam_loginuid.so\n", "", "error", "is not behind pam_loginuid.so"),
    (r"\Z", "session required pam_env.so user_readenv=1 envfile=/etc/default/locale\n", "warning", "reads ~/.pam_environment"),
])
def test_pam(host, usual, old, new, level, text):
    changed = re.sub(old, new, host.read(PAM), count=1, flags=re.MULTILINE)
    host.write("/root/pam_sshd", changed)
    finds(host, usual, "pam", level, text, "--pam-file", "/root/pam_sshd")


@pytest.mark.parametrize("line, level, text", [
    ("passwd: files", "error", "passwd: does not list tegata"),
    ("group: files", "error", "group: does not list tegata"),
    ("passwd: tegata files", "error", "passwd: lists tegata before files"),
    ("group: files [NOTFOUND=return] tegata", "warning", "group: an action in brackets"),
])
def test_nsswitch(host, usual, line, level, text):
    database = line.split(":")[0]
    host.write("/root/nsswitch.conf", re.sub(rf"(?m)^{database}:.*$", line, host.read(NSSWITCH)))
    finds(host, usual, "nsswitch", level, text, "--nsswitch", "/root/nsswitch.conf")


@pytest.mark.parametrize("spoil, restore, text", [
    (f"chmod o+w {CONFIG}", f"chmod o-w {CONFIG}", "others may write it"),
    ("chmod g+w /etc/tegata/root_signers", "chmod g-w /etc/tegata/root_signers", "root keys: /etc/tegata/root_signers must be"),
    ("chown daemon /etc/tegata/service_ca.pem", "chown root /etc/tegata/service_ca.pem", "the service's CA: "),
    ("chmod g+r /etc/ssh/ssh_host_ed25519_key", "chmod g-r /etc/ssh/ssh_host_ed25519_key", "host key: others can read"),
    ("chmod g+w /var/lib/tegata", "chmod g-w /var/lib/tegata", "state: /var/lib/tegata must be a directory of tegata"),
    ("chmod o+rw /run/tegata/agent.sock", "chmod o-rw /run/tegata/agent.sock", "must be a socket of mode 0660"),
    ("chgrp daemon /run/tegata/agent.sock", "chgrp tegata /run/tegata/agent.sock", "does not belong to group tegata"),
])
def test_owners_and_modes(host, usual, spoil, restore, text):
    host.sh(spoil).ok()
    try:
        finds(host, usual, "files", "error", text)
    finally:
        host.sh(restore).ok()


def test_users(host, usual):
    host.keep("/etc/group")
    host.sh("sed -i 's/^tegata:\\(.*\\):.*/tegata:\\1:/' /etc/group").ok()
    finds(host, usual, "files", "error", "tegata-principals is not in group tegata")


@pytest.mark.parametrize("service, old, new, level, text", [
    ("sudo", "^auth .*pam_tegata.so.*\n", "", "warning", "has no auth line for pam_tegata.so: a password is asked for"),
    ("sudo", "^auth .*pam_tegata.so.*\n", "auth sufficient pam_tegata.so for=sudo\n", "warning", "the ticket does not settle it"),
    ("sudo-i", "(?s)\\A(.*?)(auth [^\n]*pam_tegata.so[^\n]*\n)", "@include common-auth\n\\1\\2", "warning", "asks for a password first"),
    ("sudo", "^account .*pam_tegata.so.*\n", "", "warning", "has no account line for pam_tegata.so"),
    ("su", "^auth .*pam_tegata.so.*\n", "", "warning", "has no auth line for pam_tegata.so"),
    ("su", "^account .*for=sudo\n", "account required pam_tegata.so\n", "error", "the account line of pam_tegata.so lacks for=sudo"),
    ("cron", "^account .*pam_tegata.so.*\n", "", "warning", "has no account line for pam_tegata.so"),
    ("atd", "^account .*pam_tegata.so.*\n", "@include common-account\naccount required pam_tegata.so for=job\n", "warning",
     "should be the first"),
    ("sshd", "^session .*pam_mkhomedir.so.*\n", "", "warning", "makes no homes"),
])
def test_each_line_of_pam(host, usual, service, old, new, level, text):
    path = f"/etc/pam.d/{service}"
    changed = re.sub(old, new, host.read(path), count=1, flags=re.MULTILINE)
    assert changed != host.read(path)
    host.change(path, changed)
    finds(host, usual, "homes" if "homes" in text else "pam", level, text)


def test_a_home_of_another_owner(host, usual):
    host.sh("[ ! -e /home/bob ] || mv /home/bob /home/bob.away; install -d -o daemon /home/bob").ok()
    try:
        finds(host, usual, "homes", "warning", "sessions of bob are refused (uid_in_use)")
    finally:
        host.sh("rmdir /home/bob; [ ! -e /home/bob.away ] || mv /home/bob.away /home/bob").ok()


def one_person(host, *lines):
    """Makes these lines, and no others of the kind, part of [host]."""
    text = re.sub(r"(?m)^(dedicated|teardown) = .*\n", "", host.read(CONFIG))
    host.change(CONFIG, text.replace("[host]\n", "[host]\n" + "".join(f"{line}\n" for line in lines), 1))


def test_a_server_for_one_person(host, usual):
    one_person(host, "dedicated = yes")
    finds(host, usual, "dedicated", "error", "the agent has not read it since")
    host.restart()
    finds(host, usual, "dedicated", "warning", "dedicated = yes without teardown")
    one_person(host, "dedicated = yes", "teardown = /root/no-such-program")
    finds(host, usual, "dedicated", "error", "/root/no-such-program: No such file or directory")
    one_person(host, "dedicated = yes", "teardown = /usr/sbin/tegata-wipe")
    finds(host, usual, "dedicated", "error", "tegata-teardown does not wait for the agent's word")
    source = host.lab.run("sh", "-c", "echo $LAB_SOURCE").ok().out.strip()
    daemon = [f"{source}/scripts/lib/lab/daemon", "teardown"]
    command = [f"{host.lab.folder}/{host.name}/teardown.log", "/usr/sbin/tegata-teardown", "--stderr"]
    host.run(*daemon, "start", *command).ok()
    try:
        wait_until(lambda: {finding["level"] for finding in findings(host) if finding["area"] == "dedicated"} == {"ok"},
                   "tegata-teardown waits")
    finally:
        host.run(*daemon, "stop", *command).ok()


def test_a_damaged_roster(host, usual, ticket):
    host.hang()
    host.sh(f"printf x | dd of={ROSTER} bs=1 seek=60 conv=notrunc status=none").ok()
    finds(host, usual, "files", "error", "its checksum is wrong")


def test_the_agent_is_down_or_hangs(host, usual):
    host.hang()
    finds(host, usual, "agent", "error", "the agent does not answer")
    host.stop()
    finds(host, usual, "agent", "error", "the agent does not answer")


def test_the_service_is_out_of_reach(host, usual):
    host.configure(lease_seconds=1)
    host.cut_beyond_the_lease()
    found = findings(host)
    assert any(finding["area"] == "service" and finding["level"] == "error" for finding in found), found
    assert any(finding["area"] == "agent" and finding["level"] == "warning" and "last reached the service" in finding["text"]
               for finding in found), found


def start_with_wrong_clock(host, offset):
    """Only the agent's clock is wrong."""
    host.stop()
    host.mark()
    source = host.lab.run("sh", "-c", "echo $LAB_SOURCE").ok().out.strip()
    library = host.sh("ls /usr/lib/*/faketime/libfaketime.so.1").ok().out.strip()
    host.run(f"{source}/scripts/lib/lab/daemon", "tegatad", "start", f"{host.lab.folder}/{host.name}/agent.log", "env",
             f"LD_PRELOAD={library}", f"FAKETIME={offset}", "DONT_FAKE_MONOTONIC=1",
             "/usr/sbin/tegatad", "--config", CONFIG, "--stderr").ok()
    host.refused("clock_wrong", "s away from the service's")


@pytest.mark.parametrize("offset", ["+60s", "-60s"])
def test_a_wrong_clock_is_found_and_refuses(host, usual, ticket, offset):
    host.ssh().ok()
    start_with_wrong_clock(host, offset)
    finds(host, usual, "agent", "error", "the clock is off by")
    host.mark()
    host.ssh().failed(255)
    host.refused("clock_wrong", ": principals: ")
    host.restart()
    wait_until(lambda: host.ssh().status == 0, "the way in")
