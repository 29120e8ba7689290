"""lab_browser.py CERTIFICATE ADDRESS ORIGIN: a person in front of a browser inside a lab, with a virtual security key. Reads one JSON array
[STEP, ARGUMENT...] a line and answers with one JSON value a line; ends with its input.

    ["join", PERSON, LINK]   opens the invitation, sets a password, enrols the key -> the policy change
    ["sign_in", PERSON]      password and touch
    ["approve", TICKET]      reads the ticket, and touches -> the heading that was shown"""

import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from chromium import Chromium  # noqa: E402
from page_world import PageWorld, spki_of  # noqa: E402


class Visitor(PageWorld):
    """The steps of a PageWorld at a service that somebody else runs."""

    def __init__(self, folder, page, origin):  # pylint: disable=super-init-not-called
        self.folder, self.page, self.origin, self.link = folder, page, origin, None

    def invite(self, name):
        return {"url": self.link}

    def join(self, name, link):
        self.link = link
        self.set_password(self.page, name)
        return self.enrol_key(self.page, name)

    def sign_in(self, name):
        super().sign_in(self.page, name)

    def approve(self, ticket):
        self.page.run(f"location.hash = 'ticket={ticket}'")
        self.page.wait_text(ticket, ".ticket-id")
        heading = self.page.text("h1")
        self.page.click("#approve")
        self.page.wait_text("Your signature is on its way", ".actions")
        return heading


def main():
    certificate, address, origin = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        browser = Chromium(folder, [spki_of(certificate)], hosts=origin.split("/")[2].split(":")[0], address=address)
        try:
            page = browser.page()
            page.authenticator()
            visitor = Visitor(pathlib.Path(folder), page, origin)
            for line in sys.stdin:
                step, *arguments = json.loads(line)
                print(json.dumps(getattr(visitor, step)(*arguments)), flush=True)
        finally:
            browser.close()


if __name__ == "__main__":
    main()
