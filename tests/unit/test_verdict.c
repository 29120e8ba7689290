/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verdict as a table: what differs from a login that is allowed, and the reason that it is then refused
 * for. Every reason that the verdict can give has a row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NOW        (WORLD_TIME + 60)
#define CONFINED   "people/alice/confined=1 rules/0/options+=\"port-forwarding\""
#define EXTENSIBLE "rules/0/max_extension_seconds=3600"

struct row {
    enum tg_reason reason;
    const char *what;
    const char *policy;      /* changes, see world.h */
    const char *ticket;      /* likewise */
    const char *approvals;   /* see world.h; NULL: "bob@30" */
    const char *revocations; /* likewise */
    void (*certificate)(struct tg_certificate *certificate);
    const char *login_key; /* of the certificate; NULL: alice's */
    const char *authority; /* NULL: the policy's */
    const char *host;      /* NULL: ops1 */
    const char *account;   /* NULL: alice */
    const char *source;    /* NULL: not known */
    int64_t now;           /* 0: NOW */
    enum tg_ticket_state state;
    uint32_t sessions_opened;
    bool without_certificate;
    bool without_policy;
    bool without_ticket;
    const char *detail; /* must be part of the verdict's detail */
    int64_t ends;       /* if not 0: must be the verdict's, seconds after WORLD_TIME */
};

static void is_for_a_host(struct tg_certificate *certificate)
{
    certificate->type = TG_CERTIFICATE_HOST;
}

static void begins_later(struct tg_certificate *certificate)
{
    certificate->valid_after = NOW + 1;
}

static void begins_now(struct tg_certificate *certificate)
{
    certificate->valid_after = NOW;
}

static void ends_now(struct tg_certificate *certificate)
{
    certificate->valid_before = NOW;
}

static void ends_next(struct tg_certificate *certificate)
{
    certificate->valid_before = NOW + 1;
}

static void lives_too_long(struct tg_certificate *certificate)
{
    certificate->valid_before = certificate->valid_after + 3600 + TG_CLOCK_SKEW + 1;
}

static void lives_as_long_as_may_be(struct tg_certificate *certificate)
{
    certificate->valid_before = certificate->valid_after + 3600 + TG_CLOCK_SKEW;
}

static void lives_for_ever(struct tg_certificate *certificate)
{
    certificate->valid_before = UINT64_MAX;
}

static void names_nobody(struct tg_certificate *certificate)
{
    certificate->principal_count = 0;
}

static void names_mallory(struct tg_certificate *certificate)
{
    certificate->principals[0] = "mallory";
}

static void has_an_unknown_option(struct tg_certificate *certificate)
{
    certificate->unknown_critical_option = "no-such@example.com";
}

static void is_for_a_network(struct tg_certificate *certificate)
{
    certificate->source_address = "192.0.2.0/24,2001:db8::/32";
}

static void is_for_a_broken_network(struct tg_certificate *certificate)
{
    certificate->source_address = "192.0.2.0/33,0.0.0.0/0";
}

