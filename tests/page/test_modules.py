"""The modules of the page, each for itself, inside the browser: against the vectors and against what the C code does."""

import base64
import hashlib
import json
import struct
import subprocess

import pytest

from service_client import SOURCE, canonical

VECTORS = SOURCE / "tests" / "vectors" / "ssh"
TICKET = {"v": 1, "id": "T-0123456789ABC", "created": 1790000000, "requester": "alice", "key": "SHA256:" + "A" * 43, "hosts": ["ops1"], "account": "alice",
          "uid": 20001, "shell": "/bin/bash", "groups": [], "sudo": [], "options": ["pty"], "permit_open": [], "command": "", "source": [], "seconds": 1800,
          "not_before": 0, "approve_by": 1790000600, "sessions": 0, "reason": "restart the matcher", "reference": "", "rule": "developers", "policy": 1,
          "emergency": 0}
# A Wednesday at noon, UTC.
NOON = 1792584000000


@pytest.fixture(scope="module")
def page(browser, static):
    made = browser.page()
    made.open(f"https://approve.example.test:{static.port}/")
    made.wait("document.readyState === 'complete'")
    yield made
    made.close()


def call(page, module, expression):
    return page.run(f"import('/{module}').then(async (m) => {expression})")


def bytes_of(data):
    return f"Uint8Array.of({','.join(str(byte) for byte in data)})"


# --- canonical form: the cases of tests/unit/test_canonical_json.c ----------------------------------------------------------------------


@pytest.mark.parametrize("data", [
    b"{}", b'{"a":0,"b":9007199254740991,"c":""}', b'{"a":[1,"x",[],{}]}', '{"a":"café 手形 🔑"}'.encode(), rb'{"a":"\" \\ /"}', b'{"A":1,"_":2,"a":3}',
    b'{"a":[[[[[[1]]]]]]}', b'{"":1,"__proto__":2,"constructor":3}', '{"é":1,"\ufeff":2,"\uff5a":3,"🔑":4}'.encode(), b'{"10":1,"9":2}',
    b'{"a":"' + b"x" * 4088 + b'"}',
])
def test_canonical_accepted(page, data):
    assert call(page, "canonical.js", f"new TextDecoder('utf-8', {{ignoreBOM: true}}).decode(m.encode(m.decode({bytes_of(data)}, 4096)))") == data.decode()


@pytest.mark.parametrize("data", [
    b"", b"[]", b'"a"', b"null", b'{"a":null}', b'{"a":true}', b'{"a":1.0}', b'{"a":1.5}', b'{"a":1e3}', b'{"a":-1}', b'{"a":-0}', b'{"a":01}',
    b'{"a":9007199254740992}', b'{"a":9223372036854775808}', b'{"b":1,"a":2}', b'{"9":1,"10":2}', b'{"a":1,"a":1}', b'{"a":1,"a":2}', b'{"a": 1}', b' {"a":1}',
    b'{"a":1}\n', b'{"a":1}{}', rb'{"a":"\u0041"}', rb'{"a":"\/"}', rb'{"a":"\n"}', rb'{"a":"\u0007"}', rb'{"a":"\u0000"}', b'{"a":"\x7f"}', b'{"a":"\xc2\x9b"}',
    b'{"a":"\xe2\x80\xae"}', b'{"a":"\xe2\x81\xa6"}', b'{"a":"\xe2\x80\xa8"}', b'{"a":"\xe2\x80\x8f"}', b'{"a":"\xd8\x9c"}', rb'{"a\t":1}', b'{"\xc2\x85":1}',
    b'{"a":"\xff"}', b'{"a":"\xc0\x80"}', b'{"a":"\xed\xa0\x80"}', rb'{"a":"\ud800"}', b'{"a":[[[[[[[[1]]]]]]]]}', b'{"a":1', b"{}\0", b"\xef\xbb\xbf{}",
    '{"🔑":1,"\uff5a":2}'.encode(), b'{"a":"' + b"x" * 4089 + b'"}',
])
def test_canonical_refused(page, data):
    assert call(page, "canonical.js", f"{{ try {{ m.decode({bytes_of(data)}, 4096); return 'taken'; }} catch (e) {{ return e.constructor.name; }} }}") == "NotCanonical"


# --- SSHSIG -----------------------------------------------------------------------------------------------------------------------------


