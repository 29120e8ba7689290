"""service.py BUILD: the approval service under many long polls. It listens on the loopback, with its state in a temporary folder.

A host acknowledges by asking again; its latency is counted from just before the approval is sent to the answer of that second
request, so it holds more than what is asked for."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "e2e"))

from measure import IDLE_SECONDS, QUICK, percentile, processor_seconds, resident_mib, row  # noqa: E402
from service_client import Key, World  # noqa: E402

POLLING = 100
IDLE = 1000
ROUNDS = 10 if QUICK else 40
HOSTS_IN_TICKET = (1, 32)
LIMITS = "[limits]\nrequests_per_minute = 1000000\nconnections = 4096\nconnections_per_address = 4096\n"


def enrol(world, folder, numbers):
    keys = []
    for number in numbers:
        key = Key(folder, f"ops{number}")
        world.root.post("/v1/hosts", {"name": f"ops{number}", "labels": [], "key": key.public}).ok(201)
        keys.append(str(key.path))
    return keys


class Polling:
    """polling_hosts, and what it says."""

    def __init__(self, build, world, keys):
        service = world.service
        self.process = subprocess.Popen([build / "tests/bench/polling_hosts", f"https://{service.authority}",
                                         service.folder / "server.pem", *keys],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.changed = threading.Condition()
        self.acknowledged = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            host, _revision, at = line.split()
            with self.changed:
                self.acknowledged[host] = int(at)
                self.changed.notify_all()

    def wait(self, hosts, after):
        """The moments at which all of `hosts` have acknowledged something after `after`."""
        with self.changed:
            done = self.changed.wait_for(lambda: all(self.acknowledged.get(host, 0) > after for host in hosts), timeout=30)
            assert done, "a host does not acknowledge"
            return [self.acknowledged[host] for host in hosts]

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def approve(world, text):
    """bob approves; returns when, just before the request went out on a connection that was open already."""
    target = f"/v1/tickets/{json.loads(text)['id']}/approvals"
    body = json.dumps(world.bob.approval(text)).encode()
    headers = {"Authorization": world.bob.header("POST", target, body)}
    connection = world.service.connection()
    connection.connect()
    began = time.monotonic_ns()
    world.service.call("POST", target, body, headers, connection).ok(201)
    connection.close()
    return began


def measure_acknowledgements(world, polling, hosts, in_ticket):
    latencies = []
    used = 0
    for number in range(ROUNDS):
        chosen = [hosts[(number * in_ticket + i) % POLLING] for i in range(in_ticket)]
        submitted = time.monotonic_ns()
        text = world.submit(hosts=chosen)
        polling.wait(chosen, submitted)
        before = processor_seconds(world.service.process.pid)
        began = approve(world, text)
        latencies += [(at - began) / 1e6 for at in polling.wait(chosen, began)]
        used += processor_seconds(world.service.process.pid) - before
    row(f"approval sent -> acknowledgement stored, {POLLING} hosts polling, {in_ticket} in a ticket, {ROUNDS} tickets: p50, p99",
        f"{percentile(latencies, 0.5):.0f} ms, {percentile(latencies, 0.99):.0f} ms (CPU of the service: "
        f"{1000 * used / ROUNDS:.0f} ms a ticket)", "p99 200 ms")


def measure_idle(build, world, folder, keys):
    keys = keys + enrol(world, folder, range(POLLING, IDLE))
    polling = Polling(build, world, keys)
    polling.wait([pathlib.Path(key).name for key in keys], 0)
    pid = world.service.process.pid
    before = processor_seconds(pid)
    time.sleep(IDLE_SECONDS)
    used = processor_seconds(pid) - before
    row(f"service with {len(keys)} idle long polls, each renewed every 10 s: resident, CPU over {IDLE_SECONDS} s",
        f"{resident_mib(pid):.0f} MiB, {100 * used / IDLE_SECONDS:.1f} %", "150 MiB, near zero")
    polling.stop()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="tegata-bench.") as name:
        folder = pathlib.Path(name)
        world = World(build / "tegata-approvald", folder, LIMITS)
        world.publish(lambda policy: policy["limits"].update(open_tickets=1000)).ok()
        keys = enrol(world, folder, range(POLLING))
        hosts = [pathlib.Path(key).name for key in keys]
        polling = Polling(build, world, keys)
        polling.wait(hosts, 0)
        for in_ticket in HOSTS_IN_TICKET:
            measure_acknowledgements(world, polling, hosts, in_ticket)
        polling.stop()
        measure_idle(build, world, folder, keys)
        world.service.stop()


if __name__ == "__main__":
    main()