static const struct row rows[] = {
    {TG_allowed, "alice's ticket, approved by bob", .ends = 30 + 1800},
    {TG_allowed, "without a certificate, only the ticket is judged", .without_certificate = true},

    /* The policy. */
    {TG_policy_missing, "no policy", .without_policy = true},
    {TG_policy_expired, "the policy ends now", .policy = "expires=1800000060"},
    {TG_allowed, "the policy ends next", .policy = "expires=1800000061"},

    /* The certificate. */
    {TG_certificate_not_user, "a host certificate", .certificate = is_for_a_host},
    {TG_certificate_ca_unknown, "by a CA that is not in the policy", .authority = KEY_OTHER_CA},
    {TG_certificate_ca_unknown, "by a person's key", .authority = KEY_ALICE},
    {TG_certificate_not_yet_valid, "valid from the next second", .certificate = begins_later},
    {TG_allowed, "valid from this second", .certificate = begins_now},
    {TG_certificate_expired, "valid until this second", .certificate = ends_now},
    {TG_allowed, "valid until the next second", .certificate = ends_next},
    {TG_certificate_lifetime, "a second too long", .certificate = lives_too_long, .detail = "at most 3600"},
    {TG_allowed, "as long as ssh-keygen's rounding needs", .certificate = lives_as_long_as_may_be},
    {TG_certificate_lifetime, "for ever", .certificate = lives_for_ever},
    {TG_certificate_no_principals, "no principal", .certificate = names_nobody},
    {TG_certificate_principal, "alice's key, mallory's name", .certificate = names_mallory,
     .detail = "by alice"},
    {TG_certificate_critical_option, "an unknown critical option", .certificate = has_an_unknown_option,
     .detail = "no-such@example.com"},
    {TG_certificate_source, "from outside of its networks", .certificate = is_for_a_network,
     .source = "198.51.100.1"},
    {TG_certificate_source, "its list of networks is broken", .certificate = is_for_a_broken_network,
     .source = "192.0.2.1"},
    {TG_allowed, "from one of its networks", .certificate = is_for_a_network, .source = "2001:db8::7"},
    {TG_allowed, "its networks, and no source known yet", .certificate = is_for_a_network},
    {TG_certificate_revoked, "key revoked", .policy = "revoked/keys+=\"@alice\""},
    {TG_certificate_revoked, "key revoked, and no ticket either", .policy = "revoked/keys+=\"@alice\"",
     .without_ticket = true},
    {TG_certificate_revoked, "key revoked, no certificate", .policy = "revoked/keys+=\"@alice\"",
     .without_certificate = true},
    {TG_certificate_revoked, "CA revoked", .policy = "revoked/keys+=\"@ca\""},
    {TG_certificate_revoked, "serial revoked", .policy = "revoked/serials+=\"42\""},
    {TG_certificate_revoked, "key id revoked", .policy = "revoked/key_ids+=\"alice@laptop\""},
    {TG_certificate_revoked, "the list: key revoked", .revocations = "key=alice"},
    {TG_certificate_revoked, "the list: key revoked, no certificate", .revocations = "key=alice",
     .without_certificate = true},
    {TG_certificate_revoked, "the list: CA revoked", .revocations = "key=ca"},
    {TG_certificate_revoked, "the list: serial revoked", .revocations = "serial=7 serial=42"},
    {TG_certificate_revoked, "the list: key id revoked", .revocations = "key_id=alice@laptop"},
    {TG_allowed, "the list: others are revoked", .revocations = "key=erin serial=43 key_id=alice"},
    {TG_allowed, "the list: the same of another CA",
     .revocations = "other:serial=42 other:key_id=alice@laptop"},
    {TG_approver_unknown, "the list: the approver's key revoked", .revocations = "key=bob"},
    {TG_allowed, "the list: another's approval counts", .revocations = "key=bob",
     .approvals = "bob@30 carol@40", .ends = 40 + 1800},
    {TG_allowed, "others are revoked", .policy = "revoked/serials+=\"43\" revoked/key_ids+=\"alice\""},
    {TG_certificate_software_key, "a plain key under a hardware rule", .policy = "rules/0/hardware_key=1"},
    {TG_certificate_software_key, "the same, without certificate", .policy = "rules/0/hardware_key=1",
     .without_certificate = true},
    {TG_certificate_software_key, "a security key that nobody attested", .policy = "rules/0/hardware_key=1",
     .ticket = "key=\"@alice_sk\"", .login_key = KEY_ALICE_SK, .approvals = "henry@30:sk"},
    {TG_allowed, "an attested security key, and another approves",
     .policy = "rules/0/hardware_key=1 people/alice/keys/1/attested=1", .ticket = "key=\"@alice_sk\"",
     .login_key = KEY_ALICE_SK, .approvals = "henry@30:sk"},
    {TG_certificate_key_unknown, "the key was taken out of the policy", .policy = "people/alice/keys=[]"},
    {TG_certificate_key_unknown, "a key that a CA invented", .ticket = "key=\"@erin\"",
     .login_key = KEY_ERIN},
    {TG_certificate_key_unknown, "the same, without certificate", .ticket = "key=\"@erin\"",
     .without_certificate = true},

    /* The ticket. */
    {TG_ticket_none, "no ticket", .without_ticket = true},
    {TG_ticket_none, "somebody else's ticket", .certificate = names_mallory, .login_key = KEY_MALLORY},
    {TG_ticket_other_host, "another host", .host = "ops3", .detail = "ops1"},
    {TG_ticket_other_account, "another account", .account = "deploy", .detail = "alice"},
    {TG_ticket_other_key, "another of alice's keys", .login_key = KEY_ALICE_SK},
    {TG_ticket_other_source, "another network", .ticket = "source=[\"192.0.2.0/24\"]", .source = "192.0.3.1"},
    {TG_ticket_other_source, "no address at all", .ticket = "source=[\"192.0.2.0/24\"]", .source = "UNKNOWN"},
    {TG_allowed, "the ticket's network", .ticket = "source=[\"192.0.2.0/24\"]", .source = "192.0.2.1"},
    {TG_allowed, "the ticket's network, mapped", .ticket = "source=[\"192.0.2.0/24\"]",
     .source = "::ffff:192.0.2.1"},
    {TG_ticket_denied, "denied", .state = TG_TICKET_DENIED},
    {TG_ticket_cancelled, "cancelled", .state = TG_TICKET_CANCELLED},
    {TG_ticket_released, "released", .state = TG_TICKET_RELEASED},
    {TG_ticket_revoked, "revoked", .state = TG_TICKET_REVOKED},
    {TG_ticket_revoked, "a state that nobody knows", .state = (enum tg_ticket_state)77},
    {TG_ticket_used_up, "exhausted, says the service", .state = TG_TICKET_EXHAUSTED},
    {TG_ticket_late, "expired, says the service", .state = TG_TICKET_EXPIRED},
    {TG_ticket_lapsed, "lapsed, says the service", .state = TG_TICKET_LAPSED},
    {TG_ticket_revoked, "revoked wins over pending", .state = TG_TICKET_REVOKED, .approvals = ""},
    {TG_allowed, "pending, says the service, but the signatures are there", .state = TG_TICKET_PENDING},
    {TG_ticket_used_up, "both sessions opened", .ticket = "sessions=2", .sessions_opened = 2,
     .detail = "2 of 2"},
    {TG_ticket_extension, "an extension of counted sessions", .policy = EXTENSIBLE,
     .ticket = "sessions=2 extends=\"T-00000000000ZZ\"", .detail = "T-00000000000ZZ"},
    {TG_allowed, "the same, without certificate", .policy = EXTENSIBLE,
     .ticket = "sessions=2 extends=\"T-00000000000ZZ\"", .without_certificate = true},
    {TG_allowed, "an extension where any number may be opened", .policy = EXTENSIBLE,
     .ticket = "extends=\"T-00000000000ZZ\""},
    {TG_allowed, "one of two sessions opened", .ticket = "sessions=2", .sessions_opened = 1},
    {TG_ticket_lapsed, "nobody approved until approve_by", .approvals = "", .now = WORLD_TIME + 3601},
    {TG_ticket_pending, "approve_by is now", .approvals = "", .now = WORLD_TIME + 3600},
    {TG_ticket_early, "not_before is next", .ticket = "not_before=1800000061", .detail = "1 second"},
    {TG_allowed, "not_before is now", .ticket = "not_before=1800000060", .ends = 60 + 1800},
    {TG_ticket_early, "approved by a clock that is a little ahead", .approvals = "bob@61"},
    {TG_ticket_late, "the window ends now", .now = WORLD_TIME + 30 + 1800},
    {TG_allowed, "the window ends next", .now = WORLD_TIME + 30 + 1800 - 1},
    {TG_ticket_late, "an approver shortened it", .approvals = "bob@10:s50"},
    {TG_allowed, "an approver shortened it to the next second", .approvals = "bob@10:s51", .ends = 61},
    {TG_allowed, "an approver cannot lengthen it", .approvals = "bob@10:s9000", .ends = 10 + 1800},
    {TG_ticket_from_future, "created too far ahead", .ticket = "created=1800000181", .detail = "121 seconds"},
    {TG_allowed, "created a little ahead", .ticket = "created=1800000180", .approvals = "bob@60"},
    {TG_ticket_uid, "alice has another uid now", .policy = "people/alice/uid=20300", .detail = "20300"},
    {TG_ticket_uid, "uid 0", .ticket = "uid=0"},
    {TG_ticket_uid, "a shared account's uid", .ticket = "rule=\"shared\" account=\"deploy\" uid=20001",
     .account = "deploy"},
    {TG_allowed, "a shared account", .ticket = "rule=\"shared\" account=\"deploy\" uid=20100",
     .account = "deploy"},
    {TG_allowed, "a host's own account", .policy = "rules/3/accounts/0=\"ubuntu\"",
     .ticket = "rule=\"shared\" account=\"ubuntu\" uid=0", .account = "ubuntu"},
    {TG_requester_unknown, "alice left",
     .policy = "people/alice people/zoe={\"uid\":20400,\"groups\":[\"dev\"],\"keys\":[],\"disabled\":0}",
     .detail = "alice"},
    {TG_requester_disabled, "alice is disabled", .policy = "people/alice/disabled=1", .detail = "alice"},

    /* The rule. */
    {TG_rule_gone, "the rule is gone", .ticket = "rule=\"three\"", .detail = "three"},
    {TG_rule_narrowed, "requester", .policy = "rules/0/requesters/0=\"lead\"", .detail = "requester:"},
    {TG_rule_narrowed, "account", .policy = "rules/0/accounts/0=\"deploy\" rules/0/sudo=[]",
     .detail = "account:"},
    {TG_rule_narrowed, "a shared account that this rule does not name",
     .ticket = "account=\"deploy\" uid=20100", .account = "deploy", .detail = "account: deploy"},
    {TG_rule_narrowed, "the shared account is gone",
     .policy = "accounts/deploy rules/3/accounts/0=\"ubuntu\"",
     .ticket = "rule=\"shared\" account=\"deploy\" uid=20100", .account = "deploy", .detail = "account:"},
    {TG_rule_narrowed, "another person's account", .policy = "rules/3/accounts+=\"self\"",
     .ticket = "rule=\"shared\" account=\"bob\" uid=20002", .account = "bob", .detail = "account: bob",
     .approvals = "carol@30"},
    {TG_rule_narrowed, "hosts", .policy = "rules/0/hosts/0=\"ops1\"", .detail = "hosts: ops2"},
    {TG_rule_narrowed, "emergency", .ticket = "emergency=1", .detail = "emergency:"},
    {TG_allowed, "an emergency", .policy = "rules/0/emergency=1", .ticket = "emergency=1"},
    {TG_rule_narrowed, "groups", .ticket = "groups=[\"docker\"]", .detail = "groups: docker"},
    {TG_allowed, "a granted group", .policy = "rules/0/groups=[\"docker\"]", .ticket = "groups=[\"docker\"]"},
    {TG_rule_narrowed, "sudo", .ticket = "sudo=[\"operator\",\"admin\"]", .detail = "sudo: admin"},
    {TG_rule_narrowed, "options", .ticket = "options=[\"pty\",\"x11\"]", .detail = "options: x11"},
    {TG_rule_narrowed, "permit_open", .ticket = "permit_open=[\"db1:5432\"]", .detail = "permit_open: db1"},
    {TG_rule_narrowed, "permit_open of another port", .policy = "rules/0/permit_open=[\"db*:5432\"]",
     .ticket = "permit_open=[\"db1:22\"]", .detail = "permit_open: db1:22"},
    {TG_rule_narrowed, "an IPv6 destination is no pattern", .policy = "rules/0/permit_open=[\"[::1]:5432\"]",
     .ticket = "permit_open=[\"1:5432\"]", .detail = "permit_open: 1:5432"},
    {TG_rule_narrowed, "forwarding anywhere where the rule names destinations",
     .policy = "rules/0/permit_open=[\"db*:5432\"] rules/0/options+=\"port-forwarding\"",
     .ticket = "options=[\"port-forwarding\"]", .detail = "permit_open: port-forwarding"},
    {TG_allowed, "a granted destination", .policy = "rules/0/permit_open=[\"db*:5432\"]",
     .ticket = "permit_open=[\"db1:5432\"]"},
    {TG_allowed, "a destination where all are granted", .policy = "rules/0/options+=\"port-forwarding\"",
     .ticket = "permit_open=[\"[::1]:5432\"]"},
    {TG_rule_narrowed, "a confined person's destination by name", .policy = CONFINED,
     .ticket = "permit_open=[\"db1:5432\"]", .detail = "permit_open: db1:5432 must be an address"},
    {TG_allowed, "by IPv4 address", .policy = CONFINED, .ticket = "permit_open=[\"192.0.2.1:5432\"]"},
    {TG_allowed, "by IPv6 address", .policy = CONFINED, .ticket = "permit_open=[\"[2001:db8::1]:5432\"]"},
    {TG_rule_narrowed, "by an address that is none", .policy = CONFINED,
     .ticket = "permit_open=[\"192.0.2.256:5432\"]", .detail = "must be an address"},
    {TG_allowed, "by name, for somebody who is not confined",
     .policy = "people/bob/confined=1 rules/0/options+=\"port-forwarding\"",
     .ticket = "permit_open=[\"db1:5432\"]"},
    {TG_rule_narrowed, "a confined shared account's destination by name",
     .policy = "accounts/deploy/confined=1 rules/3/options+=\"port-forwarding\"",
     .ticket = "rule=\"shared\" account=\"deploy\" uid=20100 permit_open=[\"db1:5432\"]", .account = "deploy",
     .detail = "must be an address"},
    {TG_rule_narrowed, "no source where the rule wants one", .policy = "rules/0/sources=[\"192.0.2.0/24\"]",
     .detail = "source:"},
    {TG_rule_narrowed, "a wider source", .policy = "rules/0/sources=[\"192.0.2.0/24\"]",
     .ticket = "source=[\"192.0.0.0/16\"]", .detail = "source: 192.0.0.0/16"},
    {TG_allowed, "a narrower source", .policy = "rules/0/sources=[\"192.0.2.0/24\"]",
     .ticket = "source=[\"192.0.2.128/25\"]"},
    {TG_rule_narrowed, "sessions", .policy = "rules/0/sessions=2", .detail = "sessions:"},
    {TG_rule_narrowed, "more sessions", .policy = "rules/0/sessions=2", .ticket = "sessions=3",
     .detail = "sessions:"},
    {TG_allowed, "as many sessions", .policy = "rules/0/sessions=2", .ticket = "sessions=2"},
    {TG_rule_narrowed, "seconds", .policy = "rules/0/max_seconds=1799", .detail = "seconds: 1800"},
    {TG_allowed, "as many seconds", .policy = "rules/0/max_seconds=1800"},
    {TG_rule_narrowed, "an extension where there is none", .ticket = "extends=\"T-00000000000ZZ\"",
     .detail = "extends: the rule's sessions cannot be extended"},
    {TG_rule_narrowed, "too long an extension", .policy = "rules/0/max_extension_seconds=1799",
     .ticket = "extends=\"T-00000000000ZZ\"", .detail = "extends: by 1800 seconds, at most 1799"},
    {TG_allowed, "as long an extension", .policy = "rules/0/max_extension_seconds=1800",
     .ticket = "extends=\"T-00000000000ZZ\""},
    {TG_rule_narrowed, "an extension is a ticket too",
     .policy = "rules/0/max_extension_seconds=3600 rules/0/max_seconds=1799",
     .ticket = "extends=\"T-00000000000ZZ\"", .detail = "seconds: 1800"},
    {TG_rule_narrowed, "approve_by", .policy = "limits/approve_by_seconds=3599", .detail = "approve_by:"},
    {TG_allowed, "as late an approve_by", .policy = "limits/approve_by_seconds=3600"},

    /* The approvals. */
    {TG_ticket_pending, "no approvals", .approvals = "", .detail = "still needed: 1 of sre"},
    {TG_approvals_missing, "one of two", .ticket = "rule=\"two\"", .detail = "still needed: 1 of sre"},
    {TG_approvals_missing, "one of both groups", .ticket = "rule=\"both\"",
     .detail = "still needed: 1 of lead"},
    {TG_allowed, "two of two", .ticket = "rule=\"two\"", .approvals = "carol@40 bob@30", .ends = 40 + 1800},
    {TG_allowed, "the window begins with the last needed approval", .approvals = "carol@40 erin@50 bob@30",
     .ends = 30 + 1800},
    {TG_allowed, "an approval that is not needed shortens nothing", .approvals = "carol@40:s1 bob@30",
     .ends = 30 + 1800},
    {TG_allowed, "the shortest of those needed counts", .ticket = "rule=\"two\"",
     .approvals = "carol@40 bob@30:s600", .ends = 40 + 600},
    {TG_approval_malformed, "malformed on arrival", .approvals = "!approval_malformed"},
    {TG_approval_other_ticket, "for another ticket, on arrival",
     .approvals = "bob@30:!approval_other_ticket"},
    {TG_approval_other_ticket, "for another ticket", .approvals = "bob@30:other"},
    {TG_approval_namespace, "another namespace", .approvals = "!approval_namespace"},
    {TG_approval_signature, "a wrong signature", .approvals = "!approval_signature"},
    {TG_approval_by_certificate, "by a certificate", .approvals = "!approval_by_certificate"},
    {TG_approval_no_touch, "without a touch", .approvals = "!approval_no_touch"},
    {TG_approval_origin, "from another web page", .approvals = "!approval_origin"},
    {TG_allowed, "a bad approval does not spoil a good one",
     .approvals = "!approval_signature bob@30 mallory@31"},
    {TG_internal_error, "sound, but there is none", .approvals = "!allowed"},
    {TG_approval_no_user_verification, "the rule wants user verification",
     .policy = "rules/0/user_verification=1", .approvals = "henry@30:sk"},
    {TG_approval_no_user_verification, "the rule wants it of plain keys too",
     .policy = "rules/0/user_verification=1"},
    {TG_approval_no_user_verification, "the key's entry wants it", .policy = "people/henry/keys/0/uv=1",
     .approvals = "henry@30:sk"},
    {TG_allowed, "user verified", .policy = "rules/0/user_verification=1", .approvals = "henry@30:sk:uv"},
    {TG_approval_synced_key, "a passkey under a hardware rule",
     .policy = "rules/0/hardware_key=1 people/alice/keys/1/attested=1", .ticket = "key=\"@alice_sk\"",
     .login_key = KEY_ALICE_SK, .approvals = "henry@30:sk:be"},
    {TG_approval_software_key, "a plain key approves under a hardware rule",
     .policy = "rules/0/hardware_key=1 people/alice/keys/1/attested=1", .ticket = "key=\"@alice_sk\"",
     .login_key = KEY_ALICE_SK, .detail = "by bob"},
    {TG_approval_software_key, "a security key that nobody attested approves",
     .policy = "rules/0/hardware_key=1 people/alice/keys/1/attested=1", .ticket = "key=\"@alice_sk\"",
     .login_key = KEY_ALICE_SK, .approvals = "henry/1@30:sk"},
    {TG_allowed, "a passkey where hardware is not asked for", .approvals = "henry@30:sk:be"},
    {TG_approval_by_requester, "alice herself", .approvals = "alice@30", .detail = "by alice"},
    {TG_approval_same_person, "bob with both his keys", .ticket = "rule=\"two\"",
     .approvals = "bob@30 bob/1@31", .detail = "by bob; still needed: 1 of sre"},
    {TG_approvals_missing, "bob twice, but a lead is missing", .ticket = "rule=\"both\"",
     .approvals = "bob@30 bob/1@31", .detail = "still needed: 1 of lead"},
    {TG_allowed, "bob twice: the earlier counts", .approvals = "bob@40:s600 bob/1@30", .ends = 30 + 1800},
    {TG_approval_two_groups, "carol for both groups", .ticket = "rule=\"both\"", .approvals = "carol@30",
     .detail = "by carol"},
    {TG_approval_two_groups, "carol for both groups, twice", .ticket = "rule=\"both\"",
     .approvals = "carol@30 carol@31"},
    {TG_allowed, "carol moves over for bob", .ticket = "rule=\"both\"", .approvals = "carol@30 bob@31",
     .ends = 31 + 1800},
    {TG_allowed, "carol moves over for dave", .ticket = "rule=\"both\"", .approvals = "carol@30 dave@31"},
    {TG_approval_not_in_group, "dave is no sre", .approvals = "dave@30",
     .detail = "by dave; still needed: 1 of sre"},
    {TG_approver_unknown, "nobody knows zoe", .approvals = "zoe@30", .detail = "by zoe"},
    {TG_approver_unknown, "bob's key was taken out", .policy = "people/bob/keys=[]"},
    {TG_approver_unknown, "with carol's key", .approvals = "bob=carol@30"},
    {TG_approver_unknown, "bob's key was revoked", .policy = "revoked/keys+=\"@bob\""},
    {TG_approver_disabled, "bob is disabled", .policy = "people/bob/disabled=1", .detail = "by bob"},
    {TG_approval_early, "long before the ticket", .approvals = "bob@-121"},
    {TG_allowed, "a little before the ticket", .approvals = "bob@-120"},
    {TG_approval_late, "after approve_by", .ticket = "approve_by=1800000029", .detail = "by bob"},
    {TG_allowed, "at approve_by", .ticket = "approve_by=1800000030"},
    {TG_ticket_lapsed, "no use at all, and too late", .ticket = "approve_by=1800000050",
     .approvals = "dave@30"},
    {TG_approval_future, "too far ahead", .approvals = "bob@181", .detail = "by bob"},
    {TG_ticket_early, "as far ahead as may be", .approvals = "bob@180"},
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

/* Without its keys. */
static struct tg_certificate alices_certificate(const char **principals, int64_t now)
{
    return (struct tg_certificate){
        .type = TG_CERTIFICATE_USER,
        .serial = 42,
        .key_id = "alice@laptop",
        .principals = principals,
        .principal_count = 1,
        .valid_after = (uint64_t)now - 60,
        .valid_before = (uint64_t)now - 60 + 3600,
    };
}

/* Says what is wrong and returns false, so that one run shows every row that fails. */
static bool judge_row(const struct row *row)
{
    /* What a changed policy no longer has, an approval may still have been made with. */
    struct tg_policy *before = world_policy(NULL), *policy = world_policy(row->policy);
    struct tg_krl *revocations = world_revocations(row->revocations);
    policy->revocations = revocations;
    struct tg_held_ticket held = {
        .ticket = world_ticket(row->ticket), .state = row->state, .sessions_opened = row->sessions_opened};
    world_hold_approvals(before, row->approvals, &held);
    const char *principals[] = {"alice"};
    struct tg_certificate certificate = alices_certificate(principals, row->now != 0 ? row->now : NOW);
    certificate.key = world_key(row->login_key != NULL ? row->login_key : KEY_ALICE);
    certificate.authority = world_key(row->authority != NULL ? row->authority : KEY_CA);
    if (row->certificate != NULL)
        row->certificate(&certificate);
    const struct tg_connection connection = {.host = row->host != NULL ? row->host : "ops1",
                                             .account = row->account != NULL ? row->account : "alice",
                                             .source = row->source};
    const struct tg_held_ticket *tickets[] = {&held};
    struct tg_verdict verdict;
    tg_verdict(row->without_policy ? NULL : policy, tickets, row->without_ticket ? 0 : 1,
               row->without_certificate ? NULL : &certificate, &connection, row->now != 0 ? row->now : NOW,
               &verdict);
    bool right = verdict.reason == row->reason &&
                 (row->detail == NULL || strstr(verdict.detail, row->detail) != NULL) &&
                 (row->ends == 0 || verdict.ends == WORLD_TIME + row->ends);
    if (!right)
        print_error("%s: %s (%s), ends %" PRId64 ", not %s (%s)\n", row->what, tg_reason_name(verdict.reason),
                    verdict.detail, verdict.ends - WORLD_TIME, tg_reason_name(row->reason),
                    row->detail != NULL ? row->detail : "");
    tg_public_key_free(certificate.key);
    tg_public_key_free(certificate.authority);
    world_release(&held);
    tg_policy_free(policy);
    tg_policy_free(before);
    tg_krl_free(revocations);
    return right;
}

static void test_rows(void **state)
{
    (void)state;
    bool right = true;
    for (size_t i = 0; i < ROW_COUNT; i++)
        right = judge_row(&rows[i]) && right;
    assert_true(right);
}

/* Reasons of the first blocks that other functions give before there is anything to judge. */
static bool is_given_elsewhere(enum tg_reason reason)
{
    return reason == TG_policy_malformed || reason == TG_policy_unsigned || reason == TG_policy_early ||
           reason == TG_policy_old || reason == TG_certificate_missing ||
           reason == TG_certificate_malformed || reason == TG_certificate_signature ||
           reason == TG_ticket_malformed || reason == TG_extension_differs;
}

static void test_every_reason_has_a_row(void **state)
{
    static const enum tg_reason reasons[] = {
#define REASON(name, number, text, advice) TG_##name,
#include "lib/reason.def"
#undef REASON
    };
    (void)state;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        bool found = reasons[i] >= TG_not_admitted || is_given_elsewhere(reasons[i]);
        for (size_t j = 0; j < ROW_COUNT && !found; j++)
            found = rows[j].reason == reasons[i];
        if (!found)
            fail_msg("%s has no row", tg_reason_name(reasons[i]));
    }
}

