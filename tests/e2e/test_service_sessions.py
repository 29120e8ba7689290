"""Sessions and their extensions at the approval service, and what tegata shows of them. The hosts' part is played here, event by event."""

import json
import os
import pathlib
import re
import secrets
import subprocess
import time

import pytest

from service_client import Background, World, find_program


def extensible(policy):
    for rule in policy["rules"]:
        rule["max_extension_seconds"] = 3600
    policy["rules"].append({**policy["rules"][0], "id": "rigid", "max_extension_seconds": 0})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sessions")


@pytest.fixture(scope="module")
def world(folder):
    made = World(find_program(), folder)
    made.publish(extensible).ok()
    yield made
    made.service.stop()


@pytest.fixture(scope="module")
def ops1(world, folder):
    return world.enrol("ops1", folder)


@pytest.fixture(scope="module")
def ops2(world, folder):
    return world.enrol("ops2", folder)


def ident(text):
    return json.loads(text)["id"]


def state(world, text):
    return world.alice.get(f"/v1/tickets/{ident(text)}").ok()["state"]


def events(world, text):
    return world.alice.get(f"/v1/tickets/{ident(text)}/events").ok()["events"]


def extension_of(world, text, **changes):
    return world.ticket(**{**json.loads(text), "id": json.loads(world.ticket())["id"], "created": int(time.time()),
                           "approve_by": int(time.time()) + 600, "extends": ident(text), **changes})


def extend(world, text, **changes):
    extension = extension_of(world, text, **changes)
    world.alice.post("/v1/tickets", extension).ok(201)
    return extension


class Session:
    """A session on a host that tells of it."""

    def __init__(self, host, ticket):
        self.host, self.ticket, self.id, self.ends = host, ident(ticket), secrets.token_hex(16), 0

    def tell(self, kind, **fields):
        self.host.send(self.host.event(kind=kind, ticket=self.ticket, person="alice", account="alice", source="192.0.2.7",
                                       session=self.id, **fields)).ok()
        return self

    def open(self, seconds=1800):
        self.ends = int(time.time()) + seconds
        return self.tell("session_opened", code="allowed", ends=self.ends)

    def end(self, code="ticket_late", detail="by the agent: 2 processes, 12 ms"):
        return self.tell("session_ended", code=code, detail=detail)


def sessions(person, query=""):
    return person.get("/v1/host-sessions" + query).ok()["sessions"]


def shown(person, session, query="?state=any"):
    found = [one for one in sessions(person, query) if one["session"] == session.id]
    return found[0] if found else None


# --- extensions -----------------------------------------------------------------------------------------------------------------------


def test_an_extension_is_a_ticket_that_names_another(world, ops1):
    text = world.approved()
    extension = extend(world, text, seconds=600)
    view = world.alice.get(f"/v1/tickets/{ident(text)}").ok()
    assert view["extensions"] == [{"ticket": ident(extension), "state": "pending"}]
    assert world.bob.approve(extension).ok(201)["state"] == "approved"
    again = extend(world, text, seconds=900)
    view = world.alice.get(f"/v1/tickets/{ident(text)}").ok()
    assert {one["ticket"]: one["state"] for one in view["extensions"]} == {ident(extension): "approved", ident(again): "pending"}
    update = [json.loads(one["ticket"]) for one in ops1.poll()["tickets"]]
    assert [one["extends"] for one in update if one["id"] == ident(extension)] == [ident(text)]


@pytest.mark.parametrize("changes, key", [({"options": []}, "options"), ({"account": "deploy"}, None), ({"command": "uptime"}, "command"),
                                          ({"sessions": 1}, "sessions"), ({"source": ["192.0.2.0/24"]}, "source"),
                                          ({"hosts": ["ops1", "ops2"]}, "hosts")])
def test_an_extension_asks_for_the_same(world, ops1, ops2, changes, key):
    text = world.approved()
    refused = world.alice.post("/v1/tickets", extension_of(world, text, **changes))
    if key is None:  # the rule says so first
        refused.refused(422, "ticket_no_rule")
    else:
        assert f"'{key}'" in refused.refused(422, "extension_differs")["detail"]


