"""A machine that boots systemd, as real ones do: its own cgroup, only the units that a login needs, and nothing of the
machine below it within reach (its /sys and /proc/sys are read-only)."""

import os
import pathlib
import shutil
import time

KEPT_WANTS = {
    "sysinit.target.wants": {"systemd-journald.service"},
    "sockets.target.wants": {"dbus.socket", "systemd-journald.socket", "systemd-journald-dev-log.socket"},
    "multi-user.target.wants": {"dbus.service", "systemd-logind.service", "systemd-user-sessions.service"},
}
INIT = ["/lib/systemd/systemd", "--system", "--unit=multi-user.target", "--log-target=journal"]
ENVIRONMENT = {"container": "lab", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

# journald would turn on the kernel's auditing, for everybody below.
JOURNALD = "[Journal]\nStorage=volatile\nAudit=\nReadKMsg=no\n"
AGENT = """\
[Service]
ExecStart=
ExecStart=/usr/sbin/tegatad --config /etc/tegata/tegata.conf --stderr
StandardError=append:{log}
"""
SSHD = """\
[Service]
ExecStartPre=
ExecStart=
ExecStart=/usr/sbin/sshd -D -e
StandardError=append:{log}
"""


def cgroup_root():
    """Where cgroup v2 is mounted below."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        before, behind = line.split(" - ", 1)
        if behind.split()[0] == "cgroup2":
            return pathlib.Path(before.split()[4])
    raise RuntimeError("there is no cgroup v2 here, which a booted machine needs")


def cgroup_of(work, name):
    return cgroup_root() / f"{pathlib.Path(work).name}.{name}"


def enter_cgroup(folder):
    """The calling process moves into a new cgroup."""
    folder.mkdir(exist_ok=True)
    (folder / "cgroup.procs").write_text("0")


def remove_cgroups(work):
    """When everything in the lab has ended, a moment after it was killed."""
    for folder in cgroup_root().glob(f"{pathlib.Path(work).name}.*"):
        for _ in range(200):
            try:
                for inner, _, _ in os.walk(folder, topdown=False):
                    os.rmdir(inner)
                break
            except OSError:
                time.sleep(0.02)


def furnish(machine):
    """Leaves only the units that are wanted, and sends the logs of sshd and agent where the lab has them."""
    for wants in [*machine.path("/lib/systemd/system").glob("*.wants"), *machine.path("/etc/systemd/system").glob("*.wants")]:
        vendor = "lib" in wants.relative_to(machine.root).parts
        kept = KEPT_WANTS.get(wants.name, set()) if vendor else set()
        for unit in wants.iterdir():
            if unit.name not in kept:
                unit.unlink()
    for name in ("sshd.service", "dbus-org.freedesktop.timesync1.service"):
        machine.path(f"/etc/systemd/system/{name}").unlink(missing_ok=True)
    shutil.rmtree(machine.path("/var/log/journal"), ignore_errors=True)
    machine.path("/etc/machine-id").write_text(os.urandom(16).hex() + "\n")
    machine.write("/etc/systemd/journald.conf.d/lab.conf", JOURNALD)
    machine.write("/etc/systemd/system/tegatad.service.d/lab.conf", AGENT.format(log=machine.folder / "agent.log"))
    machine.write("/etc/systemd/system/ssh.service.d/lab.conf", SSHD.format(log=machine.folder / "sshd.log"))


def mount_kernel(root):
    """Called in the machine's namespaces, before its root is ours. /proc is mounted there already."""
    from machine import run
    run("mount", "-t", "sysfs", "-o", "ro", "sysfs", f"{root}/sys")
    run("mount", "-t", "cgroup2", "cgroup2", f"{root}/sys/fs/cgroup")
    run("mount", "--bind", f"{root}/proc/sys", f"{root}/proc/sys")
    run("mount", "-o", "remount,bind,ro", f"{root}/proc/sys")


def become_init():
    """Never returns. What systemd mounts for a unit, its credentials for example, has to reach the machine's other mounts: in a
    container that is for whoever made it to see to."""
    from machine import run
    run("mount", "--make-rshared", "/")
    os.execve(INIT[0], INIT, ENVIRONMENT)
