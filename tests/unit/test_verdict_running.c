/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verdict on a session that runs, as a table: what has happened since it was opened, whether it may go on
 * and until when. It was opened by alice's ticket, 30 s after its creation, for 1,800 s.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BEGAN = 30,
    ENDS = BEGAN + 1800, /* of the opening ticket's window, seconds after WORLD_TIME */
    NOW = 60,
    EXTENSIONS_MAX = 3,
};

#define EXTENSIBLE "rules/0/max_extension_seconds=3600"
#define BOUND      "rules/0/end_with_certificate=1"

/* A ticket that names the one that opened the session, of 600 seconds. */
struct extension {
    const char *approvals; /* NULL: there is no such extension */
    const char *changes;
    enum tg_ticket_state state;
};

struct row {
    enum tg_reason reason;
    const char *what;
    const char *policy;      /* changes, see world.h; NULL: EXTENSIBLE */
    const char *ticket;      /* likewise, of the ticket that opened it */
    const char *approvals;   /* of it; NULL: "bob@30" */
    const char *revocations; /* see world.h */
    enum tg_ticket_state state;
    uint32_t sessions_opened;
    struct extension extensions[EXTENSIONS_MAX];
    void (*certificate)(struct tg_certificate *certificate);
    const char *authority; /* NULL: the policy's */
    const char *host;      /* NULL: ops1 */
    const char *account;   /* NULL: alice */
    const char *source;
    int64_t limit; /* as known; 0: not yet. Like all times below in seconds after WORLD_TIME */
    int64_t now;   /* 0: NOW */
    bool without_certificate;
    bool without_policy;
    int64_t ends;        /* must be the right's; 0: ENDS */
    int64_t limit_after; /* likewise; 0: not compared */
    size_t carrier;      /* 0: the opening ticket carries it, else the number of the extension from 1 */
    const char *detail;  /* must be part of the right's detail */
};

static void ends_soon(struct tg_certificate *certificate)
{
    certificate->valid_before = WORLD_TIME + 100;
}

static void ends_in_the_extension(struct tg_certificate *certificate)
{
    certificate->valid_before = WORLD_TIME + ENDS + 100;
}

static void never_ends(struct tg_certificate *certificate)
{
    certificate->valid_before = UINT64_MAX;
}

static void begins_later(struct tg_certificate *certificate)
{
    certificate->valid_after = WORLD_TIME + 1000;
}

static void is_for_a_host(struct tg_certificate *certificate)
{
    certificate->type = TG_CERTIFICATE_HOST;
}

static void names_mallory(struct tg_certificate *certificate)
{
    certificate->principals[0] = "mallory";
}

