"""Accounts, sign-ins, certificates and the enrolment of keys at the approval service, over real HTTPS: docs/protocol.md section 3. The
certificate authority is a real tegata-ca; security keys are in software."""

import json
import re
import signal
import subprocess
import time

import pytest

import authority
from authority import SecurityKey
from service_client import Background, Key, Person, World, canonical, find_program

PASSWORD = "correct horse battery staple"
OTHER_PASSWORD = "another horse, another staple"


def as_json(body):
    return json.dumps(body)


class Accounts(World):
    """bob has a security key too; bob and alice have accounts. carol may invite. The service issues certificates."""

    def __init__(self, folder):
        self.place = folder
        super().__init__(find_program(), folder, f"[accounts]\nadministrators = sre-admins\npassword_cost = 1\n[certificate_authority]\n"
                                                 f"socket = {folder}/authority/ca.sock\n[page]\norigins = https://page.example.com\n"
                                                 "[metrics]\nallow = 127.0.0.1\n[limits]\nrequests_per_minute = 100000\n")
        self.touch = SecurityKey(folder, "bob_touch")
        self.other_touch = SecurityKey(folder, "alice_touch")
        self.host_ca = Key(folder, "host_ca")
        authority.AUTHORITY = self.service.authority
        self.authority = authority.Authority(folder / "authority", self.service.root, f"key = {self.ca.path}\n", f"key = {self.host_ca.path}\n")
        self.authority.start()
        self.publish(self.with_security_keys).ok()

    def with_security_keys(self, policy):
        policy["people"]["bob"]["keys"].append({"key": self.touch.public, "attested": 0, "uv": 0})
        policy["people"]["alice"]["keys"].append({"key": self.other_touch.public, "attested": 0, "uv": 0})
        policy["people"]["carol"]["groups"] = ["sre", "sre-admins"]
        policy["rules"][0]["requesters"] = ["developers", "sre"]
        policy["host_ca"] = [self.host_ca.public]

    def post(self, target, body, token="", **headers):
        return self.service.call("POST", target, as_json(body), {**({"Authorization": f"Bearer {token}"} if token else {}), **headers})

    def get(self, target, token):
        return self.service.call("GET", target, headers={"Authorization": f"Bearer {token}"})

    def invite(self, person):
        return self.root.post("/v1/invitations", {"person": person}).ok(201)

    def account(self, person, password=PASSWORD):
        """Sets a password; gives the token for enrolling."""
        return self.post("/v1/invitations/redeem", {"token": self.invite(person)["token"], "password": password}).ok(201)["token"]

    def sign_in(self, person, password=PASSWORD):
        return self.post("/v1/sign-ins", {"person": person, "password": password})

    def nonce(self, person="bob", password=PASSWORD):
        return self.sign_in(person, password).ok(201)["nonce"]

    def document(self, nonce, person="bob", **changes):
        return canonical({"v": 1, "at": int(time.time()), "nonce": nonce, "person": person, "service": self.service.authority, **changes})

    def signed(self, key, text, name_space="session-v1@tegata", **how):
        return {"document": text, "signature": key.sign(name_space, text, **how)}

    def session(self, person="bob", key=None, password=PASSWORD):
        text = self.document(self.nonce(person, password), person)
        return self.post("/v1/web-sessions", self.signed(key or self.touch, text)).ok(201)["token"]

    def certificate(self, key=None, **changes):
        key = key or self.touch
        text = self.document(self.nonce(), key=key.public, seconds=0, **changes)
        return self.post("/v1/certificates", self.signed(key, text, "certificate-v1@tegata"))

    def metric(self, name):
        text = self.service.call("GET", "/metrics").text
        return int(re.search(rf"^{re.escape(name)} (\d+)$", text, re.MULTILINE)[1])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = Accounts(tmp_path_factory.mktemp("accounts"))
    made.account("bob")
    yield made
    made.service.stop()
    made.authority.stop()