/* --- Several tickets
 * ---------------------------------------------------------------------------------------------- */

/* Judges two tickets in both orders: the first must be the one that the verdict names. */
static void assert_first_wins(const char *first, const char *first_approvals, const char *second,
                              const char *second_approvals, enum tg_reason reason)
{
    struct tg_policy *policy = world_policy(NULL);
    struct tg_held_ticket a = {.ticket = world_ticket(first)}, b = {.ticket = world_ticket(second)};
    const struct tg_connection connection = {.host = "ops1", .account = "alice"};
    world_hold_approvals(policy, first_approvals, &a);
    world_hold_approvals(policy, second_approvals, &b);
    for (int order = 0; order < 2; order++) {
        const struct tg_held_ticket *tickets[] = {order == 0 ? &a : &b, order == 0 ? &b : &a};
        struct tg_verdict verdict;
        tg_verdict(policy, tickets, 2, NULL, &connection, NOW, &verdict);
        assert_int_equal(verdict.reason, reason);
        assert_ptr_equal(verdict.ticket, &a);
        if (reason == TG_allowed)
            assert_string_equal(verdict.rule->id, a.ticket->rule);
    }
    world_release(&a);
    world_release(&b);
    tg_policy_free(policy);
}

static void test_best_ticket(void **state)
{
    (void)state;
    assert_first_wins("seconds=600", NULL, "seconds=300", NULL, TG_allowed);
    assert_first_wins("id=\"T-00000000000ZZ\"", NULL, "id=\"T-00000000000AA\"", NULL, TG_allowed);
    assert_first_wins("created=1800000001", NULL, "id=\"T-ZZZZZZZZZZZZZ\"", NULL, TG_allowed);
    assert_first_wins("seconds=300", NULL, "seconds=600", "", TG_allowed);
}

