"""What stands in /etc of the lab's machines."""

import re
import subprocess

from people import PEOPLE, SHARED_ACCOUNTS

SERVICE_NAME = "approve.lab"
OPENSSH_WITH_CONNECTION = (9, 4)  # the first OpenSSH whose AuthorizedPrincipalsCommand knows %C
OPENSSH_WITH_PENALTIES = (9, 8)  # the first that keeps addresses out for a while after refusals, of which the tests make many


def forget_people(machine):
    """The system below may have users of the same names: they are not those of the lab."""
    gone = {person.name for person in PEOPLE} | set(SHARED_ACCOUNTS) | {"ops", "tegata", "tegata-principals", "tegata-approvald", "tegata-ca"}
    for file in ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"):
        if machine.path(file).exists():
            mode = machine.path(file).stat().st_mode & 0o777
            lines = machine.read(file).splitlines()
            machine.write(file, "".join(f"{line}\n" for line in lines if line.split(":")[0] not in gone), mode)


def free_id(machine):
    taken = {int(line.split(":")[2]) for file in ("/etc/passwd", "/etc/group")
             for line in machine.read(file).splitlines() if line.count(":") >= 3}
    return max(number for number in range(200, 999) if number not in taken)


def add_user(machine, name, number=None, home="/nonexistent", shell="/usr/sbin/nologin", members=()):
    number = free_id(machine) if number is None else number
    with machine.path("/etc/passwd").open("a") as file:
        file.write(f"{name}:x:{number}:{number}::{home}:{shell}\n")
    with machine.path("/etc/shadow").open("a") as file:
        file.write(f"{name}:*:19000:0:99999:7:::\n")
    with machine.path("/etc/group").open("a") as file:
        file.write(f"{name}:x:{number}:{','.join(members)}\n")
    return number


def name_machine(machine, machines):
    addresses = [f"{other.address} {other.name}" for other in machines]
    machine.write("/etc/hostname", machine.name + "\n")
    machine.write("/etc/hosts", "127.0.0.1 localhost\n" + "\n".join(addresses) + f"\n{machines[0].address} {SERVICE_NAME}\n")
    machine.write("/etc/resolv.conf", "")


def openssh_version(machine):
    text = subprocess.run(["chroot", str(machine.root), "ssh", "-V"], capture_output=True, text=True, check=True).stderr
    found = re.match(r"OpenSSH_(\d+)\.(\d+)", text)
    return int(found[1]), int(found[2])


SSHD_CONFIG = """\
ListenAddress 0.0.0.0
HostKey /etc/ssh/ssh_host_ed25519_key
LogLevel VERBOSE
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile none
TrustedUserCAKeys /etc/ssh/user_ca.pub
{principals}
MaxStartups 200
X11Forwarding no
PrintMotd no
Subsystem sftp /usr/lib/openssh/sftp-server
"""

# Tests are refused more often than people are.
NO_PENALTIES = "PerSourcePenaltyExemptList 10.77.0.0/24\n"

PRINCIPALS_COMMAND = """\
AuthorizedPrincipalsCommand /usr/libexec/tegata-principals --account=%u --key-type=%t --certificate=%k{connection}
AuthorizedPrincipalsCommandUser tegata-principals"""

# In a bare lab there is no checkpoint: the certificate alone opens the door to a local user.
BARE_PRINCIPALS = "AuthorizedPrincipalsFile none"

FROM_THE_AGENT = "RevokedKeys /run/tegata/revoked_keys\nHostCertificate /run/tegata/host_certificate.pub\n"