# --- Invitations ----------------------------------------------------------------------------------------------------------------------


def test_who_may_invite(world):
    world.root.post("/v1/invitations", {"person": "dave"}).ok(201)
    world.post("/v1/invitations", {"person": "dave"}, world.service.token).ok(201)
    world.carol.post("/v1/invitations", {"person": "dave"}).ok(201)
    world.bob.post("/v1/invitations", {"person": "dave"}).refused(403, "request_forbidden")
    world.post("/v1/invitations", {"person": "dave"}).refused(401, "request_unsigned")
    world.post("/v1/invitations", {"person": "dave"}, "x" * 43).refused(401, "token_invalid")
    world.post("/v1/invitations", {"person": "bob"}, world.service.token).refused(403, "request_forbidden")  # he has a password
    world.root.post("/v1/invitations", {"person": "nobody"}).refused(404, "not_found")
    world.root.post("/v1/invitations", {"person": "eve"}).refused(403, "requester_disabled")


def test_an_invitation_is_good_once(world):
    invitation = world.invite("dave")
    assert invitation["url"] == f"https://{world.service.authority}/#invitation={invitation['token']}"
    assert 86000 < invitation["expires"] - time.time() <= 86401
    redeem = {"token": invitation["token"], "password": PASSWORD}
    world.post("/v1/invitations/redeem", {**redeem, "password": "too short"}).refused(422, "password_weak")
    world.post("/v1/invitations/redeem", {**redeem, "password": "with a control \u0085 character"}).refused(422, "password_weak")
    world.post("/v1/invitations/redeem", {**redeem, "password": "x" * 513}).refused(400, "request_malformed")
    assert world.post("/v1/invitations/redeem", redeem).ok(201)["person"] == "dave"
    world.post("/v1/invitations/redeem", redeem).refused(401, "invitation_invalid")
    world.sign_in("dave").ok(201)


def test_a_new_invitation_replaces_the_old_one(world):
    first, second = world.invite("dave"), world.invite("dave")
    world.post("/v1/invitations/redeem", {"token": first["token"], "password": PASSWORD}).refused(401, "invitation_invalid")
    world.post("/v1/invitations/redeem", {"token": second["token"], "password": PASSWORD}).ok(201)


def test_an_invitation_ends_with_its_person(world):
    invitation = world.invite("mallory")
    world.publish(lambda policy: (world.with_security_keys(policy), policy["people"]["mallory"].update(disabled=1))).ok()
    world.post("/v1/invitations/redeem", {"token": invitation["token"], "password": PASSWORD}).refused(401, "invitation_invalid")
    world.publish(world.with_security_keys).ok()


def test_secrets_are_not_stored(world):
    invitation = world.invite("dave")
    token = world.session()
    stored = b"".join(path.read_bytes() for path in world.place.glob("approvald.db*"))
    for secret in (invitation["token"], token, PASSWORD):
        assert secret.encode() not in stored and secret not in world.service.log.read_text()


# --- Signing in -----------------------------------------------------------------------------------------------------------------------


def test_a_sign_in_takes_password_and_touch(world):
    answer = world.sign_in("bob").ok(201)
    assert answer["person"] == "bob" and len(answer["nonce"]) == 22 and 110 < answer["expires"] - time.time() <= 121
    assert answer["credentials"] == [{"id": "", "fingerprint": world.touch.fingerprint, "origin": "", "rp_id": ""}]
    session = world.post("/v1/web-sessions", world.signed(world.touch, world.document(answer["nonce"]))).ok(201)
    assert session["person"] == "bob" and 3500 < session["expires"] - time.time() <= 3601
    world.get("/v1/tickets", session["token"]).ok()


