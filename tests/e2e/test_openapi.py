"""docs/openapi.yaml and docs/protocol.md describe the routes that the service has: no more, no fewer, with the callers that it lets in."""

import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SECURITY = {"PERSON": "[{signature: []}, {token: []}]", "HOST": "[{signature: []}]", "ROOT": "[{signature: []}]",
            "ENROLMENT": "[{signature: []}, {token: []}]", "NEWCOMER": "[{signature: []}, {token: []}]", "ADMINISTRATOR": "[{signature: []}, {token: []}]",
            "ANYONE": "[]", "MONITOR": "[]"}
SIGNED_ONLY = ("POST", "/v1/sessions")  # a token cannot make another one


def routes():
    table = re.findall(r'\{"([A-Z]+)", "(/[^"]*)", TG_CALLER_([A-Z]+),', (SOURCE / "approval_service/route.c").read_text())
    assert len(table) > 20
    return {(method, path): who for method, path, who in table}


def described():
    found, path = {}, ""
    for line in (SOURCE / "docs/openapi.yaml").read_text().split("\ncomponents:")[0].splitlines():
        if match := re.fullmatch(r"  (/\S*):", line):
            path = re.sub(r"\{[a-z]+\}", "*", match[1])
        elif match := re.fullmatch(r"    (get|put|post|patch|delete):", line):
            key = (match[1].upper(), path)
        elif match := re.fullmatch(r"      security: (\[.*\])", line):
            found[key] = match[1]
    return found


def test_openapi_has_every_route_with_its_callers():
    expected = {key: SECURITY[who] for key, who in routes().items()}
    expected[SIGNED_ONLY] = SECURITY["HOST"]
    assert described() == expected


def test_protocol_has_every_route():
    text = (SOURCE / "docs/protocol.md").read_text()
    calls = {(method, re.sub(r"\?.*|/(ID|SID|NAME)(?=/|$)", lambda match: "/*" if match[1] else "", path))
             for method, path in re.findall(r"^\| `([A-Z]+) (/\S+?)` \|", text, re.MULTILINE)}
    assert calls == set(routes())