def test_what_cannot_be_extended(world, ops1):
    post = world.alice.post
    pending = world.submit()
    post("/v1/tickets", extension_of(world, pending)).refused(409, "ticket_state")
    text = world.approved()
    post("/v1/tickets", extension_of(world, text, extends="T-0000000000000")).refused(404, "not_found")
    extension = extend(world, text)
    post("/v1/tickets", extension_of(world, extension)).refused(422, "extension_differs")
    world.alice.post(f"/v1/tickets/{ident(text)}/release", "{}").ok()
    assert "released" in post("/v1/tickets", extension_of(world, text)).refused(409, "ticket_state")["detail"]
    rigid = world.approved(rule="rigid")
    post("/v1/tickets", extension_of(world, rigid)).refused(422, "ticket_no_rule")


def test_an_extension_is_for_ones_own_ticket(world, ops1):
    def bob_too(policy):
        extensible(policy)
        policy["people"]["bob"]["groups"] = ["sre", "developers"]

    world.publish(bob_too).ok()
    text = world.approved()
    mine = extension_of(world, text, requester="bob", account="bob", uid=20002, key=world.keys["bob"].fingerprint)
    world.bob.post("/v1/tickets", mine).refused(404, "not_found")
    world.publish(extensible).ok()


def test_the_chain_goes_on_after_the_window(world, ops1):
    text = world.approved(seconds=5)
    first = extend(world, text, seconds=600)
    waiting = world.alice.get(f"/v1/tickets/{ident(text)}/events?after={events(world, text)[-1]['number']}&wait=30").ok()
    assert waiting["state"] == "expired"
    world.alice.post("/v1/tickets", extension_of(world, text)).refused(409, "ticket_state")  # nothing carries a session now
    world.bob.approve(first).ok(201)
    second = extend(world, text, seconds=700)
    revoked = world.bob.post(f"/v1/tickets/{ident(text)}/revoke", {"reason": "enough"}).ok()  # what it opened may still run
    assert revoked["state"] == "expired" and [state(world, one) for one in (first, second)] == ["revoked", "revoked"]
    assert [(one["kind"], one["person"], one["text"]) for one in events(world, text)][-1] == ("revoked", "bob", "enough")
    world.bob.post(f"/v1/tickets/{ident(text)}/revoke", {"reason": "enough"}).refused(409, "ticket_state")


@pytest.mark.parametrize("how, to", [("revoke", "revoked"), ("release", "released")])
def test_extensions_end_with_their_ticket(world, ops1, how, to):
    text = world.approved(sessions=1)
    ops1.post("/v1/host/sessions", {"ticket": ident(text), "session": secrets.token_hex(16)}).ok(201)
    assert state(world, text) == "exhausted"
    approved, pending, over = (extend(world, text) for _ in range(3))
    world.bob.approve(approved).ok(201)
    world.alice.post(f"/v1/tickets/{ident(over)}/cancel", "{}").ok()
    last = events(world, approved)[-1]["number"]
    follower = Background(lambda: world.alice.get(f"/v1/tickets/{ident(approved)}/events?after={last}&wait=30").ok())
    revision = ops1.poll()["revision"]
    who = world.alice if how == "release" else world.bob
    who.post(f"/v1/tickets/{ident(text)}/{how}", {"reason": "enough"} if how == "revoke" else "{}").ok()
    assert [state(world, one) for one in (text, approved, pending, over)] == [to, to, to, "cancelled"]
    followed = follower.join()
    assert followed["state"] == to and [(one["kind"], one["person"]) for one in followed["events"]] == [(to, who.name)]
    assert ident(text) in followed["events"][0]["text"]
    changed = {json.loads(one["ticket"])["id"]: one["state"] for one in ops1.poll(revision)["tickets"]}
    assert changed == {ident(text): to, ident(approved): to, ident(pending): to}
    who.post(f"/v1/tickets/{ident(text)}/{how}", {"reason": "again"} if how == "revoke" else "{}").refused(409, "ticket_state")


# --- sessions -------------------------------------------------------------------------------------------------------------------------


