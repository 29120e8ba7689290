"""The lab as the tests see it: one object for one running scripts/lab.

    lab.as_("alice", "ssh", "ops1", "id")     a person's command on the operators' machine
    lab.on("ops1", "id", "alice")             root's command on a machine
    lab.run("lab-agent", "ops1", "stop")      root's command on the operators' machine

Each returns a Result and never raises for an exit status; .ok() insists on 0. Nothing here sleeps for a fixed time: what has to
happen first is waited for with wait_until()."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass

SOURCE = pathlib.Path(__file__).resolve().parents[2]
COMMAND_SECONDS = 60
WAIT_SECONDS = 60  # far more than anything needs, also on a busy machine
TICKET_ID = re.compile(r"T-[0-9A-HJKMNP-TV-Z]{13}")


@dataclass
class Result:
    command: tuple
    status: int
    out: str
    err: str

    def ok(self):
        assert self.status == 0, self.describe()
        return self

    def failed(self, status=None):
        assert self.status != 0 if status is None else self.status == status, self.describe()
        return self

    def json(self):
        return json.loads(self.ok().out)

    def describe(self):
        return f"{shlex.join(self.command)}\nexit status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def wait_until(condition, what="the condition", seconds=WAIT_SECONDS):
    """Asks again and again until condition() is true, and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not come about in {seconds} s"
        time.sleep(0.05)