def test_nobody_learns_who_exists(world):
    """The same answer, byte by byte, and one hash of the same cost, whether the person exists, has an account, is disabled, or is not."""
    bodies = set()
    for name in ("bob", "mallory", "eve", "nobody", "No Such Name!"):
        before = world.metric("tegata_password_hashes_total")
        answer = world.sign_in(name, "not the password")
        answer.refused(401, "sign_in_failed")
        bodies.add(answer.text)
        assert world.metric("tegata_password_hashes_total") - before == 1, name
    assert len(bodies) == 1
    assert "credentials" not in bodies.pop()
    world.sign_in("bob").ok(201)


def test_a_disabled_person_cannot_sign_in(world):
    world.account("mallory")
    world.publish(lambda policy: (world.with_security_keys(policy), policy["people"]["mallory"].update(disabled=1))).ok()
    world.sign_in("mallory").refused(401, "sign_in_failed")
    world.publish(lambda policy: (world.with_security_keys(policy), policy["people"].pop("mallory"))).ok()
    world.sign_in("mallory").refused(401, "sign_in_failed")
    world.publish(world.with_security_keys).ok()


def test_guessing_is_slowed_down_for_the_guesser_alone(world):
    for name in ("carol", "someone-unknown"):
        for _ in range(5):
            world.sign_in(name, "a wrong password").refused(401, "sign_in_failed")
        answer = world.sign_in(name, "a wrong password")
        answer.refused(429, "sign_in_wait")
        assert answer.headers["retry-after"] == "1"
    world.sign_in("bob").ok(201)  # from the same network, but not who was guessed at


def test_a_nonce_is_used_once(world):
    body = world.signed(world.touch, world.document(world.nonce()))
    world.post("/v1/web-sessions", body).ok(201)
    world.post("/v1/web-sessions", body).refused(401, "nonce_invalid")
    nonce = world.nonce()
    text = world.document(nonce, key=world.touch.public, seconds=0)
    world.post("/v1/certificates", world.signed(world.touch, text, "certificate-v1@tegata")).ok(201)
    world.post("/v1/web-sessions", world.signed(world.touch, world.document(nonce))).refused(401, "nonce_invalid")


def test_a_nonce_belongs_to_its_person(world):
    world.account("alice")
    stolen = world.nonce("bob")
    body = world.signed(world.other_touch, world.document(stolen, "alice"))
    world.post("/v1/web-sessions", body).refused(401, "nonce_invalid")
    world.post("/v1/web-sessions", world.signed(world.touch, world.document(stolen))).ok(201)
    world.post("/v1/web-sessions", world.signed(world.touch, world.document("A" * 22))).refused(401, "nonce_invalid")


def test_no_session_without_the_right_touch(world):
    def refused(code, key=world.touch, name_space="session-v1@tegata", how=None, **changes):
        body = world.signed(key, world.document(nonce, **changes), name_space, **(how or {}))
        world.post("/v1/web-sessions", body).refused(401, code)

    nonce = world.nonce()
    refused("sign_in_no_touch", how={"flags": "0x00"})
    refused("sign_in_software_key", key=world.bob.key)
    refused("sign_in_key", key=world.other_touch)
    refused("sign_in_signature", name_space="certificate-v1@tegata")
    refused("sign_in_signature", name_space="approval-v1@tegata")
    refused("sign_in_service", service="elsewhere.example.com:8443")
    refused("sign_in_time", at=int(time.time()) - 200)
    world.post("/v1/web-sessions", world.signed(world.touch, world.document(nonce))).ok(201)  # what was refused did not use it up


def test_a_session_ends_with_its_key(world):
    token = world.session()
    world.get("/v1/tickets", token).ok()
    world.publish(lambda policy: (world.with_security_keys(policy), policy["revoked"]["keys"].append(world.touch.fingerprint))).ok()
    world.get("/v1/tickets", token).refused(401, "token_invalid")
    world.publish(world.with_security_keys).ok()


