"""What people do with the page, from the invitation to the approval that stock ssh-keygen accepts."""

import base64
import hashlib
import json
import subprocess

import pytest

from page_world import NAME, PASSWORD
from service_client import canonical


@pytest.fixture(scope="module")
def bob(direct, browser):
    """bob, signed in, in a tab that stays open. His key is a virtual one."""
    page = browser.page()
    page.authenticator()
    direct.join(page, "bob")
    yield page
    page.close()


def open_ticket(world, page, text):
    page.run(f"location.hash = 'ticket={json.loads(text)['id']}'")
    page.wait_text(json.loads(text)["id"], ".ticket-id")


def touches(page):
    return page.send("WebAuthn.getCredentials", authenticatorId=page.key)["credentials"][0]["signCount"]


# --- becoming somebody -------------------------------------------------------------------------------------------------------------------


def test_invitation_password_key_and_words(direct, shown):
    page = shown()
    page.authenticator()
    direct.set_password(page, "carol")
    assert page.run("location.hash") == "#invitation"
    change = direct.enrol_key(page, "carol", label="red key")
    entry = change["key"]
    assert change["person"] == "carol" and change["label"] == "red key" and change["format"] == "webauthn"
    assert (entry["origin"], entry["rp_id"]) == (direct.origin, NAME)
    kind, blob = entry["key"].split()[0], base64.b64decode(entry["key"].split()[1])
    assert kind == "sk-ecdsa-sha2-nistp256@openssh.com"
    words = (page.text(".enrolment .code")).replace("\n", "")
    number = int.from_bytes(hashlib.sha256(blob).digest(), "big") >> 190
    listed = page.run("fetch('words.txt').then((a) => a.text())").split()
    assert words.split("-") == [listed[number >> 11 * (5 - at) & 2047] for at in range(6)]
    assert "Nobody vouches for this key" in page.text()
    assert page.complaints() == []


def test_invitation_works_once(direct, shown):
    page = shown()
    link = direct.invite("dave")["url"]
    for expected in (".enrolment form", ".complaint:not(:empty)"):
        page.open(link)
        page.fill("input[autocomplete=new-password]", PASSWORD)
        page.fill(".field:nth-of-type(2) input[autocomplete=new-password]", PASSWORD)
        page.click("form button.primary")
        page.wait(f"document.querySelector({json.dumps(expected)})")
    assert "invitation_invalid" in page.text(".complaint")


def test_new_passwords_are_compared(direct, shown):
    page = shown()
    page.open(direct.invite("dave")["url"])
    page.fill("input[autocomplete=new-password]", PASSWORD)
    page.fill(".field:nth-of-type(2) input[autocomplete=new-password]", PASSWORD + "x")
    page.click("form button.primary")
    page.wait_text("not the same", ".complaint")


def test_a_key_counts_only_once_the_policy_names_it(direct, shown):
    page = shown()
    page.authenticator()
    direct.set_password(page, "dave")
    change = direct.enrol_key(page, "dave")
    page.open(direct.url())
    direct.fill_sign_in(page, "dave")
    page.wait_text("None of your keys in the policy works on this site", ".complaint")
    direct.put_in_policy("dave", change)
    direct.sign_in(page, "dave")


def test_wrong_password_says_no_more_than_that(direct, bob, shown):
    page = shown()
    said = []
    for name in ("bob", "nobody"):
        page.open(direct.url())
        direct.fill_sign_in(page, name, "not the password at all")
        page.wait("document.querySelector('.complaint').textContent")
        said.append(page.text(".complaint"))
    assert "sign_in_failed" in said[0] and said[0] == said[1]


def test_session_ends_with_sign_out(direct, bob, shown):
    page = shown()
    bob_key = copy_key(bob, page)
    assert bob_key
    direct.sign_in(page, "bob")
    page.click(".who button:last-child")
    page.wait("document.querySelector('input[name=username]')")
    assert page.run("sessionStorage.length") == 0


def copy_key(source, target):
    """The same virtual key in another tab."""
    authenticator = target.authenticator()
    credential = source.send("WebAuthn.getCredentials", authenticatorId=source.key)["credentials"][0]
    target.send("WebAuthn.addCredential", authenticatorId=authenticator, credential={**credential, "signCount": credential["signCount"] + 1000})
    return authenticator


# --- deciding ----------------------------------------------------------------------------------------------------------------------------


