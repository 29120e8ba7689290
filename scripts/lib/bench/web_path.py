"""Runs in a lab: from tegata request over the approval page to a login, without the human: how long everything takes that is not a person."""

import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(SOURCE / "tests" / "page"), str(SOURCE / "tests" / "e2e")]

from chromium import Chromium  # noqa: E402
from in_lab import LAB, PORT_22, as_person, log_in, run  # noqa: E402
from lab_browser import Visitor  # noqa: E402
from measure import QUICK, row  # noqa: E402
from page_world import spki_of  # noqa: E402

ROUNDS = 5 if QUICK else 15
STEPS = ["request", "the page shows it", "touch, until the ticket is approved", "until the host has it", "ssh host true"]


def join(visitor, folder):
    """bob's key gets into the policy by way of the page and the root holder."""
    said = run("tegata", "-C", f"{LAB}/deployment/client.conf", "invite", "bob", "--root-key", f"{LAB}/deployment/root")
    change = folder / "change.json"
    change.write_text(json.dumps(visitor.join("bob", re.search(r"https://\S+", said)[0]), separators=(",", ":"), sort_keys=True))
    run("tegata", "policy", "add-key", f"{LAB}/policy.json", change, "--output", folder / "policy.json")
    run("lab-policy", "publish", folder / "policy.json")
    visitor.sign_in("bob")


def show(ticket):
    return json.loads(subprocess.run(["tegata", "--json", "show", ticket], check=True, capture_output=True, text=True, **as_person("alice")).stdout)


def walk(visitor):
    """Milliseconds of each step."""
    marks = [time.perf_counter()]
    said = subprocess.run(["tegata", "request", "ops1", "--for", "10m", "--reason", "measured"], check=True, capture_output=True, text=True,
                          **as_person("alice")).stdout
    marks.append(time.perf_counter())
    ticket = said.split("\n", 1)[0]
    visitor.page.run(f"location.hash = 'ticket={ticket}'")
    visitor.page.wait_text(ticket, ".ticket-id")
    marks.append(time.perf_counter())
    visitor.page.click("#approve")
    visitor.page.wait_text("Your signature is on its way", ".actions")
    marks.append(time.perf_counter())
    while not all(host["acknowledged"] for host in show(ticket)["hosts"]):
        pass
    marks.append(time.perf_counter())
    log_in(PORT_22)
    marks.append(time.perf_counter())
    subprocess.run(["tegata", "release", ticket], check=True, capture_output=True, **as_person("alice"))
    return [(later - earlier) * 1000 for earlier, later in zip(marks, marks[1:])]


def main():
    run("lab-certificate", "alice")
    with tempfile.TemporaryDirectory() as folder:
        browser = Chromium(folder, [spki_of(f"{LAB}/deployment/tls/server.pem")], hosts="approve.lab", address="10.77.0.1")
        try:
            page = browser.page()
            page.authenticator()
            visitor = Visitor(pathlib.Path(folder), page, "https://approve.lab:8443")
            join(visitor, visitor.folder)
            rounds = [walk(visitor) for _ in range(ROUNDS)]
        finally:
            browser.close()
    parts = [statistics.median(times) for times in zip(*rounds)]
    whole = statistics.median(sum(times) for times in rounds)
    row(f"request, page, touch, login in one, without the human (median of {ROUNDS})",
        f"{whole:.0f} ms: " + ", ".join(f"{step} {part:.0f}" for step, part in zip(STEPS, parts)), "")


main()