def test_one_network_does_not_take_all_workers(world):
    """How many is counted in tests/unit/test_accounts; here, those that are too many are told, and everybody else goes on."""
    calls = [Background(world.sign_in, "dave", "a wrong password") for _ in range(12)]
    codes = {call.join().code for call in calls}
    assert codes <= {"sign_in_failed", "sign_in_wait", "service_busy"}
    world.sign_in("bob").ok(201)


# --- Passwords ------------------------------------------------------------------------------------------------------------------------


def test_a_new_password_ends_the_other_sessions(world):
    kept, other, nonce = world.session(), world.session(), world.nonce()
    world.post("/v1/password", {"password": "not the password", "new_password": OTHER_PASSWORD}, kept).refused(401, "sign_in_failed")
    world.get("/v1/tickets", other).ok()
    world.post("/v1/password", {"password": PASSWORD, "new_password": "short"}, kept).refused(422, "password_weak")
    assert world.post("/v1/password", {"password": PASSWORD, "new_password": OTHER_PASSWORD}, kept).status == 204
    world.get("/v1/tickets", kept).ok()
    world.get("/v1/tickets", other).refused(401, "token_invalid")
    world.post("/v1/web-sessions", world.signed(world.touch, world.document(nonce))).refused(401, "nonce_invalid")
    world.sign_in("bob").refused(401, "sign_in_failed")
    world.sign_in("bob", OTHER_PASSWORD).ok(201)
    world.account("bob")


def test_another_cost_takes_effect_at_the_next_sign_in(world):
    text = world.service.config.read_text()
    world.service.config.write_text(text.replace("password_cost = 1", "password_cost = 2"))
    world.service.process.send_signal(1)
    deadline = time.monotonic() + 10
    while "configuration reloaded" not in world.service.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    counts = []
    for _ in range(2):
        before = world.metric("tegata_password_hashes_total")
        world.sign_in("bob").ok(201)
        counts.append(world.metric("tegata_password_hashes_total") - before)
    assert counts == [2, 1]


# --- Certificates ---------------------------------------------------------------------------------------------------------------------


def test_a_certificate_by_touch(world):
    token = world.session()
    issued = world.certificate().ok(201)
    shown = authority.shown(world.place, issued["certificate"])
    assert shown["Principals"] == ["bob"] and issued["key_id"] == f"bob#{issued['serial']}"
    assert world.touch.fingerprint in shown["Public key"]
    listed = world.get("/v1/certificates?key=" + world.touch.fingerprint, token).ok()["certificates"]
    assert {**issued, "issued": listed[0]["issued"]} == listed[0]
    escaped = world.touch.fingerprint.replace(":", "%3A").replace("+", "%2B").replace("/", "%2F")
    assert world.get("/v1/certificates?key=" + escaped, token).ok()["certificates"] == listed
    assert world.get("/v1/certificates?key=" + world.bob.key.fingerprint, token).ok() == {"certificates": []}
    alice = world.session("alice", world.other_touch)
    assert world.get("/v1/certificates", alice).ok() == {"certificates": []}


def test_who_waits_for_a_certificate_hears_of_it(world):
    token = world.session()
    now = int(time.time())
    calls = [Background(world.get, f"/v1/certificates?after={now}&wait=20", token)]
    deadline = time.monotonic() + 10
    while world.metric("tegata_waiting") == 0:
        assert time.monotonic() < deadline
    while int(time.time()) == now:
        time.sleep(0.05)
    issued = world.certificate().ok(201)
    assert [found["serial"] for found in calls[0].join().ok()["certificates"]] == [issued["serial"]]


def test_no_certificate_for_anything_else(world):
    for name_space, changes, code in (("session-v1@tegata", {}, "sign_in_signature"), ("certificate-v1@tegata", {"person": "alice"}, "sign_in_key")):
        text = canonical({**json.loads(world.document(world.nonce(), key=world.touch.public, seconds=0)), **changes})
        world.post("/v1/certificates", world.signed(world.touch, text, name_space)).refused(401, code)
    text = world.document(world.nonce(), key=world.other_touch.public, seconds=0)
    assert world.post("/v1/certificates", world.signed(world.touch, text, "certificate-v1@tegata")).status in (401, 422)


