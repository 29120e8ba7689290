"""Security keys in software (tests/security_key/software_authenticator.h), and OpenSSH's files for their credentials."""

import base64
import hashlib
import os
import struct
import subprocess


def string(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(data)) + data


class Device:
    """One of them: a folder below `folder`."""

    def __init__(self, program, folder, name, pin=None):
        self.program, self.path, self.pin = program, folder / name, pin
        self.path.mkdir(parents=True)
        if pin:
            self.set("pin", pin)

    def set(self, name, word):
        (self.path / name).write_text(f"{word}\n")

    def make(self, algorithm, application, protection=1):
        """A credential. Returns its id and its public key."""
        command = [self.program, "make-key", self.path, algorithm, application, str(protection)] + ([self.pin] if self.pin else [])
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return [bytes.fromhex(word) for word in done.stdout.split()]

    def make_ssh_key(self, path, flags=1):
        """An ed25519-sk key as ssh-keygen makes one; flags 5: verify-required. Returns "TYPE BASE64"."""
        handle, public = self.make("eddsa", "ssh:", 3 if flags & 4 else 1)
        kind = "sk-ssh-ed25519@openssh.com"
        blob = string(kind) + string(public) + string("ssh:")
        check = os.urandom(4)
        private = check + check + blob + bytes([flags]) + string(handle) + string(b"") + string("")
        private += bytes(range(1, 1 + -len(private) % 8))
        whole = b"openssh-key-v1\0" + string("none") + string("none") + string(b"") + struct.pack(">I", 1) + string(blob) + string(private)
        path.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.encodebytes(whole).decode() + "-----END OPENSSH PRIVATE KEY-----\n")
        path.chmod(0o600)
        line = f"{kind} {base64.b64encode(blob).decode()}"
        path.with_suffix(".pub").write_text(line + "\n")
        return line

    def make_web_key(self, rp_id):
        """What a browser would enrol. Returns "TYPE BASE64" and the credential's id in base64url."""
        handle, public = self.make("es256", rp_id, 2)
        kind = "sk-ecdsa-sha2-nistp256@openssh.com"
        blob = string(kind) + string("nistp256") + string(b"\4" + public) + string(rp_id)
        return f"{kind} {base64.b64encode(blob).decode()}", base64.urlsafe_b64encode(handle).decode().rstrip("=")


def fingerprint(line):
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
