"""The one-person server: who owns it, how it is wiped, what the wipe finds and what it must not touch; numbers that stay reserved; homes.

The machines of a lab see the lab's folder, where people of the same numbers have homes: the wipe runs in a mount namespace without it."""

import concurrent.futures
import json
import shlex

import pytest

from host import CONFIG, STATE, Host, events
from lab import SOURCE, Lab, wait_until

OWNERS = f"{STATE}/owner"
UIDS = f"{STATE}/uids"
TEARDOWN = "/usr/local/sbin/teardown"
PYTHON = "/usr/bin/python3"


class Server(Host):
    """A host whose person, wipe and teardown are under test."""

    def setup(self, dedicated):
        text = self.read(CONFIG)
        if dedicated:
            text = text.replace("[host]\n", f"[host]\ndedicated = yes\nteardown = {TEARDOWN}\n", 1)
        self.write(CONFIG, text)
        hidden = shlex.quote(f"umount -l {shlex.quote(self.lab.folder)} && exec tegata-wipe \"$@\"")
        self.write("/usr/local/sbin/wipe", f"#!/bin/sh\nexec unshare --mount sh -c {hidden} sh \"$@\"\n")
        self.write(TEARDOWN, "#!/bin/sh\n[ -z \"$(cat /run/teardown_fails 2>/dev/null)\" ] || exit 7\nexec /usr/local/sbin/wipe\n")
        self.run("chmod", "755", "/usr/local/sbin/wipe", TEARDOWN).ok()
        self.restart()
        if dedicated:
            self.daemon("start")

    def daemon(self, action, pause=1):
        self.run(f"{SOURCE}/scripts/lib/lab/daemon", "teardown", action, f"{self.lab.folder}/{self.name}/teardown.log",
                 "/usr/sbin/tegata-teardown", "--stderr", "--pause", str(pause)).ok()

    def state(self, path):
        """What a state file says, behind its first line."""
        done = self.run("cat", path)
        return json.loads(done.out.split("\n", 1)[1]) if done.status == 0 else {}

    def owner(self):
        return self.state(OWNERS).get("owner", "")

    def reserved(self):
        return {entry["name"] for entry in self.state(UIDS).get("uids", [])}

    def wipe(self, *options, status=0):
        done = self.run("wipe", *options, seconds=180)
        assert done.status == status, done.describe()
        return done.out + done.err

    def as_uid(self, uid, *command, **options):
        return self.run("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command, **options)

    def wait_free(self):
        """The wipe looks at every file of the machine that the lab stands on."""
        wait_until(lambda: self.owner() == "", f"{self.name} is free", seconds=180)


@pytest.fixture(scope="module")
def servers():
    """Two hosts of one lab: ops1 is a one-person server, ops2 is not."""
    with Lab(hosts=2, own=True) as lab:
        pair = [Server(lab, "ops1"), Server(lab, "ops2")]
        pair[0].setup(dedicated=True)
        pair[1].setup(dedicated=False)
        yield pair


@pytest.fixture
def server(servers):
    one = servers[0]
    one.mark()
    one.lab.mark(one.name, "teardown.log")
    yield one
    one.close()
    one.kept, one.touched = [], False
    one.sh("rm -f /run/teardown_fails; umount -lq /home/alice/mounted || true; rm -rf /srv/left* /home/keep").ok()
    for person in ("alice", "bob"):
        for ticket in one.lab.as_(person, "tegata", "--json", "list", "--mine").json()["tickets"]:
            one.lab.as_(person, "tegata", "release", json.loads(ticket["ticket"])["id"])
    if one.owner():
        one.wait_free()


@pytest.fixture
def other(servers):
    one = servers[1]
    one.mark()
    yield one
    one.close()
    one.kept, one.touched = [], False


def alices(lab, host="ops1"):
    return lab.ticket("alice", ["bob"], host)


def bobs(lab, host="ops1"):
    return lab.ticket("bob", ["dave"], host, "--rule", "operations")


def kinds(server):
    wait_until(lambda: server.status()["events_waiting"] == 0, "the delivery of events")
    return [event["kind"] for event in events(server.lab, server.name)]


# --- Who owns it --------------------------------------------------------------------------------------------------------


def test_the_first_owns_it_and_a_second_session_of_hers_is_fine(server):
    alices(server.lab)
    bobs(server.lab)
    server.ssh("alice").ok()
    assert server.owner() == "alice"
    server.ssh("bob").failed(255)
    server.refused("host_dedicated", "principals: it belongs to alice")
    assert server.lab.why("bob", "ops1") == "allowed", "the service does not know whose the host is"
    server.ssh("alice").ok()
    assert "owner_taken" in kinds(server)


def test_the_session_gate_refuses_alone_where_deny_in_says_so(server):
    alices(server.lab)
    bobs(server.lab)
    server.configure(deny_in="session")
    server.ssh("alice").ok()
    server.ssh("bob").failed()
    server.refused("host_dedicated", "session: it belongs to alice")
    assert server.status()["sessions"] == 0


# Plays sshd: a child asks for principals, and when the host has an owner its parent, "the monitor", asks for the account.
BETWEEN_THE_GATES = """
import base64, os, socket, struct, subprocess, sys
def packet(kind, *fields):
    return bytes([1, kind]) + b"".join(struct.pack(">I", len(field)) + field for field in fields)
def ask(message):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as agent:
        agent.connect("/run/tegata/agent.sock")
        agent.send(message)
        return struct.unpack_from(">I", agent.recv(65536), 2)[0]
certificate = base64.b64decode(sys.argv[1])
child = os.fork()
if child == 0:
    os._exit(ask(packet(1, b"bob", certificate, b"ssh-ed25519-cert-v01@openssh.com", b"")))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
sys.stdin.readline()
print(ask(packet(2, b"bob", b"sshd", b"10.77.0.102", b"")), flush=True)
"""


def test_the_account_gate_refuses_who_came_through_the_first_one_before(server):
    lab = server.lab
    alices(lab)
    bobs(lab)
    lab.run("lab-certificate", "bob").ok()
    certificate = lab.read(f"{lab.home('bob')}/.ssh/id_ed25519-cert.pub").split()[1]
    server.write("/run/between.py", BETWEEN_THE_GATES)
    between = lab.start("on", "ops1", PYTHON, "/run/between.py", certificate)
    assert between.stdout.readline() == "0\n"
    server.ssh("alice").ok()
    between.stdin.write("\n")
    between.stdin.flush()
    assert between.stdout.readline() == "117\n"  # host_dedicated
    server.refused("host_dedicated", "account: it belongs to alice")
    between.communicate()


def test_of_two_who_race_one_gets_in(server):
    alices(server.lab)
    bobs(server.lab)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        logins = list(pool.map(lambda person: (person, server.ssh(person).status == 0), ["alice", "bob"] * 4))
    owner = server.owner()
    assert owner in ("alice", "bob")
    assert {person for person, entered in logins if entered} == {owner}
    assert all(entered for person, entered in logins if person == owner)


def test_a_restarted_agent_knows_the_owner(server):
    alices(server.lab)
    bobs(server.lab)
    server.ssh("alice").ok()
    server.kill_and_start()
    server.wait_in_step()
    server.ssh("bob").failed(255)
    server.refused("host_dedicated")
    server.ssh("alice").ok()


# --- The teardown -------------------------------------------------------------------------------------------------------


def test_the_host_is_wiped_when_she_is_done_and_the_next_gets_in(server):
    lab = server.lab
    ticket = alices(lab)
    bobs(lab)
    session = lab.start("as", "alice", "ssh", "ops1", "echo here; echo secret >mine; echo secret >/tmp/mine; cat")
    assert session.stdout.readline() == "here\n"
    assert server.sh("cat /home/alice/mine /tmp/mine").ok().out == "secret\nsecret\n"
    session.stdin.close()
    session.wait()
    server.ssh("bob").failed(255)  # her ticket still stands
    assert server.owner() == "alice"
    lab.release("alice", ticket)
    server.wait_free()
    server.sh("test ! -e /home/alice && test ! -e /tmp/mine").ok()
    assert "alice" not in server.reserved()
    server.ssh("bob").ok()
    assert server.owner() == "bob"
    lab.logged("has ended well", "ops1", "teardown.log")
    seen = kinds(server)
    assert "teardown" in seen and "wiped" in seen


def test_nobody_is_let_in_while_the_teardown_is_due(server):
    """A teardown that fails is tried again, and until it has worked the host is nobody's to enter."""
    lab = server.lab
    ticket = alices(lab)
    bobs(lab)
    server.write("/run/teardown_fails", "yes")
    server.ssh("alice").ok()
    lab.release("alice", ticket)
    lab.logged("failed with status 7", "ops1", "teardown.log")
    alices(lab)
    for person in ("alice", "bob"):
        server.mark()
        server.ssh(person).failed(255)
        server.refused("host_dedicated", "principals: it is to be wiped after alice")
    server.kill_and_start()  # the teardown is still due, and is asked for again
    server.wait_in_step()
    server.ssh("alice").failed(255)
    server.run("rm", "/run/teardown_fails").ok()
    server.wait_free()
    server.ssh("bob").ok()


def test_it_waits_for_the_next_owner_as_soon_as_the_host_is_wiped(server):
    """The pause is between two runs; tegata doctor would say meanwhile that nobody waits."""
    server.daemon("stop")
    server.daemon("start", pause=3600)
    ticket = alices(server.lab)
    server.ssh("alice").ok()
    assert server.status()["owner"] == "alice"
    server.lab.release("alice", ticket)
    server.wait_free()
    wait_until(lambda: server.status()["teardown_waiting"] == 1, "tegata-teardown waits")
    server.daemon("stop")
    server.daemon("start")


def test_a_program_that_others_can_write_is_not_run(server):
    lab = server.lab
    ticket = alices(lab)
    server.ssh("alice").ok()
    server.run("chmod", "775", TEARDOWN).ok()
    lab.release("alice", ticket)
    lab.logged(f"{TEARDOWN}: must belong to root and be writable by nobody else", "ops1", "teardown.log")
    assert server.owner() == "alice"
    server.run("chmod", "755", TEARDOWN).ok()
    server.wait_free()


def test_without_tegata_teardown_the_host_waits(server):
    server.daemon("stop")
    ticket = alices(server.lab)
    server.ssh("alice").ok()
    server.lab.release("alice", ticket)
    server.logged("teardown: owner alice")
    assert server.owner() == "alice"
    server.daemon("start")
    server.wait_free()


# --- Traps --------------------------------------------------------------------------------------------------------------

PLANT = r"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def check(value):
    assert value >= 0, os.strerror(ctypes.get_errno())
    return value
home = "/home/alice"
for place in (home, "/tmp", "/var/tmp", "/dev/shm"):
    os.symlink("/etc", place + "/alices_etc")
    os.symlink("/etc/passwd", place + "/alices_passwd")
    os.symlink("/", place + "/alices_root")
    os.mkdir(place + "/alices")
    os.symlink("..", place + "/alices/up")
    os.mkfifo(place + "/alices/fifo")
    with open(place + "/alices/\n\x1b[31m", "w") as file:
        file.write("secret")
    os.makedirs(place + "/alices/locked/in")
    os.chmod(place + "/alices/locked", 0)
os.chdir(home)
for depth in range(3000):
    os.mkdir("deep")
    os.chdir("deep")
open("bottom", "w").close()
check(libc.shmget(0x7e6a7a, 4096, 0o1600))
check(libc.semget(0x7e6a7a, 1, 0o1600))
check(libc.msgget(0x7e6a7a, 0o1600))
check(libc.mq_open(b"/alices_queue", os.O_CREAT | os.O_RDWR, 0o600, None))
ADD_KEY, USER, USER_SESSION = 248, -4, -5
for ring in (USER, USER_SESSION):
    check(libc.syscall(ADD_KEY, b"user", b"alices key", b"secret", 6, ring))
"""

COUNT_KEYS = r"""
import ctypes
libc = ctypes.CDLL(None)
print(*(libc.syscall(250, 11, ring, None, 0) // 4 for ring in (-4, -5)))
"""


def plant(server):
    """As alice would in a session, and what root's cron and at would have stored for her."""
    server.write("/run/plant.py", PLANT)
    server.as_uid(20001, PYTHON, "/run/plant.py").ok()
    server.sh("""
        mkdir -p /var/spool/cron/crontabs /var/spool/cron/atjobs
        echo '* * * * * id' >/var/spool/cron/crontabs/alice
        echo id >/var/spool/cron/atjobs/a0000101
        echo mail >/var/mail/alice
        chown 20001:20001 /var/spool/cron/crontabs/alice /var/spool/cron/atjobs/a0000101 /var/mail/alice
        echo precious >/home/keep
        ln /home/keep /home/alice/hard
        mkdir -m 1777 /tmp/of_root /tmp/of_bob
        chown 20002 /tmp/of_bob
        echo hers >/tmp/of_root/hers; chown 20001 /tmp/of_root/hers
        echo hers >/tmp/of_bob/hers; chown 20001 /tmp/of_bob/hers
        echo his >/tmp/of_bob/his; chown 20002 /tmp/of_bob/his
    """).ok()


def test_the_wipe_takes_all_that_is_hers_and_nothing_else(other):
    lab = other.lab
    ticket = alices(lab, "ops2")
    # The agent ends what runs under her number without a session.
    session = lab.start("as", "alice", "ssh", "ops2", "echo here; cat")
    assert session.stdout.readline() == "here\n"
    plant(other)
    session.communicate()
    before = other.sh("cat /home/keep /tmp/of_bob/his; sha256sum /etc/passwd; ls -A /etc | wc -l").ok().out
    lab.release("alice", ticket)
    assert "alice" in other.reserved()
    dry = other.wipe("--account", "alice", "--dry-run")
    assert "there are" in dry
    other.sh("test -e /home/alice/hard && test -e /var/mail/alice").ok()
    process = other.lab.start("on", "ops2", "setpriv", "--reuid=20001", "sh", "-c", "trap '' TERM HUP; echo up; while :; do read x; done")
    assert process.stdout.readline() == "up\n"
    other.wipe("--account", "alice")
    process.wait()
    assert other.sh("cat /home/keep /tmp/of_bob/his; sha256sum /etc/passwd; ls -A /etc | wc -l").ok().out == before
    assert other.sh("stat -c %h /home/keep").ok().out == "1\n"
    left = other.sh(f"find / -xdev -uid 20001; find /home /tmp /var/tmp /dev/shm /run -uid 20001 -not -path '{lab.folder}*'").ok().out
    assert left == ""
    assert other.sh("ipcs -m -s -q").ok().out.count("0x007e6a7a") == 0
    assert other.as_uid(20001, PYTHON, "-c", COUNT_KEYS).ok().out == "0 1\n"
    assert "alice" not in other.reserved()
    other.sh("rm -rf /home/keep /tmp/of_root /tmp/of_bob").ok()


def test_a_bind_mount_is_not_entered_and_keeps_the_host(server):
    """What is mounted in her home is not hers to be removed; until somebody unmounts it the host is not wiped."""
    lab = server.lab
    ticket = alices(lab)
    server.ssh("alice").ok()
    server.sh("mkdir /home/alice/mounted /home/treasure; echo gold >/home/treasure/gold; mount --bind /home/treasure /home/alice/mounted").ok()
    lab.release("alice", ticket)
    lab.logged("failed with status 1", "ops1", "teardown.log")
    lab.logged("/home/alice/mounted: something is mounted there", "ops1", "teardown.log")
    assert server.read("/home/treasure/gold") == "gold\n"
    assert server.owner() == "alice" and "alice" in server.reserved()
    server.run("umount", "/home/alice/mounted").ok()
    server.wait_free()
    assert server.read("/home/treasure/gold") == "gold\n"
    server.run("rm", "-r", "/home/treasure").ok()


def test_a_file_elsewhere_keeps_the_number_but_not_the_host(server):
    lab = server.lab
    ticket = alices(lab)
    bobs(lab)
    server.ssh("alice").ok()
    # Also where nothing but a copy of the mount shows it: under another mount.
    server.sh("mkdir -p /srv/left; echo data >/srv/left/under; chown 20001 /srv/left/under; mount -t tmpfs tmpfs /srv/left").ok()
    lab.release("alice", ticket)
    server.wait_free()
    lab.logged("failed with status 3", "ops1", "teardown.log")
    lab.logged("/srv/left/under", "ops1", "teardown.log")
    assert "alice" in server.reserved()
    server.ssh("bob").ok()
    server.sh("umount /srv/left; rm -r /srv/left").ok()
    server.wipe("--account", "alice")
    assert "alice" not in server.reserved()


# --- Numbers ------------------------------------------------------------------------------------------------------------

RENAMED = """
policy["accounts"] = {"release": {"uid": 20100}}
for rule in policy["rules"]:
    rule["accounts"] = ["release" if name == "deploy" else name for name in rule["accounts"]]
"""


def test_a_number_is_not_given_to_another_while_files_have_it(other):
    lab = other.lab
    before = lab.read(f"{lab.folder}/policy.json")
    ticket = lab.ticket("alice", ["bob", "dave"], "ops2", "--account", "deploy")
    other.ssh("alice", "true", options=["-l", "deploy"]).ok()
    other.sh("echo data >/srv/left; chown 20100 /srv/left").ok()
    lab.release("alice", ticket)
    lab.change_policy(RENAMED)
    ticket = lab.ticket("alice", ["bob", "dave"], "ops2", "--account", "release")
    other.refused("uid_in_use", "account release (uid 20100) is not published: uid 20100 was deploy's here")
    other.ssh("alice", "true", options=["-l", "release"]).failed(255)
    assert other.run("getent", "passwd", "release").out == ""
    assert "/srv/left" in other.wipe("--account", "deploy", status=3)
    other.ssh("alice", "true", options=["-l", "release"]).failed(255)
    other.run("rm", "/srv/left").ok()
    other.wipe("--account", "deploy")
    wait_until(lambda: other.run("getent", "passwd", "release").status == 0, "the account release")
    other.ssh("alice", "true", options=["-l", "release"]).ok()
    assert "account_refused" in kinds(other)
    lab.release("alice", ticket)
    lab.publish_policy(before)


def test_an_account_with_a_session_is_not_wiped(other):
    lab = other.lab
    ticket = alices(lab, "ops2")
    session = lab.start("as", "alice", "ssh", "ops2", "echo here; cat")
    assert session.stdout.readline() == "here\n"
    assert "it has an open session" in other.wipe("--account", "alice", status=1)
    assert "it has an open session" in other.wipe("--all", status=1)
    session.stdin.write("still here\n")
    session.stdin.flush()
    assert session.stdout.readline() == "still here\n"
    session.communicate()
    lab.release("alice", ticket)


def test_an_account_of_the_hosts_own_is_not_wiped(other):
    lab = other.lab
    ticket = alices(lab, "ops2")
    other.ssh("alice").ok()
    lab.release("alice", ticket)
    other.add_user("alice:x:20001:20001::/home/alice:/bin/sh")
    assert "a local user has this name" in other.wipe("--account", "alice", status=1)
    other.sh("test -d /home/alice").ok()


def test_usage(other):
    for options in ([], ["--all", "--account", "alice"], ["alice"], ["--nonsense"]):
        assert other.run("tegata-wipe", *options).status == 2
    assert "no such account" in other.wipe("--account", "nobody_here", status=1)
    for option in ("0", "3601", "x", "-1", ""):
        assert other.run("tegata-teardown", "--pause", option).status == 2
    assert other.run("tegata-teardown", "--check").ok().out == "OK\n"


# --- Homes --------------------------------------------------------------------------------------------------------------


def test_a_home_is_made_for_its_owner_alone(other):
    lab = other.lab
    other.sh("echo skeleton >/etc/skel/.of_the_skeleton").ok()
    other.sh("rm -rf /home/alice").ok()
    ticket = alices(lab, "ops2")
    assert other.ssh("alice", "pwd; cat .of_the_skeleton").ok().out == "/home/alice\nskeleton\n"
    assert other.sh("stat -c '%a %u %g' /home/alice").ok().out == "700 20001 20001\n"
    lab.release("alice", ticket)


@pytest.mark.parametrize("obstacle, detail", [
    ("mkdir /home/alice; chown 20999 /home/alice", "belongs to uid 20999"),
    ("mkdir /home/alice", "belongs to uid 0"),
    ("mkdir /home/elsewhere; chown 20001 /home/elsewhere; ln -s elsewhere /home/alice", "is no directory"),
    ("touch /home/alice; chown 20001 /home/alice", "is no directory"),
])
def test_somebody_elses_home_is_not_used(other, obstacle, detail):
    lab = other.lab
    other.sh(f"rm -rf /home/alice; {obstacle}").ok()
    ticket = alices(lab, "ops2")
    other.ssh("alice").failed()
    other.refused("uid_in_use", detail)
    other.sh("rm -rf /home/alice /home/elsewhere").ok()
    other.ssh("alice").ok()
    lab.release("alice", ticket)