def test_no_certificate_for_a_lost_key(world):
    """tegata-ca does not know the revocation list."""
    lost = Key(world.place, "bob_lost")

    def certify():
        text = world.document(world.nonce(), key=lost.public, seconds=0)
        return world.post("/v1/certificates", world.signed(world.touch, text, "certificate-v1@tegata"))

    world.publish(lambda policy: (world.with_security_keys(policy),
                                  policy["people"]["bob"]["keys"].append({"key": lost.public, "attested": 0, "uv": 0}))).ok()
    certify().ok(201)
    world.post("/v1/revocations", {"key": lost.fingerprint, "serial": "", "key_id": "", "reason": "lost"}, world.session()).ok(201)
    certify().refused(422, "certificate_revoked")
    world.publish(world.with_security_keys).ok()


def test_a_stop_while_somebody_signs_in(world):
    connection = world.service.connection()
    world.service.call("GET", "/healthz", connection=connection).ok()
    world.service.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    body = as_json({"person": "bob", "password": PASSWORD})
    world.service.call("POST", "/v1/sign-ins", body, connection=connection).refused(503, "service_busy")
    world.service.stop()  # its status is 0
    world.service.start()


def test_a_certificate_for_a_host(world):
    host = world.enrol("ops7", world.place)
    line = host.post("/v1/host/certificate", {}).ok(201)["certificate"]
    shown = authority.shown(world.place, line)
    assert shown["Principals"] == ["ops7"] and "host certificate" in shown["Type"]
    world.bob.post("/v1/host/certificate", {}).refused(404, "host_unknown")


def test_without_the_authority(world):
    world.authority.stop()
    world.certificate().refused(503, "ca_unreachable")
    world.authority.start()
    world.certificate().ok(201)


# --- Enrolment ------------------------------------------------------------------------------------------------------------------------


def enrolment(world, token, key, **changes):
    document = world.post("/v1/credentials/challenge", {}, token).ok(201)["document"]
    return {"document": document, "format": "ssh", "key": key.public, "attestation": "", "client_data": "", "label": "blue one", **changes}


def test_a_newcomer_enrols_a_key(world):
    token = world.account("dave")
    key = SecurityKey(world.place, "dave_touch")
    body = enrolment(world, token, key)
    made = world.post("/v1/credentials", body, token).ok(201)
    assert made["fingerprint"] == key.fingerprint and made["attested"] == 0 and len(made["words"].split("-")) == 6
    change = json.loads(made["change"])
    assert change["person"] == "dave" and change["key"]["key"] == key.public and change["label"] == "blue one"
    listed = [entry for entry in world.get("/v1/credentials", token).ok()["credentials"] if entry["fingerprint"] == key.fingerprint]
    assert [(entry["label"], entry["in_policy"], entry["kind"]) for entry in listed] == [("blue one", 0, "ssh")]
    world.post("/v1/credentials", body, token).refused(401, "nonce_invalid")
    assert world.sign_in("dave").ok(201)["credentials"] == []  # the policy does not list it


def test_a_challenge_belongs_to_its_person(world):
    dave, alice = world.account("dave"), world.account("alice")
    key = SecurityKey(world.place, "stray")
    stolen = enrolment(world, dave, key)
    assert world.post("/v1/credentials", stolen, alice).status in (401, 422)
    made_up = json.loads(stolen["document"])
    made_up["nonce"] = "A" * 22
    world.post("/v1/credentials", {**stolen, "document": canonical(made_up)}, dave).refused(401, "nonce_invalid")
    world.post("/v1/credentials", {**stolen, "format": "other"}, dave).refused(400, "request_malformed")
    world.post("/v1/credentials", {**stolen, "attestation": "not base64!"}, dave).refused(400, "request_malformed")
    world.post("/v1/credentials", stolen, dave).ok(201)


