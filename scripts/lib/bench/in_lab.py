"""What the benchmarks that run in a lab share."""

import os
import pathlib
import subprocess
import time

LAB = os.environ["LAB"]
BUILD = os.environ["LAB_BUILD"]
PORT_22 = 22
OTHER_PORT = 2222


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, **options).stdout


def on_host(script):
    return run("on", "ops1", "sh", "-euc", script)


def agent_pid():
    return int([pid for pid in run("pgrep", "-x", "tegatad").split() if os.path.exists(f"/proc/{pid}")][0])


def as_person(person):
    """For subprocess: what makes a command a person's, without the time that the lab's own `as` takes."""
    home = f"{LAB}/people/{person}"
    return {"user": person, "group": person, "extra_groups": [], "cwd": home,
            "env": {"HOME": home, "USER": person, "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "dumb"}}


def ssh_command(port, *words, options=()):
    return ["ssh", "-o", "HostKeyAlias=ops1", "-o", "BatchMode=yes", "-p", str(port), *options, "ops1", *words]


def log_in(port, person="alice", options=()):
    """Milliseconds."""
    began = time.perf_counter()
    subprocess.run(ssh_command(port, "true", options=options), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, **as_person(person))
    return (time.perf_counter() - began) * 1000


def start_other_sshd(name, changed_stack, changed_config=""):
    """A second sshd on the same host, with the same host key (sshd's padding of each attempt depends on it) and the same users.
    `changed_stack` and `changed_config` are commands that sed runs over the first one's PAM stack and configuration.
    OpenSSH before 9.8 takes its PAM service from the name it was started by; later ones have an option."""
    on_host(f"""
        cp /usr/sbin/sshd /usr/sbin/{name}
        sed -e '{changed_stack}' /etc/pam.d/sshd >/etc/pam.d/{name}
        sed -e '{changed_config}' /etc/ssh/sshd_config >/etc/ssh/{name}_config
        echo 'Port {OTHER_PORT}' >>/etc/ssh/{name}_config
        echo 'PidFile /run/{name}.pid' >>/etc/ssh/{name}_config
        if ! /usr/sbin/{name} -t -f /etc/ssh/{name}_config; then exit 1; fi
        if [ -e /usr/lib/openssh/sshd-session ]; then echo 'PAMServiceName {name}' >>/etc/ssh/{name}_config; fi
        /usr/sbin/{name} -f /etc/ssh/{name}_config -E {LAB}/ops1/{name}.log""")


def new_ticket(person="alice", approver="bob", *options):
    """A ticket that the host knows."""
    ticket = run("as", person, "tegata", "request", "ops1", "--for", "1h", "--reason", "benchmark", *options).split("\n", 1)[0]
    run("as", approver, "tegata", "approve", ticket, "--yes")
    run("poll", "20", "sh", "-c", f"as {person} tegata --json show {ticket} | grep -q '\"acknowledged\": *1'")
    return ticket


def open_files(number):
    """So many descriptors for this process and those it starts."""
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, max(number, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))


class Session:
    """A connection of a person's, which says what the kernel's audit calls its session on the host."""

    WAITING = "cat /proc/self/sessionid; echo; read -r line"
    PLAIN = "cat /proc/self/sessionid; echo; sleep 86400 & sleep 86400 & wait"
    STUBBORN = "trap '' HUP TERM; cat /proc/self/sessionid; echo; sleep 86400 & sleep 86400 & while :; do sleep 86400; done"

    def __init__(self, person="alice", port=PORT_22, command=WAITING, options=()):
        began = time.perf_counter()
        self.client = subprocess.Popen(ssh_command(port, command, options=options), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, **as_person(person))
        line = self.client.stdout.readline().strip()
        self.milliseconds = (time.perf_counter() - began) * 1000
        if not line.isdigit():
            raise RuntimeError(f"{person} is not let in: {line} {self.client.communicate()[1]}")
        self.audit_id = line

    def finish(self):
        """Ends a command that waits, and waits for the client."""
        self.client.communicate("\n")

    def leave(self):
        """When the host has ended it."""
        self.client.communicate()


def processes_of(audit_ids):
    """The pids of all sessions with these ids that are not zombies. sshd's own two processes are among them."""
    wanted = set(audit_ids)
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and pathlib.Path(f"/proc/{entry}/sessionid").read_text() in wanted and \
                    pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX":
                found.append(int(entry))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