def test_signed_data_is_that_of_ssh_keygen(page):
    manifest = json.loads((VECTORS / "manifest.json").read_text())
    checked = 0
    for entry in manifest["sshsig"]:
        if entry["expectValid"] and entry["parsed"]["hashAlgorithm"] == "sha512":
            message = (VECTORS / entry["message"]).read_bytes()
            got = call(page, "sshsig.js", f"import('/bytes.js').then(async (b) => b.hex(await m.signedData({json.dumps(entry['expectNamespace'])}, {bytes_of(message)})))")
            assert got == entry["signedDataHex"], entry["name"]
            checked += 1
    assert checked >= 5


def ssh_strings(blob):
    while blob:
        length = struct.unpack(">I", blob[:4])[0]
        yield blob[4:4 + length]
        blob = blob[4 + length:]


def der_of(r, s):
    parts = b"".join(b"\x02" + bytes([len(number)]) + number for number in (r, s))
    return b"\x30" + bytes([len(parts)]) + parts


def test_a_real_assertion_becomes_the_same_file(page):
    """A signature that Chromium made long ago, taken apart and put together again."""
    text = (VECTORS / "sshsig" / "webauthn_sk_ecdsa.sig").read_text()
    blob = base64.b64decode("".join(text.split("\n")[1:-2]))
    key, namespace, _, _, signature = ssh_strings(blob[10:])
    length = struct.unpack(">I", signature[:4])[0]
    numbers_length = struct.unpack(">I", signature[4 + length:8 + length])[0]
    r, s = ssh_strings(signature[8 + length:8 + length + numbers_length])
    rest = signature[8 + length + numbers_length:]
    origin, client_data, _ = ssh_strings(rest[5:])
    made = call(page, "sshsig.js", f"""m.armored({bytes_of(key)}, {json.dumps(namespace.decode())}, {{authenticatorData: {bytes_of(bytes(32) + rest[:5])},
        clientData: {bytes_of(client_data)}, der: {bytes_of(der_of(r, s))}, origin: {json.dumps(origin.decode())}}})""")
    assert made == text


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"\x30\x06\x02\x01\x01\x02\x01", b"\x30\x07\x02\x01\x01\x02\x01\x01\x00", b"\x31\x06\x02\x01\x01\x02\x01\x01",
                                 b"\x30\x06\x03\x01\x01\x02\x01\x01", b"\x30\x05\x02\x00\x02\x01\x01", b"\x30\x81\x06\x02\x01\x01\x02\x01\x01"])
def test_der_refused(page, der):
    assert call(page, "sshsig.js", f"{{ try {{ m.numbersOfDer({bytes_of(der)}); return 'taken'; }} catch (e) {{ return e.message; }} }}") == "not an ECDSA signature in DER"


@pytest.mark.parametrize("number, wire", [(b"\x00", "00000000"), (b"\x01", "0000000101"), (b"\x80", "000000020080"), (b"\x00\x00\x7f", "000000017f"), (b"\x00\xff\x00", "0000000300ff00")])
def test_mpint(page, number, wire):
    assert call(page, "sshsig.js", f"import('/bytes.js').then((b) => b.hex(m.mpint({bytes_of(number)})))") == wire


def test_key_lines(page):
    line = " ".join((VECTORS / "keys" / "test_user_sk_ecdsa.pub").read_text().split()[:2])
    printed = subprocess.run(["ssh-keygen", "-lf", VECTORS / "keys" / "test_user_sk_ecdsa.pub"], check=True, capture_output=True, text=True).stdout.split()[1]
    assert call(page, "sshsig.js", f"m.fingerprint(m.blobOfLine({json.dumps(line)}))") == printed
    kind, encoded = line.split()
    for bad in (f"ssh-ed25519 {encoded}", kind, f"{line} comment", f"{kind} {encoded}=", f"{kind} {encoded[:-3]}!!!"):
        assert call(page, "sshsig.js", f"{{ try {{ m.blobOfLine({json.dumps(bad)}); return 'taken'; }} catch {{ return 'refused'; }} }}") == "refused", bad


# --- words ------------------------------------------------------------------------------------------------------------------------------


def words_of(digest):
    words = (SOURCE / "approval_page" / "words.txt").read_text().split()
    number = int.from_bytes(digest, "big") >> (256 - 66)
    return [words[number >> (11 * (5 - at)) & 2047] for at in range(6)]


@pytest.mark.parametrize("text, code", [
    ("", "together-mail-awful-cradle-scrub-apart"),
    ("abc", "risk-scheme-quiz-bulk-brother-vivid"),
])
def test_words(page, text, code):
    digest = hashlib.sha256(text.encode()).digest()
    assert "-".join(words_of(digest)) == code
    assert call(page, "words.js", f"m.codeWords({bytes_of(digest)})") == code.split("-")


