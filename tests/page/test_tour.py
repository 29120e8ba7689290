"""Every state of the page, in light and dark, wide and narrow, English and Japanese: nothing is cut off, every text has contrast enough, every
control has a name. With TEGATA_PAGE_PICTURES=FOLDER each is also kept as a picture there, for somebody to look at."""

import base64
import json
import time

import pytest

from front import Front
from page_world import PageWorld

WIDTHS = {"wide": (1100, 900), "narrow": (360, 740)}
LOOKS = [(scheme, width, language) for scheme in ("light", "dark") for width in WIDTHS for language in ("en-US", "ja")]

# Text whose contrast with what is behind it is below WCAG AA (4.5; 3 for large text). Computed from what the browser really draws.
FAINT = """(() => {
    const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const over = ([r, g, b, a = 1], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
    const light = (rgb) => { const [r, g, b] = rgb.map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
    const ground = (element) => { if (!element) return [255, 255, 255]; const own = numbers(getComputedStyle(element).backgroundColor); return own[3] === 0 ? ground(element.parentElement) : over(own, ground(element.parentElement)); };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    let checked = 0;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement, style = getComputedStyle(element);
        if (!node.data.trim() || !element.checkVisibility({opacityProperty: true, visibilityProperty: true}) || element.closest(".visually-hidden, .skip, noscript, script")) continue;
        const [a, b] = [light(over(numbers(style.color), ground(element))), light(ground(element))].sort((x, y) => y - x);
        const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        checked++;
        if ((a + .05) / (b + .05) < (large ? 3 : 4.5)) found.push(`${((a + .05) / (b + .05)).toFixed(2)} ${element.tagName}.${element.className}: ${node.data.slice(0, 40)}`);
    }
    return checked > 3 ? found : ["nothing was looked at"];
})()"""
# What sticks out to the right, and what is too small for a thumb.
WIDE = "document.documentElement.scrollWidth > innerWidth ? [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => `${e.tagName}.${e.className}`) : []"
SMALL = """[...document.querySelectorAll('button, a[href], input, select, textarea, summary')].filter((e) => e.checkVisibility() && !e.closest('.skip') && e.id !== 'skip')
    .map((e) => [e.getBoundingClientRect(), e.textContent || e.name]).filter(([box]) => box.height < 36 || box.width < 24).map(([box, name]) => `${name} ${box.width}x${box.height}`)"""
CONTROLS = {"button", "link", "textbox", "combobox", "checkbox", "option", "dialog", "navigation", "region", "main", "heading", "DisclosureTriangle"}


@pytest.fixture(scope="module")
def world(tmp_path_factory, tls, browser):
    front = Front(tls.certificate, tls.key)
    made = PageWorld(tmp_path_factory.mktemp("tour"), tls, front)
    yield made
    front.stop()
    made.service.stop()


@pytest.fixture(scope="module")
def bob(world, browser):
    page = browser.page()
    page.authenticator()
    world.join(page, "bob")
    yield page
    page.close()


@pytest.fixture(scope="module")
def tickets(world, bob):
    """Some that are over, some that wait, one of each kind."""
    now = int(time.time())
    old = world.approved(reason="Rotate the certificates of the matching engine")
    world.alice.post(f"/v1/tickets/{json.loads(old)['id']}/release", "{}").ok()
    denied = world.submit(reason="Look around")
    world.bob.post(f"/v1/tickets/{json.loads(denied)['id']}/deny", {"reason": "Please say what for"}).ok()
    made = {
        "plain": world.submit(reason="The matching engine lags since 02:40. I want to restart it and watch the queue drain.", reference="INC-20417", source=["192.0.2.0/24"], sessions=1),
        "two": world.submit(rule="two", reason="勘定系の照合バッチが止まっているため、再起動して結果を確認します。", reference="障害-118"),
        "danger": world.submit(rule="urgent", emergency=1, sudo=["wheel"], hosts=["ops1", "ops2", "ops3", "ops4"], seconds=6 * 3600,
                               options=["pty", "agent-forwarding", "port-forwarding"], reason="Production is down: all matching hosts refuse orders."),
        "command": world.submit(rule="shared", account="deploy", uid=25001, command="/usr/local/bin/rollback --release 2026.11.3 --confirm", reason="Roll back tonight's release",
                                not_before=now + 3600),
        "live": world.approved(reason="Replace the failing disk of the journal"),
    }
    # The hosts tell of two sessions.
    for name, source, minutes in (("ops1", "198.51.100.23", 11), ("ops2", "2001:db8::17", 3)):
        host = world.hosts[name]
        host.send(host.event(kind="session_opened", ticket=json.loads(made["live"])["id"], person="alice", account="alice", source=source, session=name[-1] * 32,
                             time=now - minutes * 60, ends=now + 1200)).ok()
    return made


