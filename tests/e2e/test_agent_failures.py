"""The agent is stopped, hung, killed or damaged: every door stays shut, and nothing that happened is lost."""

import collections
from pathlib import Path

import pytest

from host import ROSTER, STATE, events
from lab import wait_until

GRACE = {"lease_seconds": 1, "offline_grace_seconds": 3600}
BREAKGLASS = "breakglass:*:3000:3000::/tmp:/bin/sh"
WITHOUT_HELPER = "-AuthorizedPrincipalsCommand\n-AuthorizedPrincipalsCommandUser\nLogLevel DEBUG3"


def refused_by_the_helper(host):
    host.mark()
    host.ssh().failed(255)
    host.refused("agent_unreachable", "tegata-principals", log="syslog")


def test_a_stopped_agent_lets_nobody_in_and_nss_still_answers(host, ticket):
    host.ssh().ok()
    host.stop()
    refused_by_the_helper(host)
    assert host.run("getent", "passwd", "alice").ok().out.startswith("alice:*:20001:")
    assert host.run("id", "-nG", "alice").ok().out == "alice ops\n"
    host.agent("start").ok()
    host.wait_in_step()
    host.ssh().ok()


def test_the_helper_prints_nothing_and_is_no_failure(host, ticket):
    certificate = host.lab.read(f"{host.lab.home('alice')}/.ssh/id_ed25519-cert.pub").split()
    host.stop()
    done = host.run("setpriv", "--reuid=tegata-principals", "--regid=tegata-principals", "--init-groups",
                    "/usr/libexec/tegata-principals", "--account=alice", f"--key-type={certificate[0]}",
                    f"--certificate={certificate[1]}").ok()
    assert (done.out, done.err) == ("", "")


def test_pam_refuses_without_the_agent(host, ticket):
    """The helper is out of the way: sshd itself would let her in."""
    host.other_sshd(WITHOUT_HELPER)
    host.stop()
    done = host.other_ssh("alice", "-o", f"CertificateFile={host.lab.home('alice')}/.ssh/id_ed25519-cert.pub",
                          key=host.plain_key()).failed(255)
    assert "(agent_unreachable)" in done.err, done.describe()
    host.logged("pam_acct_mgmt = 9", "sshd.log")  # PAM_AUTHINFO_UNAVAIL


def test_an_exempt_account_gets_in_without_the_agent(host, ticket):
    host.configure(exempt_accounts="breakglass")
    host.add_user(BREAKGLASS)
    host.other_sshd("AuthorizedKeysFile /etc/ssh/keys/%u")
    key = host.plain_key()
    host.authorize("breakglass", f"{key}.pub")
    host.stop()
    assert host.other_ssh("alice", account="breakglass", key=key, command="id -un").ok().out == "breakglass\n"
    host.logged("exempt account: account=breakglass rhost=10.77.0.101 (the agent could not be told)", "syslog")


def test_a_hung_agent_holds_nobody_up(host, ticket):
    host.hang()
    refused_by_the_helper(host)
    host.agent("resume").ok()
    host.ssh().ok()


def test_an_agent_that_hangs_after_the_helper_holds_nobody_up(host, ticket):
    """pam_tegata has its own deadline. What was asked while the agent hung opens nothing when it wakes up."""
    host.other_sshd(WITHOUT_HELPER)
    host.hang()
    done = host.other_ssh("alice", "-o", f"CertificateFile={host.lab.home('alice')}/.ssh/id_ed25519-cert.pub",
                          key=host.plain_key()).failed(255)
    assert "(agent_unreachable)" in done.err, done.describe()
    host.agent("resume").ok()
    assert host.status()["sessions"] == 0


def test_events_outlive_kills_and_arrive_once(host, host_lab):
    gone = host_lab.ticket("bob", ["dave"], "ops1", "--rule", "operations")
    host_lab.release("bob", gone)
    host.configure(**GRACE)
    host.cut()
    for _ in range(3):
        host.ssh("bob").failed(255)
        assert host.status()["events_waiting"] > 0
        host.kill_and_start()
    waiting = host.status()["events_waiting"]
    assert waiting >= 6  # three refusals, three starts
    host.mend()
    host.kill_and_start()
    wait_until(lambda: host.status()["events_waiting"] == 0, "the delivery")
    stored = events(host_lab)
    assert [event["number"] for event in stored] == list(range(1, len(stored) + 1))
    kinds = collections.Counter(event["kind"] for event in stored[-waiting - 1:])
    assert kinds["started"] == 4, kinds
    refusals = [event for event in stored if event["ticket"] == gone and event["kind"] == "login_refused"]
    assert len(refusals) == 3 and {event["code"] for event in refusals} == {"ticket_released"}


