"""What must work with a valid ticket beyond the everyday ways in: what goes through the connection, what the ticket restricts,
which of two tickets is used, and what stays when the window is over."""

import pytest

from lab import wait_until

ROUNDS = 5


@pytest.fixture(scope="module")
def alice(lab):
    """alice with an approved ticket for both hosts; from there she may be forwarded to two places and no other."""
    ticket = lab.ticket("alice", ["bob"], "ops1,ops2", "--option", "pty", "--option", "port-forwarding",
                        "--permit-open", "127.0.0.1:22", "--permit-open", "ops2:22", duration="2h")
    yield ticket
    lab.release("alice", ticket)


# --- The connection -----------------------------------------------------------------------------------------------------------


def test_nothing_of_ours_is_on_the_connection(lab, alice):
    done = lab.ssh("alice", "ops1", "true").ok()
    assert (done.out, done.err) == ("", "")


def test_ten_megabytes_come_and_go_unchanged(lab, alice):
    done = lab.as_("alice", "sh", "-c", """
        set -e
        head -c 10000000 /dev/urandom >big
        ssh -o BatchMode=yes ops1 'tee big' <big >back
        cmp big back
        ssh -o BatchMode=yes ops1 'sha256sum <big; rm big'
        sha256sum <big
        rm big back""").ok()
    there, here = done.out.splitlines()
    assert there == here
    assert done.err == ""


@pytest.mark.parametrize("command, status", [("exit 255", 255), ("kill -TERM $$", 255), ("sh -c 'kill -KILL $$'; exit $?", 137)])
def test_ends_that_are_not_plain_exits(lab, alice, command, status):
    assert lab.ssh("alice", "ops1", command).status == status


def test_three_sessions_over_one_connection_are_one_login(lab, alice):
    control = ["-o", "ControlPath=~/.ssh/three"]
    lab.mark()
    master = lab.start("as", "alice", "ssh", "-M", "-N", *control, "ops1")
    wait_until(lambda: lab.ssh("alice", "ops1", options=[*control, "-O", "check"]).status == 0, "the master connection")
    sessions = [lab.start("as", "alice", "ssh", *control, "ops1", "cat") for _ in range(3)]
    for number, session in enumerate(sessions):
        assert session.communicate(f"{number}\n", timeout=20) == (f"{number}\n", "")
        assert session.returncode == 0
    lab.ssh("alice", "ops1", options=[*control, "-O", "exit"]).ok()
    master.wait(timeout=20)
    assert len(sessions_opened(lab, "ops1", "alice")) == 1


# --- What the ticket restricts ------------------------------------------------------------------------------------------------


def test_only_the_named_destinations_are_forwarded_to(lab, alice):
    """Data passes to a destination that the ticket names; sshd refuses the others, over the same connection."""
    address = "10.77.0.100"
    destinations = {7030: "127.0.0.1:22", 7031: "127.0.0.1:80", 7032: "service:8443"}
    wishes = [word for port, destination in destinations.items() for word in ("-L", f"{address}:{port}:{destination}")]
    forwarding = lab.start("as", "alice", "ssh", "-N", *wishes, "ops1")
    wait_until(lambda: "7032" in lab.run("ss", "-Hltn").out, "the forwarded ports")
    through = ["-p", "7030", "-o", f"HostName={address}", "-o", "HostKeyAlias=ops1"]
    assert lab.ssh("alice", "ops1", "wc -c", options=through, stdin="x" * 1000000).ok().out.strip() == "1000000"
    for port in (7031, 7032):
        lab.run("bash", "-c", f"exec 3<>/dev/tcp/{address}/{port} && read -r line <&3").failed(1)
    lab.run("pkill", "-u", "alice", "-f", "ssh -N -L").ok()
    said = forwarding.communicate(timeout=20)[1]
    assert said.count("administratively prohibited") == 2, said


def test_a_jump_host(lab, alice):
    done = lab.ssh("alice", "ops2", "hostname; echo $SSH_CONNECTION", options=["-J", "ops1"]).ok()
    assert done.out.split()[:2] == ["ops2", "10.77.0.11"]


def test_without_the_options_there_is_no_terminal_and_no_forwarding(lab):
    ticket = lab.ticket("carol", ["dave"], "ops1", "--rule", "operations", "--option", "agent-forwarding")
    done = lab.ssh("carol", "ops1", "tty", options=["-tt"]).failed(255)
    assert "PTY allocation request failed" in done.err and done.out == ""
    done = lab.ssh("carol", "ops1", options=["-W", "127.0.0.1:22"]).failed(255)
    assert "administratively prohibited" in done.err
    lab.release("carol", ticket)


