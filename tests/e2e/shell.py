"""A session that stays open: one shell of a person on a host, to which a test gives one command after another."""

import re

from lab import Result

END = re.compile(r"(.*)\x01(\d+)\n", re.DOTALL)


class Shell:
    """`ssh -T PERSON@HOST sh`, without a terminal. `words` are options of ssh, `environment` is that of the person's ssh."""

    def __init__(self, lab, person, host="ops1", words=(), environment=None):
        settings = [f"{name}={value}" for name, value in (environment or {}).items()]
        self.process = lab.start("env", *settings, "as", person, "ssh", "-T", "-o", "BatchMode=yes", *words, host, "sh")
        self.run("true").ok()

    def run(self, command, stdin=None):
        """Runs it to its end. What it writes to either output is in `out`. Without `stdin` it reads nothing."""
        feed = "</dev/null" if stdin is None else f"<<'IN'\n{stdin}\nIN"
        self.process.stdin.write(f"{{ {command}\n}} 2>&1 {feed}\nprintf '\\001%d\\n' $?\n")
        self.process.stdin.flush()
        text = ""
        while not (found := END.fullmatch(text)):
            line = self.process.stdout.readline()
            assert line, f"the session ended: {text}{self.process.stderr.read()}"
            text += line
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
