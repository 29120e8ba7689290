"""A deployment with the approval page: people who are invited, enrol a key in the browser, and are put into the policy by the root holder."""

import dataclasses
import json
import pathlib
import subprocess

from service_client import Service, World, find_program

NAME = "approve.example.test"
PASSWORD = "a quiet night at the checkpoint"
PAGE = pathlib.Path(__file__).resolve().parents[2] / "approval_page"


@dataclasses.dataclass
class Tls:
    certificate: pathlib.Path
    key: pathlib.Path
    spki: str


def spki_of(certificate):
    """The digest of a certificate's public key, by which Chromium is told to believe it."""
    return subprocess.run(f"openssl x509 -in {certificate} -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl base64",
                          shell=True, check=True, capture_output=True, text=True).stdout.strip()


def make_certificate(folder):
    certificate, key = folder / "server.pem", folder / "server.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=tegata-test",
                    "-addext", "subjectAltName=DNS:*.example.test,IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    key.chmod(0o600)
    return Tls(certificate, key, spki_of(certificate))


class PageService(Service):
    """With the certificate that the browser believes."""

    def __init__(self, tls, *rest):
        self.tls = tls
        super().__init__(*rest)

    def _make_tls(self):
        (self.folder / "server.pem").write_bytes(self.tls.certificate.read_bytes())
        (self.folder / "server.key").write_bytes(self.tls.key.read_bytes())
        (self.folder / "server.key").chmod(0o600)


class PageWorld(World):
    """front: a Front that serves the page in the service's place, and forwards. name: the host name of the page. With apart, the front serves the
    page from an origin of its own, and the browser calls the service itself. more: sections of the service's configuration."""

    def __init__(self, folder, tls, front=None, name=NAME, apart=False, more=""):
        origin = f"https://{name}:{front.port if front else 'PORT'}"
        directory = f"origins = {origin}" if apart else f"directory = {PAGE}"
        extra = f"[page]\n{directory}\norigin = {origin}\nrp_id = {name}\n[accounts]\npassword_cost = 1\n{more}"
        self.enrolled, self.front, self.folder, self.tls = {}, front, folder, tls
        super().__init__(find_program(), folder, extra)
        self.origin = origin.replace("PORT", str(self.service.port))
        if apart:
            front.api = f"https://{NAME}:{self.service.port}"
        elif front:
            front.service = self.service
        self.publish().ok()
        self.hosts = {name: self.enrol(name, folder) for name in ("ops1", "ops2", "ops3", "ops4")}

    def make_service(self, program, folder, extra):
        return PageService(self.tls, program, folder, extra)

    def publish(self, change=None):
        def all_changes(policy):
            self._widen(policy)
            if change:
                change(policy)
        return super().publish(all_changes)

    def _widen(self, policy):
        """Rules for everything that the page has to show."""
        for name, keys in self.enrolled.items():
            policy["people"][name]["keys"] += keys
        policy["groups"] = {"root-shell": {"gid": 30001}, "journal": {"gid": 30002}, "wheel": {"gid": 30003}}
        policy["accounts"] = {"deploy": {"uid": 25001}, "postgres": {"uid": 0}}
        wide = {**policy["rules"][0], "max_seconds": 86400, "options": ["pty", "agent-forwarding", "port-forwarding", "x11"]}
        policy["rules"] += [{**wide, "id": "wide", "sudo": ["root-shell", "journal"]}, {**wide, "id": "shared", "accounts": ["deploy", "postgres"]},
                            {**wide, "id": "urgent", "sudo": ["wheel"], "emergency": 1}]
        policy["limits"]["open_tickets"] = 1000

    # --- a person in front of the browser ---------------------------------------------------------------------------------------------

    def url(self, fragment=""):
        return f"{self.origin}/{'#' + fragment if fragment else ''}"

    def invite(self, name):
        return self.root.post("/v1/invitations", {"person": name}).ok(201)

    def set_password(self, page, name):
        page.open(self.invite(name)["url"])
        page.fill("input[autocomplete=new-password]", PASSWORD)
        page.fill(".field:nth-of-type(2) input[autocomplete=new-password]", PASSWORD)
        page.click("form button.primary")
        page.wait("document.querySelector('.enrolment form')")

    def enrol_key(self, page, name, label="blue key"):
        """Enrols a key in the form that is shown; the policy change as downloaded."""
        downloads = self.folder / "downloads"
        downloads.mkdir(exist_ok=True)
        page.fill(".enrolment input", label)
        page.click(".enrolment form button.primary")
        page.wait("document.querySelector('.enrolment a[download]')")
        page.browser.send("Browser.setDownloadBehavior", behavior="allow", browserContextId=page.context, downloadPath=str(downloads), eventsEnabled=True)
        page.click(".enrolment a[download]")
        begun = page.browser.wait_event(None, "Browser.downloadWillBegin")
        page.browser.wait_event(None, "Browser.downloadProgress", lambda what: what["guid"] == begun["guid"] and what["state"] == "completed")
        return json.loads((downloads / begun["suggestedFilename"]).read_text())

    def put_in_policy(self, name, change):
        """What the root holders do."""
        self.enrolled.setdefault(name, []).append(change["key"])
        self.publish().ok()

    def join(self, page, name):
        """From the invitation to being signed in."""
        self.set_password(page, name)
        self.put_in_policy(name, self.enrol_key(page, name))
        self.sign_in(page, name)

    def sign_in(self, page, name, fragment="", password=PASSWORD):
        page.open(self.url(fragment))
        self.fill_sign_in(page, name, password)
        page.wait("document.querySelector('nav')")

    @staticmethod
    def fill_sign_in(page, name, password=PASSWORD):
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", password)
        page.click("form button.primary")

    def session_of(self, page):
        """The bearer token that the page has."""
        return page.run("JSON.parse(sessionStorage.getItem('tegata-session')).token")

    def state(self, ticket_text):
        return self.alice.get(f"/v1/tickets/{json.loads(ticket_text)['id']}").ok()["state"]
