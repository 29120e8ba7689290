"""Prints what the agent of this machine says about itself (lib/agent_protocol.h, kind STATUS): one JSON object."""

import socket
import struct
import sys

VERSION, STATUS = 1, 5


def read_string(packet, at):
    (length,) = struct.unpack_from(">I", packet, at)
    return packet[at + 4:at + 4 + length], at + 4 + length


def main():
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as agent:
        agent.settimeout(2)
        agent.connect("/run/tegata/agent.sock")
        agent.send(bytes([VERSION, STATUS]))
        packet = agent.recv(65536)
    (reason,) = struct.unpack_from(">I", packet, 2)
    _ticket, at = read_string(packet, 6)
    detail, at = read_string(packet, at)
    text, at = read_string(packet, at)
    print((text or detail).decode())
    return 0 if reason == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
