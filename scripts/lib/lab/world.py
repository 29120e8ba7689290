"""The lab from the inside: pid 1 of its pid namespace. Makes the machines, starts everything, runs the command.

The tree of the system below is never written to: each machine has an overlay on it. All of that lives on a tmpfs that
only this mount namespace sees, so that nothing is left when the lab ends."""

import argparse
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import booted  # noqa: E402
import deployment  # noqa: E402
import device_log  # noqa: E402
import people  # noqa: E402
import system  # noqa: E402
from machine import BRIDGE, Machine, run  # noqa: E402
from reaper import run_as_init  # noqa: E402

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
START_SECONDS = 30
CRASHED_STATUS = 123


class World:
    def __init__(self, arguments):
        self.arguments = arguments
        self.lab = pathlib.Path(arguments.folder)
        self.work = self.lab.parent
        self.deployment = self.lab / "deployment"
        self.public = self.lab / "public"
        self.source = pathlib.Path(arguments.source)
        self.build = pathlib.Path(arguments.build).resolve() if arguments.build else None
        self.shown = [self.source] + ([self.build] if self.build else [])
        self.service = Machine("service", 1, self)
        self.operators = Machine("operators", 100, self)
        self.hosts = [Machine(f"ops{number}", 10 + number, self, systemd=arguments.systemd) for number in range(1, arguments.hosts + 1)]
        self.machines = [self.service, self.operators, *self.hosts]
        self.environment = {**os.environ, "PATH": f"{HERE / 'bin'}:{SYSTEM_PATH}", "LAB": str(self.lab),
                            "LAB_SOURCE": str(self.source), "LAB_BUILD": str(self.build or "")}

    def home(self, person):
        return self.lab / "people" / person

    def operate(self, *command):
        """Runs a command as root on the operators' machine; what it says is shown only if it fails."""
        done = subprocess.run([HERE / "enter", *(str(word) for word in (self.lab, *command))], env=self.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} fails (exit status {done.returncode}): {done.stdout.strip()}")

    def tool(self, *command):
        """Runs one of the commands of bin/ from here."""
        run(*command, env=self.environment, stdin=subprocess.DEVNULL)

    def make_ground(self):
        run("mount", "-t", "proc", "proc", "/proc")
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.lab)
        (self.lab / "machines").mkdir(mode=0o700)
        (self.lab / "people").mkdir()
        self.public.mkdir()
        run("ip", "link", "set", "dev", "lo", "up")
        run("ip", "link", "add", "name", BRIDGE, "type", "bridge", "forward_delay", "0")
        run("ip", "link", "set", "dev", BRIDGE, "up")

    def make_machines(self):
        layers = [pathlib.Path(self.arguments.root).resolve()]
        if self.arguments.stage:
            shutil.copytree(self.arguments.stage, self.lab / "machines" / "stage", symlinks=True)
            layers.insert(0, self.lab / "machines" / "stage")
        for machine in self.machines:
            machine.mount_root(layers)
            system.forget_people(machine)
            system.name_machine(machine, self.machines)
            if machine.systemd:
                booted.furnish(machine)
        for machine in self.machines:
            machine.start(own_pids=machine is not self.operators)
            machine.connect(*([person.address for person in people.PEOPLE] if machine is self.operators else []))
        self.write_environment()
        device_log.start([machine for machine in self.machines if not machine.systemd])

    def write_environment(self):
        values = {"LAB_PATH": self.environment["PATH"], "LAB_SOURCE": self.source, "LAB_BUILD": self.build or "",
                  "LAB_DIRECTORY": self.directory()}
        (self.lab / "environment").write_text("".join(f"{name}={shlex.quote(str(value))}\n" for name, value in values.items()))

    def directory(self):
        """Where the command starts: where we are, if that place is shown in the lab."""
        here = pathlib.Path.cwd()
        return here if any(here.is_relative_to(place) for place in self.shown) else "/root"

    def furnish(self):
        deployment.make_people(self)
        if self.arguments.bare:
            deployment.make_user_ca(self)
        else:
            deployment.make_security_keys(self)
            deployment.init(self)
            deployment.configure_service(self)
            deployment.configure_authority(self)
            deployment.configure_people(self)
            deployment.write_policy(self)
        user_ca = (self.deployment / "user_ca.pub").read_text().strip()
        for host in self.hosts:
            system.write_sshd(host, user_ca, self.arguments.bare)
            system.write_pam(host, self.arguments.bare)
            if self.arguments.bare:
                self.add_local_people(host)
            else:
                system.write_nss(host)
                system.write_sudo(host)
                deployment.configure_host(self, host)
        deployment.write_known_hosts(self)

    @staticmethod
    def add_local_people(host):
        for person in people.PEOPLE:
            system.add_user(host, person.name, person.uid, f"/home/{person.name}", "/bin/bash")

    def start_daemons(self):
        if not self.arguments.bare:
            self.tool("lab-ca", "start")
            self.tool("lab-service", "start")
            deployment.publish(self)
        for host in self.hosts:
            self.tool("lab-sshd", host.name, "start")
            if not self.arguments.bare:
                self.tool("lab-agent", host.name, "start")
        if not self.arguments.bare:
            self.wait_for_policy()

    def wait_for_policy(self):
        deadline = time.monotonic() + START_SECONDS
        for host in self.hosts:
            while not self.status(host).get("policy_serial"):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{host.name} has no policy after {START_SECONDS} s: see {host.folder / 'agent.log'}")
                time.sleep(0.05)

    def status(self, host):
        answer = subprocess.run(["lab-agent", host.name, "status"], env=self.environment, capture_output=True, text=True,
                                check=False)
        return json.loads(answer.stdout) if answer.returncode == 0 else {}

    def stop_daemons(self):
        """As a machine that is switched off does it: what a program says at its own end is heard."""
        if self.arguments.bare:
            return
        stopping = [subprocess.Popen([*command, "stop"], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
                    for command in (["lab-service"], ["lab-ca"], *(["lab-agent", host.name] for host in self.hosts))]
        for each in stopping:
            each.wait()

    def crashes(self):
        """The reports of programs that broke down (see Machine.make_crash_folder)."""
        return [report for machine in self.machines for report in sorted(machine.crash.iterdir())]

    def copy_logs(self, destination):
        for machine in self.machines:
            (destination / machine.name).mkdir(parents=True, exist_ok=True)
            for log in [*machine.folder.glob("*.log"), machine.folder / "syslog", *machine.crash.iterdir()]:
                if log.exists():
                    shutil.copy(log, destination / machine.name)

    def show_logs(self):
        for machine in self.machines:
            for log in [*machine.folder.glob("*.log"), machine.folder / "syslog"]:
                if log.exists() and log.stat().st_size > 0:
                    print(f"--- {machine.name}/{log.name}\n" + "\n".join(log.read_text().splitlines()[-20:]), file=sys.stderr)


def live(arguments):
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda *_: None)
    world = World(arguments)
    try:
        world.make_ground()
        world.make_machines()
        world.furnish()
        world.start_daemons()
    except (subprocess.CalledProcessError, RuntimeError, OSError) as error:
        print(f"lab: {error}", file=sys.stderr)
        world.show_logs()
        return 125
    finally:
        sys.stderr.flush()
    os.write(arguments.ready, b"1")
    command = subprocess.Popen([HERE / "enter", str(world.lab), *arguments.command], env=world.environment)
    status = command.wait()
    world.stop_daemons()
    if arguments.logs:
        world.copy_logs(pathlib.Path(arguments.logs))
    crashes = world.crashes()
    for report in crashes:
        print(f"lab: {report.relative_to(world.lab)}:\n{report.read_text(errors='replace')}", file=sys.stderr)
    if crashes:
        return CRASHED_STATUS
    return status if status >= 0 else 128 - status


def parse_arguments():
    parser = argparse.ArgumentParser()
    for name in ("folder", "source", "build", "stage", "root", "logs"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--hosts", type=int, required=True)
    parser.add_argument("--ready", type=int, required=True)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--systemd", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    arguments.command = arguments.command[1:]
    os.set_inheritable(arguments.ready, False)
    return arguments


if __name__ == "__main__":
    chosen = parse_arguments()
    sys.exit(run_as_init(lambda: live(chosen)))