def test_a_forced_command(lab):
    ticket = lab.ticket("carol", ["dave"], "ops1", "--rule", "operations", "--command", "echo asked for: $SSH_ORIGINAL_COMMAND")
    assert lab.ssh("carol", "ops1", "id").ok().out == "asked for: id\n"
    lab.release("carol", ticket)


def test_a_source(lab):
    """carol's ticket is for her own address. Where sshd does not tell the helper the address (before OpenSSH 9.4), sshd itself
    refuses, by the line that the helper gave it."""
    ticket = lab.ticket("carol", ["dave"], "ops1", "--rule", "operations", "--source", "10.77.0.103")
    lab.ssh("carol", "ops1", "true").ok()
    lab.mark()
    lab.mark("ops1", "sshd.log")
    lab.ssh("carol", "ops1", "true", options=["-o", "BindAddress=10.77.0.101"]).failed(255)
    if "--connection" in lab.on("ops1", "cat", "/etc/ssh/sshd_config").out:
        lab.logged("ticket_other_source")
    else:
        lab.logged("not from a permitted host", name="sshd.log")
    lab.release("carol", ticket)


# --- Which ticket, and when -----------------------------------------------------------------------------------------------------


def sessions_opened(lab, host, person):
    """The agent's log lines about sessions opened since its mark."""
    return [line for line in lab.since_mark(host).splitlines() if f" opened: {person} " in line]


def shown_login(lab, person, ticket, host):
    """What `tegata show` says about a login to the host."""
    lines = lab.as_(person, "tegata", "show", ticket).ok().out.splitlines()
    found = [line for line in lines if f"{person}@{host} would" in line]
    assert len(found) == 1, lines
    return found[0]


def test_of_two_tickets_the_one_that_lasts_longest_is_used(lab):
    """Also where it is the older one. When it is revoked, the other takes over; `tegata show` says which, for either."""
    long = lab.ticket("carol", ["dave"], "ops2", "--rule", "operations", duration="40m")
    short = lab.ticket("carol", ["dave"], "ops2", "--rule", "operations", duration="20m")
    lab.mark("ops2")
    lab.ssh("carol", "ops2", "true").ok()
    lab.logged(f"by ticket {long}", "ops2")
    assert f"would use {long}" in shown_login(lab, "carol", short, "ops2")
    lab.revoke("dave", long)
    lab.mark("ops2")
    lab.ssh("carol", "ops2", "true").ok()
    lab.logged(f"by ticket {short}", "ops2")
    for ticket in (long, short):
        assert f"would use {short}" in shown_login(lab, "carol", ticket, "ops2")
    lab.revoke("dave", short)
    lab.mark("ops2")
    lab.ssh("carol", "ops2", "true").failed(255)
    lab.logged("ticket_revoked", "ops2")
    assert "would be refused: ticket_revoked" in shown_login(lab, "carol", short, "ops2")


def test_a_login_right_after_the_approval(lab):
    """ssh follows at once when `request --wait` returns: the host must know account and ticket by then, each time."""
    for _ in range(ROUNDS):
        going = lab.start("as", "bob", "sh", "-c", "tegata request ops2 --rule operations --for 5m --reason quick --wait=30 && "
                          "exec ssh -n -o BatchMode=yes ops2 'echo in; id -un'")
        ticket = going.stdout.readline().strip()
        lab.approve("dave", ticket).ok()
        out, err = going.communicate(timeout=40)
        assert going.returncode == 0 and out.endswith("in\nbob\n"), out + err
        lab.release("bob", ticket)


def test_when_the_window_is_over(lab):
    """Nobody ends it: no new login, no shell, no groups, but what she left keeps her name."""
    ticket = lab.ticket("carol", ["dave"], "ops2", "--rule", "operations", "--group", "ops", duration="8s")
    assert lab.ssh("carol", "ops2", "touch kept; id -nG").ok().out == "carol ops\n"
    lab.mark("ops2")
    wait_until(lambda: lab.on("ops2", "getent", "passwd", "carol").out.strip().endswith("nologin"), "the window's end")
    lab.ssh("carol", "ops2", "true").failed(255)
    lab.logged("ticket_late", "ops2")
    assert lab.on("ops2", "stat", "-c", "%U:%G", "/home/carol/kept").ok().out == "carol:carol\n"
    assert lab.on("ops2", "id", "-nG", "carol").ok().out == "carol\n"
    wait_until(lambda: lab.state("carol", ticket) == "expired", "the ticket's end")
