"""One machine of the lab: an overlay of the system below, its own mount, network, pid, UTS and IPC namespaces."""

import os
import pathlib
import signal
import subprocess
import sys

import booted
from reaper import reap_for_ever

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
OWN_PLACES = {"/dev": "755", "/run": "755", "/tmp": "1777", "/var/tmp": "1777", "/home": "755", "/root": "700"}
NETWORK = "10.77.0"
BRIDGE = "lab0"


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, **options)


class Machine:
    """`folder` is public (logs, pid); the root tree lies below `private`, which only root can enter."""

    def __init__(self, name, address, world, systemd=False):
        self.name = name
        self.systemd = systemd
        self.address = f"{NETWORK}.{address}"
        self.world = world
        self.folder = world.lab / name
        self.crash = self.folder / "crash"
        self.private = world.lab / "machines" / name
        self.root = self.private / "root"
        self.pid = None

    def path(self, inside):
        """Where an absolute path of this machine lies for us."""
        return self.root / inside.lstrip("/")

    def write(self, inside, text, mode=0o644):
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def read(self, inside):
        return self.path(inside).read_text()

    def mount_root(self, layers):
        """Overlays `layers` (the first is the highest) and gives the machine its own /dev, /run, /tmp and homes."""
        self.folder.mkdir()
        for part in ("upper", "work", "root"):
            (self.private / part).mkdir(parents=True)
        # Neither do files show that the system below has there: not even to somebody who looks under the mounts.
        for place in OWN_PLACES:
            folder = self.private / "upper" / place.lstrip("/")
            folder.mkdir(parents=True)
            os.setxattr(folder, "trusted.overlay.opaque", b"y")
        lower = ":".join(str(layer) for layer in layers)
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={lower},upperdir={self.private / 'upper'},workdir={self.private / 'work'}", self.root)
        if not self.systemd:
            run("mount", "--rbind", "/sys", self.path("/sys"))
        for place, mode in OWN_PLACES.items():
            self.path(place).mkdir(parents=True, exist_ok=True)
            run("mount", "-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", self.path(place))
        self.make_devices()
        self.bind(self.world.lab, read_only=False)
        self.make_crash_folder()
        for folder in self.world.shown:
            self.bind(folder, read_only=True)

    def make_devices(self):
        for device in DEVICES:
            self.path(f"/dev/{device}").touch()
            run("mount", "--bind", f"/dev/{device}", self.path(f"/dev/{device}"))
        for folder in ("/dev/pts", "/dev/shm"):
            self.path(folder).mkdir()
        run("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620,gid=5", "devpts", self.path("/dev/pts"))
        run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", self.path("/dev/shm"))
        self.path("/dev/ptmx").symlink_to("pts/ptmx")
        self.path("/dev/fd").symlink_to("/proc/self/fd")

    def make_crash_folder(self):
        """/var/crash, where any user's program may leave a report: the lab looks at the end whether one has."""
        self.crash.mkdir()
        self.crash.chmod(0o1777)
        place = self.path("/var/crash")
        place.mkdir(parents=True, exist_ok=True)
        run("mount", "--bind", self.crash, place)

    def bind(self, folder, read_only):
        place = self.path(str(folder))
        place.mkdir(parents=True, exist_ok=True)
        run("mount", "--bind", folder, place)
        if read_only:
            run("mount", "-o", "remount,bind,ro", place)

    def start(self, own_pids=True):
        """Makes the namespaces. Afterwards self.pid, a pid of the lab's namespace, is the way into them."""
        ready, write_end = os.pipe()
        unshare = ["unshare", "--mount", "--net", "--uts", "--ipc", "--propagation", "private"]
        if own_pids:
            unshare += ["--pid", "--fork", "--kill-child=KILL"]
        prepare = None
        if self.systemd:
            unshare += ["--cgroup"]
            cgroup = booted.cgroup_of(self.world.work, self.name)
            prepare = lambda: booted.enter_cgroup(cgroup)  # noqa: E731 # it runs in the child
        child = subprocess.Popen([*unshare, sys.executable, __file__, str(self.root), self.name, str(write_end),
                                  "systemd" if self.systemd else "own" if own_pids else "shared"], pass_fds=[write_end],
                                 stdin=subprocess.DEVNULL, preexec_fn=prepare)
        os.close(write_end)
        if os.read(ready, 1) != b"1":
            raise RuntimeError(f"machine {self.name} does not start")
        os.close(ready)
        children = pathlib.Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        self.pid = int(children[0]) if own_pids else child.pid
        (self.folder / "pid").write_text(f"{self.pid}\n")

    def connect(self, *more_addresses):
        """Puts the machine on the lab's network."""
        outer = f"{BRIDGE}-{self.name}"[:15]
        run("ip", "link", "add", "name", outer, "type", "veth", "peer", "name", "eth0", "netns", self.pid)
        run("ip", "link", "set", "dev", outer, "master", BRIDGE, "up")
        lines = ["link set dev lo up", f"address add {self.address}/24 dev eth0"]
        lines += [f"address add {address}/24 dev eth0" for address in more_addresses]
        lines += ["link set dev eth0 up"]
        run("nsenter", "--target", self.pid, "--net", "ip", "-batch", "-", input="\n".join(lines) + "\n", text=True)


def be_init(root, name, ready, pids):
    """Runs as the first process in the machine's namespaces."""
    run("hostname", name)
    run("mount", "-t", "proc", "proc", f"{root}/proc")
    if pids == "systemd":
        booted.mount_kernel(root)
    os.chdir(root)
    os.makedirs("oldroot", exist_ok=True)
    run("pivot_root", ".", "oldroot")
    os.chdir("/")
    run("umount", "-l", "/oldroot")
    os.rmdir("/oldroot")
    if pids == "systemd":
        # The lab goes on when systemd is there to start what is wanted; execve() closes the pipe unwritten if it is not.
        os.write(ready, b"1")
        os.close(ready)
        booted.become_init()
    os.write(ready, b"1")
    os.close(ready)
    for descriptor in (1, 2):
        os.dup2(0, descriptor)
    if pids == "own":
        reap_for_ever()
    while True:
        signal.pause()


if __name__ == "__main__":
    be_init(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