def test_approval_by_touch(direct, bob, tmp_path):
    text = direct.submit()
    bob.run("location.hash = 'waiting'")
    bob.wait_text("restart the matcher", ".items")
    open_ticket(direct, bob, text)
    assert "alice wants to log in to ops1 as alice for 30 minutes" in bob.text("h1")
    before = touches(bob)
    bob.click("#approve")
    bob.wait_text("Your signature is on its way", ".actions")
    assert touches(bob) == before + 1
    view = direct.alice.get(f"/v1/tickets/{json.loads(text)['id']}").ok()
    assert view["state"] == "approved"
    approval = json.loads(view["approvals"][0]["document"])
    assert approval["ticket"] == hashlib.sha256(text.encode()).hexdigest() and approval["approver"] == "bob" and approval["seconds"] == 0
    assert verified_by_ssh_keygen(direct, view["approvals"][0], tmp_path)
    assert not verified_by_ssh_keygen(direct, {**view["approvals"][0], "document": canonical({**approval, "seconds": 1})}, tmp_path)


def verified_by_ssh_keygen(world, approval, folder):
    """The auditors' recipe of docs/approval_page.md."""
    (folder / "approval.sig").write_text(approval["signature"])
    (folder / "allowed_signers").write_text("".join(f"bob {entry['key']}\n" for entry in world.enrolled["bob"]))
    done = subprocess.run(["ssh-keygen", "-Y", "verify", "-f", folder / "allowed_signers", "-I", "bob", "-n", "approval-v1@tegata", "-s", folder / "approval.sig"],
                          input=approval["document"].encode(), capture_output=True)
    return done.returncode == 0


def test_shorter_window(direct, bob):
    text = direct.submit()
    open_ticket(direct, bob, text)
    bob.run("document.getElementById('approve-for').value = '900'")
    bob.click("#approve")
    bob.wait_text("on its way", ".actions")
    view = direct.alice.get(f"/v1/tickets/{json.loads(text)['id']}").ok()
    assert json.loads(view["approvals"][0]["document"])["seconds"] == 900
    assert view["verdict"]["ends"] - view["verdict"]["begins"] == 900


def test_one_of_two_approvals(direct, bob):
    text = direct.submit(rule="two")
    open_ticket(direct, bob, text)
    bob.click("#approve")
    bob.wait_text("It still needs: 1 of lead", ".actions")
    assert direct.state(text) == "pending"
    assert "You have approved this" in bob.text(".actions") and not bob.run("document.getElementById('approve')")


def test_deny_with_reason(direct, bob):
    text = direct.submit()
    open_ticket(direct, bob, text)
    bob.click("#deny")
    bob.click("dialog button.danger")
    bob.wait_text("Say why", "dialog .complaint")
    bob.fill("dialog textarea", "not during\nthe freeze")
    bob.click("dialog button.danger")
    bob.wait_text("Denied", ".actions")
    assert direct.state(text) == "denied"
    events = direct.alice.get(f"/v1/tickets/{json.loads(text)['id']}/events").ok()["events"]
    assert events[-1]["kind"] == "denied" and events[-1]["text"] == "not during the freeze"


def test_by_keyboard_alone(direct, bob):
    text = direct.submit()
    open_ticket(direct, bob, text)
    bob.wait("document.activeElement.tagName === 'H1'")
    for _ in range(30):
        if bob.run("document.activeElement.id") == "approve":
            break
        bob.press("Tab")
    assert bob.run("document.activeElement.id") == "approve"
    bob.press("Enter")
    bob.wait_text("on its way", ".actions")
    assert direct.state(text) == "approved"


def test_status_is_live(direct, bob):
    text = direct.submit(rule="two")
    open_ticket(direct, bob, text)
    assert bob.run("Boolean(document.getElementById('approve'))")
    direct.carol.approve(text).ok(201)
    bob.wait_text("carol approved", ".progress")
    bob.wait("!document.getElementById('approve')")
    direct.alice.post(f"/v1/tickets/{json.loads(text)['id']}/cancel", "{}").ok()
    bob.wait_text("Cancelled", ".ticket-id")


