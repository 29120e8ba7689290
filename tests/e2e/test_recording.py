"""Rules that ask for recording: what has a terminal is recorded, with the ticket in it; what has none stays as it is, byte for byte; a
host that cannot record lets nobody in. ops1 records into a file; ops2 has no journal and no file, and so cannot."""

import collections
import json
import re
import shlex

import pytest

from forger import Forger, ident, rule
from host import CONFIG, Host, events
from lab import Lab, Result, wait_until

RECORDINGS = "/var/lib/recordings"
RECORDER = "/usr/bin/tlog-rec-session"
SHELL = "/usr/libexec/tegata-record"
RECORDED_RULE = rule("recorded", ["developer"], [("sre", 1)], record=1, options=["pty", "port-forwarding"])


def record_into_a_file(host):
    """tlog does not start without /run/utmp. It and /run/tlog are there where systemd is."""
    host.sh(f"install -d -o _tlog -g _tlog /run/tlog; touch {RECORDINGS} && chmod 622 {RECORDINGS}; touch /run/utmp && chown root:utmp /run/utmp && chmod 664 /run/utmp").ok()
    host.write(CONFIG, host.read(CONFIG) + f"\n[sessions]\nrecordings = {RECORDINGS}\n")
    host.restart()


@pytest.fixture(scope="module")
def place():
    """A lab with the rule "recorded", whose ops1 can record."""
    with Lab(hosts=2, own=True) as lab:
        forger = Forger(lab)
        forger.publish(lambda policy: policy["rules"].append(RECORDED_RULE))
        record_into_a_file(Host(lab))
        yield forger


@pytest.fixture
def host(place):
    one = Host(place.lab)
    one.mark()
    yield one
    one.close()


@pytest.fixture
def ticket(place, host):
    """alice's, recorded, for ops1; no other of hers is in force."""
    document = place.grant(rule="recorded")
    yield ident(document)
    place.lab.release("alice", ident(document))


def recordings(host):
    """What the file holds: id of the recording -> its output."""
    found = collections.defaultdict(str)
    for line in host.read(RECORDINGS).splitlines():
        message = json.loads(line)
        found[message["rec"]] += message["out_txt"]
    return found


def recording_with(host, text):
    return wait_until(lambda: next(((name, out) for name, out in recordings(host).items() if text in out), None),
                      f"a recording with {text!r}")


def not_recorded(host, text):
    assert not any(text in out for out in recordings(host).values())


def typed(lab, text, options=(), begins="this session is recorded"):
    """A shell on a terminal in which alice types when she sees it: tlog throws away what came before it was there."""
    shell = lab.start("as", "alice", "ssh", "-tt", "-o", "BatchMode=yes", *options, "ops1")
    seen = ""
    while begins not in seen:
        line = shell.stdout.readline()
        seen += line
        if not line:
            break
    out, err = shell.communicate(text, timeout=30)
    return Result(("typed", text), shell.returncode, seen + out, err)


# --- what is recorded ----------------------------------------------------------------------------------------------------------


def test_a_terminal_is_recorded_with_ticket_person_and_session(place, host, ticket):
    done = typed(place.lab, "echo to be $((40 + 2)) seen; exit 7\n")
    assert done.status == 7, done.describe()
    assert "to be 42 seen" in done.out
    name, out = recording_with(host, "to be 42 seen")
    session = re.search(r"session (\w{32}) opened", host.lab.since_mark())[1]
    opened = wait_until(lambda: [event for event in events(host.lab) if event["session"] == session and event["kind"] == "session_opened"],
                        "the event")
    numbers = {message["session"] for message in map(json.loads, host.read(RECORDINGS).splitlines()) if message["rec"] == name}
    assert [event["detail"] for event in opened] == [f"recorded in audit session {number}" for number in numbers]
    assert f"(ticket {ticket}, person alice, session {session})" in out.splitlines()[0]
    host.logged(f" tegata-record: recording {name}: uid 20001, ticket {ticket}, person alice, session {session}", log="syslog")


def test_a_recording_is_found_by_its_ticket_and_played_back(place, host, ticket):
    typed(place.lab, "echo played $((40 + 3)) back; exit\n").ok()
    name, _ = recording_with(host, f"(ticket {ticket},")
    play = f"tlog-play --reader=file --file-path={RECORDINGS} --file-match={name} --speed=100"
    assert "played 43 back" in host.run("script", "-qec", play, "/dev/null").ok().out


def test_a_command_with_a_terminal_is_recorded(place, host, ticket):
    done = place.lab.ssh("alice", "ops1", "echo a command; tty; exit 3", options=["-tt"])
    assert done.status == 3 and "/dev/pts/" in done.out, done.describe()
    assert ticket in recording_with(host, "a command\r\n")[1]