@pytest.mark.parametrize("name, damage, code", [
    ("tickets", "truncate -s -40", "ticket_none"),
    ("tickets", "truncate -s 0", "ticket_none"),
    ("policy", "flip", "policy_missing"),
])
def test_a_damaged_state_file_is_set_aside_and_opens_nothing(host, ticket, name, damage, code):
    host.configure(**GRACE)
    host.ssh().ok()
    host.cut()
    host.stop()
    spoil(host, name, damage)
    host.mark()
    host.agent("start").ok()
    host.logged(f"{STATE}/{name}: damaged; set aside as {name}.damaged-")
    host.ssh().failed(255)
    host.refused(code, ": principals")
    host.mend()
    host.restart()
    host.ssh().ok()


def test_a_damaged_file_of_accounts_is_replaced_and_nothing_opens_by_that(host, ticket):
    """What becomes of a session whose file is damaged: test_sessions.py."""
    host.ssh().ok()
    host.stop()
    spoil(host, "accounts", "flip")
    host.mark()
    host.agent("start").ok()
    host.logged(f"{STATE}/accounts: damaged; set aside as accounts.damaged-")
    host.wait_in_step()
    host.ssh().ok()
    host.ssh("alice", "true", options=["-l", "deploy"]).failed(255)


def test_a_damaged_journal_is_set_aside_and_the_gap_shows(host, host_lab, ticket):
    """The service has events of this host that the new journal does not know: that must not go unnoticed, on either side."""
    stored = len(events(host_lab))
    host.stop()
    spoil(host, "events", "flip")
    host.mark()
    host.agent("start").ok()
    host.logged(f"{STATE}/events: damaged; set aside as events.damaged-")
    host.logged("is none of this journal: one of them was lost or put back; continuing behind it")
    host.ssh().ok()
    wait_until(lambda: host.status()["events_waiting"] == 0, "the delivery")
    new = events(host_lab)[stored:]
    assert [event["kind"] for event in new].count("chain_restarted") == 1
    assert [event["number"] for event in new] == list(range(new[0]["number"], new[0]["number"] + len(new)))


def spoil(host, name, damage):
    path = f"{STATE}/{name}"
    if damage != "flip":
        host.run(*damage.split(), path).ok()
        return
    host.python(f"""
with open("{path}", "r+b") as file:
    data = bytearray(file.read())
    data[len(data) // 2] ^= 1
    file.seek(0)
    file.write(data)
""").ok()


def ask_for_status_as(host, *options):
    """The sources may lie where nobody but root can read them."""
    script = (Path(__file__).parents[2] / "scripts/lib/lab/agent_status.py").read_text()
    return host.run("setpriv", *options, "/usr/bin/python3", "-c", script)


def test_local_users_do_not_reach_the_agent(host):
    done = ask_for_status_as(host, "--reuid=3001", "--regid=3001", "--clear-groups").failed(1)
    assert "PermissionError" in done.err, done.describe()


@pytest.mark.parametrize("user", ["3001", "tegata-principals", "tegata"])
def test_the_agents_group_alone_may_ask_nothing(host, user):
    """tegata-principals may ask for principals, and for nothing else."""
    done = ask_for_status_as(host, f"--reuid={user}", "--regid=tegata", "--clear-groups").failed(1)
    assert done.out == "\n", done.describe()
    host.refused("peer_refused", "asked for kind 5")


def test_an_admission_is_of_one_monitor_alone(host, ticket):
    """The helper, run by hand with alice's certificate, admits nobody but whoever ran it."""
    certificate = host.lab.read(f"{host.lab.home('alice')}/.ssh/id_ed25519-cert.pub").split()
    line = host.run("setpriv", "--reuid=tegata-principals", "--regid=tegata-principals", "--init-groups", "sh", "-c",
                    f"/usr/libexec/tegata-principals --account=alice --key-type={certificate[0]} --certificate={certificate[1]}; :")
    assert line.ok().out.endswith(" alice\n")
    host.other_sshd("AuthorizedKeysFile /etc/ssh/keys/%u")
    key = host.plain_key()
    host.authorize("alice", f"{key}.pub")
    done = host.other_ssh("alice", key=key).failed(255)
    assert "(not_admitted)" in done.err, done.describe()


def test_a_certificate_of_another_type_than_sshd_names_admits_nobody(host, ticket):
    certificate = host.lab.read(f"{host.lab.home('alice')}/.ssh/id_ed25519-cert.pub").split()
    done = host.run("setpriv", "--reuid=tegata-principals", "--regid=tegata-principals", "--init-groups", "sh", "-c",
                    f"/usr/libexec/tegata-principals --account=alice --key-type=ssh-rsa-cert-v01@openssh.com --certificate={certificate[1]}; :")
    assert done.ok().out == ""
    host.refused("certificate_malformed", "of another type than sshd says")


def test_a_leftover_socket_and_roster_are_replaced(host, ticket):
    host.touched = True
    host.agent("kill").ok()
    host.run("test", "-S", "/run/tegata/agent.sock").ok()
    host.run("rm", ROSTER).ok()
    host.run("getent", "passwd", "alice").failed(2)
    host.agent("start").ok()
    host.wait_in_step()
    host.ssh().ok()