static void test_nearest_miss(void **state)
{
    (void)state;
    assert_first_wins("rule=\"two\"", NULL, "hosts=[\"ops9\"]", NULL, TG_approvals_missing);
    assert_first_wins("account=\"bob\"", NULL, "hosts=[\"ops9\"]", NULL, TG_ticket_other_account);
    /* Yesterday's ticket does not hide today's. */
    assert_first_wins("created=1799999000", "", "seconds=10", "bob@0", TG_ticket_pending);
    assert_first_wins("created=1799999000", "", "approve_by=1800000001", "", TG_ticket_pending);
    assert_first_wins("id=\"T-00000000000ZZ\"", "", "id=\"T-00000000000AA\"", "", TG_ticket_pending);
}

/* Nor does an extension hide a ticket that is still to be approved. */
static void test_extension_is_no_near_miss(void **state)
{
    (void)state;
    const char *principals[] = {"alice"};
    struct tg_policy *policy = world_policy(EXTENSIBLE);
    struct tg_held_ticket pending = {.ticket = world_ticket(NULL)};
    struct tg_held_ticket extension = {
        .ticket =
            world_ticket("id=\"T-0000000000001\" extends=\"T-00000000000ZZ\" sessions=1 created=1800000001")};
    const struct tg_held_ticket *tickets[] = {&pending, &extension};
    const struct tg_connection connection = {.host = "ops1", .account = "alice"};
    struct tg_certificate certificate = alices_certificate(principals, NOW);
    struct tg_verdict verdict;
    certificate.key = world_key(KEY_ALICE);
    certificate.authority = world_key(KEY_CA);
    world_hold_approvals(policy, NULL, &extension);
    tg_verdict(policy, tickets, 2, &certificate, &connection, NOW, &verdict);
    assert_int_equal(verdict.reason, TG_ticket_pending);
    assert_ptr_equal(verdict.ticket, &pending);
    tg_public_key_free(certificate.key);
    tg_public_key_free(certificate.authority);
    world_release(&pending);
    world_release(&extension);
    tg_policy_free(policy);
}

