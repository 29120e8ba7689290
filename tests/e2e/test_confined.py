"""Confined accounts: what a session reaches is what its ticket names, by every protocol that there is, for as long as it has the right to."""

import json
import socket

import pytest

from host import Host, events
from lab import Lab, wait_until

# ops1 is the host; ops2 is what there is to reach.
HOST4, HOST6 = "10.77.0.11", "fd77::11"
FAR4, FAR6 = "10.77.0.12", "fd77::12"
DATABASE, OTHER_PORT, PLAIN_UDP, LOCAL_PORT = 5432, 5433, 5434, 8080
PERMITTED = (f"{FAR4}:{DATABASE}", f"[{FAR6}]:{DATABASE}")
TABLE_OF_OTHERS = "table inet others"
SERVERS = f"""
import selectors, socket, sys
chosen = selectors.DefaultSelector()
def serve(family, kind, protocol, address, port):
    one = socket.socket(family, kind, protocol)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind((address, port))
    if kind == socket.SOCK_STREAM:
        one.listen()
    chosen.register(one, selectors.EVENT_READ, kind)
for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    for port in map(int, sys.argv[1:]):
        serve(family, socket.SOCK_STREAM, 0, address, port)
        serve(family, socket.SOCK_DGRAM, 0, address, port)
print("ready", flush=True)
while True:
    for key, _ in chosen.select():
        if key.data == socket.SOCK_DGRAM:
            data, sender = key.fileobj.recvfrom(100)
            key.fileobj.sendto(data, sender)
        elif key.data == socket.SOCK_STREAM:
            chosen.register(key.fileobj.accept()[0], selectors.EVENT_READ, None)
        elif not key.fileobj.recv(4096):
            chosen.unregister(key.fileobj)
            key.fileobj.close()
"""
# Tries each [name, family, kind, protocol, address, port], and says of each whether it got through.
PROBE = """
import json, os, socket, sys
def get_through(family, kind, protocol, address, port):
    with socket.socket(family, kind, protocol) as one:
        one.settimeout(3)
        one.connect((address, port) if "%" not in address else socket.getaddrinfo(address, port, family)[0][4])
        if kind != socket.SOCK_STREAM:
            one.send(b"\\x08" + bytes(15) if protocol == 1 else b"\\x80" + bytes(15) if protocol == 58 else b"hello")
            one.recv(100)
said = {}
for name, *what in json.loads(sys.argv[1]):
    try:
        get_through(*what)
        said[name] = "reached"
    except TimeoutError:
        said[name] = "no answer"
    except OSError as error:
        said[name] = os.strerror(error.errno)
said["euid"] = os.geteuid()
print(json.dumps(said))
"""
HELPER = "/usr/local/bin/setuid_probe"


