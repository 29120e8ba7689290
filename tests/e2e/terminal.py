"""A program at a terminal: what a person would type, and what they would see."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

TIMEOUT = 30


class Terminal:
    """Runs a program with a pseudo-terminal as its controlling one."""

    def __init__(self, arguments, environment, columns=100):
        self.seen = ""  # everything that was shown
        self.looked = 0  # how much of it `expect` has looked at
        self.status = None
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
            os.execvpe(arguments[0], [str(a) for a in arguments], environment)

    def _read(self, deadline):
        """False once the program has closed its terminal."""
        assert select.select([self.descriptor], [], [], max(0, deadline - time.monotonic()))[0], f"nothing more came: {self.seen}"
        try:
            data = os.read(self.descriptor, 4096)
        except OSError:
            data = b""
        self.seen += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern):
        """Waits until what was not looked at yet has the pattern in it."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            found = re.search(pattern, self.seen[self.looked:])
            if found:
                self.looked += found.end()
                return found
            assert self._read(deadline), f"it ended without {pattern!r}: {self.seen}"

    def type(self, text):
        os.write(self.descriptor, text.encode())

    def interrupt(self):
        self.type("\x03")

    def end(self):
        """Waits for the end. Returns the exit status (negative: the signal that ended it)."""
        deadline = time.monotonic() + TIMEOUT
        while self._read(deadline):
            pass
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.descriptor)
        return self.status

    def kill(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.end()