static void test_missing(void **state)
{
    (void)state;
    struct tg_policy *policy = world_policy(NULL);
    struct tg_held_ticket held = {.ticket = world_ticket("rule=\"both\"")};
    const struct tg_rule *rule = tg_policy_rule(policy, "both");
    uint32_t missing[2] = {9, 9};
    int64_t begins, ends;
    world_hold_approvals(policy, "dave@30", &held);
    assert_int_equal(tg_verdict_approvals(policy, rule, &held, NOW, &begins, &ends, missing, NULL, 0),
                     TG_approvals_missing);
    assert_int_equal(missing[0], 1);
    assert_int_equal(missing[1], 0);
    assert_int_equal(begins, 0);
    assert_int_equal(ends, 0);
    world_release(&held);
    tg_policy_free(policy);
}

/* What a hostile service sends beyond the limit is not looked at. */
static void test_too_many_approvals(void **state)
{
    (void)state;
    struct tg_policy *policy = world_policy(NULL);
    struct tg_held_ticket held = {.ticket = world_ticket(NULL)};
    struct tg_held_approval many[TG_APPROVALS_MAX + 1] = {0};
    int64_t begins, ends;
    char detail[160];
    world_hold_approvals(policy, NULL, &held);
    for (size_t i = 0; i < TG_APPROVALS_MAX; i++)
        many[i].refused = TG_approval_signature;
    many[TG_APPROVALS_MAX] = held.approvals[0];
    struct tg_held_ticket flooded = {
        .ticket = held.ticket, .approvals = many, .approval_count = TG_APPROVALS_MAX + 1};
    assert_int_equal(tg_verdict_approvals(policy, tg_policy_rule(policy, "one"), &flooded, NOW, &begins,
                                          &ends, NULL, detail, sizeof detail),
                     TG_approval_signature);
    world_release(&held);
    tg_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_every_reason_has_a_row),
        cmocka_unit_test(test_best_ticket),
        cmocka_unit_test(test_nearest_miss),
        cmocka_unit_test(test_extension_is_no_near_miss),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_too_many_approvals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