def test_sessions_are_what_the_hosts_tell(world, ops1):
    text = world.approved()
    session = Session(ops1, text).open(600)
    one = shown(world.alice, session, "")
    assert (one["host"], one["ticket"], one["person"], one["account"], one["source"]) == ("ops1", ident(text), "alice", "alice", "192.0.2.7")
    assert one["ended"] == 0 and one["code"] == "" and one["ends"] == session.ends
    ops1.poll()
    assert shown(world.alice, session, "")["seen"] > 0
    session.tell("session_extended", ends=one["ends"] + 900, detail="by an extension")
    assert shown(world.alice, session, "")["ends"] == one["ends"] + 900
    session.tell("session_warned", detail="10 minutes")
    session.end()
    assert shown(world.alice, session, "") is None
    over = shown(world.alice, session)
    assert over["ended"] > 0 and over["code"] == "ticket_late" and over["how"] == "by the agent: 2 processes, 12 ms"
    session.tell("session_closed", code="allowed")
    session.open()
    assert shown(world.alice, session) == over
    listed = [(one["kind"], one["code"], one["text"]) for one in events(world, text)[2:]]
    assert listed[:4] == [("session_opened", "allowed", ""), ("session_extended", "", "by an extension"),
                          ("session_warned", "", "10 minutes"), ("session_ended", "ticket_late", "by the agent: 2 processes, 12 ms")]


def test_who_sees_which_sessions(world, ops1, ops2):
    text = world.approved()
    session = Session(ops1, text).open()
    for person in (world.alice, world.bob, world.carol):
        assert shown(person, session) and [one["session"] for one in sessions(person, f"?ticket={ident(text)}")] == [session.id]
    assert shown(world.mallory, session) is None
    world.mallory.get(f"/v1/host-sessions?ticket={ident(text)}").refused(404, "not_found")
    Session(ops2, text).open()  # a ticket of another host
    assert len(sessions(world.alice, f"?ticket={ident(text)}&state=any")) == 1
    ops1.get("/v1/host-sessions").refused(403, "requester_unknown")
    for query in ("?state=odd", "?ticket=T-1", "?after=1&state=open", "?after=x", "?wait=31", "?other=1"):
        world.alice.get("/v1/host-sessions" + query).refused(400, "request_malformed")
    session.end()


def test_changes_of_sessions_are_followed(world, ops1):
    text = world.approved()
    revision = world.alice.get("/v1/host-sessions").ok()["revision"]
    follower = Background(lambda: world.alice.get(f"/v1/host-sessions?after={revision}&wait=30").ok())
    blind = Background(lambda: world.mallory.get(f"/v1/host-sessions?after={revision}&wait=1").ok())
    session = Session(ops1, text).open()
    answer = follower.join()
    assert [one["session"] for one in answer["sessions"]] == [session.id] and answer["revision"] > revision
    assert blind.join()["sessions"] == []
    session.end(code="ticket_revoked")
    answer = world.alice.get(f"/v1/host-sessions?after={answer['revision']}&wait=30").ok()
    assert [(one["session"], one["code"]) for one in answer["sessions"]] == [(session.id, "ticket_revoked")]
    assert world.alice.get(f"/v1/host-sessions?after={answer['revision']}").ok() == {"revision": answer["revision"], "more": 0, "sessions": []}


def test_many_sessions_hide_none_silently(world, ops1, ops2, alice):
    """Of what one asks for, 200 are shown, and who asks learns that there may be more; followed, nothing is left out."""
    quiet, loud = world.submit(), world.submit(hosts=["ops2"])
    revision = world.alice.get("/v1/host-sessions").ok()["revision"]
    session = Session(ops1, quiet).open()
    many = [secrets.token_hex(16) for _ in range(201)]
    for first in range(0, len(many), 50):
        ops2.send(*[ops2.event(kind="session_opened", ticket=ident(loud), session=one, ends=int(time.time()) + 600)
                    for one in many[first:first + 50]]).ok()
    answer = world.alice.get("/v1/host-sessions").ok()
    assert len(answer["sessions"]) == 200 and answer["more"] == 1
    assert "there may be more" in alice("sessions")
    answer = world.alice.get(f"/v1/host-sessions?ticket={ident(quiet)}").ok()
    assert [one["session"] for one in answer["sessions"]] == [session.id] and answer["more"] == 0
    seen = []
    while True:
        part = world.alice.get(f"/v1/host-sessions?after={revision}&wait=1").ok()
        seen += [one["session"] for one in part["sessions"]]
        revision = part["revision"]
        if not part["more"]:
            break
    assert seen == [session.id, *many]
    for first in range(0, len(many), 50):
        ops2.send(*[ops2.event(kind="session_closed", ticket=ident(loud), session=one) for one in many[first:first + 50]]).ok()
    session.end()


