"""sudo and su inside a session: by the session's own ticket, and by nothing else. In the lab the roles are sysop (everything) and
restarter (one command); the group ops is no role, and sudoers gives it everything without a password."""

import pytest

from host import events
from lab import wait_until
from shell import Shell

LOCAL = "localuser:*:1999:1999::/home/localuser:/bin/sh"


@pytest.fixture(scope="module")
def role(host_lab):
    """alice's ticket with every role: it lasts longer than the one that the host's other tests share."""
    ticket = host_lab.ticket("alice", ["bob"], "ops1", "--rule", "administration", duration="3h")
    yield ticket
    host_lab.release("alice", ticket)


@pytest.fixture
def shell(host, role):
    """A session by it."""
    with Shell(host.lab, "alice") as one:
        yield one


@pytest.fixture
def plain_shell(host, role):
    """A session of alice's by a ticket without a role: it lasts longer than the other, so it is the one that is used."""
    ticket = host.lab.ticket("alice", ["bob"], "ops1", "--rule", "developers", duration="3h30m")
    with Shell(host.lab, "alice") as one:
        yield one
    host.lab.release("alice", ticket)


def refused(done, code):
    assert done.status != 0 and f"({code}" in done.out, done.describe()


# --- Who may, and who may not ---------------------------------------------------------------------------------------------------


def test_a_role_of_the_ticket_opens_sudo(host, role, shell):
    assert shell.run("sudo id -un").ok().out == "root\n"
    assert shell.run("sudo -u daemon id -un").ok().out == "daemon\n"
    assert shell.run("sudo -i id -un").ok().out.endswith("root\n")
    assert shell.run('printf %s "$TEGATA_TICKET $TEGATA_PERSON"').ok().out == f"{role} alice"
    session = shell.run('printf %s "$TEGATA_SESSION"').ok().out
    found = wait_until(lambda: [event for event in events(host.lab)
                                if event["kind"] == "sudo_allowed" and event["session"] == session][:3], "the events")
    assert [event["detail"] for event in found] == ["sudo: sudo id -un", "sudo: sudo -u daemon id -un", "sudo-i: sudo -i id -un"]
    assert {(event["ticket"], event["person"], event["account"]) for event in found} == {(role, "alice", "alice")}


def test_without_a_role_there_is_no_sudo(host, plain_shell):
    """Though sudoers gives everything without a password to a group of the ticket."""
    host.mark()
    assert "ops" in plain_shell.run("id -nG").ok().out.split()
    refused(plain_shell.run("sudo id"), "sudo_not_granted")
    refused(plain_shell.run("sudo -l"), "sudo_not_granted")
    host.refused("sudo_not_granted", "sudo id")
    wait_until(lambda: [event for event in events(host.lab) if event["kind"] == "sudo_refused" and "sudo id" in event["detail"]
                        and event["code"] == "sudo_not_granted"], "the event")


def test_a_role_gives_what_sudoers_says(host):
    ticket = host.lab.ticket("alice", ["bob"], "ops1", "--rule", "administration", "--sudo", "restarter", "--group", "ops",
                             duration="4h")
    host.change("/etc/sudoers.d/tegata", host.read("/etc/sudoers.d/tegata").replace("%ops", "#"))
    with Shell(host.lab, "alice") as shell:
        assert shell.run("id -nG").ok().out == "alice ops restarter\n"
        shell.run("sudo touch /run/restarted").ok()
        assert "not allowed" in shell.run("sudo id").failed().out
    host.lab.release("alice", ticket)


def test_tools_that_call_sudo_without_a_password(host, role, shell):
    """sudo -n asks PAM for nothing, unless sudoers says that it may."""
    assert "a password is required" in shell.run("sudo -n id -un").failed().out
    host.run("tee", "/etc/sudoers.d/tools", stdin="Defaults:%sysop noninteractive_auth\n").ok()
    try:
        assert shell.run("sudo -n id -un").ok().out == "root\n"
        assert shell.run("sudo -k -n id -un").ok().out == "root\n"
    finally:
        host.run("rm", "/etc/sudoers.d/tools").ok()


def test_root_and_local_accounts_outside_of_sessions_are_untouched(host):
    host.add_user(LOCAL)
    host.run("tee", "/etc/sudoers.d/local", stdin="localuser ALL=(ALL) NOPASSWD: ALL\n").ok()
    local = ["setpriv", "--reuid=1999", "--regid=1999", "--clear-groups", "sudo", "id", "-un"]
    assert host.run("sudo", "id", "-un").ok().out == "root\n"
    assert host.run("su", "-s", "/bin/sh", "daemon", "-c", "id -un").ok().out == "daemon\n"
    assert host.run(*local).ok().out == "root\n"
    host.stop()
    assert host.run("sudo", "id", "-un").ok().out == "root\n"
    assert host.run("su", "-s", "/bin/sh", "daemon", "-c", "id -un").ok().out == "daemon\n"
    assert "(agent_unreachable)" in host.run(*local).failed().err
    host.edit("/etc/pam.d/sudo", "for=sudo", "for=sudo exempt=localuser")
    assert host.run(*local).ok().out == "root\n"
    host.run("rm", "/etc/sudoers.d/local").ok()


def test_an_account_of_tegatas_outside_of_a_session(host, shell):
    """The process has alice's uid and groups, and no session."""
    done = host.run("setpriv", "--reuid=20001", "--regid=20001", "--groups=20001,21001", "sudo", "id").failed()
    assert "(session_none)" in done.err, done.describe()