@pytest.mark.parametrize("command", ["--version", "--configuration"])
def test_a_command_is_no_option_of_the_recorder(place, host, ticket, command):
    """The real shell sees it, in a recording. bash, too, takes what follows its -c for an option if it looks like one."""
    done = place.lab.ssh("alice", "ops1", options=["-tt", "-o", f"RemoteCommand={command}"])
    assert place.lab.ssh("alice", "ops1", options=["-T", "-o", f"RemoteCommand={command}"]).status == done.status
    assert "bash: --: invalid option" in recording_with(host, f"(ticket {ticket},")[1]


def test_the_real_shell_is_the_tickets(place, host):
    document = place.grant(rule="recorded", shell="/bin/dash")
    done = typed(place.lab, 'echo $0 "$SHELL" $(readlink /proc/$$/exe); exit\n').ok()
    assert "-dash /bin/dash /usr/bin/dash" in done.out
    assert place.lab.ssh("alice", "ops1", "readlink /proc/$$/exe").ok().out == "/usr/bin/dash\n"
    place.lab.release("alice", ident(document))


def test_the_recorder_is_no_real_shell(place, host):
    document = place.grant(rule="recorded", shell="/usr/libexec/../libexec/tegata-record")
    for terminal in ("-tt", "-T"):
        done = place.lab.ssh("alice", "ops1", "true", options=[terminal]).failed(1)
        assert "the ticket names the recorder" in done.out + done.err
    place.lab.release("alice", ident(document))


def test_every_terminal_of_one_connection_is_recorded(place, host, ticket):
    """One connection is one kernel audit session, of which tlog by itself would record only one terminal."""
    control = ["-o", f"ControlPath={host.lab.home('alice')}/control"]
    master = host.lab.start("as", "alice", "ssh", "-tt", "-M", *control, "ops1", "echo first; read -r line")
    recording_with(host, "first")
    host.lab.ssh("alice", "ops1", "echo second", options=["-tt", *control]).ok()
    recording_with(host, "second")
    master.communicate("\n", timeout=30)


# --- what is not -----------------------------------------------------------------------------------------------------------------


def test_without_a_terminal_the_real_shell_runs_untouched_and_the_log_says_so(place, host, ticket):
    done = place.lab.ssh("alice", "ops1", 'printf "a\\0b\\377" | od -An -tx1; cat; echo "$0" >&2; exit 9', options=["-T"], stdin="in\x03\x04")
    assert (done.status, done.out, done.err) == (9, " 61 00 62 ff\nin\x03\x04", "bash\n"), done.describe()
    assert place.lab.ssh("alice", "ops1", "cat", options=["-n"], stdin="unread").ok().out == ""
    host.logged("not recorded, as there is no terminal", log="syslog")
    host.logged(f"ticket {ticket}, person alice, session ", log="syslog")
    not_recorded(host, "61 00 62")


def test_a_command_with_every_byte_arrives_as_it_was_sent(place, host, ticket):
    odd = "".join(chr(byte) for byte in range(1, 127) if byte not in (10, 13))
    assert place.lab.ssh("alice", "ops1", f"printf %s {shlex.quote(odd)}").ok().out == odd


def test_bulk_transfers_stay_as_they_are(place, host, ticket):
    lab = place.lab
    home = lab.home("alice")
    lab.as_("alice", "sh", "-c", "head -c 5000000 /dev/urandom >bulk").ok()
    lab.as_("alice", "scp", "-q", "bulk", "ops1:by_scp").ok()
    lab.as_("alice", "scp", "-q", "-O", "bulk", "ops1:by_rcp").ok()
    lab.as_("alice", "sftp", "-q", "-b", "-", "ops1", stdin="put bulk by_sftp\nget by_scp returned\n").ok()
    lab.as_("alice", "rsync", "-a", "bulk", "ops1:by_rsync").ok()
    lab.as_("alice", "sh", "-c", "ssh ops1 'cat >by_pipe' <bulk && ssh ops1 cat by_pipe >piped").ok()
    sums = lab.ssh("alice", "ops1", "cat by_scp | sha256sum; for f in by_*; do sha256sum <$f; done").ok().out.split("\n")
    sums += lab.run("sh", "-c", f"cd {home}; for f in bulk returned piped; do sha256sum <$f; done").ok().out.split("\n")
    assert len({line for line in sums if line}) == 1
    lab.ssh("alice", "ops1", "rm -rf r.git && git init -q --bare r.git").ok()
    lab.as_("alice", "sh", "-ec", """
        rm -rf there && git clone -q ssh://ops1/home/alice/r.git there 2>/dev/null && cd there
        echo text >file && git add file
        git -c user.name=alice -c user.email=alice@lab commit -q -m one && git push -q origin HEAD:main""").ok()
    assert lab.ssh("alice", "ops1", "git --git-dir=r.git show main:file").ok().out == "text\n"


