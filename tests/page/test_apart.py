"""The page from an origin of its own: the browser calls the service across origins."""

import json

import pytest

from front import Front
from page_world import PageWorld
from service_client import canonical

HOST = "pages.example.test"


@pytest.fixture(scope="module")
def apart(tmp_path_factory, tls, browser):
    front = Front(tls.certificate, tls.key)
    made = PageWorld(tmp_path_factory.mktemp("apart"), tls, front, name=HOST, apart=True)
    yield made
    front.stop()
    made.service.stop()


@pytest.fixture(scope="module")
def bob(apart, browser):
    page = browser.page()
    page.authenticator()
    apart.join(page, "bob")
    yield page
    page.close()


def test_approved_from_another_origin(apart, bob):
    text = apart.submit()
    bob.run(f"location.hash = 'ticket={json.loads(text)['id']}'")
    bob.click("#approve")
    bob.wait_text("on its way", ".actions")
    assert apart.state(text) == "approved"
    assert apart.enrolled["bob"][0]["origin"] == apart.origin and apart.enrolled["bob"][0]["rp_id"] == HOST
    assert bob.complaints() == []


def test_no_other_origin_may_call(apart, bob, tls, shown):
    """The same page, copied to a place that the service does not list."""
    copy = Front(tls.certificate, tls.key, api=apart.front.api)
    page = shown()
    page.authenticator()
    page.open(f"https://copy.example.test:{copy.port}/")
    apart.fill_sign_in(page, "bob")
    page.wait_text("cannot be reached", ".complaint")
    copy.stop()


def test_the_page_calls_nobody_but_its_service(apart, bob, static):
    assert bob.run(f"fetch('https://evil.example.test:{static.port}/words.txt', {{mode: 'no-cors'}}).then(() => 'called', (e) => e.constructor.name)") == "TypeError"


@pytest.mark.parametrize("api", ["http://approve.example.test", "https://approve.example.test/path", "//approve.example.test", "javascript:alert(1)"])
def test_a_config_that_is_no_https_origin_is_refused(tls, shown, api):
    front = Front(tls.certificate, tls.key)
    front.config = canonical({"api": api})
    page = shown()
    page.open(f"https://{HOST}:{front.port}/")
    page.wait_text("config.json: api must be", ".notice")
    front.stop()