class Lab:
    """Starts a lab of its own, or, inside a lab ($LAB is set), uses that one. Options go to `scripts/lab run`, after those of
    $TEGATA_LAB_OPTIONS (for example "--build /somewhere --root /a/debian/13")."""

    def __init__(self, hosts=2, options=(), own=False):
        self.process = None
        self.log_marks = {}
        if "LAB" in os.environ and not own:
            self.folder = os.environ["LAB"]
            self.prefix = []
            return
        chosen = shlex.split(os.environ.get("TEGATA_LAB_OPTIONS", ""))
        self.process = subprocess.Popen(
            [SOURCE / "scripts/lab", "run", "--hosts", str(hosts), *chosen, *options, "--", "sh", "-c", 'echo "$LAB"; exec cat'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.folder = self.process.stdout.readline().strip()
        assert self.folder, f"the lab did not start (exit status {self.process.wait()}); see its messages above"
        # The lab's outer part writes it, at about the time at which our command begins.
        pid_file = pathlib.Path(self.folder) / "pid"
        pid = wait_until(lambda: pid_file.exists() and pid_file.read_text().strip(), str(pid_file))
        self.prefix = ["nsenter", "--target", pid, "--pid", "--mount", "--", str(SOURCE / "scripts/lib/lab/enter"), self.folder]

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            status = self.process.wait(timeout=COMMAND_SECONDS)
            self.process.stdout.close()
            assert status == 0, f"the lab ended with status {status}: 123 means that a program crashed, and its report stands above"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- commands ---------------------------------------------------------------------------------------------------------

    def command(self, *command):
        """The words that run a root command on the operators' machine, for subprocess."""
        return [*self.prefix, *(str(word) for word in command)]

    def run(self, *command, stdin="", seconds=COMMAND_SECONDS, environment=None):
        words = ["env", *(f"{name}={value}" for name, value in (environment or {}).items())] if environment else []
        done = subprocess.run(self.command("timeout", "--kill-after=2", seconds, *words, *command), input=stdin,
                              capture_output=True, text=True, errors="backslashreplace", check=False)
        return Result(tuple(str(word) for word in command), done.returncode, done.stdout, done.stderr)

    def as_(self, person, *command, **options):
        return self.run("as", person, *command, **options)

    def on(self, machine, *command, **options):
        return self.run("on", machine, *command, **options)

    def ssh(self, person, host, *command, options=(), **more):
        """`ssh` as a person; BatchMode, so that nothing ever waits for a prompt."""
        return self.as_(person, "ssh", "-o", "BatchMode=yes", *options, host, *command, **more)

    def start(self, *command):
        """A command that goes on running: a Popen. It ends with the lab at the latest."""
        return subprocess.Popen(self.command(*command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)

    # --- files ------------------------------------------------------------------------------------------------------------

    def read(self, path):
        """A file of the operators' machine, for example below the lab's folder."""
        return self.run("cat", path).ok().out

    def write(self, path, text, owner=None, mode=None):
        self.run("tee", path, stdin=text).ok()
        if owner:
            self.run("chown", owner, path).ok()
        if mode:
            self.run("chmod", mode, path).ok()

    def home(self, person):
        return f"{self.folder}/people/{person}"

    # --- what the machines say ----------------------------------------------------------------------------------------------

    def log(self, machine="ops1", name="agent.log"):
        done = self.run("cat", f"{self.folder}/{machine}/{name}")
        return done.out if done.status == 0 else ""

    def mark(self, machine="ops1", name="agent.log"):
        """From now on, logged() looks only at what comes."""
        self.log_marks[machine, name] = len(self.log(machine, name))

    def since_mark(self, machine="ops1", name="agent.log"):
        """What a log says from its last mark on."""
        return self.log(machine, name)[self.log_marks.get((machine, name), 0):]

    def logged(self, text, machine="ops1", name="agent.log"):
        """Waits until a log, from its last mark on, has the text."""
        return wait_until(lambda: text in self.since_mark(machine, name), f"{text!r} in {machine}/{name}")

    def status(self, host="ops1"):
        """What the agent of a host says about itself."""
        return self.run("lab-agent", host, "status").json()

    # --- tickets --------------------------------------------------------------------------------------------------------------

    def request(self, person, hosts="ops1", *options, duration="30m", reason="end-to-end test"):
        """Requests a ticket and returns its id."""
        done = self.as_(person, "tegata", "request", hosts, "--for", duration, "--reason", reason, *options).ok()
        found = TICKET_ID.fullmatch(done.out.split("\n", 1)[0])
        assert found, done.describe()
        return found[0]

    def approve(self, person, ticket, *options):
        return self.as_(person, "tegata", "approve", ticket, "--yes", *options)

    def show(self, person, ticket):
        return self.as_(person, "tegata", "--json", "show", ticket).json()

    def state(self, person, ticket):
        return self.show(person, ticket)["state"]

    def wait_acknowledged(self, person, ticket):
        """Waits until every host of the ticket has what the service knows about it."""
        return wait_until(lambda: all(host["acknowledged"] for host in self.show(person, ticket)["hosts"]),
                          f"the acknowledgement of {ticket}")

    def ticket(self, person, approvers, hosts="ops1", *options, **more):
        """A ticket that is approved and known to its hosts."""
        ticket = self.request(person, hosts, *options, **more)
        for approver in approvers:
            self.approve(approver, ticket).ok()
        self.wait_acknowledged(person, ticket)
        return ticket

    def revoke(self, person, ticket, reason="end-to-end test"):
        self.as_(person, "tegata", "revoke", ticket, "--reason", reason).ok()
        self.wait_acknowledged(person, ticket)

    def release(self, person, ticket):
        self.as_(person, "tegata", "release", ticket).ok()
        self.wait_acknowledged(person, ticket)

    def why(self, person, host, *options):
        """The code with which the host would refuse the person, or "allowed"."""
        answer = self.as_(person, "tegata", "--json", "why", host, *options)
        return json.loads(answer.out)["verdict"]["code"]

    def change_policy(self, program):
        """Publishes a changed policy and waits until every host has it. `program` is Python that changes `policy`."""
        self.run("lab-policy", "change", program).ok()
        self.wait_for_policy()

    def publish_policy(self, text):
        """The same with a whole policy; its serial is raised as far as it must be."""
        self.run("lab-policy", "publish", "-", stdin=text).ok()
        self.wait_for_policy()

    def wait_for_policy(self):
        serial = json.loads(self.read(f"{self.folder}/policy.json"))["serial"]
        for host in self.hosts():
            wait_until(lambda host=host: self.status(host)["policy_serial"] >= serial, f"policy {serial} on {host}")

    def hosts(self):
        return [name for name in self.run("ls", self.folder).ok().out.split() if re.fullmatch(r"ops\d+", name)]


def show_logs(lab, file=sys.stderr):
    """For a failed test: the last lines of every log."""
    for machine in ["service", *lab.hosts()]:
        for name in ("service.log", "agent.log", "sshd.log", "syslog"):
            lines = lab.log(machine, name).splitlines()[-15:]
            if lines:
                print(f"--- {machine}/{name}", *lines, sep="\n", file=file)
