"""The end of a session is the end of everything that it started, however that hides, and of nothing else."""

import signal

import pytest

from host import events
from lab import wait_until

MARKER = "71{:03d}"  # what the processes of a test sleep for, so that they can be found
MANY = 300


@pytest.fixture(scope="module")
def bystanders(host_lab):
    """Sessions that no test may touch: another one of alice by another ticket, one of bob, and a process of root."""
    lab = host_lab
    tickets = [lab.ticket("alice", ["bob"], "ops1", duration="1h"), lab.ticket("bob", ["dave"], "ops1", duration="1h")]
    going = [lab.start("as", "alice", "ssh", "ops1", "exec sleep 71990"), lab.start("as", "bob", "ssh", "ops1", "exec sleep 71991"),
             lab.start("on", "ops1", "sleep", "71992")]
    for marker in ("71990", "71991", "71992"):
        wait_until(lambda marker=marker: count(lab, marker) == 1, f"the bystander {marker}")
    yield going
    lab.revoke("bob", tickets[0])
    lab.revoke("dave", tickets[1])


@pytest.fixture
def alice(host, bystanders):
    """A ticket of alice that is used before others, as it lasts longest."""
    ticket = host.lab.ticket("alice", ["bob"], "ops1", "--option", "pty", "--option", "port-forwarding", duration="3h")
    yield ticket
    host.lab.as_("bob", "tegata", "revoke", ticket, "--reason", "the test is over")
    listener = host.sh("pgrep -xo sshd").ok().out
    assert [count(host.lab, marker) for marker in ("71990", "71991", "71992")] == [1, 1, 1]
    assert all(one.poll() is None for one in bystanders)
    assert host.sh("pgrep -xo sshd").ok().out == listener


def count(lab, marker):
    """How many processes of the host have this in their command's arguments."""
    done = lab.on("ops1", "pgrep", "-c", "-f", f"^([a-z/0-9.]*/)?[a-z0-9.]+ .*{marker}$|^{marker}$")
    return int(done.out)


def opened_by(lab, ticket, kind="session_opened"):
    return [event for event in events(lab) if event["ticket"] == ticket and event["kind"] == kind]


def last_event(lab, ticket, kind):
    """Waits for it to reach the service."""
    return wait_until(lambda: opened_by(lab, ticket, kind), f"{kind} of {ticket}")[-1]


def revoke(lab, ticket):
    lab.as_("bob", "tegata", "revoke", ticket, "--reason", "end-to-end test").ok()


def ends(client, stdin=None):
    """What the client said when its connection was cut."""
    out, err = client.communicate(stdin, timeout=20)
    assert client.returncode != 0, (out, err)
    return out + err


# --- Hiding -------------------------------------------------------------------------------------------------------------------


DOUBLE_FORK = """
import os, signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        for descriptor in range(3):
            os.close(descriptor)
        while True:
            time.sleep(1)
time.sleep(3600)
"""

HIDING = {
    "a shell that ignores everything": "trap '' HUP INT TERM; while :; do sleep {m}; done",
    "setsid": "setsid sleep {m} </dev/null >/dev/null 2>&1 & sleep {m}",
    "nohup in a subshell": "(nohup sleep {m} </dev/null >/dev/null 2>&1 &); exec sleep {m}",
    "stopped": "/usr/bin/python3 -c 'import os, signal; os.kill(os.getpid(), signal.SIGSTOP)' {m} & wait",
    "tmux": "tmux new-session -d 'trap \"\" HUP TERM; sleep {m}'; exec sleep {m}",
    "screen": "mkdir -pm 700 .screen; SCREENDIR=$HOME/.screen screen -dmS s sh -c 'sleep {m}'; exec sleep {m}",
    "another process group and nothing of its environment": "env -i setsid -f sleep {m} </dev/null >/dev/null 2>&1; exec sleep {m}",
}


@pytest.mark.parametrize("way", HIDING)
def test_whoever_hides_is_ended(host, alice, way):
    lab = host.lab
    marker = MARKER.format(list(HIDING).index(way))
    client = lab.start("as", "alice", "ssh", "ops1", HIDING[way].replace("{m}", marker))
    wait_until(lambda: count(lab, marker) >= (1 if "shell" in way or "stopped" in way else 2), way)
    revoke(lab, alice)
    ends(client)
    ended = last_event(lab, alice, "session_ended")
    assert count(lab, marker) == 0
    assert ended["code"] == "ticket_revoked"
    assert ended["detail"].startswith("by the agent: ")


def test_a_daemon_that_forked_twice_and_ignores_everything(host, alice):
    lab = host.lab
    lab.on("ops1", "tee", "/tmp/daemon.py", stdin=DOUBLE_FORK).ok()
    client = lab.start("as", "alice", "ssh", "ops1", "exec /usr/bin/python3 /tmp/daemon.py 71100")
    wait_until(lambda: count(lab, "71100") == 3, "the daemon")
    revoke(lab, alice)
    ends(client)
    last_event(lab, alice, "session_ended")
    assert count(lab, "71100") == 0