def test_stop_while_the_key_is_waited_for(direct, bob):
    """A key that nobody touches: the person stops, nothing is sent."""
    text = direct.submit()
    open_ticket(direct, bob, text)
    bob.send("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=bob.key, enabled=False)
    bob.click("#approve")
    bob.wait("document.querySelector('.touch')")
    bob.click(".actions .buttons button")
    bob.wait_text("Nothing was signed", ".complaint")
    bob.send("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=bob.key, enabled=True)
    assert direct.state(text) == "pending" and bob.run("Boolean(document.getElementById('approve'))")


def test_a_ticket_that_is_over_ends_the_wait_for_the_touch(direct, bob):
    text = direct.submit()
    open_ticket(direct, bob, text)
    bob.send("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=bob.key, enabled=False)
    bob.click("#approve")
    bob.wait("document.querySelector('.touch')")
    direct.alice.post(f"/v1/tickets/{json.loads(text)['id']}/cancel", "{}").ok()
    bob.wait("!document.querySelector('.touch')")
    bob.send("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=bob.key, enabled=True)


def test_end_an_access(direct, bob):
    text = direct.approved()
    open_ticket(direct, bob, text)
    bob.click("#revoke")
    bob.fill("dialog textarea", "wrong host")
    bob.click("dialog button.danger")
    bob.wait_text("Ended", ".actions")
    assert direct.state(text) == "revoked"


def test_own_ticket_is_not_for_oneself(direct, shown):
    page = shown()
    page.authenticator()
    direct.join(page, "alice")
    text = direct.submit()
    page.run("location.hash = 'mine'")
    page.wait_text("restart the matcher", ".items")
    open_ticket(direct, page, text)
    assert "others decide" in page.text(".actions") and not page.run("document.getElementById('approve')")
    page.click(".actions .buttons button")
    page.wait_text("Withdrawn", ".actions")
    assert direct.state(text) == "cancelled"


# --- lists -------------------------------------------------------------------------------------------------------------------------------


def test_live_sessions(direct, bob):
    host = direct.enrol("ops9", direct.folder)
    text = direct.approved(hosts=["ops9"])
    bob.run("location.hash = 'sessions'")
    bob.wait("document.querySelector('main h1')?.textContent === 'Live sessions'")
    opened = dict(ticket=json.loads(text)["id"], person="alice", account="alice", source="192.0.2.7", session="a" * 32)
    host.send(host.event(kind="session_opened", ends=1999999999, **opened)).ok()
    bob.wait_text("alice on ops9", ".items")
    assert "from 192.0.2.7" in bob.text(".items")
    host.send(host.event(kind="session_closed", **opened)).ok()
    bob.wait("!document.querySelector('main .items')?.innerText.includes('ops9')")


def test_history(direct, bob):
    text = direct.approved()
    bob.run("location.hash = 'history'")
    bob.wait(f"document.querySelector('a[href=\"#ticket={json.loads(text)['id']}\"]')")


def test_waiting_counts_in_the_title(direct, bob):
    bob.run("location.hash = 'history'")
    text = direct.submit()
    bob.run("location.hash = 'waiting'")
    bob.wait("/^\\(\\d+\\) Waiting for me · Tegata$/.test(document.title)")
    direct.alice.post(f"/v1/tickets/{json.loads(text)['id']}/cancel", "{}").ok()


# --- keys and password --------------------------------------------------------------------------------------------------------------------


def test_second_key_and_lost_key(direct, bob):
    bob.run("location.hash = 'keys'")
    bob.wait_text("in the policy", ".items")
    second = bob.authenticator()
    bob.send("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=bob.key, enabled=False)
    bob.click(".card button.primary")
    change = direct.enrol_key(bob, "bob", label="spare key")
    bob.send("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=bob.key, enabled=True)
    bob.send("WebAuthn.removeVirtualAuthenticator", authenticatorId=second)
    direct.put_in_policy("bob", change)
    bob.run("location.hash = 'waiting'")
    bob.run("location.hash = 'keys'")
    bob.wait_text("spare key", ".items")
    bob.click("button[aria-label='I lost this key: spare key']")
    bob.click("dialog button.danger")
    bob.wait("!document.querySelector('dialog')")
    bob.wait("!document.querySelector(\"button[aria-label='I lost this key: spare key']\")")
    assert "revoked" in bob.text(".items")


def test_change_password(direct, shown):
    page = shown()
    page.authenticator()
    direct.join(page, "dave")
    page.run("location.hash = 'keys'")
    page.fill("input[autocomplete=current-password]", PASSWORD)
    page.fill("input[autocomplete=new-password]", PASSWORD + " again")
    page.fill(".field:nth-of-type(3) input", PASSWORD + " again")
    page.click("form button:last-of-type")
    page.wait_text("Your password is changed")
    page.click(".who button:last-child")
    page.wait("document.querySelector('input[name=username]')")
    direct.sign_in(page, "dave", password=PASSWORD + " again")


# --- languages ----------------------------------------------------------------------------------------------------------------------------


def test_japanese_by_the_browser_and_by_the_switch(direct, shown):
    page = shown(language="ja")
    page.open(direct.url())
    page.wait_text("サインイン", "h1")
    assert page.run("document.documentElement.lang") == "ja"
    page.click(".who button")
    page.wait_text("Sign in", "h1")
    page.open(direct.url())
    page.wait_text("Sign in", "h1")
