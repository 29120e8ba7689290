"""What must not stop the agent from answering, or bring back what was over."""

from lab import wait_until


def refused(lab, code):
    """A login by alice to ops1 is refused at the session with this code."""
    done = lab.ssh("alice", "ops1", "true").failed()
    assert code in done.out + done.err + lab.log("ops1", "syslog"), done.describe()


def test_a_name_server_that_hangs(own_lab):
    """Whoever resolves the service's name waits; the agent does not: the person is told at once what is wrong."""
    lab = own_lab(hosts=1)
    lab.ticket("alice", ["bob"], "ops1")
    lab.ssh("alice", "ops1", "true").ok()
    lab.on("ops1", "sh", "-c", "printf 'nameserver 127.0.0.1\\noptions timeout:5 attempts:3\\n' >/etc/resolv.conf").ok()
    lab.on("ops1", "sed", "-i", "s/^hosts:.*/hosts: dns/; $ a hosts: dns", "/etc/nsswitch.conf").ok()
    server = lab.start("on", "ops1", "python3", "-c", "import socket\n"
                       "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 53)); print('up', flush=True)\n"
                       "while True: s.recv(512)")
    assert server.stdout.readline() == "up\n", server.stderr.read()
    lab.on("ops1", "sed", "-i", "s|^url = .*|url = https://nowhere.example:8443|", "/etc/tegata/tegata.conf").ok()
    lab.run("lab-agent", "ops1", "restart").ok()
    wait_until(lambda: lab.run("lab-agent", "ops1", "status").status == 0, "the agent's answer")
    lab.mark()
    refused(lab, "service_unreachable")
    lab.logged("service_unreachable")
    server.kill()
    server.wait()


def test_a_damaged_state_revives_no_ticket(own_lab):
    """The host remembers that a ticket was revoked although the file of tickets is lost and the service says otherwise now."""
    lab = own_lab(hosts=1)
    ticket = lab.ticket("alice", ["bob"], "ops1")
    lab.ssh("alice", "ops1", "true").ok()
    lab.revoke("bob", ticket)
    lab.run("lab-agent", "ops1", "stop").ok()
    lab.on("ops1", "sh", "-c", "echo damage >/var/lib/tegata/tickets").ok()
    lab.run("lab-service", "stop").ok()
    lab.on("service", "sh", "-c", "python3 - <<'END'\n"
           "import glob, sqlite3\n"
           "path = glob.glob('/var/lib/tegata*/approvald.db')[0]\n"
           "base = sqlite3.connect(path)\n"
           f"print(base.execute(\"update tickets set state = 'approved' where id = '{ticket}'\").rowcount)\n"
           "base.commit()\n"
           "END").ok()
    lab.run("lab-service", "start").ok()
    lab.mark()
    lab.run("lab-agent", "ops1", "start").ok()
    lab.logged("in step with the service")
    refused(lab, "ticket_revoked")
