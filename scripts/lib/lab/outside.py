"""The part of a lab that stays outside: it makes the namespaces, waits for their end and removes the lab's folder.

The lab itself is world.py, pid 1 of its own pid namespace. When it ends, or when this process is killed, the kernel
kills everything in the lab."""

import argparse
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import booted  # noqa: E402
PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def parse_arguments():
    parser = argparse.ArgumentParser()
    for name in ("work", "source", "build", "stage", "root", "logs"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--hosts", type=int, required=True)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--systemd", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args()


def child_of(pid, ready):
    """The pid of the lab's pid 1 as it is seen outside. `ready` is a pipe that the child writes to."""
    os.read(ready, 1)
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()


def main():
    arguments = parse_arguments()
    folder = pathlib.Path(arguments.work) / "lab"
    folder.mkdir(mode=0o755)
    logs = pathlib.Path(arguments.logs).resolve() if arguments.logs else None
    if logs:
        logs.mkdir(parents=True, exist_ok=True)
    # The terminal's interrupt is for the command in the lab, not for us.
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda *_: None)
    ready, write_end = os.pipe()
    world = subprocess.Popen(
        ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child=KILL", "--propagation", "private",
         sys.executable, str(HERE / "world.py"), "--folder", str(folder), "--hosts", str(arguments.hosts),
         "--source", arguments.source, "--build", arguments.build, "--stage", arguments.stage, "--root", arguments.root,
         "--logs", str(logs or ""), "--ready", str(write_end), *(["--bare"] if arguments.bare else []),
         *(["--systemd"] if arguments.systemd else []),
         "--", *arguments.command[1:]],
        pass_fds=[write_end], preexec_fn=die_with_parent)
    os.close(write_end)

    def stop(number, _frame):
        world.kill()
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        pid = child_of(world.pid, ready)
        (folder / "pid").write_text(pid + "\n")
        status = world.wait()
    finally:
        world.kill()
        world.wait()
        if arguments.systemd:
            booted.remove_cgroups(arguments.work)
        shutil.rmtree(arguments.work, ignore_errors=True)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
