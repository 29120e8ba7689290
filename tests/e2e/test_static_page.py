"""The approval page as tegata-approvald serves it."""

import signal
import time

import pytest

from service_client import World, find_program

FILES = {"index.html": "<!doctype html><title>page</title>", "app.js": "export {};", "style.css": "body{}", "app.webmanifest": "{}",
         "notes.md": "not for a page", ".hidden.js": "secret", "with space.js": "no"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    page = folder / "page"
    (page / "inner").mkdir(parents=True)
    for name, text in FILES.items():
        (page / name).write_text(text)
    (page / "inner" / "deep.js").write_text("no")
    (page / "link.js").symlink_to(folder / "token")
    made = World(find_program(), folder, f"[page]\ndirectory = {page}\n")
    yield made
    made.service.stop()


def test_files_and_their_types(world):
    for path, name, kind in (("/", "index.html", "text/html; charset=utf-8"), ("/index.html", "index.html", "text/html; charset=utf-8"),
                             ("/app.js", "app.js", "text/javascript; charset=utf-8"), ("/style.css", "style.css", "text/css; charset=utf-8"),
                             ("/app.webmanifest", "app.webmanifest", "application/manifest+json")):
        answer = world.service.call("GET", path)
        assert (answer.status, answer.text, answer.headers["content-type"]) == (200, FILES[name], kind)
    head = world.service.call("HEAD", "/app.js")
    assert head.status == 200 and head.text == "" and head.headers["content-length"] == str(len(FILES["app.js"]))


def test_nothing_else_is_served(world):
    for path in ("/notes.md", "/.hidden.js", "/with%20space.js", "/inner/deep.js", "/link.js", "/../token", "/%2e%2e/token", "//app.js", "/app.js/", "/app.js%00",
                 "/page/app.js", "/.", "/inner"):
        world.service.call("GET", path).refused(404, "not_found")
    answer = world.service.call("POST", "/app.js", b"{}")
    answer.refused(405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"


def test_headers_of_the_page(world):
    headers = world.service.call("GET", "/").headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'")
    assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == "same-origin" and headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer" and headers["cache-control"] == "no-cache"
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert "publickey-credentials-get=(self)" in headers["permissions-policy"] and "camera=()" in headers["permissions-policy"]


def test_a_page_that_is_known_is_not_sent_again(world):
    etag = world.service.call("GET", "/app.js").headers["etag"]
    answer = world.service.call("GET", "/app.js", headers={"If-None-Match": etag})
    assert (answer.status, answer.text) == (304, "")
    assert world.service.call("GET", "/app.js", headers={"If-None-Match": '"other"'}).status == 200


def test_a_new_page_at_sighup(world):
    (world.service.folder / "page" / "app.js").write_text("export const changed = 1;")
    assert world.service.call("GET", "/app.js").text == FILES["app.js"]  # what was read stays until then
    world.service.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 10
    while world.service.call("GET", "/app.js").text != "export const changed = 1;":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_a_page_must_know(world):
    authority = world.service.authority
    facts = world.service.call("GET", "/v1/page").ok()
    assert {name: facts[name] for name in ("service", "origin", "rp_id")} == {"service": authority, "origin": f"https://{authority}", "rp_id": "127.0.0.1"}
