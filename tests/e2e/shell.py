"""A session that stays open: one shell of a person on a host, to which a test gives one command after another."""

import os
import re
import select
import time

from lab import Result

SECONDS = 40
END = re.compile(r"(.*)\x01(\d+)\n", re.DOTALL)


class Shell:
    """`ssh -T PERSON@HOST sh`, without a terminal. `words` are options of ssh, `environment` is that of the person's ssh."""

    def __init__(self, lab, person, host="ops1", words=(), environment=None):
        settings = [f"{name}={value}" for name, value in (environment or {}).items()]
        self.process = lab.start("env", *settings, "as", person, "ssh", "-T", "-o", "BatchMode=yes", *words, host, "sh")
        self.run("true").ok()

    def read(self, end):
        """What comes next, before `end`; "" if the session ends or nothing comes."""
        left = max(0, end - time.monotonic())
        ready = select.select([self.process.stdout], [], [], left)[0]
        return os.read(self.process.stdout.fileno(), 65536).decode(errors="backslashreplace") if ready else ""

    def run(self, command, stdin=None):
        """Runs it to its end. What it writes to either output is in `out`. Without `stdin` it reads nothing."""
        feed = "</dev/null" if stdin is None else f"<<'IN'\n{stdin}\nIN"
        self.send(f"{{ {command}\n}} 2>&1 {feed}\nprintf '\\001%d\\n' $?")
        text = ""
        end = time.monotonic() + SECONDS
        while not (found := END.fullmatch(text)):
            more = self.read(end)
            assert more, f"the session ended, or {command!r} takes over {SECONDS} s: {text}"
            text += more
        return Result((command,), int(found[2]), found[1], "")

    def send(self, command):
        """Starts it and does not wait."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()
        self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
