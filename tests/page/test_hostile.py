"""Ways that must not work. The service is the real one; what it says is changed on the way where the page must not believe it."""

import base64
import hashlib
import json

import pytest

from front import Front
from page_world import NAME
from service_client import canonical


@pytest.fixture(scope="module")
def bob(behind, browser):
    page = browser.page()
    page.authenticator()
    behind.join(page, "bob")
    yield page
    page.close()


@pytest.fixture(autouse=True)
def honest_again(behind):
    yield
    behind.front.change = None


@pytest.fixture
def text(behind):
    return behind.submit()


def open_ticket(page, text, ready="#approve"):
    page.run("location.hash = 'history'")
    page.wait("document.querySelector('main > h1')?.textContent === 'History'")
    page.run(f"location.hash = 'ticket={json.loads(text)['id']}'")
    page.wait(f"document.querySelector({json.dumps(ready)})")


def showing(text, change):
    """A change of the front: every view of this ticket says something else."""
    target = f"/v1/tickets/{json.loads(text)['id']}"

    def changed(method, path, status, body):
        if path == target and method == "GET":
            return status, json.dumps(change(json.loads(body))).encode()
        return status, body
    return changed


def signatures(page):
    return page.send("WebAuthn.getCredentials", authenticatorId=page.key)["credentials"][0]["signCount"]


def sent_approvals(behind):
    return [path for method, path, _ in behind.front.calls if method == "POST" and path.endswith("/approvals")]


# --- what is shown is what is signed ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change, said", [
    (lambda view: {**view, "ticket": canonical({**json.loads(view["ticket"]), "hosts": ["db1"]})}, "digest"),
    (lambda view: {**view, "digest": "0" * 64}, "digest"),
    (lambda view: {**view, "ticket": json.dumps(json.loads(view["ticket"]), sort_keys=True)}, "canonical form"),
    (lambda view: {**view, "ticket": view["ticket"].replace('"account":', '"account":"root","account":')}, "canonical form"),
    (lambda view: {**view, "ticket": view["ticket"].replace("restart", "\u202erestart")}, "control character"),
    (lambda view: {**view, "ticket": canonical({**json.loads(view["ticket"]), "hidden": "x"})}, "'hidden' is not known"),
    (lambda view: {**view, "ticket": canonical({**json.loads(view["ticket"]), "id": "T-0000000000000"})}, "another ticket"),
    (lambda view: {**view, "ticket": ""}, "1 to 4096 bytes"),
], ids=["other-host", "other-digest", "white-space", "key-twice", "right-to-left", "unknown-key", "other-id", "nothing"])
def test_a_ticket_that_is_not_what_it_should_be_cannot_be_signed(behind, bob, text, change, said):
    behind.front.change = showing(text, change)
    open_ticket(bob, text, ".bad")
    assert "must not be approved" in bob.text("h1") and said in bob.text(".bad")
    assert "restart the matcher" not in bob.text() and not bob.run("document.querySelector('.actions')")


def test_a_sound_ticket_with_the_right_digest_but_other_bytes_is_signed_for_itself_only(behind, bob, text):
    """The service can show another ticket of the same id, digest and all. What is signed is then that one, and opens nothing."""
    def other(view):
        forged = canonical({**json.loads(view["ticket"]), "reason": "harmless"})
        return {**view, "ticket": forged, "digest": hashlib.sha256(forged.encode()).hexdigest()}
    behind.front.change = showing(text, other)
    open_ticket(bob, text)
    bob.click("#approve")
    bob.wait("document.querySelector('.complaint:not(:empty)')")
    assert "approval_other_ticket" in bob.text(".complaint") or "(approval_" in bob.text(".complaint")
    assert behind.state(text) == "pending"


def test_bytes_that_change_while_they_are_shown(behind, bob, text):
    open_ticket(bob, text)
    before = signatures(bob)
    forged = canonical({**json.loads(text), "hosts": ["ops2"]})
    behind.front.change = showing(text, lambda view: {**view, "ticket": forged, "digest": hashlib.sha256(forged.encode()).hexdigest()})
    behind.carol.post(f"/v1/tickets/{json.loads(text)['id']}/approvals", behind.carol.approval(text)).ok(201)
    bob.wait_text("somebody changes tickets", ".actions")
    assert not bob.run("document.getElementById('approve')") and signatures(bob) == before


