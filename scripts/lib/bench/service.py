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

from service_client import Key, World  # noqa: E402

POLLING = 100
IDLE = 1000
ROUNDS = 25
HOSTS_IN_TICKET = 32
IDLE_SECONDS = 20
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


def process_status(pid):
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields["VmRSS"].split()[0]) / 1024, (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def measure_acknowledgements(build, world, folder):
    keys = enrol(world, folder, range(POLLING))
    hosts = [pathlib.Path(key).name for key in keys]
    polling = Polling(build, world, keys)
    polling.wait(hosts, 0)
    latencies = []
    for number in range(ROUNDS):
        chosen = [hosts[(number * HOSTS_IN_TICKET + i) % POLLING] for i in range(HOSTS_IN_TICKET)]
        submitted = time.monotonic_ns()
        text = world.submit(hosts=chosen)
        polling.wait(chosen, submitted)
        target = f"/v1/tickets/{json.loads(text)['id']}/approvals"
        body = json.dumps(world.bob.approval(text)).encode()
        headers = {"Authorization": world.bob.header("POST", target, body)}
        connection = world.service.connection()
        connection.connect()
        began = time.monotonic_ns()
        world.service.call("POST", target, body, headers, connection).ok(201)
        latencies += [(at - began) / 1e6 for at in polling.wait(chosen, began)]
        connection.close()
    polling.stop()
    latencies.sort()
    at = {share: latencies[min(len(latencies) - 1, int(share * len(latencies)))] for share in (0.5, 0.99)}
    print(f"approval sent -> acknowledged by the host, {POLLING} hosts polling, {HOSTS_IN_TICKET} in each of {ROUNDS} tickets: "
          f"p50 {at[0.5]:.0f} ms, p99 {at[0.99]:.0f} ms, worst {latencies[-1]:.0f} ms | reach p99 200 ms", flush=True)
    return keys


def measure_idle(build, world, folder, keys):
    keys = keys + enrol(world, folder, range(POLLING, IDLE))
    polling = Polling(build, world, keys)
    polling.wait([pathlib.Path(key).name for key in keys], 0)
    pid = world.service.process.pid
    _, before = process_status(pid)
    time.sleep(IDLE_SECONDS)
    resident, after = process_status(pid)
    polling.stop()
    print(f"service with {len(keys)} idle long polls: {resident:.0f} MiB resident, {100 * (after - before) / IDLE_SECONDS:.1f} % CPU "
          f"(over {IDLE_SECONDS} s, each poll renewed every 10 s) | reach 150 MiB, near zero", flush=True)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="tegata-bench.") as name:
        folder = pathlib.Path(name)
        world = World(build / "tegata-approvald", folder, LIMITS)
        world.publish(lambda policy: policy["limits"].update(open_tickets=1000)).ok()
        keys = measure_acknowledgements(build, world, folder)
        measure_idle(build, world, folder, keys)
        world.service.stop()


if __name__ == "__main__":
    main()
