"""What `tegata login --web` opens, with a real tegata-ca behind the service: the touch in the browser is what the authority itself verifies."""

import base64
import subprocess

import pytest

import authority
from page_world import PageWorld


@pytest.fixture(scope="module")
def world(tmp_path_factory, tls, browser):
    folder = tmp_path_factory.mktemp("certificate")
    made = PageWorld(folder, tls, more=f"[certificate_authority]\nsocket = {folder}/authority/ca.sock\n")
    authority.AUTHORITY = made.service.authority
    with authority.Authority(folder / "authority", made.service.root, f"key = {made.ca.path}\n"):
        yield made
    made.service.stop()


@pytest.fixture(scope="module")
def alice(world, browser):
    page = browser.page()
    page.authenticator()
    world.join(page, "alice")
    yield page
    page.close()


def ask(world, page, key, person="alice"):
    link = base64.urlsafe_b64encode(key.public.encode()).decode().rstrip("=")
    page.open(world.url(f"certificate={link}&seconds=600"))
    page.wait_text(key.fingerprint, ".facts")
    world.fill_sign_in(page, person)


def test_a_certificate_by_touch(world, alice, tmp_path):
    ask(world, alice, world.alice.key)
    alice.wait_text("Your terminal has the certificate now", ".outcome")
    found = world.alice.get(f"/v1/certificates?key={world.alice.key.fingerprint.replace('+', '%2B').replace('/', '%2F')}&wait=0").ok()["certificates"]
    (tmp_path / "cert.pub").write_text(found[0]["certificate"] + "\n")
    listed = subprocess.run(["ssh-keygen", "-L", "-f", tmp_path / "cert.pub"], check=True, capture_output=True, text=True).stdout
    assert "user certificate" in listed and world.alice.key.fingerprint in listed and world.ca.fingerprint in listed
    assert found[0]["valid_before"] - found[0]["valid_after"] <= 720 and found[0]["key_id"] in alice.text(".card")


def test_not_for_somebody_elses_key(world, alice):
    """A link that somebody sent: the authority certifies the person's own keys only."""
    ask(world, alice, world.mallory.key)
    alice.wait("document.querySelector('.complaint:not(:empty)')")
    found = world.alice.get("/v1/certificates?key=" + world.mallory.key.fingerprint.replace("+", "%2B").replace("/", "%2F") + "&wait=0")
    assert found.status != 200 or found.json["certificates"] == []
