"""One reader for /dev/log of all machines: what arrives goes to the machine's syslog file."""

import os
import selectors
import socket
import threading


def listen(machine):
    """The path may be too long for a socket address, so it is bound by way of the folder."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    folder = os.open(machine.path("/dev"), os.O_PATH | os.O_DIRECTORY)
    try:
        server.bind(f"/proc/self/fd/{folder}/log")
        os.chmod(f"/proc/self/fd/{folder}/log", 0o666)
    finally:
        os.close(folder)
    return server


def copy_for_ever(selector):
    while True:
        for key, _ in selector.select():
            message = key.fileobj.recv(65536)
            key.data.write(message.rstrip(b"\0\n") + b"\n")


def start(machines):
    selector = selectors.DefaultSelector()
    for machine in machines:
        selector.register(listen(machine), selectors.EVENT_READ, (machine.folder / "syslog").open("ab", buffering=0))
    threading.Thread(target=copy_for_ever, args=(selector,), daemon=True).start()