def test_sessions_outlive_the_service(world, ops1):
    text = world.approved()
    session = Session(ops1, text).open()
    before = shown(world.alice, session, "")
    revision = world.alice.get("/v1/host-sessions").ok()["revision"]
    follower = Background(lambda: world.alice.get(f"/v1/host-sessions?after={revision}&wait=30").ok())
    deadline = time.monotonic() + 20
    while "tegata_waiting 1\n" not in (told := world.service.call("GET", "/metrics").text):
        assert time.monotonic() < deadline, told
    world.service.stop()
    assert follower.join()["sessions"] == []
    world.service.start()
    assert shown(world.alice, session, "") == before
    session.end()
    assert shown(world.alice, session, "") is None


@pytest.mark.parametrize("fields", [{"kind": "started", "ends": 5}, {"kind": "session_ended", "ends": 5}, {"kind": "session_opened", "ends": "5"},
                                    {"kind": "session_opened", "ends": -1}, {"kind": "session_opened", "until": 5}])
def test_events_have_an_end_only_where_they_may(world, ops1, fields):
    number, previous = ops1.number, ops1.previous
    ops1.send(ops1.event(**fields)).refused(400, "request_malformed")
    ops1.number, ops1.previous = number, previous


@pytest.mark.parametrize("kind", ["session_extended", "session_warned", "session_ended", "sudo_allowed", "sudo_refused", "stepped_up", "job_refused",
                                  "grant_put", "grant_removed", "owner_taken", "teardown", "wiped", "account_refused"])
def test_every_kind_of_event_is_taken(world, ops1, kind):
    ops1.send(ops1.event(kind=kind)).ok()


# --- tegata ---------------------------------------------------------------------------------------------------------------------------


