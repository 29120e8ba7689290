"""What people do over ssh, with an approved ticket: all of it must work as it does without Tegata."""

import pytest

from lab import wait_until

EVERYTHING = ("--option", "pty", "--option", "port-forwarding", "--option", "agent-forwarding", "--group", "ops")


@pytest.fixture(scope="module")
def alice(lab):
    """alice with an approved ticket for ops1, and a file to send."""
    ticket = lab.ticket("alice", ["bob"], "ops1", *EVERYTHING, duration="2h")
    lab.write(f"{lab.home('alice')}/sent", "some text\n", owner="alice")
    yield ticket
    lab.release("alice", ticket)


def test_exit_statuses(lab, alice):
    for status in (0, 1, 7, 254):
        assert lab.ssh("alice", "ops1", f"exit {status}").status == status


def test_without_standard_input_and_without_a_terminal(lab, alice):
    assert lab.ssh("alice", "ops1", "cat", options=["-n"], stdin="unread").ok().out == ""
    assert lab.ssh("alice", "ops1", "cat", options=["-T"], stdin="piped").ok().out == "piped"


def test_with_a_terminal(lab, alice):
    done = lab.ssh("alice", "ops1", "tty; stat -c %U $(tty)", options=["-tt"]).ok()
    assert done.out.replace("\r", "").split() == ["/dev/pts/0", "alice"]


def test_scp_and_sftp(lab, alice):
    home = lab.home("alice")
    lab.as_("alice", "scp", "-q", "sent", "ops1:by_scp").ok()
    lab.as_("alice", "scp", "-q", "-O", "sent", "ops1:by_rcp").ok()
    lab.as_("alice", "sftp", "-q", "-b", "-", "ops1", stdin="put sent by_sftp\nget by_scp returned\n").ok()
    assert lab.read(f"{home}/returned") == "some text\n"
    assert lab.ssh("alice", "ops1", "cat by_scp by_rcp by_sftp").ok().out == 3 * "some text\n"


def test_rsync(lab, alice):
    lab.as_("alice", "rsync", "-a", "sent", "ops1:by_rsync").ok()
    assert lab.ssh("alice", "ops1", "cat by_rsync").ok().out == "some text\n"


def test_git(lab, alice):
    lab.ssh("alice", "ops1", "rm -rf r.git && git init -q --bare r.git").ok()
    lab.as_("alice", "sh", "-c", """
        set -e
        rm -rf there && git clone -q ssh://ops1/home/alice/r.git there 2>/dev/null && cd there
        echo text >file && git add file
        git -c user.name=alice -c user.email=alice@lab commit -q -m one && git push -q origin HEAD:main""").ok()
    assert lab.ssh("alice", "ops1", "git --git-dir=r.git show main:file").ok().out == "text\n"


def test_port_forwarding_without_a_session(lab, alice):
    forwarding = lab.start("as", "alice", "ssh", "-N", "-L", "10.77.0.100:7022:127.0.0.1:22", "ops1")
    banner = wait_until(
        lambda: lab.run("bash", "-c", "exec 3<>/dev/tcp/10.77.0.100/7022 && read -r line <&3 && echo $line").out,
                        "the forwarded port")
    assert banner.startswith("SSH-2.0-OpenSSH")
    lab.run("pkill", "-u", "alice", "-f", "ssh -N -L").ok()
    forwarding.wait(timeout=20)


def test_control_master(lab, alice):
    control = ["-o", "ControlMaster=auto", "-o", "ControlPath=~/.ssh/control", "-o", "ControlPersist=60"]
    assert lab.ssh("alice", "ops1", "id -un", options=control).ok().out == "alice\n"
    lab.ssh("alice", "ops1", options=[*control, "-O", "check"]).ok()
    assert lab.ssh("alice", "ops1", "id -un", options=control).ok().out == "alice\n"
    lab.ssh("alice", "ops1", options=[*control, "-O", "exit"]).ok()


