"""The approval service alone, over real HTTPS, against docs/protocol.md section 3."""

import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import time

import pytest

from service_client import Background, Key, Person, Signer, World, canonical, find_program


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def world(folder):
    made = World(find_program(), folder)
    yield made
    made.service.stop()


@pytest.fixture(scope="module")
def ops1(world, folder):
    world.publish().ok()
    return world.enrol("ops1", folder)


@pytest.fixture(scope="module")
def ops2(world, folder, ops1):
    return world.enrol("ops2", folder)


def ident(text):
    return json.loads(text)["id"]


def view(world, text):
    return world.alice.get(f"/v1/tickets/{ident(text)}").ok()


# --- before there is a policy: this test comes first ---------------------------------------------------------------------------------


def test_without_policy(world):
    world.alice.get("/v1/tickets").refused(503, "policy_missing")
    world.service.call("GET", "/v1/policy").refused(503, "policy_missing")
    assert world.service.call("GET", "/healthz").ok() == {"status": "ok"}


# --- TLS, HTTP ------------------------------------------------------------------------------------------------------------------------


def test_tls_1_3_only(world):
    context = ssl.create_default_context(cafile=str(world.service.folder / "server.pem"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", world.service.port)) as raw, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(raw, server_hostname="127.0.0.1")


def test_unknown_path_and_method(world, ops1):
    world.service.call("GET", "/v1/nothing").refused(404, "not_found")
    world.service.call("GET", "/v1/tickets/..%2f..%2fetc/deny").refused(404, "not_found")
    answer = world.service.call("DELETE", "/v1/policy")
    answer.refused(405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, PUT"
    assert answer.headers["cache-control"] == "no-store"


def test_body_too_large(world, ops1):
    world.service.call("POST", "/v1/tickets", b"x" * 70000).refused(413, "request_too_large")
    world.service.call("PUT", "/v1/policy", b"x" * (4 * 1024 * 1024 + 1)).refused(413, "request_too_large")
    world.service.call("GET", "/v1/tickets?" + "x" * 1100).refused(413, "request_too_large")


def test_nothing_comes_back_unescaped(world, ops1):
    answer = world.alice.post("/v1/why", {"host": "ops1", "account": "", "certificate": "", "\u001b[31m<b>": ""})
    detail = answer.refused(400, "request_malformed")["detail"]
    assert "\x1b" not in detail and "?[31m" in detail


# --- who calls ------------------------------------------------------------------------------------------------------------------------


def test_request_signatures(world, ops1, folder):
    service, alice = world.service, world.alice
    service.call("GET", "/v1/tickets").refused(401, "request_unsigned")
    service.call("GET", "/v1/tickets", headers={"Authorization": "Basic YTpi"}).refused(401, "request_unsigned")
    service.call("GET", "/v1/tickets", headers={"Authorization": "SSHSIG time=1"}).refused(400, "request_malformed")
    alice.call("GET", "/v1/tickets", at=int(time.time()) - 130).refused(401, "request_time")
    alice.call("GET", "/v1/tickets", at=int(time.time()) + 130).refused(401, "request_time")
    alice.call("GET", "/v1/tickets", authority="elsewhere:8443").refused(401, "request_signature")
    alice.call("GET", "/v1/tickets", name_space="approval-v1@tegata").refused(401, "request_signature")
    other_body = alice.header("POST", "/v1/why", b"{}")
    service.call("POST", "/v1/why", b'{"host":"ops1","account":"","certificate":""}', {"Authorization": other_body}).refused(401, "request_signature")
    other_target = alice.header("GET", "/v1/tickets?role=all")
    service.call("GET", "/v1/tickets?role=mine", headers={"Authorization": other_target}).refused(401, "request_signature")
    Signer(service, Key(folder, "stranger")).get("/v1/tickets").refused(403, "requester_unknown")
    world.eve.get("/v1/tickets").refused(403, "requester_disabled")


def test_replayed_nonce(world, ops1):
    header = {"Authorization": world.alice.header("GET", "/v1/tickets")}
    world.service.call("GET", "/v1/tickets", headers=header).ok()
    world.service.call("GET", "/v1/tickets", headers=header).refused(401, "request_replayed")
    nonce = secrets.token_urlsafe(16)
    world.alice.call("GET", "/v1/tickets", nonce=nonce).ok()
    world.alice.call("GET", "/v1/tickets?role=all", nonce=nonce).refused(401, "request_replayed")
    world.bob.call("GET", "/v1/tickets", nonce=nonce).ok()


def test_session_token(world, ops1):
    token = world.alice.post("/v1/sessions", "{}").ok(201)
    assert token["person"] == "alice" and 3500 < token["expires"] - time.time() <= 3601
    bearer = {"Authorization": "Bearer " + token["token"]}
    world.service.call("GET", "/v1/tickets", headers=bearer).ok()
    world.service.call("POST", "/v1/sessions", b"{}", bearer).refused(401, "request_unsigned")
    world.service.call("GET", "/v1/tickets", headers={"Authorization": "Bearer " + "x" * 43}).refused(401, "token_invalid")
    world.service.call("GET", "/v1/host/tickets", headers=bearer).refused(401, "request_unsigned")
    assert token["token"].encode() not in (world.service.folder / "approvald.db").read_bytes()
    assert token["token"] not in world.service.log.read_text()


def test_session_token_ends_with_its_key(world, ops1):
    tokens = [person.post("/v1/sessions", "{}").ok(201)["token"] for person in (world.bob, world.bob_second)]

    def listed(token):
        return world.service.call("GET", "/v1/tickets", headers={"Authorization": "Bearer " + token})

    world.publish(lambda policy: policy["revoked"]["keys"].append(world.bob_second.key.fingerprint)).ok()
    listed(tokens[0]).ok()
    listed(tokens[1]).refused(401, "token_invalid")
    world.publish(lambda policy: policy["people"]["bob"]["keys"].pop()).ok()
    listed(tokens[1]).refused(401, "token_invalid")
    world.publish().ok()
    listed(tokens[1]).ok()


# --- policy ---------------------------------------------------------------------------------------------------------------------------


def test_policy(world, ops1, folder):
    signed = world.service.call("GET", "/v1/policy").ok()
    world.service.call("PUT", "/v1/policy", json.dumps(signed)).ok()
    newer = world.policy()
    assert world.service.call("PUT", "/v1/policy", json.dumps(newer)).ok() == {"serial": world.serial}
    world.service.call("PUT", "/v1/policy", json.dumps(signed)).refused(409, "policy_old")
    document = {**json.loads(newer["document"]), "expires": int(time.time()) + 99999}
    same_serial = {"document": canonical(document), "signatures": [world.service.root.sign("policy-v1@tegata", canonical(document))]}
    world.service.call("PUT", "/v1/policy", json.dumps(same_serial)).refused(409, "policy_old")
    stranger = Key(folder, "not_root")
    unsigned = {**newer, "signatures": [stranger.sign("policy-v1@tegata", newer["document"])]}
    world.service.call("PUT", "/v1/policy", json.dumps(unsigned)).refused(422, "policy_unsigned")
    world.service.call("PUT", "/v1/policy", json.dumps({**newer, "signatures": []})).refused(422, "policy_unsigned")
    malformed = {"document": "{}", "signatures": [world.service.root.sign("policy-v1@tegata", "{}")]}
    world.service.call("PUT", "/v1/policy", json.dumps(malformed)).refused(422, "policy_malformed")
    world.service.call("PUT", "/v1/policy", "[]").refused(400, "request_malformed")
    expired = world.policy(lambda policy: policy.update(issued=1000, expires=2000))
    world.service.call("PUT", "/v1/policy", json.dumps(expired)).refused(422, "policy_expired")
    world.serial -= 1
    assert world.service.call("GET", "/v1/policy").ok() == newer


# --- hosts ----------------------------------------------------------------------------------------------------------------------------


def test_enrolment(world, ops1, folder):
    key = Key(folder, "host_new")
    body = {"name": "new1", "labels": [], "key": key.public}
    world.alice.post("/v1/hosts", body).refused(403, "request_forbidden")
    bearer = {"Authorization": "Bearer " + world.service.token}
    world.service.call("POST", "/v1/hosts", json.dumps(body), {"Authorization": "Bearer wrong"}).refused(401, "token_invalid")
    assert world.service.call("POST", "/v1/hosts", json.dumps(body), bearer).ok(201) == {"name": "new1"}
    assert world.root.post("/v1/hosts", body).ok(200) == {"name": "new1"}
    world.root.post("/v1/hosts", {**body, "key": Key(folder, "host_other").public}).refused(409, "host_exists")
    world.root.post("/v1/hosts", {**body, "name": "new2"}).refused(409, "host_exists")
    world.root.post("/v1/hosts", {**body, "name": "Bad Name"}).refused(400, "request_malformed")
    world.root.post("/v1/hosts", {**body, "key": "ssh-ed25519 AAAA"}).refused(400, "request_malformed")
    names = [host["name"] for host in world.alice.get("/v1/hosts").ok()["hosts"]]
    assert "new1" in names and "ops1" in names
    world.alice.call("DELETE", "/v1/hosts/new1").refused(403, "request_forbidden")
    Signer(world.service, key).get("/v1/host/tickets").ok()
    assert world.root.call("DELETE", "/v1/hosts/new1").status == 204
    world.root.call("DELETE", "/v1/hosts/new1").refused(404, "not_found")
    Signer(world.service, key).get("/v1/host/tickets").refused(404, "host_unknown")


# --- tickets --------------------------------------------------------------------------------------------------------------------------


def test_submission(world, ops1):
    text = world.ticket()
    shown = world.alice.post("/v1/tickets", text).ok(201)
    assert shown["ticket"] == text and shown["state"] == "pending" and shown["opened"] == 0
    assert shown["missing"] == [{"group": "sre", "count": 1}]
    assert sorted(shown["approvers"]) == ["bob", "carol", "dave"]
    assert shown["verdict"]["code"] == "ticket_pending"
    assert shown["hosts"] == [{"name": "ops1", "acknowledged": 0, "problem": ""}]
    world.alice.post("/v1/tickets", text).refused(409, "ticket_exists")


@pytest.mark.parametrize("changes, status, code", [
    ({"requester": "bob"}, 403, "request_forbidden"),
    ({"key": "SHA256:" + "A" * 43}, 422, "certificate_key_unknown"),
    ({"created": int(time.time()) + 4000, "approve_by": int(time.time()) + 4600}, 422, "ticket_from_future"),
    ({"created": int(time.time()) - 4000, "approve_by": int(time.time()) - 3500}, 401, "request_time"),
    ({"policy": 999}, 409, "policy_old"),
    ({"rule": "nothing"}, 422, "ticket_no_rule"),
    ({"hosts": ["db1"]}, 422, "ticket_no_rule"),
    ({"seconds": 7200}, 422, "ticket_no_rule"),
    ({"hosts": ["ops77"]}, 404, "host_unknown"),
    ({"command": "echo a#b"}, 422, "ticket_command"),
    ({"command": "echo \"a\""}, 422, "ticket_command"),
    ({"command": "a\nb"}, 422, "ticket_command"),
    ({"reason": ""}, 422, "ticket_malformed"),
    ({"surprise": 1}, 422, "ticket_malformed"),
])
def test_submission_refused(world, ops1, changes, status, code):
    world.alice.post("/v1/tickets", world.ticket(**changes)).refused(status, code)


def test_submission_must_be_canonical(world, ops1):
    world.alice.post("/v1/tickets", json.dumps(json.loads(world.ticket()))).refused(422, "ticket_malformed")
    world.alice.post("/v1/tickets", "").refused(422, "ticket_malformed")


def test_who_sees_what(world, ops1):
    text = world.submit()
    target = f"/v1/tickets/{ident(text)}"
    for person in (world.alice, world.bob, world.dave):
        assert person.get(target).ok()["ticket"] == text
    world.mallory.get(target).refused(404, "not_found")
    world.mallory.get(target + "/events").refused(404, "not_found")
    world.mallory.post(target + "/cancel", "{}").refused(404, "not_found")
    world.alice.get("/v1/tickets/T-0000000000000").refused(404, "not_found")

    def listed(person, query):
        return text in [shown["ticket"] for shown in person.get("/v1/tickets" + query).ok()["tickets"]]

    assert listed(world.alice, "") and listed(world.alice, "?state=pending") and not listed(world.alice, "?state=approved")
    assert listed(world.bob, "?role=approvable") and not listed(world.bob, "") and listed(world.bob, "?role=all&state=any")
    assert not listed(world.mallory, "?role=all&state=any")
    world.alice.get("/v1/tickets?role=chief").refused(400, "request_malformed")
    world.alice.get("/v1/tickets?state=odd").refused(400, "request_malformed")
    world.alice.get("/v1/tickets?colour=red").refused(400, "request_malformed")
    world.bob.approve(text).ok(201)
    assert not listed(world.carol, "?role=approvable") and listed(world.alice, "")


def test_too_many_pending_tickets(world, ops1):
    world.publish(lambda policy: policy["limits"].update(open_tickets=1)).ok()
    for shown in world.alice.get("/v1/tickets?state=pending").ok()["tickets"]:
        world.alice.post(f"/v1/tickets/{ident(shown['ticket'])}/cancel", "{}").ok()
    world.submit()
    world.alice.post("/v1/tickets", world.ticket()).refused(429, "request_rate")
    world.publish().ok()
    world.submit()


# --- approvals ------------------------------------------------------------------------------------------------------------------------


def test_approval(world, ops1):
    text = world.submit()
    body = world.bob.approval(text)
    # The signature inside counts; anybody may carry it.
    shown = world.mallory.post(f"/v1/tickets/{ident(text)}/approvals", body).ok(201)
    assert shown["state"] == "approved" and shown["approvals"] == [body] and shown["missing"] == [] and shown["approvers"] == []
    assert shown["verdict"]["code"] == "allowed"
    assert shown["verdict"]["begins"] == json.loads(body["document"])["at"]
    assert shown["verdict"]["ends"] == shown["verdict"]["begins"] + 1800
    world.bob.approve(text).refused(409, "approval_exists")
    world.bob_second.approve(text).refused(409, "approval_exists")
    world.carol.approve(text).refused(409, "ticket_state")


def test_two_approvers(world, ops1):
    text = world.submit(rule="two")
    shown = world.dave.approve(text).ok(201)
    assert shown["state"] == "pending"
    assert sum(group["count"] for group in shown["missing"]) == 1
    # dave is in both groups, and so leaves either seat to others.
    assert shown["approvers"] == ["bob", "carol"]
    world.dave.approve(text).refused(409, "approval_exists")
    assert world.bob.approve(text).ok(201)["state"] == "approved"


def test_approvals_refused(world, ops1, folder):
    text = world.submit()
    now = int(time.time())
    world.alice.approve(text).refused(422, "approval_by_requester")
    world.mallory.approve(text).refused(422, "approval_not_in_group")
    eve = world.eve.approval(text)
    world.bob.post(f"/v1/tickets/{ident(text)}/approvals", eve).refused(422, "approver_disabled")
    stranger = Person(world.service, Key(folder, "stranger2"), "bob").approval(text)
    world.bob.post(f"/v1/tickets/{ident(text)}/approvals", stranger).refused(422, "approver_unknown")
    unknown = Person(world.service, world.bob.key, "zoe").approval(text)
    world.bob.post(f"/v1/tickets/{ident(text)}/approvals", unknown).refused(422, "approver_unknown")
    world.bob.approve(text, at=now + 200).refused(422, "approval_future")
    world.bob.approve(text, at=now - 2000).refused(422, "approval_early")
    world.bob.approve(text, decision="deny").refused(422, "approval_malformed")
    other = world.bob.approval(world.ticket())
    world.bob.post(f"/v1/tickets/{ident(text)}/approvals", other).refused(422, "approval_other_ticket")
    good = world.bob.approval(text)
    space = {**good, "signature": world.bob.key.sign("file", good["document"])}
    world.bob.post(f"/v1/tickets/{ident(text)}/approvals", space).refused(422, "approval_namespace")
    forged = {**good, "signature": world.bob.approval(text, seconds=60)["signature"]}
    world.bob.post(f"/v1/tickets/{ident(text)}/approvals", forged).refused(422, "approval_signature")
    world.bob.post(f"/v1/tickets/{ident(text)}/approvals", {**good, "signature": "x"}).refused(422, "approval_malformed")
    world.bob.post(f"/v1/tickets/{ident(text)}/approvals", {**good, "more": ""}).refused(400, "request_malformed")
    short = world.submit(approve_by=now + 20)
    world.bob.approve(short, at=now + 60).refused(422, "approval_late")
    assert view(world, text)["approvals"] == [] and view(world, text)["state"] == "pending"


def test_rule_gone_and_fewer_approvals(world, ops1):
    narrowed, waiting = world.submit(), world.submit(rule="two")
    world.bob.approve(waiting).ok(201)
    world.publish(lambda policy: (policy["rules"][0].update(hosts=["db*"]), policy["rules"][1]["approvers"].pop())).ok()
    world.bob.approve(narrowed).refused(422, "rule_narrowed")
    assert view(world, waiting)["state"] == "approved"
    world.publish(lambda policy: policy["rules"].pop(0)).ok()
    world.bob.approve(narrowed).refused(422, "rule_gone")
    world.publish().ok()


# --- how tickets end ------------------------------------------------------------------------------------------------------------------


def test_deny_cancel_release_revoke(world, ops1):
    def end(person, text, how, body=None):
        return person.post(f"/v1/tickets/{ident(text)}/{how}", {} if body is None else body)

    reason = {"reason": "not today"}
    denied = world.submit()
    end(world.alice, denied, "deny", reason).refused(403, "request_forbidden")
    end(world.bob, denied, "deny", {"reason": "a\nb"}).refused(400, "request_malformed")
    end(world.bob, denied, "cancel").refused(403, "request_forbidden")
    end(world.bob, denied, "revoke", reason).refused(409, "ticket_state")
    shown = end(world.bob, denied, "deny", reason).ok()
    assert shown["state"] == "denied" and shown["verdict"]["code"] == "ticket_denied"
    world.bob.approve(denied).refused(409, "ticket_state")
    end(world.bob, denied, "deny", reason).refused(409, "ticket_state")
    events = world.alice.get(f"/v1/tickets/{ident(denied)}/events").ok()["events"]
    assert [(event["kind"], event["person"], event["text"]) for event in events] == [("submitted", "alice", ""), ("denied", "bob", "not today")]
    assert end(world.alice, world.submit(), "cancel").ok()["state"] == "cancelled"
    released = world.approved()
    end(world.bob, released, "release").refused(403, "request_forbidden")
    end(world.alice, released, "cancel").refused(409, "ticket_state")
    assert end(world.alice, released, "release").ok()["state"] == "released"
    revoked = world.approved()
    assert end(world.carol, revoked, "revoke", reason).ok()["verdict"]["code"] == "ticket_revoked"
    assert end(world.alice, world.approved(), "revoke", reason).ok()["state"] == "revoked"


def test_time_ends_tickets(world, ops1):
    """Nobody sleeps here: a follower waits for the service's own timer."""
    lapsing = world.submit(approve_by=int(time.time()) + 1)
    expiring = world.approved(seconds=2)

    def follow(text):
        after, kinds = 0, []
        while True:
            answer = world.alice.get(f"/v1/tickets/{ident(text)}/events?after={after}&wait=30").ok()
            kinds += [event["kind"] for event in answer["events"]]
            after = answer["events"][-1]["number"] if answer["events"] else after
            if answer["state"] in ("lapsed", "expired"):
                return kinds

    assert follow(lapsing) == ["submitted", "lapsed"]
    assert follow(expiring) == ["submitted", "approved", "expired"]
    assert view(world, lapsing)["verdict"]["code"] == "ticket_lapsed"
    world.bob.approve(lapsing).refused(409, "ticket_state")


# --- the host's side ------------------------------------------------------------------------------------------------------------------


def test_host_poll(world, ops1, ops2):
    everything = ops1.poll()
    assert json.loads(everything["policy"]["document"])["serial"] == world.serial
    revision = everything["revision"]
    idle = ops1.poll(revision, 1)
    assert idle["revision"] == revision and idle["tickets"] == [] and "policy" not in idle
    waiting, other = Background(ops1.poll, revision, 10), Background(ops2.poll, ops2.poll()["revision"], 2)
    begun = time.monotonic()
    text = world.submit()
    update = waiting.join()
    assert time.monotonic() - begun < 9, "the poll was not woken"
    assert update["tickets"] == [{"ticket": text, "approvals": [], "state": "pending"}] and update["revision"] > revision
    assert other.join()["tickets"] == []
    waiting = Background(ops1.poll, update["revision"], 10)
    world.bob.approve(text).ok(201)
    approved = waiting.join()
    assert approved["tickets"][0]["state"] == "approved" and len(approved["tickets"][0]["approvals"]) == 1
    assert view(world, text)["hosts"][0]["acknowledged"] == 0
    follower = Background(world.alice.get, f"/v1/tickets/{ident(text)}/events?after={last_event(world, text)}&wait=30")
    ops1.poll(approved["revision"])
    assert [event["kind"] for event in follower.join().ok()["events"]] == ["acknowledged"]
    assert view(world, text)["hosts"][0]["acknowledged"] == 1
    waiting = Background(ops1.poll, approved["revision"], 10)
    world.publish().ok()
    assert "policy" in waiting.join()
    assert ops1.poll(9007199254740991)["tickets"], "ahead of the service: everything anew"
    ops1.get("/v1/host/tickets?after=x").refused(400, "request_malformed")
    ops1.get("/v1/host/tickets?wait=11").refused(400, "request_malformed")


def last_event(world, text):
    return world.alice.get(f"/v1/tickets/{ident(text)}/events").ok()["events"][-1]["number"]


def test_sessions(world, ops1, ops2):
    text = world.approved(sessions=2)
    first, second, third = (secrets.token_hex(16) for _ in range(3))
    body = {"ticket": ident(text), "session": first}
    ops2.post("/v1/host/sessions", body).refused(404, "not_found")
    world.alice.post("/v1/host/sessions", body).refused(404, "host_unknown")
    ops1.post("/v1/host/sessions", {**body, "session": "x"}).refused(400, "request_malformed")
    assert ops1.post("/v1/host/sessions", body).ok(201) == {"session": first, "remaining": 1}
    assert ops1.post("/v1/host/sessions", body).ok(200) == {"session": first, "remaining": 1}
    assert view(world, text)["state"] == "active" and view(world, text)["opened"] == 1
    assert ops1.post("/v1/host/sessions", {**body, "session": second}).ok(201)["remaining"] == 0
    assert view(world, text)["state"] == "exhausted"
    assert ops1.post("/v1/host/sessions", {**body, "session": second}).ok(200)["remaining"] == 0
    ops1.post("/v1/host/sessions", {**body, "session": third}).refused(409, "ticket_used_up")
    ops1.call("PATCH", f"/v1/host/sessions/{first}", {"ended": int(time.time())}).ok()
    ops2.call("PATCH", f"/v1/host/sessions/{first}", {"ended": int(time.time())}).refused(404, "not_found")
    ops1.call("PATCH", f"/v1/host/sessions/{third}", {"ended": int(time.time())}).refused(404, "not_found")
    ops1.post("/v1/host/sessions", {"ticket": ident(world.submit()), "session": third}).refused(409, "ticket_state")
    any_number = world.approved()
    for _ in range(3):
        ops1.post("/v1/host/sessions", {"ticket": ident(any_number), "session": secrets.token_hex(16)}).ok(201)
    assert view(world, any_number)["state"] == "active" and view(world, any_number)["opened"] == 3


def test_race_for_the_last_session(world, ops1, ops2):
    text = world.approved(hosts=["ops1", "ops2"], sessions=1)
    calls = [Background(host.post, "/v1/host/sessions", {"ticket": ident(text), "session": secrets.token_hex(16)})
             for host in (ops1, ops2) * 4]
    statuses = sorted(call.join().status for call in calls)
    assert statuses == [201] + [409] * 7
    assert view(world, text)["opened"] == 1


def test_events(world, ops1, ops2):
    text = world.approved()
    started = ops1.event()
    refused = ops1.event(kind="ticket_refused", ticket=ident(text), person="alice", account="alice", code="rule_narrowed", detail="hosts")
    assert ops1.send(started, refused).ok() == {"acknowledged": ops1.number, "digest": ops1.previous}
    assert ops1.send(started, refused).ok() == {"acknowledged": ops1.number, "digest": ops1.previous}
    assert view(world, text)["hosts"][0]["problem"] == "rule_narrowed"
    kinds = [event["kind"] for event in world.alice.get(f"/v1/tickets/{ident(text)}/events").ok()["events"]]
    assert kinds == ["submitted", "approved", "ticket_refused"]
    good = (ops1.number, ops1.previous)

    def broken(**fields):
        ops1.number, ops1.previous = good
        return ops1.event(**fields)

    for text_ in (broken(host="ops2"), broken(kind="odd"), broken(code="odd"), broken(extra=""), json.dumps(json.loads(broken()))):
        ops1.send(text_).refused(400, "request_malformed")
    for text_ in (broken(previous="0" * 64), broken(number=good[0] + 2), broken(number=good[0]), broken(number=1)):
        ops1.send(text_).refused(409, "events_unchained")
        assert ops1.send().ok() == {"acknowledged": good[0], "digest": good[1]}
    # An event about another host's ticket does not reach that ticket.
    foreign = ops2.event(kind="ticket_refused", ticket=ident(text), code="rule_gone")
    ops2.send(foreign).ok()
    assert view(world, text)["hosts"][0]["problem"] == "rule_narrowed"
    ops1.number, ops1.previous = good


def test_a_host_enrolled_again_goes_on_with_its_journal(world, folder, ops1):
    host = world.enrol("journal", folder)
    host.send(host.event(), host.event()).ok()
    host.event()  # lost on the way
    world.root.call("DELETE", "/v1/hosts/journal").ok(204)
    world.root.post("/v1/hosts", {"name": "journal", "labels": [], "key": host.key.public}).ok(201)
    assert host.send(host.event()).ok()["acknowledged"] == 4
    host.send(host.event(previous="0" * 64)).refused(409, "events_unchained")
    world.root.call("DELETE", "/v1/hosts/journal").ok(204)


def test_why(world, ops1):
    for shown in world.alice.get("/v1/tickets").ok()["tickets"]:
        how = "cancel" if shown["state"] == "pending" else "release"
        world.alice.post(f"/v1/tickets/{ident(shown['ticket'])}/{how}", "{}").ok()
    text = world.submit()

    def why(person=world.alice, **changes):
        return person.post("/v1/why", {"host": "ops1", "account": "", "certificate": "", **changes})

    assert why().ok()["verdict"]["code"] == "ticket_pending"
    world.bob.approve(text).ok(201)
    answer = why().ok()
    assert answer["verdict"]["code"] == "allowed" and answer["verdict"]["ticket"] == ident(text)
    assert answer["host"]["name"] == "ops1" and answer["host"]["seen"] > 0
    certificate = world.keys["alice"].path
    subprocess.run(["ssh-keygen", "-q", "-s", world.ca.path, "-I", "alice", "-n", "alice", "-V", "+30m", certificate.with_suffix(".pub")], check=True)
    line = certificate.with_name(certificate.name + "-cert.pub").read_text()
    assert why(certificate=line).ok()["verdict"]["code"] == "allowed"
    assert why(certificate="ssh-ed25519-cert-v01@openssh.com AAAA").ok()["verdict"]["code"] == "certificate_malformed"
    assert why(world.mallory).ok()["verdict"]["code"] == "ticket_none"
    for number in range(12):
        ops1.send(ops1.event(kind="login_refused", person="alice", account="alice", source="192.0.2.1", code="ticket_none", detail=str(number))).ok()
    ops1.send(ops1.event(kind="login_refused", person="bob", account="bob", code="ticket_none")).ok()
    refusals = why().ok()["refusals"]
    assert [refusal["detail"] for refusal in refusals] == [str(number) for number in range(11, 1, -1)]
    # Somebody whom the host could not tell, at bob's account: that is bob's to know.
    ops1.send(ops1.event(kind="login_refused", account="bob", source="192.0.2.9", code="certificate_malformed")).ok()
    assert "192.0.2.9" in json.dumps(why(world.bob).ok()["refusals"])
    assert why(world.mallory, account="bob").ok()["refusals"] == []
    why(host="ops77").refused(404, "host_unknown")
    why(host="OPS").refused(400, "request_malformed")


# --- the daemon -----------------------------------------------------------------------------------------------------------------------


def test_metrics(world, ops1):
    text = world.service.call("GET", "/metrics").text
    assert 'tegata_tickets{state="pending"}' in text and "tegata_hosts 2" in text
    assert 'tegata_refusals_total{code="request_replayed"} 2' in text
    assert " 401 request_replayed: " in world.service.log.read_text()
    world.service.config.write_text(world.service.config.read_text() + "[metrics]\nallow = 192.0.2.0/24\n")
    world.service.process.send_signal(signal.SIGHUP)
    waited = time.monotonic() + 20
    while world.service.call("GET", "/metrics").status == 200:
        assert time.monotonic() < waited
    world.service.call("GET", "/metrics").refused(403, "request_forbidden")


def test_restart_keeps_everything(world, ops1):
    text = world.approved()
    revision = ops1.poll()["revision"]
    waiting = Background(ops1.poll, revision, 10)
    wait_for_pollers(world, 1)
    begun = time.monotonic()
    world.service.stop()
    assert waiting.join()["revision"] == revision and time.monotonic() - begun < 8, "a stop answers the long polls"
    world.service.start()
    assert view(world, text)["state"] == "approved"
    assert ops1.poll(revision)["tickets"] == []


def wait_for_pollers(world, count):
    """The log (at debug) has no line for a call that waits; but its host was seen."""
    del count
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        seen = world.alice.get("/v1/hosts").ok()["hosts"]
        if any(host["name"] == "ops1" and host["acknowledged"] > 0 for host in seen):
            return
    raise AssertionError("nobody polls")


def test_wrong_configuration(world, folder):
    config = folder / "wrong.conf"
    config.write_text(world.service.config.read_text() + "[service]\ncolour = red\n")
    config.chmod(0o600)
    done = subprocess.run([world.service.program, "-t", "-c", config], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "colour" in done.stderr
    done = subprocess.run([world.service.program, "--check", "-c", world.service.config], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.endswith("OK\n")


def test_rate(folder, tmp_path):
    busy = World(find_program(), tmp_path, "[limits]\nrequests_per_minute = 6\n")
    try:
        busy.publish().ok()
        codes = [busy.alice.get("/v1/hosts").code for _ in range(8)]
        assert codes[:6] == [""] * 6 and "request_rate" in codes[6:]
        assert busy.bob.get("/v1/hosts").status == 200
    finally:
        busy.service.stop()


def test_garbage_leaves_it_alive(world):
    for payload in (b"\x00" * 512, b"GET / HTTP/1.1\r\n" * 200, os.urandom(4096), b"POST /v1/tickets HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                    b"GET /v1/policy HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 40000 + b"\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", world.service.port)) as raw:
            raw.sendall(payload)
        with socket.create_connection(("127.0.0.1", world.service.port)) as raw:
            with world.service.context.wrap_socket(raw, server_hostname="127.0.0.1") as secure:
                secure.settimeout(1)
                try:
                    secure.sendall(payload)
                    secure.recv(4096)
                except OSError:
                    pass
    assert world.service.call("GET", "/healthz").status == 200