def tcp(address, port, protocol=0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return [f"tcp{protocol or ''} {address} {port}", family, socket.SOCK_STREAM, protocol, address, port]


def udp(address, port, protocol=0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return [f"udp{protocol or ''} {address} {port}", family, socket.SOCK_DGRAM, protocol, address, port]


def ping(address):
    family, protocol = (socket.AF_INET6, 58) if ":" in address else (socket.AF_INET, 1)
    return [f"ping {address}", family, socket.SOCK_DGRAM, protocol, address, 0]


MPTCP, UDPLITE = 262, 136
OPEN = [tcp(FAR4, DATABASE), tcp(FAR6, DATABASE), tcp(FAR4, DATABASE, MPTCP)]
NAMES = [udp(FAR4, 53), tcp(FAR4, 53)]
CLOSED = [tcp(FAR4, OTHER_PORT), tcp(FAR6, OTHER_PORT), tcp(FAR4, OTHER_PORT, MPTCP), tcp(FAR6, OTHER_PORT, MPTCP),
          tcp(HOST4, DATABASE), tcp(HOST6, DATABASE), tcp("127.0.0.1", LOCAL_PORT), tcp("::1", LOCAL_PORT), tcp(HOST4, LOCAL_PORT),
          tcp(HOST4, 22), tcp("127.0.0.1", 22), tcp("::ffff:10.77.0.12", OTHER_PORT), tcp("10.77.0.1", 8443),
          tcp(FAR6, 53), udp(FAR6, 53), udp("127.0.0.1", 53), udp(FAR4, DATABASE), udp(FAR6, DATABASE), udp(FAR4, PLAIN_UDP),
          udp(FAR6, PLAIN_UDP), udp("127.0.0.1", LOCAL_PORT), udp("::1", LOCAL_PORT), ping(FAR4), ping(FAR6), ping("127.0.0.1"), ping("::1")]


class Network:
    """The lab, alice, who is confined on it, and what the tests ask of both."""

    def __init__(self, lab):
        self.lab = lab
        self.host = Host(lab)
        self.link_local = ""

    def furnish(self):
        for name, address in (("ops1", HOST6), ("ops2", FAR6)):
            self.lab.on(name, "ip", "address", "add", f"{address}/64", "dev", "eth0", "nodad").ok()
            # Everybody may ping. With systemd, what stands in /proc/sys can only be read.
            self.lab.on(name, "unshare", "--mount", "sh", "-euc",
                        "mount -t proc proc /proc; echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range").ok()
        self.link_local = self.lab.on("ops2", "sh", "-c", "ip -6 -o addr show dev eth0 scope link | awk '{print $4}'").ok().out.split("/")[0]
        self.serve("ops2", 53, DATABASE, OTHER_PORT, PLAIN_UDP)
        self.serve("ops1", 53, DATABASE, LOCAL_PORT)
        self.host.write("/etc/resolv.conf", f"nameserver {FAR4}\n")
        self.host.write("/usr/local/lib/probe.py", PROBE)
        # The interpreter itself is the setuid program: it does what a helper with a hole in it would do.
        self.host.sh(f"cp -L /usr/bin/python3 {HELPER}; chmod 4755 {HELPER}").ok()
        self.host.run("nft", "-f", "-", stdin=f"{TABLE_OF_OTHERS} {{\n set s {{\n type ipv4_addr\n elements = {{ 192.0.2.1 }}\n }}\n"
                      " chain output {\n type filter hook output priority 0; policy accept;\n ip daddr @s drop\n }\n}\n").ok()
        self.lab.change_policy("policy['people']['alice']['confined'] = 1\n"
                               "policy['accounts']['deploy']['confined'] = 1\n"
                               "policy['groups']['operator'] = {'gid': 21009}\n"
                               "one = next(rule for rule in policy['rules'] if rule['id'] == 'developers')\n"
                               "one.update(max_extension_seconds=7200)\n"
                               "policy['rules'].append(dict(one, id='operated', sudo=['operator']))")
        wait_until(lambda: "20001" in self.listed("confined"), "the confinement")

    def serve(self, machine, *ports):
        process = self.lab.start("on", machine, "/usr/bin/python3", "-c", SERVERS, *ports)
        assert process.stdout.readline() == "ready\n", process.stderr.read()

    # --- asking -------------------------------------------------------------------------------------------------------------

    def listed(self, name):
        """A set of our table; "" if there is none."""
        return self.host.run("nft", "list", "set", "inet", "tegata", name).out

    def granted(self):
        return self.listed("permit4") + self.listed("permit6")

    def ticket(self, *options, permit=PERMITTED, duration="1h", person="alice", approvers=("bob",)):
        words = [word for destination in permit for word in ("--permit-open", destination)]
        return self.lab.ticket(person, approvers, "ops1", *words, *options, duration=duration)

    def try_all(self, attempts, program="/usr/bin/python3", person="alice", target="ops1"):
        done = self.lab.ssh(person, target, program, "/usr/local/lib/probe.py", f"'{json.dumps(attempts)}'", seconds=120).ok()
        return json.loads(done.out)

    def start_session(self, command, *options, target="ops1"):
        return self.lab.start("as", "alice", "ssh", "-o", "BatchMode=yes", *options, target, command)

    def events(self, ticket, kind):
        return [event["detail"] for event in events(self.lab) if event["ticket"] == ticket and event["kind"] == kind]


@pytest.fixture(scope="module")
def network():
    with Lab(own=True, hosts=2) as lab:
        one = Network(lab)
        one.furnish()
        yield one


@pytest.fixture
def tickets(network):
    """A maker of tickets, which are released when the test is over."""
    made = []

    def make(*arguments, **options):
        made.append(network.ticket(*arguments, **options))
        return made[-1]
    yield make
    for ticket in made:
        network.lab.as_("alice", "tegata", "release", ticket)
        network.lab.wait_acknowledged("alice", ticket)
    wait_until(lambda: "20001 ." not in network.granted(), "the end of all grants")


def assert_closed(said, attempts, but=()):
    for name, *_ in attempts:
        assert said[name] in ("Connection refused", "Operation not permitted", "Permission denied", "Network is unreachable", *but), (name, said)


def test_what_the_ticket_names_and_nothing_else(network, tickets):
    tickets()
    link_local = [tcp(f"{network.link_local}%eth0", DATABASE), udp(f"{network.link_local}%eth0", PLAIN_UDP)]
    said = network.try_all([*OPEN, *NAMES, *CLOSED, *link_local])
    assert said["euid"] == 20001
    for name, *_ in OPEN + NAMES:
        assert said[name] == "reached", (name, said)
    assert_closed(said, [*CLOSED, *link_local])
    # The servers are there: whoever is not confined reaches them all.
    everything = [*OPEN, *NAMES, *CLOSED, *link_local]
    done = json.loads(network.host.run("/usr/bin/python3", "/usr/local/lib/probe.py", json.dumps(everything)).ok().out)
    assert [name for name, *_ in everything if done[name] != "reached"] == [], done


def test_a_ticket_without_destinations(network, tickets):
    ticket = tickets(permit=())
    said = network.try_all([*OPEN, *NAMES])
    assert_closed(said, OPEN)
    assert said[NAMES[0][0]] == "reached"
    wait_until(lambda: network.events(ticket, "grant_put") == ["none (before: none)"], "the event")


def test_somebody_who_is_not_confined(network, tickets):
    other = network.lab.ticket("bob", ["dave"], "ops1", "--rule", "operations")
    said = network.try_all([*OPEN, *CLOSED], person="bob")
    assert [name for name, *_ in OPEN + CLOSED if said[name] != "reached"] == [], said
    network.lab.release("bob", other)


def test_a_confined_shared_account(network):
    words = [word for destination in PERMITTED for word in ("--permit-open", destination)]
    ticket = network.lab.ticket("alice", ["bob", "dave"], "ops1", "--account", "deploy", *words)
    said = network.try_all([*OPEN, *CLOSED], target="deploy@ops1")
    assert [name for name, *_ in OPEN if said[name] != "reached"] == [], said
    assert_closed(said, CLOSED)
    network.lab.release("alice", ticket)


def test_a_setuid_program_gains_nothing(network, tickets):
    """Without sudo in the ticket nothing in the session gains privileges; with it, a setuid program does, and keeps the gid."""
    first = tickets()
    said = network.try_all([*OPEN, *CLOSED], program=HELPER)
    assert said["euid"] == 20001
    assert_closed(said, CLOSED)
    network.lab.release("alice", first)
    tickets("--rule", "operated")
    said = network.try_all([*OPEN, *NAMES, *CLOSED], program=HELPER)
    assert said["euid"] == 0
    assert_closed(said, [*OPEN, *CLOSED])


def test_a_user_namespace_is_no_way_out(network, tickets):
    tickets()
    attempts = json.dumps([*OPEN, *CLOSED])
    for options in ("-Ur", "-Urn", "-U"):
        done = network.lab.ssh("alice", "ops1", "unshare", options, "/usr/bin/python3", "/usr/local/lib/probe.py", f"'{attempts}'", seconds=120).ok()
        said = json.loads(done.out)
        assert_closed(said, CLOSED, but=("Cannot assign requested address",))


def test_every_family_of_sockets(network, tickets):
    """What the rules do not see, a confined session cannot make: AF_VSOCK, and whatever sends by the kernel's own sockets."""
    tickets()
    script = ("import socket\nmade = set()\nfor family in range(64):\n    for kind in (1, 2, 3, 4, 5, 6, 10):\n        try:\n"
              "            socket.socket(family, kind, 0).close()\n            made.add(family)\n        except OSError:\n            pass\n"
              "print(*sorted(made))\n")
    network.host.write("/usr/local/lib/families.py", script)
    everybody = network.host.run("/usr/bin/python3", "/usr/local/lib/families.py").ok().out.split()
    said = network.lab.ssh("alice", "ops1", "/usr/bin/python3 /usr/local/lib/families.py").ok().out.split()
    left = [str(int(family)) for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)]
    assert said == left
    assert set(said) < set(everybody)


def test_nobody_connects_to_a_service_of_theirs(network, tickets):
    """Their answers are packets like any; and a SYN cookie, which the kernel sends in nobody's name, does not leave either: closed with
    its data unsent, such a connection would be nobody's, and send it."""
    tickets()
    knock = (f"import socket\ntry:\n    socket.create_connection(('{HOST4}', 9099), 3)\n    print('connected')\n"
             "except OSError as error:\n    print(type(error).__name__)\n")

    def set_cookies(value):
        network.lab.on("ops1", "unshare", "--mount", "sh", "-euc",
                       f"mount -t proc proc /proc; echo {value} >/proc/sys/net/ipv4/tcp_syncookies").ok()
    service = network.start_session("/usr/bin/python3 -c \"import socket\none = socket.create_server(('', 9099))\n"
                                    "print('listening', flush=True)\none.accept()\"")
    assert service.stdout.readline() == "listening\n"
    try:
        for value in (1, 2):
            set_cookies(value)
            assert network.lab.on("ops2", "/usr/bin/python3", "-", stdin=knock).ok().out == "TimeoutError\n", value
    finally:
        set_cookies(1)
        service.terminate()
        service.wait(timeout=20)


def forward(network, word, port):
    """A forwarding ssh of alice's, and what comes through it."""
    process = network.lab.start("as", "alice", "ssh", "-N", "-v", "-o", "ExitOnForwardFailure=yes", word, "ops1")
    wait_until(lambda: network.lab.run("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}").status == 0, "the forwarded port")
    return process


def reads_through(network, port, request=""):
    """Whether a connection through the port stays open: the far side says nothing by itself."""
    script = ("import socket, sys\none = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 10)\none.settimeout(1)\n"
              "request = bytes.fromhex(sys.argv[2])\n"
              "if request:\n    one.send(request[:3]); one.recv(2); one.send(request[3:])\n    sys.exit(0 if one.recv(10)[1:2] == b'\\0' else 1)\n"
              "try:\n    sys.exit(1 if one.recv(1) == b'' else 0)\nexcept TimeoutError:\n    sys.exit(0)\n")
    return network.lab.run("/usr/bin/python3", "-", port, request, stdin=script).status == 0


def socks(address, port):
    return "050100" + "05010001" + socket.inet_aton(address).hex() + f"{port:04x}"


def test_forwarding_is_held_to_the_same(network, tickets):
    """sshd refuses what the ticket does not name, and what it lets pass has the user's uid."""
    tickets("--option", "port-forwarding")
    to_database = forward(network, f"-L7101:{FAR4}:{DATABASE}", 7101)
    to_other = forward(network, f"-L7102:{FAR4}:{OTHER_PORT}", 7102)
    dynamic = forward(network, "-D7103", 7103)
    assert reads_through(network, 7101)
    assert not reads_through(network, 7102)
    assert reads_through(network, 7103, socks(FAR4, DATABASE))
    assert not reads_through(network, 7103, socks(FAR4, OTHER_PORT))
    for process in (to_database, to_other, dynamic):
        process.terminate()
        process.wait(timeout=20)
    network.lab.run("pkill", "-u", "alice", "ssh")


def test_grants_go_with_their_sessions(network, tickets):
    """Two sessions of two tickets: what is open is what either names, with the longest time of those that name it."""
    database = tickets(duration="1h")
    first = network.start_session("echo up; cat")
    assert first.stdout.readline() == "up\n"
    network.lab.mark("ops1")
    assert f"20001 . {FAR4} . {DATABASE}" in network.listed("permit4")
    wait_until(lambda: network.events(database, "grant_put"), "the event")
    assert network.events(database, "grant_put") == [f"{FAR4}:{DATABASE} [{FAR6}]:{DATABASE} (before: none)"]
    both = tickets(permit=(f"{FAR4}:{OTHER_PORT}", f"{FAR4}:{DATABASE}"), duration="2h")
    second = network.start_session("echo up; cat")
    assert second.stdout.readline() == "up\n"
    assert f"20001 . {FAR4} . {OTHER_PORT}" in network.listed("permit4")
    assert f"20001 . {FAR6} . {DATABASE}" in network.listed("permit6")
    network.lab.revoke("bob", both)
    second.wait(timeout=20)
    wait_until(lambda: f". {OTHER_PORT}" not in network.granted(), "the end of the second's grant")
    assert f"20001 . {FAR4} . {DATABASE}" in network.listed("permit4")
    assert first.poll() is None
    assert_closed(network.try_all([tcp(FAR4, OTHER_PORT)]), [tcp(FAR4, OTHER_PORT)])
    first.stdin.close()
    first.wait(timeout=20)
    wait_until(lambda: "20001 ." not in network.granted(), "the end of the first's grant")
    wait_until(lambda: network.events(both, "grant_removed"), "the event")
    assert network.events(both, "grant_removed") == [f"{FAR4}:{OTHER_PORT} {FAR4}:{DATABASE} (left: {FAR4}:{DATABASE} [{FAR6}]:{DATABASE})"]


def test_an_agent_that_died_prolongs_nothing(network, tickets):
    """The elements vanish by themselves; what is connected is over too; the account stays confined."""
    tickets(duration="15s")
    talk = ("/usr/bin/python3 -c \"import socket, time\n"
            f"one = socket.create_connection(('{FAR4}', {DATABASE}))\nprint('connected', flush=True)\n"
            "try:\n    while True:\n        one.send(b'x')\n        time.sleep(0.1)\nexcept OSError as error:\n    print(error, flush=True)\n"
            f"try:\n    socket.create_connection(('{FAR4}', {DATABASE}))\nexcept OSError as error:\n    print(error, flush=True)\n\"")
    session = network.start_session(talk)
    assert session.stdout.readline() == "connected\n"
    network.host.agent("kill").ok()
    wait_until(lambda: "20001 ." not in network.granted(), "the end of the grant", seconds=30)
    assert "20001" in network.listed("confined")
    assert "reset" in session.stdout.readline()
    assert "refused" in session.stdout.readline()
    network.host.agent("start").ok()
    session.wait(timeout=20)


def test_an_extension_prolongs_the_grant(network, tickets):
    ticket = tickets(duration="10m")
    session = network.start_session("echo up; cat")
    assert session.stdout.readline() == "up\n"
    assert "expires 9m" in network.listed("permit4")
    done = network.lab.as_("alice", "tegata", "extend", ticket, "1h").ok()
    network.lab.approve("bob", done.out.split("\n", 1)[0]).ok()
    wait_until(lambda: "expires 59m" in network.listed("permit4"), "the longer time")
    session.stdin.close()
    session.wait(timeout=20)


def test_a_restarted_agent_changes_nothing(network, tickets):
    ticket = tickets()
    session = network.start_session("echo up; cat")
    assert session.stdout.readline() == "up\n"
    network.host.agent("restart").ok()
    network.host.wait_in_step()
    assert f"20001 . {FAR4} . {DATABASE}" in network.listed("permit4")
    session.stdin.close()
    session.wait(timeout=20)
    wait_until(lambda: network.events(ticket, "grant_removed"), "the event")
    assert len(network.events(ticket, "grant_put")) == 1


def test_a_flushed_ruleset_comes_back(network, tickets):
    """As systemctl reload nftables does it."""
    before = network.host.run("nft", "list", "table", "inet", "others").ok().out
    tickets()
    session = network.start_session("echo up; cat")
    assert session.stdout.readline() == "up\n"
    network.host.run("nft", "flush ruleset; " + before.replace("\n", " ; ").replace("{ ;", "{").replace("; ;", ";")).ok()
    wait_until(lambda: f"20001 . {FAR4} . {DATABASE}" in network.listed("permit4"), "our table")
    assert_closed(network.try_all(CLOSED), CLOSED)
    session.stdin.close()
    session.wait(timeout=20)


def test_a_kernel_that_refuses(network, tickets):
    """Somebody holds a table of our name for themselves: whoever is confined cannot come in, everybody else can."""
    tickets()
    other = network.lab.ticket("bob", ["dave"], "ops1", "--rule", "operations")
    holder = network.lab.start("on", "ops1", "nft", "-i")
    holder.stdin.write("delete table inet tegata; add table inet tegata { flags owner; }\n")
    holder.stdin.flush()
    wait_until(lambda: "owner" in network.host.run("nft", "list", "table", "inet", "tegata").out, "the other's table")
    network.host.mark()
    network.lab.ssh("alice", "ops1", "true").failed(254)
    network.host.refused("grant_failed")
    network.lab.ssh("bob", "ops1", "true").ok()
    holder.stdin.close()
    holder.wait(timeout=20)
    wait_until(lambda: network.lab.ssh("alice", "ops1", "true").status == 0, "the way in")
    network.lab.release("bob", other)


def test_what_belongs_to_others_is_as_it_was(network):
    """Ours comes and goes; not a byte of theirs changes."""
    before = network.host.run("nft", "list", "table", "inet", "others").ok().out
    network.lab.change_policy("policy['people']['alice']['confined'] = 0\ndel policy['accounts']['deploy']['confined']")
    wait_until(lambda: network.host.run("nft", "list", "tables").ok().out == f"{TABLE_OF_OTHERS}\n", "the end of our table")
    assert network.host.run("nft", "list", "table", "inet", "others").ok().out == before
    network.lab.change_policy("policy['people']['alice']['confined'] = 1")
    wait_until(lambda: "20001" in network.listed("confined"), "our table")
    assert network.host.run("nft", "list", "table", "inet", "others").ok().out == before
