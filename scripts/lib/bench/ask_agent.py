"""ask_agent.py ACCOUNT CERTIFICATE-FILE COUNT: asks the agent of this machine for principals COUNT times, as tegata-principals does
(lib/agent_protocol.h), and prints the microseconds from request to answer: median and 99th percentile."""

import base64
import os
import pathlib
import socket
import statistics
import struct
import sys
import time

VERSION, PRINCIPALS = 1, 1
ALLOWED = 0


def string(value):
    return struct.pack(">I", len(value)) + value


def ask(packet):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as agent:
        agent.connect("/run/tegata/agent.sock")
        began = time.perf_counter_ns()
        agent.send(packet)
        answer = agent.recv(65536)
        took = time.perf_counter_ns() - began
    (reason,) = struct.unpack_from(">I", answer, 2)
    assert reason == ALLOWED, f"refused: reason {reason}"
    return took / 1000


def main():
    account, certificate_file, count = sys.argv[1:4]
    kind, blob = pathlib.Path(certificate_file).read_text().split()[:2]
    packet = bytes([VERSION, PRINCIPALS]) + b"".join(
        string(value) for value in (account.encode(), base64.b64decode(blob), kind.encode(), b""))
    times = sorted(ask(packet) for _ in range(int(count)))
    print(f"{statistics.median(times):.0f} {times[int(0.99 * len(times))]:.0f}")


if __name__ == "__main__":
    # The agent wants the asker to have a parent that it can see: in real life, sshd.
    child = os.fork()
    if child == 0:
        main()
    else:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