def write_sshd(machine, user_ca, bare):
    for file in machine.path("/etc/ssh").glob("ssh_host_*"):
        file.unlink()
    for file in machine.path("/etc/ssh").glob("sshd_config.d/*"):
        file.unlink()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", machine.name, "-f",
                    str(machine.path("/etc/ssh/ssh_host_ed25519_key"))], check=True)
    version = openssh_version(machine)
    connection = " --connection=%C" if version >= OPENSSH_WITH_CONNECTION else ""
    penalties = NO_PENALTIES if version >= OPENSSH_WITH_PENALTIES else ""
    principals = BARE_PRINCIPALS if bare else PRINCIPALS_COMMAND.format(connection=connection)
    machine.write("/etc/ssh/sshd_config", SSHD_CONFIG.format(principals=principals) + penalties + ("" if bare else FROM_THE_AGENT))
    machine.write("/etc/ssh/user_ca.pub", user_ca + "\n")
    machine.path("/run/sshd").mkdir(mode=0o755)


CHECKPOINT = "pam_tegata.so"


def pam_kind(line):
    """Which stack a line of a pam.d file adds to; "" for none."""
    words = line.replace("@include common-", "").split()
    return words[0].lstrip("-") if words and words[0].lstrip("-") in ("auth", "account", "session") else ""


def write_pam_stack(machine, service, wanted, behind=()):
    """Puts lines into the system's own stack: {"account": "account required pam_tegata.so"} as the first of its kind, or, for a
    kind in `behind`, behind the line with that module. A service that the system does not have is left out."""
    path = f"/etc/pam.d/{service}"
    if not machine.path(path).exists():
        return
    behind = dict(behind)
    waiting = dict(wanted)
    lines = []
    for line in machine.read(path).splitlines():
        kind = pam_kind(line)
        if kind in waiting and kind not in behind:
            lines.append(waiting.pop(kind))
        lines.append(line)
        if kind in waiting and behind[kind] in line:
            lines.append(waiting.pop(kind))
    assert not waiting, f"{path} has no place for {waiting}"
    machine.write(path, "\n".join(lines) + "\n")


def write_pam(machine, bare):
    """The system's own stacks, with the checkpoint in them as in examples/pam.d, and a home for whoever has none."""
    text = machine.read("/etc/pam.d/sshd").replace("user_readenv=1 ", "")
    machine.write("/etc/pam.d/sshd", text.replace("@include common-session\n",
                                                  "session required pam_mkhomedir.so umask=0077\n@include common-session\n"))
    if bare:
        return
    write_pam_stack(machine, "sshd", {kind: f"{kind} required {CHECKPOINT}" for kind in ("auth", "account", "session")},
                    behind={"session": "pam_loginuid.so"})
    for service in ("sudo", "sudo-i"):
        write_pam_stack(machine, service, {
            "auth": f"auth [success=done ignore=ignore default=die] {CHECKPOINT} for=sudo",
            "account": f"account required {CHECKPOINT} for=sudo"})
    write_pam_stack(machine, "su", {
        "auth": f"auth [success=done ignore=ignore default=die] {CHECKPOINT} for=sudo",
        "account": f"account required {CHECKPOINT} for=sudo"}, behind={"auth": "pam_rootok.so"})
    # Where systemd's own is in /usr/lib alone, one in /etc stands for it.
    vendor, systemd_user = "/usr/lib/pam.d/systemd-user", "/etc/pam.d/systemd-user"
    if machine.path(vendor).exists() and not machine.path(systemd_user).exists():
        machine.write(systemd_user, machine.read(vendor))
    for service in ("cron", "atd", "systemd-user"):
        write_pam_stack(machine, service, {"account": f"account required {CHECKPOINT} for=job"})


def write_nss(machine):
    text = machine.read("/etc/nsswitch.conf")
    for database in ("passwd", "group"):
        text = re.sub(rf"(?m)^{database}:.*$", f"{database}: files tegata", text)
    machine.write("/etc/nsswitch.conf", text)


SUDOERS = """\
Defaults timestamp_timeout=0
%ops ALL=(ALL) NOPASSWD: ALL
%sysop ALL=(ALL:ALL) ALL
%restarter ALL=(root) /usr/bin/touch /run/restarted
"""


def write_sudo(machine):
    """ops is no role, so no ticket grants anything by it: NOPASSWD is what an administrator may have left behind."""
    machine.write("/etc/sudoers.d/tegata", SUDOERS, 0o440)
