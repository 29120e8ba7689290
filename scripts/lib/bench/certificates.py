"""Certificates a second by kind of CA key: tegata-ca on its socket, beside `ssh-keygen -s` in a loop, with the key in a file and through an
ssh-agent. The person's documents are signed before the clock runs."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "e2e"))

from authority import SOFTHSM, Authority, World  # noqa: E402
from measure import QUICK, row  # noqa: E402

ROUNDS = 40 if QUICK else 200
KINDS = {"ed25519": ["ed25519"], "ecdsa-256": ["ecdsa", "-b", "256"], "ecdsa-384": ["ecdsa", "-b", "384"], "ecdsa-521": ["ecdsa", "-b", "521"],
         "rsa-3072": ["rsa", "-b", "3072"]}
LIMITS = "limits each_per_minute = 10000\nlimits all_per_minute = 100000"


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def a_second(do):
    """How often a second `do` can be done, ROUNDS times."""
    began = time.monotonic()
    for number in range(ROUNDS):
        do(number)
    return ROUNDS / (time.monotonic() - began)


def by_authority(world, folder, lines, public, environment=None):
    policy = world.policy(lambda document: document.update(user_ca=[public]))
    with Authority(folder, world.root, lines, extra=LIMITS, environment=environment) as running:
        running.user(policy, *world.sign_in(world.bob, world.bob_file)).ok()
        documents = [world.sign_in(world.bob, world.bob_file) for _ in range(ROUNDS)]
        return a_second(lambda number: running.user(policy, *documents[number]).ok())


def by_ssh_keygen(world, path, *options, environment=None):
    certified = f"{world.bob_file.path}.pub"
    return a_second(lambda number: run("ssh-keygen", "-q", "-s", path, *options, "-I", f"bob#{number}", "-z", number, "-n", "bob", "-V", "+1h", certified,
                                       stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})}))


def public_line(path):
    return " ".join(pathlib.Path(path).read_text().split()[:2])


def measure_file(world, folder, agent, kind):
    path = folder / kind
    run("ssh-keygen", "-q", "-N", "", "-C", "", "-f", path, "-t", *KINDS[kind])
    run("ssh-add", "-q", path, env={**os.environ, "SSH_AUTH_SOCK": str(agent)}, stderr=subprocess.DEVNULL)
    public = public_line(f"{path}.pub")
    ours = by_authority(world, folder / f"{kind}-ca", f"key = {path}\n", public)
    ours_by_agent = by_authority(world, folder / f"{kind}-agent-ca", f"key = agent:{agent}\npublic_key = {path}.pub\n", public)
    theirs = by_ssh_keygen(world, path)
    theirs_by_agent = by_ssh_keygen(world, f"{path}.pub", "-U", environment={"SSH_AUTH_SOCK": str(agent)})
    row(f"certificates a second, {kind}: tegata-ca / ssh-keygen -s", f"{ours:.0f} / {theirs:.0f} = {ours / theirs:.1f}", "")
    row(f"certificates a second, {kind}, through ssh-agent: tegata-ca / ssh-keygen -Us",
        f"{ours_by_agent:.0f} / {theirs_by_agent:.0f} = {ours_by_agent / theirs_by_agent:.1f}", "")


def measure_token(world, folder):
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    (folder / "pin").write_text("1234\n")
    (folder / "pin").chmod(0o600)
    environment = {"SOFTHSM2_CONF": f"{folder}/softhsm2.conf"}
    inherited = {**os.environ, **environment}
    run("softhsm2-util", "--init-token", "--free", "--label", "bench", "--pin", "1234", "--so-pin", "12345678", env=inherited)
    for number, (name, options) in enumerate({"ecdsa-256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                                              "rsa-3072": ["RSA", "-pkeyopt", "rsa_keygen_bits:3072"]}.items()):
        key = folder / f"{name}.pem"
        run("openssl", "genpkey", "-algorithm", *options, "-out", key, stderr=subprocess.DEVNULL)
        key.chmod(0o600)
        (folder / f"{name}.pub").write_text(run("ssh-keygen", "-y", "-f", key))
        run("softhsm2-util", "--import", key, "--token", "bench", "--label", name, "--id", f"0{number}", "--pin", "1234", env=inherited)
        lines = f"key = pkcs11:{SOFTHSM}\npublic_key = {folder}/{name}.pub\npin_file = {folder}/pin\n"
        ours = by_authority(world, folder / f"{name}-ca", lines, public_line(folder / f"{name}.pub"), environment)
        row(f"certificates a second, {name} in a softhsm2 token", f"{ours:.0f}", "")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "world").mkdir()
        (folder / "token").mkdir()
        world = World(folder / "world")
        agent = folder / "agent"
        process = subprocess.Popen(["ssh-agent", "-D", "-a", agent], stdout=subprocess.DEVNULL)
        try:
            while not agent.exists():
                assert process.poll() is None, "ssh-agent has ended"
                time.sleep(0.01)
            for kind in KINDS:
                measure_file(world, folder, agent, kind)
            measure_token(world, folder / "token")
        finally:
            process.terminate()
            process.wait()


main()
