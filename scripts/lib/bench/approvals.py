"""approvals.py BUILD: how many approvals one core verifies in a second, by kind of signature, beside `ssh-keygen -Y verify`, which is a
process each time."""

import pathlib
import subprocess
import sys
import time

from measure import QUICK, row

VECTORS = pathlib.Path(__file__).resolve().parents[3] / "tests/vectors/ssh/sshsig"
NAMESPACE = "ticket@example.test"
SIGNER = "approver@example.test"
WEB = ["http://localhost:18080", "localhost"]
# kind, signature, who may sign, what the browser must say
KINDS = [("ssh-ed25519", "good_ed25519", "allowed_signers", []), ("ecdsa-sha2-nistp256", "good_ecdsa256", "allowed_signers", []),
         ("ecdsa-sha2-nistp384", "good_ecdsa384", "allowed_signers", []), ("rsa-sha2-512, 3072 bits", "good_rsa", "allowed_signers", []),
         ("sk-ssh-ed25519", "good_sk_ed25519", "allowed_signers", []), ("webauthn-sk-ecdsa (a browser's)", "webauthn_sk_ecdsa", "webauthn_allowed_signers", WEB)]
PROCESSES = 20 if QUICK else 100


def stock(signature, signers):
    """ssh-keygen's rate: whole processes, one after the other."""
    message = (VECTORS / "message.bin").read_bytes()
    began = time.perf_counter()
    for _ in range(PROCESSES):
        subprocess.run(["ssh-keygen", "-q", "-Y", "verify", "-f", VECTORS / signers, "-I", SIGNER, "-n", NAMESPACE, "-s",
                        VECTORS / f"{signature}.sig"], input=message, check=True, capture_output=True)
    return PROCESSES / (time.perf_counter() - began)


def ours(build, signature, web):
    done = subprocess.run([f"{build}/tests/bench/verify_approvals", VECTORS / f"{signature}.sig", VECTORS / "message.bin", NAMESPACE, *web],
                          check=True, capture_output=True, text=True)
    return float(done.stdout)


def main():
    build = sys.argv[1]
    for kind, signature, signers, web in KINDS:
        mine, theirs = ours(build, signature, web), stock(signature, signers)
        row(f"approvals verified on one core, {kind}", f"{mine:,.0f} a second; ssh-keygen -Y verify {theirs:,.0f}: {mine / theirs:,.0f} times", "")


main()