def test_who_asks_for_no_terminal_is_not_recorded(place, host, ticket):
    """The known way around it, as docs/threat-model.md says: only the log shows it."""
    assert "typed 44" in place.lab.ssh("alice", "ops1", "bash", "-i", options=["-T"], stdin="echo typed $((40 + 4))\nexit\n").ok().out
    not_recorded(host, "typed 44")
    host.logged("not recorded, as there is no terminal", log="syslog")


# --- whom it concerns --------------------------------------------------------------------------------------------------------------


def test_an_account_has_its_own_shell_while_no_rule_asks(place, host):
    plain = place.grant()
    assert place.lab.on("ops1", "getent", "passwd", "alice").ok().out.endswith(":/bin/bash\n")
    typed(place.lab, "echo plain; exit\n", begins="permitted by applicable law").ok()
    not_recorded(host, "plain\r\n")
    stricter = place.grant(rule="recorded")
    assert place.lab.on("ops1", "getent", "passwd", "alice").ok().out.endswith(f":{SHELL}\n")
    place.lab.release("alice", ident(stricter))
    assert place.lab.on("ops1", "getent", "passwd", "alice").ok().out.endswith(":/bin/bash\n")
    place.lab.release("alice", ident(plain))


def test_a_confined_account_is_recorded_and_gains_no_privileges(place, host):
    """The recorder starts before the privileges are given up; tlog needs a set-group-id helper."""
    place.publish(lambda policy: (policy["rules"].append(RECORDED_RULE), policy["people"]["alice"].update({"confined": 1})))
    document = place.grant(rule="recorded", options=["pty"])
    for terminal in ("-tt", "-T"):
        out = place.lab.ssh("alice", "ops1", "echo confined; grep -hE '^(NoNewPrivs|Seccomp):' /proc/self/status; grep -h ^Seccomp: /proc/$PPID/status",
                            options=[terminal]).ok().out
        # The last is the recorder's, or sshd's: the filter is there before anything runs that an environment could change.
        assert out.replace("\r", "").split("confined\n")[1].split("\n")[:3] == ["NoNewPrivs:\t1", "Seccomp:\t2", "Seccomp:\t2"]
    assert ident(document) in recording_with(host, "confined\r\n")[1]
    place.lab.release("alice", ident(document))
    place.publish(lambda policy: policy["rules"].append(RECORDED_RULE))


def test_of_two_tickets_the_stricter_one_wins(place, host, ticket):
    """The plain one ends last and opens the session; the shell is the account's."""
    plain = place.grant(seconds=7200)
    typed(place.lab, "echo both in force; exit\n").ok()
    assert ident(plain) in recording_with(host, "both in force\r\n")[1]
    place.lab.release("alice", ident(plain))


# --- hosts that cannot --------------------------------------------------------------------------------------------------------------


def test_a_host_without_a_place_for_recordings_lets_nobody_in(place):
    lab = place.lab
    document = place.grant(rule="recorded", hosts=["ops2"])
    assert place.refusal("alice", "ops2") == ("recording_unavailable", ident(document))
    lab.logged("no journal takes the recordings", "ops2")
    lab.release("alice", ident(document))


@pytest.mark.parametrize("change", [f"mv {RECORDER} {RECORDER}.kept", f"chmod 700 {RECORDER}", f"chmod u+s {RECORDER}",
                                    f"mv {RECORDINGS} {RECORDINGS}.kept"])
def test_what_is_missing_refuses_at_the_door(place, host, ticket, change):
    host.sh(change).ok()
    try:
        assert place.refusal("alice") == ("recording_unavailable", ticket)
    finally:
        host.sh(f"for f in {RECORDER} {RECORDINGS}; do test ! -e $f.kept || mv $f.kept $f; done; chmod 755 {RECORDER}").ok()
    place.lab.ssh("alice", "ops1", "true").ok()


def test_without_the_recorder_shell_sshd_itself_refuses(place, host, ticket):
    host.sh(f"mv {SHELL} {SHELL}.kept").ok()
    place.lab.ssh("alice", "ops1", "true").failed(255)
    host.sh(f"mv {SHELL}.kept {SHELL}").ok()
    host.logged(f"shell {SHELL} does not exist", log="sshd.log")