def test_the_token_of_an_invitation_opens_nothing_else(world):
    token = world.account("dave")
    for target in ("/v1/tickets", "/v1/certificates", "/v1/hosts", "/v1/host-sessions"):
        world.get(target, token).refused(403, "enrolment_only")
    for target, body in (("/v1/tickets", {}), ("/v1/password", {"password": PASSWORD, "new_password": OTHER_PASSWORD}),
                         ("/v1/invitations", {"person": "dave"}), ("/v1/why", {"host": "ops1", "account": "", "certificate": ""})):
        world.post(target, body, token).refused(403, "enrolment_only")
    world.post("/v1/sessions", {}, token).refused(403, "enrolment_only")


# --- Pages of others ------------------------------------------------------------------------------------------------------------------


def test_pages_of_other_origins_change_nothing(world):
    body = {"person": "bob", "password": PASSWORD}
    for origin in ("https://evil.example.com", "null", "https://page.example.com:444", "https://page.example.com.evil.example"):
        world.post("/v1/sign-ins", body, Origin=origin).refused(403, "origin_refused")
        answer = world.service.call("OPTIONS", "/v1/sign-ins", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
        answer.refused(403, "origin_refused")
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "access-control-allow-origin" not in world.service.call("GET", "/v1/page", headers={"Origin": origin}).headers
    world.post("/v1/sign-ins", body, Origin=f"https://{world.service.authority}").ok(201)


def test_a_listed_page_may_call(world):
    origin = "https://page.example.com"
    answer = world.service.call("OPTIONS", "/v1/sign-ins", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert answer.status == 204
    assert {name: value for name, value in answer.headers.items() if name.startswith("access-control")} == {
        "access-control-allow-origin": origin, "access-control-allow-methods": "POST", "access-control-max-age": "600",
        "access-control-allow-headers": "Authorization, Content-Type", "access-control-expose-headers": "Retry-After"}
    answer = world.post("/v1/sign-ins", {"person": "bob", "password": PASSWORD}, Origin=origin)
    answer.ok(201)
    assert answer.headers["access-control-allow-origin"] == origin and answer.headers["vary"] == "Origin"
    assert "set-cookie" not in answer.headers and "access-control-allow-credentials" not in answer.headers


def test_a_body_that_a_form_can_send_is_refused(world):
    body = {"person": "bob", "password": PASSWORD}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", ""):
        world.post("/v1/sign-ins", body, **{"Content-Type": kind}).refused(415, "body_type")
    world.post("/v1/sign-ins", body, **{"Content-Type": "application/json; charset=utf-8"}).ok(201)


def test_script_comes_back_as_json_only(world):
    token = world.account("dave")
    label = "<script>alert(1)</script>"
    world.post("/v1/credentials", enrolment(world, token, SecurityKey(world.place, "script"), label=label), token).ok(201)
    answer = world.get("/v1/credentials", token)
    assert label in [entry["label"] for entry in answer.ok()["credentials"]]
    assert answer.headers["content-type"] == "application/json" and answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


# --- The command ----------------------------------------------------------------------------------------------------------------------


def test_the_command_invites(world):
    folder = world.place
    config = folder / "client.conf"
    config.write_text(f"[service]\nurl = https://{world.service.authority}\nca_file = {folder}/server.pem\n[trust]\nroot_signers = {folder}/root_signers\n")
    config.chmod(0o600)
    done = subprocess.run([find_program().parent / "cli" / "tegata", "-C", config, "invite", "dave", "--root-key", world.service.root.path],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    url, _, token = done.stdout.strip().partition("#invitation=")
    assert url == f"https://{world.service.authority}/" and token not in done.stderr
    world.post("/v1/invitations/redeem", {"token": token, "password": PASSWORD}).ok(201)
