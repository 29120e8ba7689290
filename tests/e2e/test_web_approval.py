"""The approval page with all that is behind it: a touch in a real Chromium opens a real sshd."""

import json
import re
import subprocess

import pytest

from lab import SOURCE, Lab


class Browser:
    """lab_browser.py, in the lab."""

    def __init__(self, lab):
        self.process = subprocess.Popen(
            lab.command("on", "operators", "/usr/bin/python3", SOURCE / "tests/page/lab_browser.py", f"{lab.folder}/deployment/tls/server.pem",
                        "10.77.0.1", "https://approve.lab:8443"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the browser has ended; its complaint stands above"
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def own():
    with Lab(hosts=1, own=True) as lab:
        yield lab


@pytest.fixture(scope="module")
def bob(own):
    """bob at the page, signed in: invited, his key enrolled there and brought into the policy by the root holder."""
    said = own.run("tegata", "-C", f"{own.folder}/deployment/client.conf", "invite", "bob", "--root-key", f"{own.folder}/deployment/root").ok()
    browser = Browser(own)
    change = browser.ask("join", "bob", re.search(r"https://\S+", said.out)[0])
    own.write("/root/change.json", json.dumps(change, separators=(",", ":"), sort_keys=True))
    shown = own.run("tegata", "policy", "add-key", f"{own.folder}/policy.json", "/root/change.json", "--output", "/root/policy.json").ok()
    assert "bob" in shown.out + shown.err
    own.publish_policy(own.read("/root/policy.json"))
    browser.ask("sign_in", "bob")
    yield browser
    browser.close()


def test_a_touch_on_the_page_opens_the_door(own, bob):
    ticket = own.request("alice")
    own.ssh("alice", "ops1", "true").failed(255)
    assert "alice wants to log in to ops1 as alice for 30 minutes" in bob.ask("approve", ticket)
    own.wait_acknowledged("alice", ticket)
    assert own.ssh("alice", "ops1", "id", "-un").ok().out == "alice\n"
    own.release("alice", ticket)
