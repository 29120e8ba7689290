"""Keys, certificates, the policy and the configuration files of the lab's deployment, made by the project's own commands."""

import configparser
import io
import json
import os
import shutil
import subprocess
import time

import people
import system

URL = f"https://{system.SERVICE_NAME}:8443"
TEGATA_CONFIG = "/etc/tegata"
PROVIDER = "tests/security_key/.libs/tg_sk_provider.so"
SSH_CONFIG = """\
Host ops*
    BindAddress {address}
    IdentityFile ~/.ssh/{key}
    CertificateFile ~/.ssh/{key}-cert.pub
    IdentitiesOnly yes
    StrictHostKeyChecking yes
    UpdateHostKeys no
    ConnectTimeout 10
"""


def make_key(path, comment, *options):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path), *options], check=True)


def public_key(path):
    """A public key as the policy wants it: without its comment."""
    return " ".join(path.read_text().split()[:2])


def hand_over(folder, uid):
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)


def make_people(world):
    """Homes with keys and an ssh configuration, on the operators' machine."""
    for person in people.PEOPLE:
        home = world.home(person.name)
        ssh = home / ".ssh"
        ssh.mkdir(parents=True)
        home.chmod(0o700)
        ssh.chmod(0o700)
        make_key(ssh / "id_ed25519", f"{person.name}@lab")
        (ssh / "config").write_text(SSH_CONFIG.format(address=person.address, key="id_ed25519"))
        system.add_user(world.operators, person.name, person.uid, str(home), "/bin/bash")
        hand_over(home, person.uid)


def write_known_hosts(world):
    lines = [f"{host.name},{host.address} {public_key(host.path('/etc/ssh/ssh_host_ed25519_key.pub'))}\n" for host in world.hosts]
    world.operators.write("/etc/ssh/ssh_known_hosts", "".join(lines))


def make_security_keys(world):
    """Security keys in software, by the provider that the build has made. ssh finds it by SSH_SK_PROVIDER, which `as` sets."""
    if world.build is None or not (world.build / PROVIDER).exists():
        return
    provider = world.public / os.path.basename(PROVIDER)
    shutil.copy(world.build / PROVIDER, provider)
    for person in people.PEOPLE:
        if person.security_key:
            key = world.home(person.name) / ".ssh/id_ed25519_sk"
            world.operate("ssh-keygen", "-q", "-t", "ed25519-sk", "-N", "", "-C", f"{person.name}@key", "-w", provider, "-f", key)
            (key.parent / "security_key_config").write_text(
                SSH_CONFIG.format(address=person.address, key=key.name) + f"    SecurityKeyProvider {provider}\n")
            hand_over(key.parent, person.uid)


def make_user_ca(world):
    """For a bare lab, which has no `tegata init`."""
    world.deployment.mkdir(mode=0o700)
    make_key(world.deployment / "user_ca", "user CA")


def init(world):
    world.operate("tegata", "init", world.deployment, "--url", URL, "--listen", f"{world.service.address}:8443")
    world.deployment.chmod(0o700)


def change_ini(text, changes):
    """`changes`: (section, key) -> value."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    for (section, key), value in changes.items():
        if not parser.has_section(section):
            parser.add_section(section)
        parser.set(section, key, value)
    out = io.StringIO()
    parser.write(out)
    return out.getvalue()


def configure_service(world):
    machine = world.service
    number = system.add_user(machine, "tegata-approvald")
    folder = machine.path(TEGATA_CONFIG)
    (folder / "tls").mkdir(parents=True)
    for name in ("root_signers", "tls/ca.pem", "tls/server.pem", "tls/server.key"):
        shutil.copy(world.deployment / name, folder / name)
        (folder / name).chmod(0o600 if name.endswith(".key") else 0o644)
    state = machine.path("/var/lib/tegata-approvald")
    state.mkdir(mode=0o700)
    os.chown(state, number, number)
    # Tests make many requests in a short time.
    machine.write(f"{TEGATA_CONFIG}/approvald.conf", change_ini((world.deployment / "approvald.conf").read_text(), {
        ("limits", "requests_per_minute"): "100000",
        ("metrics", "allow"): "127.0.0.1 ::1 10.77.0.0/24",
        ("accounts", "password_cost"): "1",
        ("certificate_authority", "socket"): "/run/tegata-ca/ca.sock",
        ("page", "directory"): "/usr/share/tegata/approval_page",
    }))


def configure_authority(world):
    """tegata-ca, beside the service. Its keys stay in the deployment's folder as well: tests sign with them what it never would."""
    machine = world.service
    number = system.add_user(machine, "tegata-ca", members=("tegata-approvald",))
    folder = machine.path(TEGATA_CONFIG) / "ca"
    folder.mkdir()
    for name in ("user_ca", "host_ca"):
        shutil.copy(world.deployment / name, folder / name)
        (folder / name).chmod(0o600)
        os.chown(folder / name, number, number)
    state = machine.path("/var/lib/tegata-ca")
    state.mkdir(mode=0o700)
    os.chown(state, number, number)
    machine.write(f"{TEGATA_CONFIG}/ca.conf", change_ini((world.deployment / "ca.conf").read_text(), {
        ("limits", "each_per_minute"): "10000",
    }))


