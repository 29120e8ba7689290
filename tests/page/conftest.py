"""The approval page in a real Chromium in front of a real tegata-approvald, on loopback.

    browser   Chromium; browser.page() is a tab with storage of its own
    direct    a PageWorld whose page the service itself serves
    behind    the same, with a Front between the two that can change what the service says
    shown     makes a tab; if a test fails, what it showed is kept in TEGATA_PAGE_PICTURES"""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from chromium import Chromium  # noqa: E402
from front import Front  # noqa: E402
from page_world import PageWorld, make_certificate  # noqa: E402


def pytest_collection_modifyitems(items):
    """No test may be left out unnoticed."""
    for item in items:
        assert not item.get_closest_marker("skip") and not item.get_closest_marker("xfail"), f"{item.nodeid} is skipped"


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    """One certificate for every server here, and the digest of its key."""
    folder = tmp_path_factory.mktemp("tls")
    return make_certificate(folder)


@pytest.fixture(scope="session")
def browser(tmp_path_factory, tls):
    made = Chromium(tmp_path_factory.mktemp("browser"), [tls.spki])
    yield made
    made.close()


@pytest.fixture(scope="session")
def static(tls):
    """The page alone, without a service."""
    made = Front(tls.certificate, tls.key)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def direct(tmp_path_factory, tls, browser):
    made = PageWorld(tmp_path_factory.mktemp("direct"), tls)
    yield made
    made.service.stop()


@pytest.fixture(scope="session")
def behind(tmp_path_factory, tls, browser):
    front = Front(tls.certificate, tls.key)
    made = PageWorld(tmp_path_factory.mktemp("behind"), tls, front)
    yield made
    front.stop()
    made.service.stop()


@pytest.fixture
def pictures():
    """Where pictures go; None if nobody wants them."""
    named = os.environ.get("TEGATA_PAGE_PICTURES")
    if named:
        os.makedirs(named, exist_ok=True)
    return pathlib.Path(named) if named else None


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    setattr(item, f"failed_{report.when}", report.failed)


@pytest.fixture
def shown(browser, request, pictures):
    pages = []

    def make(**how):
        pages.append(browser.page(**how))
        return pages[-1]

    yield make
    for number, page in enumerate(pages):
        if pictures and getattr(request.node, "failed_call", False):
            page.screenshot(pictures / f"failed_{request.node.name.replace('/', '_')[:60]}_{number}.png")
        page.close()