def test_word_list():
    data = (SOURCE / "approval_page" / "words.txt").read_bytes()
    words = data.decode("ascii").splitlines()
    assert len(words) == 2048 == len(set(words)) and words == sorted(words) and data.endswith(b"\n")
    assert all(word.isalpha() and word.islower() for word in words)


# --- the ticket's schema: lib/ticket.c --------------------------------------------------------------------------------------------------


def read(page, text):
    return call(page, "ticket.js", f"m.readTicket({json.dumps(text)}).then((t) => [t.digest, JSON.stringify(t.fields)], (e) => [e.constructor.name, e.message])")


def test_ticket_is_read(page):
    text = canonical({**TICKET, "reason": "再起動 <b>\"now\"</b>", "extends": "T-ZZZZZZZZZZZZZ"})
    digest, fields = read(page, text)
    assert digest == hashlib.sha256(text.encode()).hexdigest() and json.loads(fields) == json.loads(text)


def test_ticket_cannot_be_changed_once_read(page):
    got = call(page, "ticket.js", f"""m.readTicket({json.dumps(canonical(TICKET))}).then((t) => {{ "use strict"; const tried = [() => t.fields.hosts.push("x"), () => {{ t.fields.account = "root"; }},
        () => {{ t.digest = ""; }}]; return tried.map((one) => {{ try {{ one(); return "changed"; }} catch (e) {{ return e.constructor.name; }} }}); }})""")
    assert got == ["TypeError"] * 3


@pytest.mark.parametrize("changes, why", [
    ({"surprise": 1}, "key 'surprise' is not known"), ({"hasOwnProperty": 1}, "key 'hasOwnProperty' is not known"), ({"v": 2}, "key 'v'"), ({"id": "T-0123456789ABI"}, "key 'id'"),
    ({"id": "T-0123456789ABCD"}, "key 'id'"), ({"requester": "Alice"}, "key 'requester'"), ({"requester": "alice\u0301"}, "key 'requester'"), ({"key": "MD5:00"}, "key 'key'"),
    ({"hosts": []}, "key 'hosts'"), ({"hosts": ["ops1", "ops1"]}, "key 'hosts'"), ({"hosts": ["OPS1"]}, "key 'hosts'"), ({"hosts": [1]}, "key 'hosts'"), ({"hosts": "ops1"}, "key 'hosts'"),
    ({"account": ""}, "key 'account'"), ({"uid": 2**31}, "key 'uid'"), ({"uid": "0"}, "key 'uid'"), ({"shell": "bash"}, "key 'shell'"), ({"options": ["root"]}, "key 'options'"),
    ({"permit_open": ["x"]}, "key 'permit_open'"), ({"permit_open": ["x:0"]}, "key 'permit_open'"), ({"command": "a # b"}, "key 'command'"), ({"command": 'a "b"'}, "key 'command'"),
    ({"source": ["elsewhere"]}, "key 'source'"), ({"seconds": 0}, "key 'seconds'"), ({"seconds": 86401}, "key 'seconds'"), ({"approve_by": 1789999999}, "key 'approve_by'"),
    ({"sessions": 1000001}, "key 'sessions'"), ({"reason": ""}, "key 'reason'"), ({"reason": "x" * 501}, "key 'reason'"), ({"reference": "x" * 101}, "key 'reference'"),
    ({"emergency": 2}, "key 'emergency'"), ({"policy": 0}, "key 'policy'"), ({"extends": "T-0123456789ABC"}, "key 'extends'"), ({"extends": ""}, "key 'extends'"),
])
def test_ticket_refused(page, changes, why):
    kind, message = read(page, canonical({**TICKET, **changes}))
    assert kind == "BadTicket" and message.startswith(why)


@pytest.mark.parametrize("key", sorted(TICKET))
def test_every_key_is_needed(page, key):
    assert read(page, canonical({name: value for name, value in TICKET.items() if name != key})) == ["BadTicket", f"key '{key}' is missing"]


def test_ticket_must_be_canonical(page):
    assert read(page, json.dumps(TICKET, sort_keys=True))[0] == "NotCanonical"
    assert read(page, canonical({**TICKET, "reason": "abc\u202edef"}))[0] == "NotCanonical"
    assert read(page, canonical({**TICKET, "reference": "é" * 100, "reason": "手" * 500, "command": "x" * 1024, "hosts": [f"host-{i:02d}-{'x' * 50}" for i in range(32)]}))[0] == "NotCanonical"