def test_another_account_inside_the_session(host, shell):
    """Who has become somebody else by sudo goes on as that account, for which there is no ticket."""
    host.add_user(LOCAL)
    host.run("tee", "/etc/sudoers.d/local", stdin="localuser ALL=(ALL) NOPASSWD: ALL\n").ok()
    refused(shell.run("sudo -u localuser sudo id"), "sudo_not_granted")
    assert shell.run("sudo sudo id -un").ok().out == "root\n"
    host.run("rm", "/etc/sudoers.d/local").ok()


# --- Two sessions of one person -------------------------------------------------------------------------------------------------


def test_each_session_has_its_own_tickets_groups(host, shell, plain_shell):
    assert shell.run("id -nG").ok().out == "alice ops sysop restarter\n"
    assert plain_shell.run("id -nG").ok().out == "alice ops\n"
    assert shell.run("sudo id -un").ok().out == "root\n"
    refused(plain_shell.run("sudo id"), "sudo_not_granted")
    for program in ("newgrp sysop", "sg sysop -c id"):
        assert "sysop" not in plain_shell.run(f"echo id | {program}", stdin="").out.split("groups=")[-1]


def test_a_timestamp_of_one_session_opens_nothing_in_another(host, shell, plain_shell):
    """sudo is told to remember for an hour, wherever it is called."""
    remember = "Defaults timestamp_timeout=60, timestamp_type=global\n"
    host.change("/etc/sudoers.d/tegata", host.read("/etc/sudoers.d/tegata") + remember)
    shell.run("sudo id").ok()
    refused(plain_shell.run("sudo id"), "sudo_not_granted")


def test_what_newgrp_is_kept_from_is_the_members_list(host, role):
    assert host.run("getent", "group", "sysop").ok().out == "sysop:*:21001:\n"


# --- su -------------------------------------------------------------------------------------------------------------------------


def test_su_asks_for_the_ticket_and_for_the_password(host, shell, plain_shell):
    host.keep("/etc/shadow")
    host.run("chpasswd", stdin="root:secret\n").ok()
    assert shell.run("su -c 'id -un'", stdin="secret").ok().out.endswith("root\n")
    assert shell.run("su - -c 'id -un'", stdin="secret").ok().out.endswith("root\n")
    assert "failure" in shell.run("su -c id", stdin="wrong").failed().out
    assert "failure" in shell.run("su -c id", stdin="").failed().out
    refused(plain_shell.run("su -c id", stdin="secret"), "sudo_not_granted")
    refused(plain_shell.run("su - -c id", stdin="secret"), "sudo_not_granted")


def test_su_gives_nobody_what_another_ticket_grants(host, role):
    """A shell as oneself would have the groups of all tickets of the account."""
    ticket = host.lab.ticket("alice", ["bob"], "ops1", "--rule", "administration", "--sudo", "restarter", duration="3h30m")
    with Shell(host.lab, "alice") as one:
        assert "sysop" in host.run("id", "-nG", "alice").ok().out.split()
        assert "sysop" not in one.run("id -nG").ok().out.split()
        assert "failure" in one.run("su alice -c id").failed().out
        assert "failure" in one.run("su -l alice -c id").failed().out
    host.lab.release("alice", ticket)


# --- Ends -----------------------------------------------------------------------------------------------------------------------


def test_no_agent_no_sudo(host, shell):
    host.stop()
    refused(shell.run("sudo id"), "agent_unreachable")


def test_a_revocation_ends_what_sudo_runs(host):
    ticket = host.lab.ticket("alice", ["bob"], "ops1", "--rule", "administration", duration="4h")
    with Shell(host.lab, "alice") as shell:
        shell.send("sudo sh -c 'trap \"\" HUP TERM; sleep 7654; sleep 7655'")
        wait_until(lambda: host.run("pgrep", "-f", "^sleep 7654").status == 0, "the command")
        host.lab.revoke("bob", ticket)
        wait_until(lambda: host.run("pgrep", "-f", "sleep 765").status == 1, "its end")
        assert shell.process.wait(timeout=20) == 255
    wait_until(lambda: [event for event in events(host.lab) if event["kind"] == "session_ended" and event["ticket"] == ticket],
               "the event")


# --- The controls, each taken out -----------------------------------------------------------------------------------------------


def test_without_the_account_line_nopasswd_opens_sudo(host, plain_shell):
    """What the account line is for."""
    host.edit("/etc/pam.d/sudo", "^account required pam_tegata.so for=sudo$", "")
    assert plain_shell.run("sudo id -un").ok().out == "root\n"


def test_without_the_auth_line_in_sshd_a_session_has_all_its_accounts_groups(host, role):
    """What pam_setcred is for: the roster knows the groups of an account, not those of a session."""
    ticket = host.lab.ticket("alice", ["bob"], "ops1", "--rule", "developers", duration="3h30m")
    assert host.ssh("alice", "id -nG").ok().out == "alice ops\n"
    host.edit("/etc/pam.d/sshd", "^auth required pam_tegata.so$", "")
    assert "sysop" in host.ssh("alice", "id -nG").ok().out.split()
    host.lab.release("alice", ticket)


def test_an_unknown_purpose_denies(host, shell):
    """In silence, because the module does not know for whom: so the log says it."""
    host.edit("/etc/pam.d/sudo", "for=sudo", "for=su")
    shell.run("sudo id").failed()
    host.refused("config_bad", "pam_tegata(sudo:auth)", log="syslog")
