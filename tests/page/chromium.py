"""Chromium, driven over --remote-debugging-pipe: JSON objects with a NUL behind each (Chrome DevTools Protocol). No web socket, no npm."""

import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import time

PATIENCE = 30
KEYS = {"Enter": ("Enter", 13, "\r"), "Tab": ("Tab", 9, ""), "Escape": ("Escape", 27, ""), " ": ("Space", 32, " ")}


class Refused(Exception):
    """The browser refused a command."""


def find_chromium():
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not found:
        raise FileNotFoundError("the tests of the approval page need Debian's package chromium")
    return found


class Chromium:
    """One browser. spki: base64 SHA-256 digests of the TLS keys that it shall believe. It finds `hosts` at `address`, and nothing else."""

    def __init__(self, folder, spki, hosts="*.example.test", address="127.0.0.1"):
        to_browser, self._write = self._pipe()
        self._read, from_browser = self._pipe()
        arguments = [find_chromium(), "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={folder}/profile", "--no-sandbox",
                     "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
                     "--disable-sync", "--disable-default-apps", "--hide-scrollbars", "--lang=en-US", f"--host-resolver-rules=MAP {hosts} {address}, MAP * ~NOTFOUND",
                     f"--ignore-certificate-errors-spki-list={','.join(spki)}", "about:blank"]
        # The browser wants descriptors 3 and 4.
        with open(pathlib.Path(folder) / "chromium.log", "wb") as log:
            self.process = subprocess.Popen(["bash", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser}', "bash", *arguments],
                                            pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        os.close(to_browser)
        os.close(from_browser)
        self._number, self._buffer, self.events = 0, b"", []

    @staticmethod
    def _pipe():
        """Both ends above 9, so that none is where the other shall go."""
        ends = os.pipe()
        high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
        for end in ends:
            os.close(end)
        return high

    def _receive(self, deadline):
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._read], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self._read, 1 << 16)
            if not data:
                raise ConnectionError("the browser is gone")
            self._buffer += data
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, session=None, **parameters):
        self._number += 1
        number = self._number
        message = json.dumps({"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}).encode() + b"\0"
        while message:
            message = message[os.write(self._write, message):]
        deadline = time.monotonic() + PATIENCE
        while True:
            got = self._receive(deadline)
            if got.get("id") == number:
                if "error" in got:
                    raise Refused(f"{method}: {got['error']['message']}")
                return got["result"]
            if "method" in got:
                self.events.append(got)

    def wait_event(self, session, method, wanted=lambda parameters: True):
        deadline = time.monotonic() + PATIENCE
        while True:
            for event in self.events:
                if event.get("sessionId") == session and event["method"] == method and wanted(event["params"]):
                    self.events.remove(event)
                    return event["params"]
            got = self._receive(deadline)
            if "method" in got:
                self.events.append(got)

    def page(self, **how):
        return Page(self, **how)

    def close(self):
        try:
            self.send("Browser.close")
            self.process.wait(timeout=PATIENCE)
        except (OSError, TimeoutError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self._read)
        os.close(self._write)


class Page:
    """One tab, in a context of its own: no storage is shared with another."""

    def __init__(self, browser, width=1100, height=900, scheme="light", language="en-US", time_zone="Etc/UTC", motion=True):
        self.browser, self.key = browser, None
        self.context = browser.send("Target.createBrowserContext")["browserContextId"]
        self.target = browser.send("Target.createTarget", url="about:blank", browserContextId=self.context)["targetId"]
        self.session = browser.send("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            self.send(f"{domain}.enable")
        self.send("WebAuthn.enable", enableUI=False)
        self.size(width, height)
        self.look(scheme, motion)
        self.send("Emulation.setUserAgentOverride", userAgent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130 Safari/537.36", acceptLanguage=language)
        self.send("Emulation.setTimezoneOverride", timezoneId=time_zone)

    def send(self, method, **parameters):
        return self.browser.send(method, session=self.session, **parameters)

    def size(self, width, height):
        self.width, self.height = width, height
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def look(self, scheme, motion=True):
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme},
                                                          {"name": "prefers-reduced-motion", "value": "no-preference" if motion else "reduce"}])

    def open(self, url):
        """A fresh load, also when only the fragment differs."""
        self.send("Page.navigate", url="about:blank")
        self.wait("location.href === 'about:blank'")
        return self.send("Page.navigate", url=url)

    def run(self, expression):
        """The value of an expression, awaited if it is a promise."""
        got = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in got:
            details = got["exceptionDetails"]
            raise AssertionError(details.get("exception", {}).get("description") or details["text"])
        return got["result"].get("value")

    def wait(self, expression, patience=PATIENCE):
        """Until an expression is true."""
        deadline = time.monotonic() + patience
        while True:
            try:
                if self.run(f"Boolean({expression})"):
                    return
            except Refused:  # between two documents
                pass
            assert time.monotonic() < deadline, f"never came true: {expression}\non the page: {self.text()}"
            time.sleep(0.03)

    def text(self, selector="body"):
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def wait_text(self, text, selector="body"):
        self.wait(f"(document.querySelector({json.dumps(selector)})?.innerText ?? '').includes({json.dumps(text)})")

    def click(self, selector):
        """With the mouse, where the element is."""
        self.wait(f"document.querySelector({json.dumps(selector)})")
        place = self.run(f"""(() => {{ const element = document.querySelector({json.dumps(selector)}); element.scrollIntoView({{block: "center", behavior: "instant"}});
            const box = element.getBoundingClientRect(); return {{x: box.x + box.width / 2, y: box.y + box.height / 2}}; }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def fill(self, selector, text):
        self.wait(f"document.querySelector({json.dumps(selector)})")
        self.run(f"(() => {{ const element = document.querySelector({json.dumps(selector)}); element.focus(); element.select?.(); }})()")
        self.send("Input.insertText", text=text)

    def press(self, key, shift=False):
        name, code, text = KEYS[key]
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=name, windowsVirtualKeyCode=code, modifiers=8 if shift else 0,
                      **({"text": text} if kind == "keyDown" and text else {}))

    def screenshot(self, path):
        """All of the page, in a window that is as high: what sticks to the lower edge of the window is then at the end."""
        self.send("Emulation.setDeviceMetricsOverride", width=self.width, height=max(self.height, self.run("document.documentElement.scrollHeight")),
                  deviceScaleFactor=1, mobile=self.width < 600)
        image = self.send("Page.captureScreenshot", format="png")
        pathlib.Path(path).write_bytes(base64.b64decode(image["data"]))
        self.size(self.width, self.height)

    def authenticator(self, verified=True, **how):
        """A virtual security key; its id. The first one of a tab is also page.key."""
        options = {"protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "usb", "hasUserVerification": True, "isUserVerified": verified,
                   "hasResidentKey": False, "automaticPresenceSimulation": True, **how}
        made = self.send("WebAuthn.addVirtualAuthenticator", options=options)["authenticatorId"]
        self.key = self.key or made
        return made

    def accessibility(self):
        return self.send("Accessibility.getFullAXTree")["nodes"]

    def complaints(self):
        """What the browser logged as an error: refusals of the content security policy among them."""
        return [event["params"] for event in self.browser.events if event.get("sessionId") == self.session
                and (event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error" or event["method"] == "Runtime.exceptionThrown")]

    def close(self):
        self.browser.send("Target.closeTarget", targetId=self.target)
        self.browser.send("Target.disposeBrowserContext", browserContextId=self.context)