def checked(page, name, look, pictures):
    """What must hold for every state. Pictures wait until nothing moves."""
    assert page.run(WIDE) == [], name
    assert page.run(FAINT) == [], name
    assert page.run(SMALL) == [], name
    nodes = [node for node in page.accessibility() if not node.get("ignored")]
    unnamed = [node["role"]["value"] for node in nodes if node["role"]["value"] in CONTROLS - {"main"} and not node.get("name", {}).get("value")]
    assert unnamed == [], name
    roles = [node["role"]["value"] for node in nodes]
    # All else is inert while a dialog is open.
    assert roles.count("dialog") == 1 or (roles.count("main"), roles.count("banner")) == (1, 1), name
    levels = page.run("[...document.querySelectorAll('h1, h2, h3')].filter((e) => e.checkVisibility()).map((e) => Number(e.tagName[1]))")
    assert levels.count(1) == 1 and all(after - before <= 1 for before, after in zip([0, *levels], levels)), (name, levels)
    assert page.run("document.querySelector('[id]') && new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size === document.querySelectorAll('[id]').length"), name
    if pictures:
        page.screenshot(pictures / f"{name}_{'_'.join(look)}.png")


def copy_key(source, target):
    authenticator = target.authenticator()
    credential = source.send("WebAuthn.getCredentials", authenticatorId=source.key)["credentials"][0]
    target.send("WebAuthn.addCredential", authenticatorId=authenticator, credential={**credential, "signCount": credential["signCount"] + 1000})
    return authenticator


def go(page, fragment, ready):
    page.run(f"location.hash = {json.dumps(fragment)}")
    page.wait(f"document.querySelector({json.dumps(ready)})")


@pytest.fixture
def tour(world, bob, tickets, shown, request):
    """A tab with a look of its own, in which bob is signed in."""
    scheme, width, language = request.param
    page = shown(width=WIDTHS[width][0], height=WIDTHS[width][1], scheme=scheme, language=language, motion=False)
    copy_key(bob, page)
    page.open(world.url())
    page.run(f"sessionStorage.setItem('tegata-session', {json.dumps(bob.run('sessionStorage.getItem(`tegata-session`)'))})")
    page.open(world.url("waiting"))
    page.wait("document.querySelector('.items')")
    page.look_name = (scheme, width, language[:2])
    return page


each_look = pytest.mark.parametrize("tour", LOOKS, indirect=True, ids=["-".join(look) for look in LOOKS])


@each_look
def test_lists(world, tour, pictures):
    for name, ready in (("waiting", ".items"), ("history", ".items"), ("sessions", ".items"), ("mine", ".empty"), ("keys", ".items")):
        go(tour, name, "main > h1")
        tour.wait(f"location.hash === '#{name}' && document.querySelector('nav [aria-current]')?.hash === '#{name}' && document.querySelector({json.dumps(ready)})")
        checked(tour, name, tour.look_name, pictures)