class Tegata:
    """The command, as one of the people."""

    def __init__(self, world, folder, name):
        self.program = pathlib.Path(world.service.program).parent / "cli" / "tegata"
        self.config = folder / f"{name}.conf"
        self.config.write_text(f"[service]\nurl = https://{world.service.authority}\nca_file = {folder}/server.pem\n"
                               f"[person]\nname = {name}\nkey = {world.keys[name].path}\n"
                               f"[trust]\nroot_signers = {folder}/root_signers\nroot_threshold = 1\n")
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_STATE_HOME": str(folder / f"state_{name}"),
                            "XDG_RUNTIME_DIR": str(folder), "TZ": "UTC", "LC_ALL": "C"}

    def start(self, *words):
        return subprocess.Popen([self.program, "-C", self.config, *words], env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __call__(self, *words, status=0):
        out, err = (process := self.start(*words)).communicate(timeout=40)
        assert process.returncode == status, (words, process.returncode, out, err)
        return out + err


@pytest.fixture(scope="module")
def alice(world, folder):
    return Tegata(world, folder, "alice")


@pytest.fixture(scope="module")
def bob(world, folder):
    return Tegata(world, folder, "bob")


def test_tegata_extend(world, ops1, alice, bob):
    text = world.approved()
    ticket, session = ident(text), Session(ops1, text).open(600)
    ops1.poll()
    extension = alice("extend", ticket, "30m", "--reason", "not done yet").splitlines()[0]
    assert re.fullmatch("T-[0-9A-Z]{13}", extension)
    document = json.loads(world.alice.get(f"/v1/tickets/{extension}").ok()["ticket"])
    assert (document["extends"], document["reason"], document["seconds"]) == (ticket, "not done yet", 1800)
    said = bob("approve", extension, "--yes")
    assert re.search(rf"extends +{ticket}: the running session would end at ", said), said
    assert re.search(r"session +alice@ops1 would end at \S+ \S+ UTC \(now: \S+ \S+ UTC\)", said), said
    shown_ = alice("show", ticket)
    assert re.search(rf"extension +{extension}: approved, until ", shown_) and re.search(r"session +alice@ops1 from 192.0.2.7 since .*, ends in ", shown_)
    assert re.search(rf"lengthens +the running sessions of {ticket}", alice("show", extension))
    assert json.loads(alice("--json", "extend", ticket, "10m"))["state"] == "pending"
    assert "T-" in alice("extend", ticket, "10m", "--wait=1", status=4)
    session.end()


def test_tegata_extend_says_what_is_wrong(world, ops1, alice, bob):
    text = world.approved()
    ticket = ident(text)
    assert "by 1h at most" in alice("extend", ticket, "2h", status=1)
    alice("extend", ticket, "soon", status=2)
    alice("extend", ticket, status=2)
    assert "request_forbidden" in bob("extend", ticket, "10m", status=1)
    extension = alice("extend", ticket, "10m").splitlines()[0]
    assert ticket in alice("extend", extension, "10m", status=1)
    assert "max_extension_seconds is 0" in alice("extend", ident(world.approved(rule="rigid")), "10m", status=1)
    assert "is pending" in alice("extend", ident(world.submit()), "10m", status=1)
    world.alice.post(f"/v1/tickets/{ticket}/release", "{}").ok()
    said = alice("extend", ticket, "10m", status=1)
    assert "ticket_state" in said and f"tegata show {ticket}" in said


def test_tegata_approve_warns_of_what_extends_nothing(world, ops1, alice, bob):
    text = world.approved(seconds=3600)
    said = bob("approve", alice("extend", ident(text), "10m").splitlines()[0], "--yes", "--for", "5m")
    assert f"none of {ident(text)} is open" in said


def test_tegata_sessions(world, ops1, alice, bob):
    assert "No sessions" in alice("sessions")
    text = world.approved()
    session = Session(ops1, text).open(600)
    ops1.poll()
    heading, row = alice("sessions").splitlines()
    assert heading.split() == ["HOST", "ACCOUNT", "PERSON", "TICKET", "FROM", "SINCE", "ENDS"]
    assert row.split()[:5] == ["ops1", "alice", "alice", ident(text), "192.0.2.7"]
    assert session.id in bob("--json", "sessions")
    session.end(code="ticket_revoked")
    assert "No sessions" in bob("sessions")
    assert re.search(r"ended .*: ticket_revoked", bob("sessions", "--all"))


def test_tegata_sessions_follow(world, ops1, alice):
    text = world.approved()
    process = alice.start("sessions", "--follow")
    assert "No sessions" in process.stdout.readline()
    session = Session(ops1, text).open()
    assert f"alice@ops1  alice  {ident(text)}" in process.stdout.readline()
    session.end(code="ticket_revoked", detail="by the agent")
    line = process.stdout.readline()
    assert "ended" in line and "(ticket_revoked): by the agent" in line
    process.terminate()
    process.communicate(timeout=20)


def test_tegata_show_follow(world, ops1, alice):
    text = world.approved()
    session = Session(ops1, text).open()
    process = alice.start("show", ident(text), "--follow")
    while "session_opened" not in (line := process.stdout.readline()):
        assert line, process.stderr.read()
    session.tell("session_warned", detail="2 minutes")
    assert "session_warned of alice on ops1: 2 minutes" in process.stdout.readline()
    world.bob.post(f"/v1/tickets/{ident(text)}/revoke", {"reason": "enough"}).ok()
    assert "revoked by bob: enough" in process.stdout.readline()
    session.end(code="ticket_revoked", detail="by the agent: 3 processes, 40 ms")
    out, err = process.communicate(timeout=20)  # it ends by itself: ticket and session are over
    assert process.returncode == 0 and "session_ended of alice on ops1 (ticket_revoked): by the agent: 3 processes, 40 ms" in out, err
    assert "session_ended" in alice("show", ident(text), "--follow")
