"""Who works in the lab, and what the policy says about them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    name: str
    uid: int
    group: str
    address: str  # of the person's own machine
    security_key: bool = False


PEOPLE = (
    Person("alice", 20001, "developer", "10.77.0.101", security_key=True),
    Person("bob", 20002, "sre", "10.77.0.102", security_key=True),
    Person("carol", 20003, "sre", "10.77.0.103", security_key=True),
    Person("dave", 20004, "lead", "10.77.0.104", security_key=True),
    Person("mallory", 20005, "", "10.77.0.105"),
)
SHARED_ACCOUNTS = {"deploy": 20100}
UNIX_GROUPS = {"ops": 21000, "sysop": 21001, "restarter": 21002}


def rule(identifier, **changes):
    """A rule of the policy: what is not named asks for nothing and grants nothing."""
    return {"id": identifier, "hosts": ["ops*"], "accounts": ["self"], "requesters": [], "approvers": [], "max_seconds": 14400,
            "max_certificate_seconds": 3600, "hardware_key": 0, "user_verification": 0, "groups": [], "sudo": [], "options": [],
            "permit_open": [], "sources": [], "sessions": 0, "emergency": 0, **changes}


EVERYDAY_OPTIONS = ["pty", "agent-forwarding", "port-forwarding"]
RULES = [
    rule("developers", requesters=["developer"], approvers=[{"group": "sre", "count": 1}], groups=["ops"],
         options=EVERYDAY_OPTIONS, max_extension_seconds=7200),
    rule("deploy", accounts=["deploy"], requesters=["developer", "sre"],
         approvers=[{"group": "sre", "count": 1}, {"group": "lead", "count": 1}], options=EVERYDAY_OPTIONS),
    rule("operations", requesters=["sre"], approvers=[{"group": "lead", "count": 1}], groups=["ops"], options=EVERYDAY_OPTIONS,
         max_extension_seconds=7200),
    rule("hardware", requesters=["sre"], approvers=[{"group": "sre", "count": 1}], groups=["ops"], options=EVERYDAY_OPTIONS,
         hardware_key=1, user_verification=1),
    rule("administration", requesters=["developer", "sre"], approvers=[{"group": "sre", "count": 1}], groups=["ops"],
         sudo=["sysop", "restarter"], options=EVERYDAY_OPTIONS, max_extension_seconds=7200),
    rule("touch", requesters=["sre"], approvers=[{"group": "sre", "count": 1}], groups=["ops"], sudo=["sysop", "restarter"],
         options=EVERYDAY_OPTIONS, hardware_key=1, step_up=1),
]


def policy(keys, user_ca, host_ca, now):
    """`keys`: name -> [{key, attested, uv}]."""
    return {
        "v": 1,
        "serial": 1,
        "issued": now,
        "expires": now + 30 * 86400,
        "people": {person.name: {"uid": person.uid, "groups": [person.group] if person.group else [],
                                 "keys": keys[person.name], "disabled": 0} for person in PEOPLE},
        "accounts": {name: {"uid": uid} for name, uid in SHARED_ACCOUNTS.items()},
        "groups": {name: {"gid": gid} for name, gid in UNIX_GROUPS.items()},
        "user_ca": [user_ca],
        "host_ca": [host_ca],
        "rules": RULES,
        "revoked": {"keys": [], "serials": [], "key_ids": []},
        "limits": {"approve_by_seconds": 3600, "open_tickets": 500},
    }