def test_what_programs_see_of_her(lab, alice):
    assert lab.ssh("alice", "ops1", "id").ok().out.startswith("uid=20001(alice) gid=20001(alice) groups=20001(alice),21000(ops)")
    assert lab.ssh("alice", "ops1", "getent passwd 20001").ok().out.startswith("alice:*:20001:20001:")
    assert lab.ssh("alice", "ops1", "getent group ops").ok().out.startswith("ops:")
    assert lab.ssh("alice", "ops1", "touch mine && ls -l mine").ok().out.split()[2:4] == ["alice", "alice"]


def test_sudo_by_a_role_of_the_ticket(lab):
    ticket = lab.ticket("alice", ["bob"], "ops2", "--rule", "administration", "--sudo", "sysop")
    assert "ALL" in lab.ssh("alice", "ops2", "sudo -l").ok().out
    assert lab.ssh("alice", "ops2", "sudo id -u").ok().out == "0\n"
    lab.release("alice", ticket)


def test_files_keep_their_owners_name(lab):
    ticket = lab.ticket("alice", ["bob"], "ops2", *EVERYTHING)
    lab.ssh("alice", "ops2", "touch kept").ok()
    lab.release("alice", ticket)
    wait_until(lambda: lab.on("ops2", "getent", "passwd", "alice").out.strip().endswith("nologin"), "the account's end")
    assert lab.on("ops2", "stat", "-c", "%U", "/home/alice/kept").ok().out == "alice\n"
    assert lab.on("ops2", "id", "-nG", "alice").ok().out.split() == ["alice"]


def test_a_shared_account(lab):
    """Two approvers of two groups; both requesters are the same Unix user."""
    ticket = lab.request("alice", "ops1", "--account", "deploy")
    lab.approve("bob", ticket).ok()
    lab.ssh("alice", "deploy@ops1", "true").failed(255)
    lab.approve("dave", ticket).ok()
    lab.wait_acknowledged("alice", ticket)
    assert lab.ssh("alice", "deploy@ops1", "id -un; id -u").ok().out == "deploy\n20100\n"
    lab.ssh("bob", "deploy@ops1", "true").failed(255)
    lab.release("alice", ticket)


def test_two_valid_tickets(lab):
    first = lab.ticket("bob", ["dave"], "ops2", "--rule", "operations", duration="20m")
    second = lab.ticket("bob", ["dave"], "ops2", "--rule", "operations", duration="40m")
    lab.ssh("bob", "ops2", "true").ok()
    lab.release("bob", second)
    lab.ssh("bob", "ops2", "true").ok()
    lab.release("bob", first)
    lab.ssh("bob", "ops2", "true").failed(255)


def test_a_hardware_rule(lab):
    """bob logs in with his security key; carol approves with hers; their software keys are refused in either place."""
    configuration = ("-C", f"{lab.home('bob')}/.config/tegata/security_key.conf")
    done = lab.as_("bob", "tegata", *configuration, "request", "ops2", "--for", "10m", "--reason", "hardware", "--rule", "hardware").ok()
    ticket = done.out.split("\n", 1)[0]
    lab.approve("carol", ticket).failed(1)
    lab.as_("carol", "tegata", "-C", f"{lab.home('carol')}/.config/tegata/security_key.conf", "approve", ticket, "--yes").ok()
    lab.wait_acknowledged("bob", ticket)
    key = f"{lab.home('bob')}/.ssh/id_ed25519_sk"
    lab.run("lab-certificate", "bob", environment={"KEY": f"{key}.pub"}).ok()
    hardware = ["-F", f"{lab.home('bob')}/.ssh/security_key_config"]
    assert lab.ssh("bob", "ops2", "id -un", options=hardware).ok().out == "bob\n"
    lab.mark("ops2")
    lab.ssh("bob", "ops2", "true").failed(255)
    lab.logged("ticket_other_key", "ops2")
    lab.release("bob", ticket)