@each_look
def test_tickets(world, tickets, tour, pictures):
    for name in ("plain", "danger", "command", "two"):
        go(tour, f"ticket={json.loads(tickets[name])['id']}", ".actions")
        tour.wait_text(json.loads(tickets[name])["id"], ".ticket-id")
        checked(tour, f"ticket_{name}", tour.look_name, pictures)
    tour.click("#deny")
    tour.wait("document.querySelector('dialog[open]')")
    checked(tour, "deny", tour.look_name, pictures)
    tour.press("Escape")
    tour.wait("!document.querySelector('dialog')")
    tour.send("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=tour.key, enabled=False)
    tour.click("#approve")
    tour.wait("document.querySelector('.touch')")
    checked(tour, "touch", tour.look_name, pictures)
    tour.click(".actions .buttons button")
    tour.wait("document.querySelector('.complaint:not(:empty)')")
    checked(tour, "stopped", tour.look_name, pictures)


@each_look
def test_approved(world, tour, pictures):
    text = world.submit(reason="Rotate the certificates")
    go(tour, f"ticket={json.loads(text)['id']}", "#approve")
    tour.click("#approve")
    tour.wait("document.querySelector('.actions .outcome.good:not(:empty)')")
    checked(tour, "approved", tour.look_name, pictures)


@each_look
def test_bad_ticket(world, tickets, tour, pictures):
    target = f"/v1/tickets/{json.loads(tickets['plain'])['id']}"
    world.front.change = lambda method, path, status, body: (status, body.replace(b"ops1", b"ops2")) if path == target else (status, body)
    go(tour, f"ticket={json.loads(tickets['plain'])['id']}", ".bad")
    world.front.change = None
    checked(tour, "bad", tour.look_name, pictures)


@each_look
def test_ways_in(world, tour, pictures):
    """Sign in, a wrong password, an invitation, an enrolment, a certificate."""
    tour.run("sessionStorage.clear()")
    tour.open(world.url())
    tour.wait("document.querySelector('input[name=username]')")
    checked(tour, "sign_in", tour.look_name, pictures)
    world.fill_sign_in(tour, "bob", "wrong, quite wrong")
    tour.wait("document.querySelector('.complaint:not(:empty)')")
    checked(tour, "sign_in_failed", tour.look_name, pictures)
    line = base64.urlsafe_b64encode(world.alice.key.public.encode()).decode().rstrip("=")
    tour.open(world.url(f"certificate={line}&seconds=3600"))
    tour.wait("document.querySelector('.code')")
    checked(tour, "certificate", tour.look_name, pictures)
    tour.open(world.invite("carol")["url"])
    tour.wait("document.querySelector('form')")
    checked(tour, "invitation", tour.look_name, pictures)
    world.set_password(tour, "carol")
    checked(tour, "enrol", tour.look_name, pictures)
    world.enrol_key(tour, "carol")
    checked(tour, "enrolled", tour.look_name, pictures)


def test_everything_can_be_reached_in_the_order_in_which_it_stands(world, bob, tickets):
    """Tab goes through every control once, from top to bottom, and shows where it is."""
    go(bob, f"ticket={json.loads(tickets['danger'])['id']}", "#approve")
    bob.wait("document.activeElement.tagName === 'H1'")
    controls = bob.run("[...document.querySelectorAll('a[href], button, select, summary, input, textarea')].filter((e) => e.checkVisibility()).map((e) => e.id || e.textContent)")
    reached = []
    bob.run("document.getElementById('skip').focus()")
    bob.press("Tab")
    bob.press("Tab", shift=True)  # from here on the browser knows that it is the keyboard
    for _ in controls:
        reached.append(bob.run("document.activeElement.id || document.activeElement.textContent"))
        assert bob.run("parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2 && getComputedStyle(document.activeElement).outlineStyle !== 'none'"), reached[-1]
        bob.press("Tab")
    assert reached == controls


def test_where_the_focus_goes(world, bob, tickets):
    """To what has just come, so that a screen reader reads it; after a dialog back to its button."""
    go(bob, "history", ".items")
    bob.wait("document.activeElement.tagName === 'H1' && document.activeElement.textContent === 'History'")
    go(bob, f"ticket={json.loads(tickets['plain'])['id']}", "#deny")
    bob.wait("document.activeElement.tagName === 'H1'")
    bob.click("#deny")
    bob.wait("document.activeElement.tagName === 'TEXTAREA'")
    bob.press("Escape")
    bob.wait("document.activeElement.id === 'deny'")
    bob.run("document.getElementById('skip').click()")
    bob.wait("document.activeElement.id === 'main'")


def test_what_changes_is_said(world, bob, tickets):
    """Live regions: what happens, and what goes wrong."""
    go(bob, f"ticket={json.loads(tickets['plain'])['id']}", "#approve")
    roles = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in bob.accessibility() if not node.get("ignored")}
    assert {role for role, _ in roles} >= {"status", "alert", "banner", "navigation", "main", "article"}
    bob.send("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=bob.key, enabled=False)
    bob.click("#approve")
    bob.wait("document.getElementById('status').textContent.includes('touch your security key')")
    bob.click(".actions .buttons button")
    bob.wait("document.querySelector('.complaint[role=alert]')?.textContent.includes('Nothing was signed')")
    bob.send("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=bob.key, enabled=True)


def test_reduced_motion(world, bob, tickets):
    moving = "getComputedStyle(document.querySelector('.touch .icon')).animationName"
    go(bob, f"ticket={json.loads(tickets['plain'])['id']}", "#approve")
    bob.send("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=bob.key, enabled=False)
    bob.click("#approve")
    bob.wait("document.querySelector('.touch')")
    assert bob.run(moving) == "breathe"
    bob.look("light", motion=False)
    assert bob.run(moving) == "none"
    bob.look("light")
    bob.click(".actions .buttons button")
    bob.send("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=bob.key, enabled=True)