def configure_host(world, host):
    tegata = system.add_user(host, "tegata", members=("tegata-principals",))
    system.add_user(host, "tegata-principals")
    folder = host.path(TEGATA_CONFIG)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(world.deployment / "root_signers", folder / "root_signers")
    shutil.copy(world.deployment / "tls/ca.pem", folder / "service_ca.pem")
    for name in ("root_signers", "service_ca.pem"):
        (folder / name).chmod(0o644)
    text = change_ini((world.deployment / "tegata.conf").read_text(), {("host", "name"): host.name})
    host.write(f"{TEGATA_CONFIG}/tegata.conf", text)
    return tegata


def configure_people(world):
    for name in ("root_signers", "tls/ca.pem"):
        shutil.copy(world.deployment / name, world.public / os.path.basename(name))
        (world.public / os.path.basename(name)).chmod(0o644)
    template = (world.deployment / "client.conf").read_text()
    for person in people.PEOPLE:
        # touch.conf: proves who one is, and approves, with the security key; security_key.conf: logs in with it as well.
        home = world.home(person.name)
        folder = home / ".config/tegata"
        folder.mkdir(parents=True)
        text = change_ini(template, {
            ("service", "ca_file"): str(world.public / "ca.pem"),
            ("person", "name"): person.name,
            ("person", "key"): str(home / ".ssh/id_ed25519"),
            ("trust", "root_signers"): str(world.public / "root_signers"),
        })
        (folder / "client.conf").write_text(text)
        security_key = home / ".ssh/id_ed25519_sk"
        if security_key.exists():
            (folder / "touch.conf").write_text(change_ini(text, {("person", "approval_key"): str(security_key)}))
            (folder / "security_key.conf").write_text(change_ini(text, {("person", "key"): str(security_key)}))
        hand_over(home / ".config", person.uid)


def write_policy(world):
    keys = {person.name: [{"key": public_key(world.home(person.name) / ".ssh/id_ed25519.pub"), "attested": 0, "uv": 0}]
            for person in people.PEOPLE}
    for person in people.PEOPLE:
        security_key = world.home(person.name) / ".ssh/id_ed25519_sk.pub"
        if security_key.exists():
            keys[person.name].append({"key": public_key(security_key), "attested": 1, "uv": 1})
    authorities = [public_key(world.deployment / f"{name}.pub") for name in ("user_ca", "host_ca")]
    text = json.dumps(people.policy(keys, *authorities, int(time.time())), indent=2)
    (world.lab / "policy.json").write_text(text + "\n")


def publish(world):
    signed = world.deployment / "policy.signed"
    client = world.deployment / "client.conf"
    world.operate("tegata", "policy", "sign", world.lab / "policy.json", "--key", world.deployment / "root", "--output", signed)
    world.operate("tegata", "-C", client, "policy", "publish", signed)
    for host in world.hosts:
        key = world.public / f"{host.name}.pub"
        shutil.copy(host.path("/etc/ssh/ssh_host_ed25519_key.pub"), key)
        world.operate("tegata", "-C", client, "host", "enroll", host.name, "--host-key", key, "--root-key",
                      world.deployment / "root")
