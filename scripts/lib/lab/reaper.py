"""What pid 1 of a namespace must do: collect every process that ends, and nothing else."""

import os
import signal
import sys
import traceback


def run_as_init(work):
    """Runs work() in a child and reaps everything until that child ends. Returns its exit status."""
    main = os.fork()
    if main == 0:
        status = 1
        try:
            status = work()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == main:
            return os.waitstatus_to_exitcode(status)


def reap_for_ever():
    """For a pid 1 without work of its own. Never returns."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        try:
            os.wait()
        except ChildProcessError:
            signal.sigwait({signal.SIGCHLD})