def test_bytes_that_change_while_the_key_is_waited_for(behind, bob):
    text = behind.submit(rule="two")
    open_ticket(bob, text)
    sent = len(sent_approvals(behind))
    bob.send("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=bob.key, enabled=False)
    bob.click("#approve")
    bob.wait("document.querySelector('.touch')")
    forged = canonical({**json.loads(text), "hosts": ["ops2"]})
    behind.front.change = showing(text, lambda view: {**view, "ticket": forged})
    behind.carol.post(f"/v1/tickets/{json.loads(text)['id']}/approvals", behind.carol.approval(text)).ok(201)
    bob.wait_text("somebody changes tickets", ".actions")
    bob.send("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=bob.key, enabled=True)
    assert len(sent_approvals(behind)) == sent


def test_an_approval_of_another_ticket_is_not_shown_as_one(behind, bob, text):
    other = behind.carol.approval(behind.submit())
    behind.front.change = showing(text, lambda view: {**view, "approvals": [other]})
    open_ticket(bob, text)
    assert "not for this ticket" in bob.text(".progress") and "carol approved" not in bob.text(".progress")


# --- text stays text ----------------------------------------------------------------------------------------------------------------------


SCRIPT = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>{reason}"


def test_script_in_the_reason_is_text(behind, bob):
    text = behind.submit(reason=SCRIPT, reference="javascript:alert(1)")
    for place in ("waiting", "history"):
        bob.run(f"location.hash = '{place}'")
        bob.wait_text("<script>", ".items")
    open_ticket(bob, text)
    assert bob.text(".reason blockquote") == SCRIPT
    assert not bob.run("document.querySelector('main img, main script')") and "taken" not in bob.run("document.title")
    assert all(href.startswith(("#", "blob:")) for href in bob.run("[...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))"))


def test_markup_is_refused_by_the_browser_too(behind, bob):
    """Were there a line that makes markup of text, trusted types would stop it."""
    assert bob.run("(() => { try { document.createElement('p').innerHTML = 'x'; return 'made'; } catch (e) { return e.constructor.name; } })()") == "TypeError"


# --- where the page stands ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("served_by", ["direct", "behind"])
def test_framing_is_refused_by_the_header(request, tls, shown, served_by):
    world = request.getfixturevalue(served_by)
    hostile = Front(tls.certificate, tls.key, headers=False)
    hostile.extra["frame.html"] = f"<!doctype html><iframe src='{world.url()}'></iframe>"
    page = shown()
    page.open(f"https://evil.example.test:{hostile.port}/frame.html")
    refused = "frame-ancestors 'none'"
    page.browser.wait_event(page.session, "Log.entryAdded", lambda what: refused in what["entry"]["text"] and world.origin in what["entry"]["text"])
    hostile.stop()


def test_framing_is_refused_without_the_header_too(tls, shown):
    bare = Front(tls.certificate, tls.key, headers=False)
    bare.extra["frame.html"] = "<!doctype html><iframe src='/index.html' width=900 height=700></iframe>"
    page = shown()
    page.open(f"https://approve.example.test:{bare.port}/frame.html")
    page.wait("document.querySelector('iframe')?.contentDocument?.body?.innerText.includes('must not be shown inside another page')")
    assert not page.run("document.querySelector('iframe').contentDocument.querySelector('input, button')")
    bare.stop()


def test_another_site_cannot_call(behind, bob, static, shown, text):
    """The token is no cookie, so nothing goes along by itself; and without CORS nothing is answered."""
    token = behind.session_of(bob)
    page = shown()
    page.send("Page.setBypassCSP", enabled=True)
    page.open(f"https://evil.example.test:{static.port}/words.txt")
    page.wait("document.readyState === 'complete'")
    target = f"https://{NAME}:{behind.service.port}/v1/tickets/{json.loads(text)['id']}/deny"
    tried = page.run(f"""fetch({json.dumps(target)}, {{method: "POST", headers: {{"Content-Type": "application/json", Authorization: "Bearer {token}"}}, body: '{{"reason":"x"}}'}})
        .then((a) => a.status, (e) => e.constructor.name)""")
    assert tried == "TypeError"
    page.run(f"""fetch({json.dumps(target)}, {{method: "POST", mode: "no-cors", credentials: "include", body: '{{"reason":"x"}}'}}).then((a) => a.type, (e) => e.constructor.name)""")
    assert behind.state(text) == "pending"


def test_another_site_cannot_use_the_key(behind, bob, static, shown):
    page = shown()
    key = copy_key(bob, page)
    page.open(f"https://evil.example.test:{static.port}/words.txt")
    page.wait("document.readyState === 'complete'")
    credential = page.send("WebAuthn.getCredentials", authenticatorId=key)["credentials"][0]["credentialId"]
    for rp_id in (NAME, "example.test"):
        assert page.run(f"""navigator.credentials.get({{publicKey: {{challenge: new Uint8Array(32), rpId: {json.dumps(rp_id)}, timeout: 1000,
            allowCredentials: [{{type: "public-key", id: Uint8Array.from(atob({json.dumps(credential)}), (c) => c.charCodeAt(0))}}]}}}})
            .then(() => "signed", (e) => e.name)""") in ("SecurityError", "NotAllowedError")


def copy_key(source, target, **how):
    authenticator = target.authenticator(**how)
    credential = source.send("WebAuthn.getCredentials", authenticatorId=source.key)["credentials"][0]
    target.send("WebAuthn.addCredential", authenticatorId=authenticator, credential={**credential, "signCount": credential["signCount"] + 1000})
    return authenticator


# --- the touch ------------------------------------------------------------------------------------------------------------------------------


def test_password_alone_is_no_session(behind, bob, shown):
    page = shown()
    page.authenticator()  # a security key, but not bob's
    page.open(behind.url())
    behind.fill_sign_in(page, "bob")
    page.wait("document.querySelector('.complaint:not(:empty)')")
    assert not page.run("document.querySelector('nav')") and page.run("sessionStorage.length") == 0


def test_without_user_verification_there_is_no_session(behind, bob, shown):
    page = shown()
    copy_key(bob, page, verified=False)
    page.open(behind.url())
    behind.fill_sign_in(page, "bob")
    page.wait("document.querySelector('.complaint:not(:empty)')")
    assert not page.run("document.querySelector('nav')")


def test_a_session_without_the_touch_cannot_approve(behind, bob, text, shown):
    """Whoever stole the token has no key."""
    thief = shown()
    thief.authenticator()
    thief.open(behind.url())
    thief.run(f"sessionStorage.setItem('tegata-session', {json.dumps(bob.run('sessionStorage.getItem(`tegata-session`)'))})")
    thief.open(behind.url(f"ticket={json.loads(text)['id']}"))
    thief.click("#approve")
    thief.wait("document.querySelector('.complaint:not(:empty)')")
    assert behind.state(text) == "pending"
    token = behind.session_of(bob)
    unsigned = {"document": behind.bob.approval(text)["document"], "signature": ""}
    answer = behind.service.call("POST", f"/v1/tickets/{json.loads(text)['id']}/approvals", json.dumps(unsigned), {"Authorization": f"Bearer {token}"})
    assert answer.status >= 400 and behind.state(text) == "pending"


def signed_by_hand(page, world, text, **how):
    """An approval made by the page's modules, but with an assertion of our own making."""
    return page.run(f"""(async () => {{
        const [b, d, s] = await Promise.all(["bytes", "documents", "sshsig"].map((name) => import(`/${{name}}.js`)));
        const ticket = {json.dumps(hashlib.sha256(text.encode()).hexdigest())};
        const message = d.approval(ticket, "bob", 0);
        const challenge = await s.signedData({json.dumps(how.get("namespace", "approval-v1@tegata"))}, message);
        const listed = await fetch("/v1/credentials", {{headers: {{Authorization: "Bearer " + {json.dumps(world.session_of(page))}}}}}).then((a) => a.json());
        const own = listed.credentials.find((one) => one.id !== "");
        const found = await navigator.credentials.get({{publicKey: {{challenge, rpId: {json.dumps(NAME)}, userVerification: {json.dumps(how.get("verification", "required"))},
            allowCredentials: [{{type: "public-key", id: b.fromBase64url(own.id)}}]}}}});
        const clientData = new Uint8Array(found.response.clientDataJSON);
        const signature = s.armored(s.blobOfLine(own.key), "approval-v1@tegata", {{authenticatorData: new Uint8Array(found.response.authenticatorData), clientData,
            der: new Uint8Array(found.response.signature), origin: {how.get("origin", "location.origin")}}});
        return {{document: new TextDecoder().decode(message), signature}};
    }})()""")


def approve_with(world, text, body):
    return world.bob.post(f"/v1/tickets/{json.loads(text)['id']}/approvals", body)


def test_a_handmade_assertion_is_accepted_if_it_is_right(behind, bob, text):
    """So that the refusals below are for the reason that they name."""
    assert approve_with(behind, text, signed_by_hand(bob, behind, text)).ok(201)["state"] == "approved"


@pytest.mark.parametrize("how, code", [
    ({"namespace": "session-v1@tegata"}, "approval_signature"),
    ({"origin": "'https://evil.example.test'"}, "approval_origin"),
], ids=["other-namespace", "other-origin"])
def test_a_wrong_assertion_is_refused(behind, bob, text, how, code):
    assert approve_with(behind, text, signed_by_hand(bob, behind, text, **how)).code == code
    assert behind.state(text) == "pending"


def test_no_user_verification_is_refused_by_the_service(behind, bob, text, shown):
    page = shown()
    copy_key(bob, page, verified=False)
    page.open(behind.url())
    page.run(f"sessionStorage.setItem('tegata-session', {json.dumps(bob.run('sessionStorage.getItem(`tegata-session`)'))})")
    assert approve_with(behind, text, signed_by_hand(page, behind, text, verification="discouraged")).code == "approval_no_user_verification"
    assert behind.state(text) == "pending"


def test_an_approval_cannot_be_used_for_another_ticket(behind, bob, text):
    body = signed_by_hand(bob, behind, behind.submit())
    assert approve_with(behind, text, body).status >= 400 and behind.state(text) == "pending"


# --- enrolment ------------------------------------------------------------------------------------------------------------------------------


def test_a_key_that_the_service_put_in_the_place_of_mine_is_noticed(behind, bob, shown):
    def changed(method, path, status, body):
        if path == "/v1/credentials" and method == "POST":
            return status, json.dumps({**json.loads(body), "fingerprint": "SHA256:" + "A" * 43}).encode()
        return status, body
    page = shown()
    page.authenticator()
    behind.set_password(page, "carol")
    behind.front.change = changed
    page.fill(".enrolment input", "key")
    page.click(".enrolment form button.primary")
    page.wait_text("another key than the one you touched", ".complaint")
    assert not page.run("document.querySelector('a[download]')")


# --- certificates -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fragment", ["certificate=", "certificate=!!!", "certificate=c3NoLWVkMjU1MTkgQUFBQQ", "certificate=PGI-", "certificate"])
def test_a_link_without_a_key_asks_for_nothing(behind, shown, fragment):
    page = shown()
    page.open(behind.url(fragment))
    page.wait_text("does not hold a public key", ".notice")
    assert not page.run("document.querySelector('form')")


def test_the_certificate_is_asked_for_the_key_that_is_shown(behind, bob, shown):
    page = shown()
    copy_key(bob, page)
    line = behind.alice.key.public
    link = base64.urlsafe_b64encode(line.encode()).decode().rstrip("=")
    page.open(behind.url(f"certificate={link}&seconds=600"))
    page.wait_text(behind.alice.key.fingerprint, ".facts")
    assert "10 minutes" in page.text(".facts")
    behind.fill_sign_in(page, "bob")
    page.wait("document.querySelector('.complaint:not(:empty)')")
    asked = json.loads([body for method, path, body in behind.front.calls if path == "/v1/certificates"][-1])
    document = json.loads(asked["document"])
    assert document == {"v": 1, "at": document["at"], "nonce": document["nonce"], "person": "bob", "service": behind.service.authority, "key": line, "seconds": 600}
    assert canonical(document) == asked["document"]
