"""page.py BUILD: the approval page in Chromium, served by the approval service on the loopback.

Weight is what a first visit transfers, as it goes over the wire. Interactive is when the name can be typed in, counted from the start of
the navigation; a slow line and a slow telephone are made by the browser itself."""

import os
import pathlib
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(SOURCE / "tests" / "page"), str(SOURCE / "tests" / "e2e")]

from chromium import Chromium  # noqa: E402
from measure import QUICK, percentile, row  # noqa: E402
from page_world import PageWorld, make_certificate  # noqa: E402

ROUNDS = 5 if QUICK else 15
# Latency in ms, bytes a second down and up, and how many times slower the processor is made.
LINES = {"on the loopback": (0, -1, -1, 1), "on a slow mobile line (150 ms, 1.6 Mbit/s), processor 4 times slower": (150, 200_000, 94_000, 4)}
READY = "document.activeElement?.name === 'username'"


def visit(browser, world, line):
    """Milliseconds until the form has the focus, bytes transferred, files."""
    latency, down, up, slower = LINES[line]
    page = browser.page()
    page.send("Network.setCacheDisabled", cacheDisabled=True)
    page.send("Network.emulateNetworkConditions", offline=False, latency=latency, downloadThroughput=down, uploadThroughput=up)
    page.send("Emulation.setCPUThrottlingRate", rate=slower)
    page.send("Page.addScriptToEvaluateOnNewDocument", source="addEventListener('focusin', (e) => { if (e.target.name === 'username') window.interactive ??= performance.now(); })")
    page.open(world.url())
    page.wait("window.interactive")
    page.wait(READY)
    milliseconds = page.run("window.interactive")
    sizes = page.run("[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].map((e) => e.encodedBodySize)")
    page.close()
    return milliseconds, sum(sizes), len(sizes)


def main():
    os.environ["TEGATA_APPROVALD"] = str(pathlib.Path(sys.argv[1]) / "tegata-approvald")
    with tempfile.TemporaryDirectory(prefix="tegata-bench-page.") as folder:
        folder = pathlib.Path(folder)
        tls = make_certificate(folder)
        browser = Chromium(folder, [tls.spki])
        world = PageWorld(folder, tls)
        for line in LINES:
            visits = [visit(browser, world, line) for _ in range(ROUNDS)]
            times = [milliseconds for milliseconds, _, _ in visits]
            row(f"approval page, first visit, {line}: until it can be used", f"median {percentile(times, .5):.0f} ms, p95 {percentile(times, .95):.0f} ms",
                "1000 ms" if line.startswith("on the loopback") else "3000 ms")
        _, weight, files = visits[0]
        row("approval page: what a first visit transfers", f"{weight / 1024:.0f} KiB in {files} files", "150 KiB")
        browser.close()
        world.service.stop()


main()
