"""One host of a lab, for tests that break it. What they change is put back when the test is over."""

import json
import re
import shlex

from lab import wait_until

CONFIG = "/etc/tegata/tegata.conf"
STATE = "/var/lib/tegata"
ROSTER = "/run/tegata/roster"
OTHER_PORT = 2222


class Host:
    def __init__(self, lab, name="ops1"):
        self.lab = lab
        self.name = name
        self.kept = []
        self.touched = False  # the agent is to be started again

    # --- commands ---------------------------------------------------------------------------------------------------------

    def run(self, *command, **options):
        return self.lab.on(self.name, *command, **options)

    def sh(self, script, **options):
        return self.run("sh", "-euc", script, **options)

    def python(self, script, *arguments, **options):
        return self.run("/usr/bin/python3", "-", *arguments, stdin=script, **options)

    def agent(self, action):
        return self.lab.run("lab-agent", self.name, action)

    def ssh(self, person="alice", *command, **options):
        return self.lab.ssh(person, self.name, *(command or ("true",)), **options)

    def read(self, path):
        return self.run("cat", path).ok().out

    def write(self, path, text):
        self.run("tee", path, stdin=text).ok()

    def status(self):
        return self.lab.status(self.name)

    def contact_age(self):
        """Seconds since the agent last reached the service, by the host's own clock."""
        return int(self.run("date", "+%s").ok().out) - self.status()["last_contact"]

    def mark(self):
        for log in ("agent.log", "sshd.log", "syslog"):
            self.lab.mark(self.name, log)

    def logged(self, text, log="agent.log"):
        return self.lab.logged(text, self.name, log)

    def refused(self, code, detail="", log="agent.log"):
        """Waits until a log, from its mark on, has a refusal with this code, and says so much about it."""
        def lines():
            return self.lab.log(self.name, log)[self.lab.log_marks.get((self.name, log), 0):].splitlines()
        wait_until(lambda: any(f" {code}: " in line and detail in line for line in lines()),
                   f"the refusal {code} {detail} in {self.name}/{log}")

    # --- breaking, and putting back ------------------------------------------------------------------------------------------

    def change(self, path, text):
        """Writes a file; owner, mode and content come back at the end of the test."""
        self.keep(path)
        self.write(path, text)

    def keep(self, path):
        if path not in self.kept:
            self.kept.append(path)
            self.run("cp", "-a", path, f"{path}.kept").ok()

    def edit(self, path, old, new):
        text = self.read(path)
        changed = re.sub(old, new, text, flags=re.MULTILINE)
        assert changed != text, f"{path} has nothing that matches {old!r}"
        self.change(path, changed)

    def configure(self, **values):
        """Sets keys of [login] and starts the agent again with them."""
        text = self.read(CONFIG)
        if "[login]" not in text:
            text += "\n[login]\n"
        for key, value in values.items():
            text = text.replace("[login]\n", f"[login]\n{key} = {value}\n", 1)
        self.change(CONFIG, text)
        self.restart()

    def restart(self):
        self.touched = True
        self.agent("restart").ok()
        self.wait_in_step()

    def wait_in_step(self):
        serial = json.loads(self.lab.read(f"{self.lab.folder}/policy.json"))["serial"]
        wait_until(lambda: self.status()["policy_serial"] >= serial and self.contact_age() < 3, f"{self.name} in step")

    def cut(self):
        """Takes away the way to the service."""
        self.touched = True
        self.lab.run("lab-net", self.name, "cut").ok()

    def cut_beyond_the_lease(self):
        self.cut()
        wait_until(lambda: self.contact_age() > 2, "the end of the lease")

    def mend(self):
        self.lab.run("lab-net", self.name, "mend").ok()

    def stop(self):
        self.touched = True
        self.agent("stop").ok()

    def kill_and_start(self):
        self.touched = True
        self.agent("kill").ok()
        self.agent("start").ok()

    def hang(self):
        self.touched = True
        self.agent("hang").ok()

    def add_user(self, line):
        """Appends a line to /etc/passwd."""
        self.change("/etc/passwd", self.read("/etc/passwd") + line + "\n")

    def close(self):
        """Puts everything back."""
        for path in self.kept:
            self.run("mv", "-f", f"{path}.kept", path).ok()
        self.stop_other_sshd()
        if self.touched:
            self.lab.run("lab-net", self.name, "mend")
            self.restart()

    # --- another sshd --------------------------------------------------------------------------------------------------------

    def other_sshd(self, settings, before=""):
        """A second sshd with other settings beside the first: lines with the same keywords go, and "-Keyword" only takes away.
        `before`: what the shell that starts it does first."""
        words = {line.split()[0].lstrip("-").lower() for line in settings.strip().splitlines()}
        kept = [line for line in self.read("/etc/ssh/sshd_config").splitlines()
                if line.strip() and line.split()[0].lower() not in words]
        added = [line for line in settings.strip().splitlines() if not line.startswith("-")]
        text = "\n".join([f"Port {OTHER_PORT}", "PidFile /run/other_sshd.pid", *kept, *added]) + "\n"
        self.write("/etc/ssh/other_sshd_config", text)
        log = f"{self.lab.folder}/{self.name}/sshd.log"
        self.sh(f"{before}exec /usr/sbin/sshd -f /etc/ssh/other_sshd_config -E {log}").ok()
        wait_until(lambda: self.sh("test -s /run/other_sshd.pid").status == 0, "the other sshd")

    def stop_other_sshd(self):
        self.sh("test ! -e /run/other_sshd.pid || { kill $(cat /run/other_sshd.pid); rm -f /run/other_sshd.pid; }").ok()

    def other_ssh(self, person, *options, account=None, command="true", key=None, environment=None):
        """ssh to the second sshd with these options alone; `key`: a key file, and nothing else is offered."""
        lab = self.lab
        address = {"alice": "10.77.0.101", "bob": "10.77.0.102"}[person]
        words = ["ssh", "-F", "none", "-p", str(OTHER_PORT), "-o", f"BindAddress={address}", "-o", "ConnectTimeout=10",
                 "-o", f"HostKeyAlias={self.name}", "-o", "GlobalKnownHostsFile=/etc/ssh/ssh_known_hosts",
                 "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"]
        if key:
            words += ["-o", "BatchMode=yes", "-i", key]
        words += [*options, f"{account or person}@{self.name}", command]
        if environment:
            words = ["env", *(f"{name}={value}" for name, value in environment.items()), *words]
        return lab.as_(person, *words)

    def plain_key(self, person="alice"):
        """A copy of a person's login key without its certificate. Returns its path; PATH.pub is there as well."""
        home = self.lab.home(person)
        self.lab.as_(person, "sh", "-euc", "cp .ssh/id_ed25519 plain; cp .ssh/id_ed25519.pub plain.pub; chmod 600 plain").ok()
        return f"{home}/plain"

    def authorize(self, account, public_key_path):
        """Lets a key in by authorized_keys, as the second sshd reads it: AuthorizedKeysFile /etc/ssh/keys/%u"""
        text = self.lab.read(public_key_path)
        self.sh(f"mkdir -p /etc/ssh/keys; cat >/etc/ssh/keys/{shlex.quote(account)}", stdin=text).ok()


def events(lab, host="ops1"):
    """What the service has stored of a host's events, in order: a list of documents."""
    script = """
import json, sqlite3
store = sqlite3.connect("file:/var/lib/tegata-approvald/approvald.db?mode=ro", uri=True)
rows = store.execute("SELECT document FROM host_events e JOIN hosts h ON h.id = e.host WHERE h.name = 'HOST' AND h.removed IS NULL ORDER BY number")
print("[" + ",".join(row[0] for row in rows) + "]")
""".replace("HOST", host)
    return json.loads(lab.on("service", "/usr/bin/python3", "-", stdin=script).ok().out)