THREADS = """
import ctypes, os, signal, threading, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
threading.Thread(target=time.sleep, args=(3600,)).start()
print(os.getpid(), flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_process_whose_first_thread_has_ended(host, alice):
    """It looks as if it were dead, and its other threads live on."""
    lab = host.lab
    lab.on("ops1", "tee", "/tmp/threads.py", stdin=THREADS).ok()
    client = lab.start("as", "alice", "ssh", "ops1", "/usr/bin/python3 /tmp/threads.py")
    pid = client.stdout.readline().strip()
    wait_until(lambda: "zombie" in host.sh(f"grep State: /proc/{pid}/status").ok().out, "the end of the first thread")
    revoke(lab, alice)
    ends(client)
    last_event(lab, alice, "session_ended")
    host.sh(f"test -e /proc/{pid}").failed()


FORK_BOMB = """
import os, resource, signal, time
for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_NPROC, (700, 700))
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.05)
"""


def test_a_fork_bomb(host, alice):
    """Each of some hundred processes starts another as soon as there is room for one."""
    lab = host.lab
    lab.on("ops1", "tee", "/tmp/bomb.py", stdin=FORK_BOMB).ok()
    client = lab.start("as", "alice", "ssh", "ops1", "exec /usr/bin/python3 /tmp/bomb.py 71101")
    wait_until(lambda: count(lab, "71101") >= MANY, "the bomb")
    revoke(lab, alice)
    ends(client)
    ended = last_event(lab, alice, "session_ended")
    assert count(lab, "71101") == 0
    assert int(ended["detail"].split()[3]) >= MANY


COMET = """
import os, signal, socket
for number in (signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
trace = socket.socket(socket.AF_UNIX)
trace.bind("\\0comet")
while True:
    if os.fork():
        os._exit(0)
    os.setsid()
"""


def comet_is_there(host):
    """Its processes are hard to see, but each has the socket of the one before."""
    return host.sh("grep -q '@comet$' /proc/net/unix").status == 0


def test_a_process_that_is_always_another_one(host, alice):
    """It forks and exits at once: whoever is listed is gone when its turn comes to be read, and when it is to be killed."""
    lab = host.lab
    lab.on("ops1", "tee", "/tmp/comet.py", stdin=COMET).ok()
    client = lab.start("as", "alice", "ssh", "ops1", "/usr/bin/python3 -S /tmp/comet.py; exec sleep 71102")
    wait_until(lambda: count(lab, "71102") == 1 and comet_is_there(host), "the comet")
    revoke(lab, alice)
    ends(client)
    last_event(lab, alice, "session_ended")
    assert not comet_is_there(host)
    assert count(lab, "71102") == 0


def test_roots_processes_in_the_session(host, bystanders):
    """Of sudo: one that has detached, and one that is still the session's descendant but has an audit session of its own."""
    lab = host.lab
    ticket = lab.ticket("alice", ["bob"], "ops1", "--rule", "administration", duration="4h")
    client = lab.start("as", "alice", "ssh", "ops1", "sudo setsid -f sh -c 'trap \"\" HUP TERM; sleep 71171' </dev/null >/dev/null 2>&1; "
                       "sudo sh -c 'echo 0 >/proc/self/loginuid; sleep 71172'")
    wait_until(lambda: count(lab, "71171") >= 1 and count(lab, "71172") >= 1, "root's processes")
    revoke(lab, ticket)
    ends(client)
    assert last_event(lab, ticket, "session_ended")["code"] == "ticket_revoked"
    assert count(lab, "71171") + count(lab, "71172") == 0


# --- Kinds of connections -----------------------------------------------------------------------------------------------------


def test_several_sessions_over_one_connection(host, alice):
    lab = host.lab
    control = ["-o", "ControlPath=~/.ssh/ending"]
    master = lab.start("as", "alice", "ssh", "-M", "-N", *control, "ops1")
    wait_until(lambda: lab.ssh("alice", "ops1", options=[*control, "-O", "check"]).status == 0, "the master connection")
    channels = [lab.start("as", "alice", "ssh", *control, "ops1", "exec sleep 71110") for _ in range(3)]
    wait_until(lambda: count(lab, "71110") == 3, "the channels")
    revoke(lab, alice)
    for client in [master, *channels]:
        ends(client)
    assert last_event(lab, alice, "session_ended")["code"] == "ticket_revoked"
    assert count(lab, "71110") == 0
    lab.as_("alice", "rm", "-f", ".ssh/ending").ok()


def test_a_connection_that_only_forwards(host, alice):
    lab = host.lab
    client = lab.start("as", "alice", "ssh", "-N", "-L", "10.77.0.100:7051:127.0.0.1:22", "ops1")
    wait_until(lambda: opened_by(lab, alice), "the session")
    revoke(lab, alice)
    assert "closed by remote host" in ends(client)
    assert last_event(lab, alice, "session_ended")["code"] == "ticket_revoked"


def test_sftp(host, alice):
    lab = host.lab
    client = lab.start("as", "alice", "sftp", "-b", "-", "ops1")
    wait_until(lambda: opened_by(lab, alice), "the session")
    wait_until(lambda: lab.on("ops1", "pgrep", "-u", "20001", "sftp-server").status == 0, "sftp-server")
    revoke(lab, alice)
    last_event(lab, alice, "session_ended")
    assert lab.on("ops1", "pgrep", "-u", "20001", "sftp-server").status == 1
    ends(client, "ls\n")


def test_a_large_copy_is_cut(host, alice):
    """1 GB in the midst of which the ticket is revoked: the client says so, and nothing of ours is among the bytes that came."""
    lab = host.lab
    lab.ssh("alice", "ops1", "truncate -s 1G big").ok()
    before = len(opened_by(lab, alice))
    client = lab.start("as", "alice", "scp", "-l", "80000", "ops1:big", "came")
    wait_until(lambda: len(opened_by(lab, alice)) > before, "the session")
    wait_until(lambda: lab.as_("alice", "test", "-s", "came").status == 0, "the first bytes")
    revoke(lab, alice)
    said = ends(client)
    assert "closed" in said or "lost connection" in said
    last_event(lab, alice, "session_ended")
    assert lab.as_("alice", "sh", "-c", "tr -d '\\000' <came | wc -c").ok().out.strip() == "0"
    lab.as_("alice", "rm", "came").ok()
    lab.on("ops1", "rm", "/home/alice/big").ok()


def test_a_client_that_is_stopped(host, alice):
    """Its side neither reads nor answers."""
    lab = host.lab
    client = lab.start("as", "alice", "ssh", "ops1", "sleep 71120 & yes; exec sleep 71120")
    wait_until(lambda: count(lab, "71120") >= 1, "the session")
    lab.run("pkill", "-STOP", "-f", "^ssh ops1 sleep 71120").ok()
    revoke(lab, alice)
    assert last_event(lab, alice, "session_ended")["code"] == "ticket_revoked"
    assert count(lab, "71120") == 0
    lab.run("pkill", "-CONT", "-f", "^ssh ops1 sleep 71120").ok()
    # nsenter stops with what it runs.
    client.send_signal(signal.SIGCONT)
    ends(client)


# --- Telling ------------------------------------------------------------------------------------------------------------------


def test_the_last_line(host, alice):
    lab = host.lab
    client = lab.start("as", "alice", "ssh", "-tt", "ops1", "exec sleep 71130")
    wait_until(lambda: count(lab, "71130") == 1, "the session")
    revoke(lab, alice)
    assert f"Tegata: session ended: the ticket was revoked ({alice})" in ends(client)


def test_nothing_is_written_where_no_terminal_is(host, alice):
    lab = host.lab
    terminal = lab.start("as", "alice", "ssh", "-tt", "ops1", "exec sleep 71131")
    plain = lab.start("as", "alice", "ssh", "ops1", "exec sleep 71131")
    wait_until(lambda: count(lab, "71131") == 2, "the sessions")
    revoke(lab, alice)
    assert "Tegata: " in ends(terminal)
    assert "Tegata" not in ends(plain)


# --- What is left behind ------------------------------------------------------------------------------------------------------


def test_what_a_logout_leaves_behind(host, alice):
    lab = host.lab
    lab.ssh("alice", "ops1", "nohup setsid sleep 71140 </dev/null >/dev/null 2>&1 & true").ok()
    closed = last_event(lab, alice, "session_closed")
    assert closed["detail"] == "1 process was left behind and ended"
    assert count(lab, "71140") == 0


def test_a_logout_that_leaves_nothing(host, alice):
    host.lab.ssh("alice", "ops1", "true").ok()
    assert last_event(host.lab, alice, "session_closed")["detail"] == ""


def test_a_monitor_that_was_killed(host, alice):
    """PAM's close does not run then."""
    lab = host.lab
    client = lab.start("as", "alice", "ssh", "ops1", "trap '' HUP TERM; sleep 71141 & exec sleep 71141")
    wait_until(lambda: count(lab, "71141") == 2, "the session")
    host.sh("kill -KILL $(ps -o ppid= -p $(ps -o ppid= -p $(pgrep -of 'sleep 71141$')))").ok()
    ends(client)
    closed = last_event(lab, alice, "session_closed")
    assert closed["detail"].startswith("its sshd process ended without closing it; ")
    assert count(lab, "71141") == 0


def test_what_is_left_while_the_agent_is_away(host, alice):
    lab = host.lab
    client = lab.start("as", "alice", "ssh", "ops1", "setsid -f sleep 71142 </dev/null >/dev/null 2>&1; cat")
    wait_until(lambda: count(lab, "71142") == 1, "the session")
    host.touched = True
    host.agent("kill").ok()
    client.communicate(timeout=20)
    assert count(lab, "71142") == 1
    host.agent("start").ok()
    closed = last_event(lab, alice, "session_closed")
    # Where systemd holds the agent's socket, sshd's last message waits there.
    assert closed["detail"].removeprefix("its sshd process ended while the agent was not running; ") \
        == "1 process was left behind and ended"
    assert count(lab, "71142") == 0


# --- Processes of an account without a session ---------------------------------------------------------------------------------


@pytest.fixture
def deploy(host):
    """A ticket for an account that has no other session."""
    ticket = host.lab.ticket("alice", ["bob", "dave"], "ops1", "--account", "deploy", duration="1h")
    yield ticket
    host.lab.as_("bob", "tegata", "revoke", ticket, "--reason", "the test is over")


def test_an_at_job_lives_as_long_as_a_session(host, deploy):
    lab = host.lab
    host.sh("atd").ok()
    try:
        client = lab.start("as", "alice", "ssh", "deploy@ops1", "echo exec sleep 71150 | at now; cat")
        wait_until(lambda: count(lab, "71150") == 1, "the job")
        # It is no process of the session: jobs of cron and at have audit sessions of their own.
        client.communicate(timeout=20)
        last_event(lab, deploy, "session_closed")
        wait_until(lambda: count(lab, "71150") == 0, "the end of the job")
    finally:
        host.sh("pkill -x atd").ok()


def test_a_process_of_the_account_that_belongs_to_no_session(host, deploy):
    """As a user's systemd or a setuid program may start one: it goes with the last session of its account."""
    lab = host.lab
    stray = lab.start("on", "ops1", "setpriv", "--reuid=20100", "--regid=20100", "--clear-groups", "sleep", "71160")
    wait_until(lambda: count(lab, "71160") == 1, "the process")
    first = lab.start("as", "alice", "ssh", "deploy@ops1", "cat")
    second = lab.start("as", "alice", "ssh", "deploy@ops1", "cat")
    wait_until(lambda: len(opened_by(lab, deploy)) == 2, "the sessions")
    first.communicate(timeout=20)
    last_event(lab, deploy, "session_closed")
    assert count(lab, "71160") == 1
    second.communicate(timeout=20)
    wait_until(lambda: count(lab, "71160") == 0, "the end of the process")
    host.logged(" without a session ended, ")
    stray.wait(timeout=20)


def test_groups_of_a_session_that_has_ended(host, bystanders):
    """Who starts a process for the account gives it the groups of all its tickets. alice's other session goes on, without sysop."""
    lab = host.lab
    host.mark()
    ticket = lab.ticket("alice", ["bob"], "ops1", "--rule", "administration", "--sudo", "sysop", duration="4h")
    strays = [lab.start("on", "ops1", "setpriv", "--reuid=20001", "--regid=20001", f"--groups={groups}", *command)
              for groups, command in (("20001,21000,21001", ["sleep", "71161"]), ("20001,21000", ["sleep", "71162"]),
                                      ("21001", ["sh", "-c", "trap '' HUP TERM; sleep 71163; sleep 71163"]))]
    first, second = [lab.start("as", "alice", "ssh", "ops1", f"id -G; exec {command}") for command in ("cat", "sleep 71164")]
    assert [client.stdout.readline() for client in (first, second)] == ["20001 21000 21001\n"] * 2
    for marker, number in (("71161", 1), ("71162", 1), ("71163", 2), ("71164", 1)):
        wait_until(lambda marker=marker, number=number: count(lab, marker) == number, f"the processes {marker}")
    # As long as one session grants it.
    first.communicate(timeout=20)
    last_event(lab, ticket, "session_closed")
    assert (count(lab, "71161"), count(lab, "71163"), count(lab, "71164")) == (1, 2, 1)
    revoke(lab, ticket)
    ends(second)
    last_event(lab, ticket, "session_ended")
    wait_until(lambda: count(lab, "71161") + count(lab, "71163") == 0, "the end of who has its groups")
    host.logged(" without a session ended, ")
    host.logged("; they had groups that no open session grants")
    # What has only groups that are still granted stays, and so does the other session.
    assert (count(lab, "71162"), count(lab, "71990")) == (1, 1)
    host.sh("pkill -f 'sleep 71162$'").ok()
    for stray in strays:
        stray.wait(timeout=20)