def test_a_recorder_that_fails_runs_no_shell(place, host, ticket):
    """It is there and can be run, and then cannot write."""
    host.sh("mv /run/utmp /run/utmp.kept").ok()
    done = typed(place.lab, "echo not $((40 + 5)) reached\n")
    host.sh("mv /run/utmp.kept /run/utmp").ok()
    assert done.status == 1 and "not 45 reached" not in done.out, done.describe()


def test_a_recorder_that_went_while_the_session_was_open_runs_no_shell(place, host, ticket):
    """tegata-record looks again, for one connection may ask for a terminal at any time."""
    control = ["-o", f"ControlPath={host.lab.home('alice')}/control"]
    master = host.lab.start("as", "alice", "ssh", "-M", "-T", *control, "ops1", "echo ready; read -r line")
    assert master.stdout.readline() == "ready\n"
    host.sh(f"mv {RECORDER} {RECORDER}.kept").ok()
    done = typed(place.lab, "echo not $((40 + 6)) reached\n", control)
    host.sh(f"mv {RECORDER}.kept {RECORDER}").ok()
    assert done.status == 1 and "recording_unavailable" not in done.out and "cannot record the session" in done.out, done.describe()
    assert "not 46 reached" not in done.out
    host.logged("recording_unavailable", log="syslog")
    master.communicate("\n", timeout=30)


# Asked whether a key may be used: says that it was, and waits for the answer.
ASKPASS = """#!/bin/sh
: >"$HOME/asked"
until [ -e "$HOME/answered" ]; do sleep 0.05; done
"""


def test_a_connection_that_is_older_than_the_recording_is_refused(place, host):
    """sshd reads an account once: the one that waits here for a signature has seen the real shell."""
    lab, home = place.lab, place.lab.home("alice")
    plain = place.grant()
    lab.write(f"{home}/askpass", ASKPASS, owner="alice", mode="700")
    lab.run("rm", "-f", f"{home}/asked", f"{home}/answered").ok()
    waiting = lab.start("as", "alice", "env", f"SSH_ASKPASS={home}/askpass", "SSH_ASKPASS_REQUIRE=force", "DISPLAY=none", "ssh-agent",
                        "sh", "-c", "ssh-add -q -c .ssh/id_ed25519 && exec ssh -tt -o BatchMode=yes ops1 'echo let $((40 + 8)) in'")
    wait_until(lambda: lab.run("test", "-e", f"{home}/asked").status == 0, "the wait for a signature")
    recorded = place.grant(rule="recorded")
    lab.as_("alice", "touch", "answered").ok()
    out, err = waiting.communicate(timeout=30)
    assert waiting.returncode != 0 and "let 48 in" not in out, out + err
    host.refused("recording_unavailable", "older than the recording")
    assert "let 48 in" in lab.ssh("alice", "ops1", "echo let $((40 + 8)) in", options=["-tt"]).ok().out
    lab.release("alice", ident(recorded))
    lab.release("alice", ident(plain))


# --- what the person can send or do ---------------------------------------------------------------------------------------------------


def test_the_clients_environment_changes_nothing(place, host, ticket):
    """Even where an administrator lets everything in."""
    host.other_sshd("AcceptEnv TEGATA_* TLOG_*")
    lies = {"TEGATA_TICKET": "T-0000000000000", "TEGATA_PERSON": "bob", "TEGATA_SHELL": "/usr/bin/true",
            "TLOG_REC_SESSION_CONF_TEXT": '{"writer":"file","file":{"path":"/tmp/elsewhere"}}',
            "TLOG_REC_SESSION_CONF_FILE": "/tmp/conf", "TLOG_REC_SESSION_SHELL": "/usr/bin/true"}
    done = host.other_ssh("alice", "-tt", "-i", f"{host.lab.home('alice')}/.ssh/id_ed25519", "-o",
                          f"SendEnv={' '.join(lies)}", command="echo sent $((40 + 7)) along; env", environment=lies).ok()
    assert "sent 47 along" in done.out and "TLOG_" not in done.out, done.describe()
    assert f"(ticket {ticket}, person alice," in recording_with(host, "sent 47 along")[1]


def test_whoever_kills_the_recorder_ends_the_terminal(place, host, ticket):
    watched = host.lab.start("as", "alice", "ssh", "-tt", "ops1", "echo begun; exec sleep 12345")
    recording_with(host, "begun\r\n")
    assert place.lab.ssh("alice", "ops1", "pkill -KILL -u alice -f '^tlog-rec-session'").ok()
    assert watched.wait(timeout=30) != 0
    wait_until(lambda: host.run("pgrep", "-f", "sleep 12345").status == 1, "the end of the shell")
