"""sudo under a rule that asks for a touch: bob's security key, in a forwarded ssh-agent, confirms each command. The key is one in
software; TG_TEST_SK_FLAGS=0 is a key that nobody touches."""

import pytest

from host import events
from lab import wait_until
from shell import Shell

# An ssh-agent between sudo and the real one: keeps the last answer in a file, or gives the one in the file.
BETWEEN = """
import os, socket, struct, sys
mode, path, kept, upstream = sys.argv[1:]
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
def message(channel):
    head = channel.recv(4, socket.MSG_WAITALL)
    return head + channel.recv(struct.unpack(">I", head)[0], socket.MSG_WAITALL)
while True:
    client = server.accept()[0]
    request = message(client)
    if mode == "keep":
        real = socket.socket(socket.AF_UNIX)
        real.connect(upstream)
        real.sendall(request)
        with open(kept, "wb") as file:
            file.write(message(real))
    answer = {"garbage": b"\\0\\0\\0\\5\\16\\0\\0\\0\\xff", "long": b"\\xff\\xff\\xff\\xff"}.get(mode)
    if answer is None:
        with open(kept, "rb") as file:
            answer = file.read()
    client.sendall(answer)
    client.close()
"""


class Key:
    """An ssh-agent of bob's, on his own machine, with his security key in it."""

    def __init__(self, lab, name, flags=5, key="id_ed25519_sk"):
        self.path = f"{lab.home('bob')}/{name}.sock"
        provider = f"{lab.folder}/public"
        self.process = lab.start("as", "bob", "env", f"TG_TEST_SK_FLAGS={flags}", "ssh-agent", "-D", "-a", self.path,
                                 "-P", f"{provider}/*")
        wait_until(lambda: lab.run("test", "-S", self.path).status == 0, "the ssh-agent")
        if key:
            lab.run("env", f"SSH_AUTH_SOCK={self.path}", "as", "bob", "ssh-add", "-q", "-S", f"{provider}/tg_sk_provider.so",
                    f"{lab.home('bob')}/.ssh/{key}").ok()


def login(lab, forwarded=None):
    """Words for ssh: bob's security key from its file, never from an agent. ssh forwards an agent only if it has one for itself."""
    agent = ["-o", f"ForwardAgent={forwarded.path}", "-o", f"IdentityAgent={lab.home('bob')}/empty.sock"] if forwarded else []
    return ["-F", f"{lab.home('bob')}/.ssh/security_key_config", *(agent or ["-o", "IdentityAgent=none"])]


@pytest.fixture(scope="module")
def touch_ticket(host_lab):
    """bob's, under the rule touch; carol approves with her security key."""
    lab = host_lab
    lab.run("lab-certificate", "bob", environment={"KEY": f"{lab.home('bob')}/.ssh/id_ed25519_sk.pub"}).ok()
    done = lab.as_("bob", "tegata", "-C", f"{lab.home('bob')}/.config/tegata/security_key.conf", "request", "ops1", "--for", "1h",
                   "--reason", "step up", "--rule", "touch").ok()
    ticket = done.out.split("\n", 1)[0]
    lab.as_("carol", "tegata", "-C", f"{lab.home('carol')}/.config/tegata/security_key.conf", "approve", ticket, "--yes").ok()
    lab.wait_acknowledged("bob", ticket)
    return ticket


@pytest.fixture(scope="module")
def empty(host_lab):
    return Key(host_lab, "empty", key="")


@pytest.fixture(scope="module")
def key(host_lab, empty):
    return Key(host_lab, "touched")


@pytest.fixture
def shell(host, touch_ticket, key):
    with Shell(host.lab, "bob", words=login(host.lab, key)) as one:
        yield one


def refused(done, code):
    assert done.status != 0 and f"({code}" in done.out, done.describe()


def test_a_touch_confirms_one_command(host, touch_ticket, shell):
    done = shell.run("sudo id -un").ok()
    assert done.out == "Touch your security key to confirm: sudo id -un\nroot\n"
    done = shell.run("sudo sh -c 'echo a  b; id -un'").ok()
    assert done.out == "Touch your security key to confirm: sudo sh -c echo%20a%20%20b;%20id%20-un\na b\nroot\n"
    found = wait_until(lambda: [event for event in events(host.lab) if event["kind"] == "stepped_up"][-2:], "the events")
    assert wait_until(lambda: [event["detail"] for event in events(host.lab) if event["kind"] == "stepped_up"][-2:] == [
        "sudo id -un", "sudo sh -c echo%20a%20%20b;%20id%20-un"], "both events")
    assert {(event["ticket"], event["person"]) for event in found} == {(touch_ticket, "bob")}


def test_a_tools_sudo_asks_for_the_touch_as_well(host, shell):
    """sudo -n with noninteractive_auth: no password can be asked for, and a touch is."""
    host.change("/etc/sudoers.d/tegata", host.read("/etc/sudoers.d/tegata") + "Defaults noninteractive_auth\n")
    done = shell.run("sudo -n id -un").ok()
    assert done.out == "Touch your security key to confirm: sudo -n id -un\nroot\n"


