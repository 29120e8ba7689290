"""typist.py QUESTION=ANSWER... -- COMMAND...: runs a command on a terminal of its own and types as a person would: whenever what it says on
the terminal has the next QUESTION in it, the ANSWER and Enter. Standard output stays what it is, so that only what
goes to the terminal is answered; what was said there goes to standard error. Exits as the command does, or with 124 if it hangs."""

import os
import pty
import select
import signal
import sys
import time

SECONDS = 60


def split(words):
    at = words.index("--")
    return [word.split("=", 1) for word in words[:at]], words[at + 1:]


def start(command):
    """The command, with a new terminal as its controlling one and as its standard input and error."""
    output = os.dup(1)
    pid, terminal = pty.fork()
    if pid == 0:
        os.dup2(output, 1)
        os.close(output)
        os.execvp(command[0], command)
    os.close(output)
    return pid, terminal


def read(terminal, patience):
    ready, _, _ = select.select([terminal], [], [], patience)
    if not ready:
        return None
    try:
        return os.read(terminal, 4096).decode(errors="replace")
    except OSError:
        return ""


def main():
    answers, command = split(sys.argv[1:])
    pid, terminal = start(command)
    said, end = "", time.monotonic() + SECONDS
    while time.monotonic() < end:
        piece = read(terminal, 1)
        if piece == "":
            break
        if piece is None:
            continue
        sys.stderr.write(piece.replace("\r\n", "\n"))
        said += piece
        if answers and answers[0][0] in said:
            os.write(terminal, answers.pop(0)[1].encode() + b"\n")
            said = ""
    else:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return 124
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) % 256


if __name__ == "__main__":
    sys.exit(main())
