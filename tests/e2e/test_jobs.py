"""cron and at: jobs of an account of Tegata's run while one of its sessions is open, and not otherwise. cron runs @reboot jobs
when it starts, and atd what is due, so that nobody has to wait for a minute to begin."""

import pytest

from host import events
from lab import wait_until
from shell import Shell

LOCAL = "localuser:*:1999:1999::/home/localuser:/bin/sh"


@pytest.fixture(scope="module")
def job_ticket(host_lab):
    return host_lab.ticket("alice", ["bob"], "ops1", "--rule", "developers", duration="1h")


@pytest.fixture
def shell(host, job_ticket):
    with Shell(host.lab, "alice") as one:
        yield one


class Daemon:
    """cron or atd on a host, started anew for each use."""

    def __init__(self, host, name):
        self.host = host
        self.name = name

    def stop(self):
        self.host.run("pkill", "-x", self.name)
        wait_until(lambda: self.host.run("pgrep", "-x", self.name).status == 1, f"the end of {self.name}")

    def start(self):
        self.stop()
        self.host.sh(f"rm -f /run/crond.reboot; /usr/sbin/{self.name}").ok()


@pytest.fixture
def cron(host):
    one = Daemon(host, "cron")
    yield one
    one.stop()


@pytest.fixture
def atd(host):
    one = Daemon(host, "atd")
    one.stop()
    yield one
    one.stop()


def ran(host, path):
    wait_until(lambda: host.run("test", "-s", path).status == 0, f"{path}, which the job makes")
    return host.read(path)


def refusals(host, service):
    return [event for event in events(host.lab) if event["kind"] == "job_refused" and event["detail"].startswith(service)]


def refuses_the_job(host, service, daemon):
    """The session that left the job ends; then the daemon finds it, and may not run it."""
    wait_until(lambda: host.status()["sessions"] == 0, "the session's end")
    before = len(refusals(host, service))
    host.mark()
    daemon.start()
    host.refused("session_none", service)
    wait_until(lambda: len(refusals(host, service)) > before, "the event")
    host.run("test", "-e", "/home/alice/ran").failed(1)


def test_cron_runs_a_job_while_a_session_is_open(host, shell, cron):
    shell.run("echo '@reboot id -un >/home/alice/ran' | crontab -").ok()
    cron.start()
    assert ran(host, "/home/alice/ran") == "alice\n"
    shell.run("rm ran; crontab -r").ok()


def test_cron_runs_no_job_without_a_session(host, job_ticket, cron):
    with Shell(host.lab, "alice") as shell:
        shell.run("echo '@reboot id -un >/home/alice/ran' | crontab -").ok()
    refuses_the_job(host, "cron", cron)
    host.run("crontab", "-u", "alice", "-r").ok()


def test_jobs_of_root_and_of_local_accounts_are_untouched(host, cron):
    """root's without the agent, too; local ones only with it, unless they are exempt."""
    host.add_user(LOCAL)
    for user in ("root", "localuser"):
        host.run("crontab", "-u", user, "-", stdin=f"@reboot id -un >/tmp/ran-{user}\n").ok()
    cron.start()
    assert ran(host, "/tmp/ran-root") == "root\n" and ran(host, "/tmp/ran-localuser") == "localuser\n"
    host.stop()
    host.sh("rm /tmp/ran-*").ok()
    host.mark()
    cron.start()
    assert ran(host, "/tmp/ran-root") == "root\n"
    host.refused("agent_unreachable", "account=localuser", log="syslog")
    host.edit("/etc/pam.d/cron", "for=job", "for=job exempt=localuser")
    cron.start()
    assert ran(host, "/tmp/ran-localuser") == "localuser\n"
    for user in ("root", "localuser"):
        host.run("crontab", "-u", user, "-r").ok()


def test_at_runs_a_job_while_a_session_is_open(host, shell, atd):
    atd.start()
    shell.run("echo 'id -un >/home/alice/ran' | at now").ok()
    assert ran(host, "/home/alice/ran") == "alice\n"
    shell.run("rm ran").ok()


def test_at_runs_no_job_without_a_session(host, job_ticket, atd):
    with Shell(host.lab, "alice") as shell:
        shell.run("echo 'id -un >/home/alice/ran' | at now").ok()
    refuses_the_job(host, "atd", atd)


def test_without_the_account_line_cron_runs_it(host, job_ticket, cron):
    """The control, taken out."""
    with Shell(host.lab, "alice") as shell:
        shell.run("echo '@reboot id -un >/tmp/ran-alice' | crontab -").ok()
    wait_until(lambda: host.status()["sessions"] == 0, "the session's end")
    host.edit("/etc/pam.d/cron", "^account required pam_tegata.so for=job$", "")
    cron.start()
    assert ran(host, "/tmp/ran-alice") == "alice\n"
    host.run("crontab", "-u", "alice", "-r").ok()