static const struct row rows[] = {
    {TG_allowed, "nothing has happened", .limit_after = ENDS + 3600},
    {TG_allowed, "the window ends next", .now = ENDS - 1},
    {TG_ticket_late, "the window is over", .now = ENDS, .detail = "ended 0 seconds ago"},
    {TG_ticket_late, "an approver shortened it", .approvals = "bob@30:s60", .now = 90},
    {TG_allowed, "an approver shortened it to the next second", .approvals = "bob@30:s61", .now = 90,
     .ends = 91, .limit_after = 91 + 3600},

    /* What ends no session. */
    {TG_allowed, "its ticket is exhausted, says the service", .state = TG_TICKET_EXHAUSTED},
    {TG_allowed, "all sessions opened", .ticket = "sessions=1", .sessions_opened = 1},
    {TG_allowed, "the policy has expired", .policy = "expires=1800000060"},
    {TG_allowed, "the certificate has expired", .certificate = ends_soon, .now = 200},
    {TG_allowed, "the certificate is not valid yet, by a clock put right", .certificate = begins_later},
    {TG_allowed, "it was dated for ever", .certificate = never_ends},
    {TG_allowed, "the rule wants shorter certificates now", .policy = "rules/0/max_certificate_seconds=1"},
    {TG_allowed, "the clock was put right by a little", .ticket = "not_before=1800000180",
     .ends = 180 + 1800},
    {TG_ticket_early, "the clock was put right by more", .ticket = "not_before=1800000181",
     .detail = "begins in 121"},

    /* What does. */
    {TG_policy_missing, "no policy", .without_policy = true},
    {TG_certificate_missing, "no certificate", .without_certificate = true},
    {TG_ticket_revoked, "revoked", .state = TG_TICKET_REVOKED},
    {TG_ticket_released, "released", .state = TG_TICKET_RELEASED},
    {TG_ticket_denied, "denied", .state = TG_TICKET_DENIED},
    {TG_ticket_cancelled, "cancelled", .state = TG_TICKET_CANCELLED},
    {TG_ticket_lapsed, "lapsed", .state = TG_TICKET_LAPSED},
    {TG_ticket_late, "expired, says the service", .state = TG_TICKET_EXPIRED},
    {TG_certificate_not_user, "a host certificate", .certificate = is_for_a_host},
    {TG_certificate_ca_unknown, "the CA is gone", .authority = KEY_OTHER_CA},
    {TG_certificate_principal, "somebody else's name", .certificate = names_mallory},
    {TG_certificate_revoked, "key revoked", .policy = "revoked/keys+=\"@alice\""},
    {TG_certificate_revoked, "CA revoked", .policy = "revoked/keys+=\"@ca\""},
    {TG_certificate_revoked, "serial revoked", .policy = "revoked/serials+=\"42\""},
    {TG_certificate_revoked, "key id revoked", .policy = "revoked/key_ids+=\"alice@laptop\""},
    {TG_certificate_revoked, "the list: key revoked", .revocations = "key=alice"},
    {TG_certificate_revoked, "the list: CA revoked", .revocations = "key=ca"},
    {TG_certificate_revoked, "the list: serial revoked", .revocations = "serial=7 serial=42"},
    {TG_certificate_revoked, "the list: key id revoked", .revocations = "key_id=alice@laptop"},
    {TG_allowed, "the list: others are revoked", .revocations = "key=erin serial=43 key_id=alice"},
    {TG_allowed, "the list: the same of another CA",
     .revocations = "other:serial=42 other:key_id=alice@laptop"},
    {TG_approver_unknown, "the list: the approver's key revoked", .revocations = "key=bob"},
    {TG_certificate_key_unknown, "the key was taken out", .policy = "people/alice/keys=[]"},
    {TG_certificate_software_key, "the rule wants a security key now", .policy = "rules/0/hardware_key=1"},
    {TG_requester_disabled, "alice is disabled", .policy = "people/alice/disabled=1"},
    {TG_ticket_uid, "alice has another uid", .policy = "people/alice/uid=20300"},
    {TG_rule_gone, "the rule is gone", .policy = "rules/0/id=\"other\""},
    {TG_rule_narrowed, "the rule covers it no more", .policy = "rules/0/max_seconds=1799",
     .detail = "seconds:"},
    {TG_approver_disabled, "bob is disabled", .policy = "people/bob/disabled=1"},
    {TG_ticket_other_host, "another host", .host = "ops3"},
    {TG_ticket_other_account, "another account", .account = "deploy"},
    {TG_ticket_from_future, "created too far ahead", .ticket = "created=1800000181", .approvals = "bob@61"},
    {TG_ticket_other_source, "another address", .ticket = "source=[\"192.0.2.0/24\"]", .source = "192.0.3.1"},

    /* The certificate's end, where the rule says so. */
    {TG_allowed, "ends with the certificate", .policy = BOUND, .certificate = ends_soon, .ends = 100,
     .limit_after = ENDS},
    {TG_certificate_expired, "ended with the certificate", .policy = BOUND, .certificate = ends_soon,
     .now = 100},
    {TG_allowed, "a certificate without end", .policy = BOUND, .certificate = never_ends},
    {TG_allowed, "an extension goes on, but not beyond it", .policy = EXTENSIBLE " " BOUND,
     .certificate = ends_in_the_extension,
     .extensions = {{.approvals = "bob@1000", .changes = "seconds=3000"}}, .ends = ENDS + 100, .carrier = 1,
     .now = 1700},
    {TG_certificate_expired, "nor does an extension help", .policy = EXTENSIBLE " " BOUND,
     .certificate = ends_in_the_extension,
     .extensions = {{.approvals = "bob@1000", .changes = "seconds=3000"}}, .now = ENDS + 100},
    {TG_allowed, "the extension's rule alone says so",
     .policy = EXTENSIBLE " rules/1/max_extension_seconds=3600 rules/1/end_with_certificate=1",
     .certificate = ends_in_the_extension,
     .extensions = {{.approvals = "bob@1000 carol@1000", .changes = "seconds=3000 rule=\"two\""}},
     .ends = ENDS + 100, .carrier = 1, .now = 1700},
    {TG_certificate_expired, "the extension's rule alone has ended it",
     .policy = EXTENSIBLE " rules/1/max_extension_seconds=3600 rules/1/end_with_certificate=1",
     .certificate = ends_in_the_extension,
     .extensions = {{.approvals = "bob@1000 carol@1000", .changes = "seconds=3000 rule=\"two\""}},
     .now = ENDS + 100},
    {TG_allowed, "the opening rule binds an extension by another",
     .policy = EXTENSIBLE " " BOUND " rules/1/max_extension_seconds=3600",
     .certificate = ends_in_the_extension,
     .extensions = {{.approvals = "bob@1000 carol@1000", .changes = "seconds=3000 rule=\"two\""}},
     .ends = ENDS + 100, .carrier = 1, .now = 1700},

    /* Extensions. */
    {TG_allowed, "an approved one", .extensions = {{.approvals = "bob@1500"}}, .ends = 1500 + 600,
     .carrier = 1, .now = 1700},
    {TG_allowed, "an approved one, in its own time", .extensions = {{.approvals = "bob@1500"}}, .now = ENDS,
     .ends = 1500 + 600, .carrier = 1},
    {TG_ticket_late, "an approved one is over too", .extensions = {{.approvals = "bob@1500"}},
     .now = 1500 + 600},
    {TG_allowed, "one that ends earlier", .extensions = {{.approvals = "bob@100"}}},
    {TG_allowed, "one that nobody has approved", .extensions = {{.approvals = ""}}},
    {TG_ticket_late, "one that nobody has approved, and the time is over", .extensions = {{.approvals = ""}},
     .now = ENDS, .detail = "extension T-0000000000001: ticket_pending"},
    {TG_allowed, "begun at the end so far", .extensions = {{.approvals = "bob@1830"}}, .now = 1900,
     .ends = 1830 + 600, .carrier = 1},
    {TG_ticket_late, "begun after the end so far", .extensions = {{.approvals = "bob@1831"}}, .now = 1900},
    {TG_allowed, "a chain", .extensions = {{.approvals = "bob@2400"}, {.approvals = "bob@1800"}}, .now = 2500,
     .ends = 2400 + 600, .carrier = 1},
    {TG_allowed, "a chain, in the other order",
     .extensions = {{.approvals = "bob@1800"}, {.approvals = "bob@2400"}}, .now = 2500, .ends = 2400 + 600,
     .carrier = 2},
    {TG_ticket_late, "a chain with a gap",
     .extensions = {{.approvals = "bob@1800"}, {.approvals = "bob@2401"}}, .now = 2500},
    {TG_allowed, "of several the one that lasts",
     .extensions = {{.approvals = "bob@1000"}, {.approvals = "bob@1600"}, {.approvals = "bob@1500"}},
     .ends = 1600 + 600, .carrier = 2, .now = 1700},
    {TG_allowed, "one asks for more than the ticket gave",
     .policy = EXTENSIBLE " rules/0/groups=[\"docker\"]",
     .extensions = {{.approvals = "bob@1500", .changes = "groups=[\"docker\"]"}}, .now = 1700},
    {TG_allowed, "one names another ticket",
     .extensions = {{.approvals = "bob@1500", .changes = "extends=\"T-00000000000ZZ\""}}, .now = 1700},
    {TG_allowed, "one that is exhausted, says the service",
     .extensions = {{.approvals = "bob@1500", .state = TG_TICKET_EXHAUSTED}}, .now = ENDS, .ends = 1500 + 600,
     .carrier = 1},
    {TG_allowed, "all sessions opened, and extended", .ticket = "sessions=1", .sessions_opened = 1,
     .extensions = {{.approvals = "bob@1500", .changes = "sessions=1"}}, .now = ENDS, .ends = 1500 + 600,
     .carrier = 1},
    {TG_allowed, "one was revoked: what is left is the ticket",
     .extensions = {{.approvals = "bob@1500", .state = TG_TICKET_REVOKED}}, .now = 1700},
    {TG_ticket_late, "one was revoked in its own time",
     .extensions = {{.approvals = "bob@1500", .state = TG_TICKET_REVOKED}}, .now = ENDS,
     .detail = "extension T-0000000000001: ticket_revoked"},
    {TG_ticket_late, "one has expired, says the service",
     .extensions = {{.approvals = "bob@1500", .state = TG_TICKET_EXPIRED}}, .now = ENDS},
    {TG_allowed, "one has expired that was a link",
     .extensions = {{.approvals = "bob@1800", .state = TG_TICKET_EXPIRED}, {.approvals = "bob@2400"}},
     .now = 2500, .ends = 2400 + 600, .carrier = 2},
    {TG_allowed, "the ticket has expired, says the service", .state = TG_TICKET_EXPIRED, .now = ENDS,
     .extensions = {{.approvals = "bob@1500"}}, .ends = 1500 + 600, .limit_after = ENDS + 3600, .carrier = 1},
    {TG_ticket_revoked, "the ticket was revoked", .state = TG_TICKET_REVOKED, .limit = ENDS + 3600,
     .extensions = {{.approvals = "bob@50"}}},
    {TG_ticket_released, "the ticket was released", .state = TG_TICKET_RELEASED, .limit = ENDS + 3600,
     .extensions = {{.approvals = "bob@50"}}},
    {TG_certificate_revoked, "the key was revoked", .policy = EXTENSIBLE " revoked/keys+=\"@alice\"",
     .extensions = {{.approvals = "bob@50"}}},
    {TG_rule_gone, "the ticket's rule is gone, and so is the extension's", .limit = ENDS + 3600,
     .policy = "rules/0/id=\"other\"", .extensions = {{.approvals = "bob@50"}}},
    {TG_allowed, "the ticket's rule is gone, the extension's is not", .limit = ENDS + 3600,
     .policy = "rules/0/id=\"other\" rules/1/max_extension_seconds=3600",
     .extensions = {{.approvals = "bob@50 carol@50", .changes = "rule=\"two\""}}, .ends = 50 + 600,
     .carrier = 1},
    {TG_rule_gone, "the same, but the extension has not begun", .limit = ENDS + 3600,
     .policy = "rules/0/id=\"other\" rules/1/max_extension_seconds=3600",
     .extensions = {{.approvals = "bob@61 carol@61", .changes = "rule=\"two\""}}},
    {TG_rule_gone, "the same, but nobody knows the limit",
     .policy = "rules/0/id=\"other\" rules/1/max_extension_seconds=3600",
     .extensions = {{.approvals = "bob@50 carol@50", .changes = "rule=\"two\""}}},

    /* The limit. */
    {TG_allowed, "not beyond it", .policy = "rules/0/max_extension_seconds=600",
     .extensions = {{.approvals = "bob@1800"}, {.approvals = "bob@2300"}}, .ends = ENDS + 600,
     .limit_after = ENDS + 600, .carrier = 2, .now = 2350},
    {TG_ticket_late, "it is reached", .policy = "rules/0/max_extension_seconds=600",
     .extensions = {{.approvals = "bob@1800"}, {.approvals = "bob@2300"}}, .now = ENDS + 600,
     .detail = "max_extension_seconds"},
    {TG_allowed, "as given, whatever the rule says now", .limit = ENDS + 100,
     .extensions = {{.approvals = "bob@1800"}}, .ends = ENDS + 100, .limit_after = ENDS + 100, .carrier = 1,
     .now = 1820},
    {TG_ticket_late, "as given, and reached", .limit = ENDS + 100, .extensions = {{.approvals = "bob@1800"}},
     .now = ENDS + 100},
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

/* The tickets of one row. */
struct tickets {
    struct tg_held_ticket opening;
    struct tg_held_ticket extensions[EXTENSIONS_MAX];
    const struct tg_held_ticket *list[EXTENSIONS_MAX];
    size_t count;
};

static void make_extension(const struct tg_policy *policy, const struct extension *extension, size_t number,
                           struct tg_held_ticket *held)
{
    char changes[256];
    (void)snprintf(changes, sizeof changes,
                   "id=\"T-000000000000%zu\" extends=\"T-0123456789ABC\" seconds=600 %s", number,
                   extension->changes != NULL ? extension->changes : "");
    *held = (struct tg_held_ticket){.ticket = world_ticket(changes), .state = extension->state};
    world_hold_approvals(policy, extension->approvals, held);
}

static void make_tickets(const struct row *row, struct tickets *tickets)
{
    /* What a changed policy no longer has, an approval may still have been made with. */
    struct tg_policy *before = world_policy(NULL);
    *tickets = (struct tickets){.opening = {.ticket = world_ticket(row->ticket),
                                            .state = row->state,
                                            .sessions_opened = row->sessions_opened}};
    world_hold_approvals(before, row->approvals, &tickets->opening);
    for (size_t i = 0; i < EXTENSIONS_MAX && row->extensions[i].approvals != NULL; i++) {
        make_extension(before, &row->extensions[i], i + 1, &tickets->extensions[i]);
        tickets->list[tickets->count++] = &tickets->extensions[i];
    }
    tg_policy_free(before);
}

static void judge(const struct row *row, const struct tg_policy *policy, const struct tickets *tickets,
                  struct tg_right *right)
{
    const char *principals[] = {"alice"};
    struct tg_certificate certificate = {
        .key = world_key(KEY_ALICE),
        .authority = world_key(row->authority != NULL ? row->authority : KEY_CA),
        .type = TG_CERTIFICATE_USER,
        .serial = 42,
        .key_id = "alice@laptop",
        .principals = principals,
        .principal_count = 1,
        .valid_after = WORLD_TIME,
        .valid_before = WORLD_TIME + 3600,
    };
    if (row->certificate != NULL)
        row->certificate(&certificate);
    const struct tg_connection connection = {.host = row->host != NULL ? row->host : "ops1",
                                             .account = row->account != NULL ? row->account : "alice",
                                             .source = row->source};
    const struct tg_running_session session = {
        .ticket = &tickets->opening,
        .extensions = tickets->list,
        .extension_count = tickets->count,
        .certificate = row->without_certificate ? NULL : &certificate,
        .limit = row->limit != 0 ? WORLD_TIME + row->limit : 0,
    };
    tg_verdict_running(row->without_policy ? NULL : policy, &session, &connection,
                       WORLD_TIME + (row->now != 0 ? row->now : NOW), right);
    tg_public_key_free(certificate.key);
    tg_public_key_free(certificate.authority);
}

static bool is_as_expected(const struct row *row, const struct tickets *tickets, const struct tg_right *right)
{
    const struct tg_held_ticket *carrier =
        row->carrier == 0 ? &tickets->opening : tickets->list[row->carrier - 1];
    int64_t ends = WORLD_TIME + (row->ends != 0 ? row->ends : ENDS);
    if (right->reason != row->reason || right->ticket != carrier ||
        (row->limit_after != 0 && right->limit != WORLD_TIME + row->limit_after) ||
        (row->detail != NULL && strstr(right->detail, row->detail) == NULL))
        return false;
    if (row->reason != TG_allowed)
        return right->ends == 0;
    return right->ends == ends && strcmp(right->rule->id, carrier->ticket->rule) == 0;
}

/* Says what is wrong and returns false, so that one run shows every row that fails. */
static bool judge_row(const struct row *row)
{
    struct tg_policy *policy = world_policy(row->policy != NULL ? row->policy : EXTENSIBLE);
    struct tickets tickets;
    struct tg_right right;
    struct tg_krl *revocations = world_revocations(row->revocations);
    policy->revocations = revocations;
    make_tickets(row, &tickets);
    judge(row, policy, &tickets, &right);
    bool expected = is_as_expected(row, &tickets, &right);
    if (!expected)
        print_error("%s: %s (%s), ends %" PRId64 ", limit %" PRId64 ", carried by %s\n", row->what,
                    tg_reason_name(right.reason), right.detail, right.ends - WORLD_TIME,
                    right.limit - WORLD_TIME, right.ticket->ticket->id);
    world_release(&tickets.opening);
    for (size_t i = 0; i < tickets.count; i++)
        world_release(&tickets.extensions[i]);
    tg_policy_free(policy);
    tg_krl_free(revocations);
    return expected;
}

static void test_rows(void **state)
{
    (void)state;
    bool right = true;
    for (size_t i = 0; i < ROW_COUNT; i++)
        right = judge_row(&rows[i]) && right;
    assert_true(right);
}

/* --- What makes an extension one
 * ---------------------------------------------------------------------------------- */

static void test_gaps(void **state)
{
    static const struct {
        const char *changes, *key;
    } gaps[] = {
        {"", NULL},
        {"seconds=60 reason=\"more\" reference=\"x\" created=1800000100 not_before=1800000100 policy=8",
         NULL},
        {"hosts=[\"ops2\"]", NULL},
        {"options=[\"agent-forwarding\",\"pty\"]", NULL},
        {"extends", "extends"},
        {"extends=\"T-00000000000ZZ\"", "extends"},
        {"requester=\"bob\"", "requester"},
        {"key=\"@bob\"", "key"},
        {"account=\"deploy\"", "account"},
        {"uid=20002", "uid"},
        {"shell=\"/bin/sh\"", "shell"},
        {"hosts+=\"ops3\"", "hosts"},
        {"groups+=\"docker\"", "groups"},
        {"sudo=[\"operator\"]", "sudo"},
        {"options=[\"pty\"]", "options"},
        {"options=[\"pty\",\"x11\"]", "options"},
        {"permit_open+=\"db1:1\"", "permit_open"},
        {"command=\"id\"", "command"},
        {"source=[]", "source"},
        {"source=[\"192.0.2.0/25\"]", "source"},
        {"sessions=2", "sessions"},
    };
    static const char common[] = "options+=\"agent-forwarding\" source=[\"192.0.2.0/24\"]";
    (void)state;
    struct tg_ticket *running = world_ticket(common);
    for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
        char changes[256];
        (void)snprintf(changes, sizeof changes, "%s id=\"T-0000000000001\" extends=\"T-0123456789ABC\" %s",
                       common, gaps[i].changes);
        struct tg_ticket *extension = world_ticket(changes);
        const char *gap = tg_ticket_extension_gap(extension, running);
        if ((gap == NULL) != (gaps[i].key == NULL) || (gap != NULL && strcmp(gap, gaps[i].key) != 0))
            fail_msg("%s: %s", gaps[i].changes, gap != NULL ? gap : "none");
        tg_ticket_free(extension);
    }
    tg_ticket_free(running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