def test_a_long_command_is_cut_where_it_can_be_seen(shell):
    said = shell.run(f"sudo true {'x' * 2000} rm").ok().out
    assert said.startswith("Touch your security key to confirm: sudo true xxx") and said.endswith("xxx...\n")


def test_each_command_needs_its_own_touch(host, shell):
    """Neither a password that sudo remembers nor NOPASSWD is a touch."""
    sudoers = host.read("/etc/sudoers.d/tegata")
    host.change("/etc/sudoers.d/tegata", sudoers + "Defaults timestamp_timeout=60, timestamp_type=global\n")
    shell.run("sudo id -un").ok()
    refused(shell.run("sudo id -un"), "step_up_missing")
    shell.run("sudo -k").ok()
    shell.run("sudo id -un").ok()
    host.write("/etc/sudoers.d/tegata", sudoers.replace("%sysop ALL=(ALL:ALL) ALL", "%sysop ALL=(ALL:ALL) NOPASSWD: ALL"))
    refused(shell.run("sudo id -un"), "step_up_missing")
    host.refused("step_up_missing", "sudo id -un")


def test_su_asks_for_the_touch_and_for_the_password(host, shell):
    host.keep("/etc/shadow")
    host.run("chpasswd", stdin="root:secret\n").ok()
    done = shell.run("su -c 'id -un'", stdin="secret").ok()
    assert "Touch your security key to confirm: su -c id%20-un\n" in done.out and done.out.endswith("root\n")
    shell.run("su -c 'id -un'", stdin="wrong").failed()


def test_a_key_that_nobody_touches(host, touch_ticket, empty):
    untouched = Key(host.lab, "untouched", flags=0)
    with Shell(host.lab, "bob", words=login(host.lab, untouched)) as shell:
        refused(shell.run("sudo id"), "step_up_failed")
    host.refused("step_up_failed", "sudo id")


def test_an_agent_without_the_key(host, touch_ticket, empty):
    with Shell(host.lab, "bob", words=login(host.lab, empty)) as shell:
        refused(shell.run("sudo id"), "step_up_failed")


def test_no_ssh_agent(host, touch_ticket):
    with Shell(host.lab, "bob", words=login(host.lab)) as shell:
        refused(shell.run("sudo id"), "step_up_no_agent")
        refused(shell.run("SSH_AUTH_SOCK=/nonexistent sudo id"), "step_up_no_agent")
        refused(shell.run("SSH_AUTH_SOCK=relative sudo id"), "step_up_no_agent")


@pytest.mark.parametrize("mode, code", [("garbage", "step_up_failed"), ("long", "step_up_failed")])
def test_what_an_ssh_agent_may_answer(host, shell, mode, code):
    with Between(host, shell, mode) as between:
        refused(between.sudo("id"), code)


def test_a_proof_is_good_for_one_challenge(host, shell):
    """The answer to one challenge, given to the next: for the same command, and for another."""
    with Between(host, shell, "keep") as between:
        assert between.sudo("id -un").ok().out.endswith("root\n")
    with Between(host, shell, "replay") as between:
        refused(between.sudo("id -un"), "step_up_failed")
        refused(between.sudo("reboot"), "step_up_failed")
    host.refused("step_up_failed", "sudo id")


def test_the_persons_own_rights_reach_the_socket(host, shell):
    """Only root could open this one: sudo asks as bob."""
    host.sh("mkdir -m 700 /run/private").ok()
    shell.run("cp /proc/self/environ /dev/null; echo $SSH_AUTH_SOCK >/tmp/where").ok()
    host.sh('ln -sf "$(cat /tmp/where)" /run/private/agent; rm /tmp/where').ok()
    refused(shell.run("SSH_AUTH_SOCK=/run/private/agent sudo id"), "step_up_no_agent")
    host.sh("chmod 711 /run/private").ok()
    shell.run("SSH_AUTH_SOCK=/run/private/agent sudo id").ok()
    host.sh("rm -r /run/private").ok()


def test_a_policy_that_asks_for_it_from_now_on(host_lab, host, touch_ticket):
    """Without step_up in the rule the same session needs no touch; this is the control, taken out."""
    text = host_lab.read(f"{host_lab.folder}/policy.json")
    host_lab.change_policy('next(rule for rule in policy["rules"] if rule["id"] == "touch")["step_up"] = 0')
    with Shell(host_lab, "bob", words=login(host_lab)) as shell:
        assert shell.run("sudo id -un").ok().out == "root\n"
        host_lab.publish_policy(text)
        refused(shell.run("sudo id -un"), "step_up_no_agent")


class Between:
    """BETWEEN inside a session, in front of the agent that sshd forwards."""

    def __init__(self, host, shell, mode):
        self.shell = shell
        self.path = f"/tmp/between-{mode}"
        host.write("/usr/local/bin/between.py", BETWEEN)
        shell.send(f"/usr/bin/python3 /usr/local/bin/between.py {mode} {self.path} /tmp/kept-answer $SSH_AUTH_SOCK >/dev/null 2>&1 & between=$!")
        wait_until(lambda: host.run("test", "-S", self.path).status == 0, self.path)

    def sudo(self, command):
        return self.shell.run(f"SSH_AUTH_SOCK={self.path} sudo {command}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shell.run(f"kill $between; wait $between; rm {self.path}")