# --- what is unusual --------------------------------------------------------------------------------------------------------------------


def unusual(page, now=NOON, history="[]", **changes):
    found = call(page, "unusual.js", f"m.unusual({json.dumps({**TICKET, **changes})}, {history}, new Date({now}))")
    return [f"{one['level']} {one['code']}" for one in found]


KNOWN = json.dumps([{"state": "expired", "fields": {**TICKET, "id": "T-0000000000000"}}])


def test_nothing_unusual(page):
    assert unusual(page, history=KNOWN) == []


@pytest.mark.parametrize("changes, codes", [
    ({"emergency": 1}, ["danger emergency"]),
    ({"sudo": ["restart-matcher"]}, ["notice sudo"]),
    ({"sudo": ["root"]}, ["danger wide_sudo"]),
    ({"sudo": ["a", "b", "c"]}, ["danger wide_sudo"]),
    ({"options": ["port-forwarding"]}, ["danger forward_everywhere"]),
    ({"options": ["port-forwarding"], "permit_open": ["db1:5432"]}, []),
    ({"options": ["agent-forwarding", "x11"]}, ["notice agent_forwarding", "notice x11"]),
    ({"account": "deploy"}, ["notice shared_account"]),
    ({"account": "postgres", "uid": 0}, ["danger host_account"]),
    ({"requester": "bob", "account": "bob"}, ["notice first_time"]),
    ({"hosts": ["ops1", "ops2"]}, ["notice first_time"]),
    ({"hosts": ["ops1", "b", "c", "d"]}, ["notice first_time", "notice many_hosts"]),
    ({"seconds": 4 * 3600 + 1}, ["notice long_window"]),
    ({"not_before": NOON // 1000 + 12 * 3600}, ["notice outside_hours"]),
    ({"source": ["10.0.0.0/7"]}, ["notice wide_source"]),
    ({"source": ["10.0.0.0/8", "2001:db8::/32"]}, []),
    ({"extends": "T-0000000000000"}, ["notice extension"]),
])
def test_unusual(page, changes, codes):
    assert unusual(page, history=KNOWN, **changes) == codes


@pytest.mark.parametrize("hours, outside", [(-5, True), (-4, False), (6, False), (7, True), (3 * 24, True)])
def test_office_hours(page, hours, outside):
    assert ("notice outside_hours" in unusual(page, now=NOON + hours * 3600000, history=KNOWN)) == outside


def test_a_refused_ticket_makes_no_host_known(page):
    for state in ("denied", "pending", "lapsed", "cancelled"):
        assert unusual(page, history=KNOWN.replace("expired", state)) == ["notice first_time"]
    assert unusual(page, history="null") == ["notice no_history"]


# --- texts ------------------------------------------------------------------------------------------------------------------------------


def test_languages_have_the_same_texts(page):
    english, japanese = (call(page, f"text_{name}.js", "m.default") for name in ("en", "ja"))
    assert english.keys() == japanese.keys()
    places = lambda text: sorted(part.split("}")[0] for part in text.split("{")[1:])  # noqa: E731
    assert {key: places(text) for key, text in english.items()} == {key: places(text) for key, text in japanese.items()}


def test_all_modules_are_fetched_at_once():
    """The two languages are not: one of them is enough."""
    modules = {path.name for path in (SOURCE / "approval_page").glob("*.js")} - {"app.js", "text_en.js", "text_ja.js"}
    html = (SOURCE / "approval_page" / "index.html").read_text()
    assert {line.split('"')[3] for line in html.splitlines() if 'rel="modulepreload"' in line} == modules


@pytest.mark.parametrize("href, made", [("#waiting", True), ("javascript:alert(1)", False), ("https://evil.example.test/", False), ("//evil.example.test", False), ("data:text/html,x", False)])
def test_links_lead_nowhere_else(page, href, made):
    assert call(page, "elements.js", f"{{ try {{ m.make('a', {{href: {json.dumps(href)}}}); return true; }} catch {{ return false; }} }}") == made


def test_no_markup_is_ever_made():
    """What could turn text into markup or code does not occur, not even where trusted types would refuse it."""
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "setAttribute(\"style", "DOMParser", "createContextualFragment", "srcdoc", "http://")
    for path in sorted((SOURCE / "approval_page").glob("*.js")):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not [word for word in forbidden if word in text], path.name
