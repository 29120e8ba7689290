"""The roster is damaged, planted or contradicts the local files: NSS says nothing of it, and the agent writes a new one.

The agent is stopped by SIGSTOP while the file is wrong; otherwise it would be mended before anybody could look."""

import pytest

from host import ROSTER
from lab import wait_until

# Runs on the host. Each case is asked by a new process, both as programs do (getent) and for the module's own status.
ASK = '''
import ctypes, os, struct, subprocess
ROSTER = "/run/tegata/roster"
SERVED, NOTFOUND, UNAVAIL = 1, 0, -1

def module_status():
    """The status of the module itself: UNAVAIL is not NOTFOUND."""
    child = os.fork()
    if child == 0:
        module = ctypes.CDLL("libnss_tegata.so.2")
        error, buffer, entry = ctypes.c_int(0), ctypes.create_string_buffer(4096), ctypes.create_string_buffer(256)
        status = module._nss_tegata_getpwnam_r(b"alice", entry, buffer, ctypes.c_size_t(4096), ctypes.byref(error))
        os._exit(status + 10)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) - 10

def getent(*words):
    return subprocess.run(["getent", *words], capture_output=True, text=True).stdout

def unavailable(what, full=True):
    assert module_status() == UNAVAIL, what
    if full:
        for words in (("passwd", "alice"), ("passwd", "20001"), ("group", "ops"), ("group", "alice")):
            assert getent(*words) == "", (what, words)
'''

PLANT = ASK + '''
GOOD = open(ROSTER, "rb").read()
OWNER = os.stat(ROSTER)
assert module_status() == SERVED and getent("passwd", "alice").startswith("alice:*:20001:")

def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff

def summed(data):
    """With the right checksum."""
    data = bytearray(data)
    struct.pack_into("<I", data, 16, crc32c(data[:16] + data[24:]))
    return bytes(data)

def put(data):
    with open(ROSTER + ".test", "wb") as file:
        file.write(data)
    os.chown(ROSTER + ".test", OWNER.st_uid, OWNER.st_gid)
    os.chmod(ROSTER + ".test", 0o644)
    os.rename(ROSTER + ".test", ROSTER)
'''

CUT_AND_FLIPPED = PLANT + '''
for length in sorted({0, 1, 8, 23, 24, 127, 128, 129, len(GOOD) // 2, len(GOOD) - 1}):
    put(GOOD[:length])
    unavailable(f"cut to {length}", full=length == len(GOOD) // 2)
put(GOOD + bytes(1))
unavailable("one byte more", full=False)
SUPERSEDED = range(20, 24)  # the one word outside the checksum
for position in range(len(GOOD)):
    if position not in SUPERSEDED:
        data = bytearray(GOOD)
        data[position] ^= 1 << position % 8
        put(data)
        unavailable(f"bit of byte {position}", full=position % 64 == 0)
print("all refused")
'''

CRAFTED = PLANT + '''
def with_uid(uid):
    assert GOOD.count(struct.pack("<I", 20001)) >= 2
    return summed(GOOD.replace(struct.pack("<I", 20001), struct.pack("<I", uid)))

assert summed(GOOD) == GOOD, "the checksum is another one"
for uid in (0, 1, 999, 19999, 61184, 65534, 2**31, 2**32 - 1):
    put(with_uid(uid))
    unavailable(f"uid {uid}")
    assert "alice" not in getent("passwd", str(uid))
for name in (b"wheel", b"admin", b"-lice", b"al:ce"):
    put(summed(GOOD.replace(b"\\0alice\\0", b"\\0" + name + b"\\0")))
    unavailable(f"name {name}")
print("all refused")
'''


@pytest.fixture
def quiet(host, ticket):
    """The agent does not look."""
    host.ssh().ok()
    host.hang()
    return host


def heals(host):
    host.mark()
    host.agent("resume").ok()
    host.logged(f"{ROSTER} was touched by somebody else; it is published anew")
    host.logged("roster published: ")
    assert host.run("getent", "passwd", "alice").ok().out.startswith("alice:*:20001:")
    host.ssh().ok()


def login_refused(host):
    """sshd does not know her, so the helper is not even asked."""
    host.mark()
    host.ssh().failed(255)
    host.logged("Invalid user alice", "sshd.log")


def test_truncated_or_with_a_flipped_bit_it_serves_nothing(quiet):
    assert quiet.python(CUT_AND_FLIPPED).ok().out == "all refused\n"
    login_refused(quiet)
    heals(quiet)


def test_numbers_and_names_that_are_not_tegatas_are_not_served(quiet):
    assert quiet.python(CRAFTED).ok().out == "all refused\n"
    login_refused(quiet)
    heals(quiet)


@pytest.mark.parametrize("spoil, restore", [
    ("chmod g+w {0}", "true"),
    ("chmod o+w {0}", "true"),
    ("chmod g+w /run/tegata", "chmod g-w /run/tegata"),
    ("chown daemon {0}", "rm {0}"),
    ("mv {0} /run/elsewhere; ln -s /run/elsewhere {0}", "rm {0}"),
    ("rm {0}; mkfifo {0}", "rm {0}"),
    ("rm {0}", "true"),
])
def test_somebody_elses_file_is_not_served(quiet, spoil, restore):
    quiet.sh(spoil.format(ROSTER)).ok()
    quiet.python(ASK + """unavailable("somebody else's")""").ok()
    login_refused(quiet)
    quiet.sh(restore.format(ROSTER)).ok()
    quiet.agent("resume").ok()
    wait_until(lambda: quiet.run("getent", "passwd", "alice").status == 0, "a new roster")
    wait_until(lambda: quiet.ssh().status == 0, "the way in")


def test_a_roster_that_cannot_be_replaced_is_named(host, ticket):
    host.ssh().ok()
    host.touched = True
    host.sh(f"mv {ROSTER} /run/elsewhere; ln -s /run/elsewhere {ROSTER}").ok()
    host.mark()
    login_refused(host)
    host.status()
    host.logged(f"the roster is not published: {ROSTER[:-7]}/roster: cannot be replaced")
    host.run("rm", ROSTER).ok()
    host.restart()
    host.ssh().ok()


@pytest.mark.parametrize("line", ["alice:x:3003:3003::/tmp:/bin/false", "someone:x:20001:20001::/tmp:/bin/false"])
def test_local_users_come_first_whatever_the_roster_says(quiet, line):
    """The roster stays as it was: it is the reader that looks at the local files."""
    quiet.add_user(line)
    name = line.split(":")[0]
    assert quiet.run("getent", "passwd", name).ok().out == line + "\n"
    assert quiet.run("getent", "passwd", "20001").out in ("", line + "\n")
    assert quiet.run("getent", "passwd", "alice").out in ("", line + "\n")
