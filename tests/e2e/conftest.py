"""Fixtures of the end-to-end tests.

    lab        one lab for the whole run: leave it as you found it (tickets may stay; policy, daemons and files may not)
    forger     a module's way to make tickets and approvals by hand (forger.py); the policy is put back afterwards
    host       the host of a lab beside that one, to be broken: host.py puts back what a test has changed
    ticket     an approved ticket of alice for that host
    own_lab    a factory of labs for tests that break things: own_lab(hosts=1, options=["--bare"])"""

import contextlib
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from forger import Forger  # noqa: E402
from host import Host  # noqa: E402
from lab import Lab, show_logs  # noqa: E402


def pytest_collection_modifyitems(items):
    """No test may be left out unnoticed."""
    for item in items:
        assert not item.get_closest_marker("skip") and not item.get_closest_marker("xfail"), f"{item.nodeid} is skipped"


@pytest.fixture(scope="session")
def lab():
    with Lab() as running:
        yield running


@pytest.fixture(scope="session")
def host_lab():
    with Lab(hosts=1, own=True) as running:
        yield running


@pytest.fixture(scope="session")
def host_ticket(host_lab):
    return host_lab.ticket("alice", ["bob"], "ops1", "--group", "ops", duration="2h")


@pytest.fixture
def host(host_lab):
    one = Host(host_lab)
    one.mark()
    yield one
    one.close()


@pytest.fixture
def ticket(host, host_ticket):
    return host_ticket


@pytest.fixture
def own_lab():
    with contextlib.ExitStack() as running:
        yield lambda **options: running.enter_context(Lab(own=True, **options))


@pytest.fixture
def policy(lab):
    """A test that changes the policy: gets it as text; it is put back afterwards."""
    text = lab.read(f"{lab.folder}/policy.json")
    yield text
    lab.publish_policy(text)


@pytest.fixture(scope="module")
def module_forger(lab):
    forger = Forger(lab)
    yield forger
    forger.close()


@pytest.fixture
def forger(module_forger):
    yield module_forger
    module_forger.retire()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    for name in ("lab", "host_lab"):
        if report.failed and call.when == "call" and name in item.funcargs:
            show_logs(item.funcargs[name])
