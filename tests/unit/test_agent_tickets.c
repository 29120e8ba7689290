/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tickets in hand: what is taken in, what sticks, what is forgotten; and the host update that they come in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "lib/canonical_json.h"
#include "lib/signer.h"
#include "tests/unit/temporary.h"
#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>

struct offer {
    char *text;
    char *approval;
    char *signature;
    struct tg_update_approval list[1];
    struct tg_update_ticket ticket;
};

static void sign(struct offer *offer)
{
    struct tg_error error = {0};
    struct tg_signer *signer;
    uint8_t *blob;
    size_t length;
    assert_int_equal(tg_signer_from_bytes(tg_bytes_of_text(PRIVATE_BOB), "test key", &signer, &error), 0);
    assert_int_equal(tg_signer_sign(signer, TG_NAMESPACE_APPROVAL, tg_bytes_of_text(offer->approval), &blob,
                                    &length, &error),
                     0);
    assert_int_equal(tg_sshsig_armor(tg_bytes_of(blob, length), &offer->signature), 0);
    tg_signer_free(signer);
    free(blob);
}

/* A ticket of the world, approved by bob. */
static void offer_init(struct offer *offer, const char *changes, enum tg_ticket_state state)
{
    size_t length;
    *offer = (struct offer){.text = world_ticket_text(changes)};
    struct tg_ticket *ticket = world_ticket(changes);
    assert_int_equal(tg_approval_compose(ticket, "bob", WORLD_TIME + 30, 0, &offer->approval, &length), 0);
    tg_ticket_free(ticket);
    sign(offer);
    offer->list[0] = (struct tg_update_approval){.document = tg_bytes_of_text(offer->approval),
                                                 .signature = offer->signature};
    offer->ticket = (struct tg_update_ticket){.well_formed = true,
                                              .document = tg_bytes_of_text(offer->text),
                                              .approvals = offer->list,
                                              .approval_count = 1,
                                              .state = state};
}

static void offer_free(struct offer *offer)
{
    free(offer->text);
    free(offer->approval);
    free(offer->signature);
}

static enum tg_intake take(struct tg_ticket_store *store, const struct tg_policy *policy,
                           const struct offer *offer, struct tg_error *error)
{
    return tg_tickets_take(store, policy, "ops1", tg_tickets_latest(policy, WORLD_TIME), &offer->ticket, NULL,
                           NULL, error);
}

static struct tg_ticket_entry *only_entry(const struct tg_ticket_store *store)
{
    struct tg_ticket_cursor cursor = {0};
    return tg_tickets_next(store, &cursor);
}

static void test_taken_once(void **state)
{
    (void)state;
    struct tg_ticket_store store;
    struct tg_error error;
    struct offer offer;
    struct tg_policy *policy = world_policy(NULL);
    const struct tg_held_ticket *const *candidates;
    offer_init(&offer, NULL, TG_TICKET_APPROVED);
    assert_int_equal(tg_tickets_init(&store), 0);
    assert_int_equal(take(&store, policy, &offer, &error), TG_INTAKE_CHANGED);
    assert_int_equal(take(&store, policy, &offer, &error), TG_INTAKE_SAME);
    assert_int_equal(store.count, 1);
    assert_int_equal(only_entry(&store)->held.approval_count, 1);
    assert_int_equal(only_entry(&store)->held.approvals[0].refused, TG_allowed);
    assert_int_equal(tg_tickets_candidates(&store, "alice", NULL, &candidates), 1);
    assert_ptr_equal(tg_ticket_entry_of(candidates[0]), only_entry(&store));
    assert_int_equal(tg_tickets_candidates(&store, "bob", NULL, &candidates), 0);
    tg_tickets_free(&store);
    offer_free(&offer);
    tg_policy_free(policy);
}

/* The sessions of an exhausted ticket may still run: it is to be possible to end them. */
static void test_exhausted_may_be_taken_back(void **state)
{
    (void)state;
    static const enum tg_ticket_state states[] = {TG_TICKET_REVOKED, TG_TICKET_RELEASED};
    struct tg_policy *policy = world_policy(NULL);
    struct tg_error error;
    struct offer offer;
    offer_init(&offer, NULL, TG_TICKET_EXHAUSTED);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        struct tg_ticket_store store;
        assert_int_equal(tg_tickets_init(&store), 0);
        offer.ticket.state = TG_TICKET_EXHAUSTED;
        (void)take(&store, policy, &offer, &error);
        offer.ticket.state = states[i];
        assert_int_equal(take(&store, policy, &offer, &error), TG_INTAKE_CHANGED);
        offer.ticket.state = TG_TICKET_EXHAUSTED;
        assert_int_equal(take(&store, policy, &offer, &error), TG_INTAKE_SAME);
        assert_int_equal(only_entry(&store)->held.state, states[i]);
        tg_tickets_free(&store);
    }
    offer_free(&offer);
    tg_policy_free(policy);
}

static void test_final_states_stick(void **state)
{
    (void)state;
    static const enum tg_ticket_state final[] = {TG_TICKET_DENIED,   TG_TICKET_CANCELLED, TG_TICKET_LAPSED,
                                                 TG_TICKET_RELEASED, TG_TICKET_EXPIRED,   TG_TICKET_REVOKED,
                                                 TG_TICKET_EXHAUSTED};
    struct tg_policy *policy = world_policy(NULL);
    struct tg_error error;
    struct offer offer;
    offer_init(&offer, NULL, TG_TICKET_APPROVED);
    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++) {
        struct tg_ticket_store store;
        assert_int_equal(tg_tickets_init(&store), 0);
        offer.ticket.state = final[i];
        (void)take(&store, policy, &offer, &error);
        offer.ticket.state = TG_TICKET_APPROVED;
        assert_int_equal(take(&store, policy, &offer, &error), TG_INTAKE_SAME);
        assert_int_equal(only_entry(&store)->held.state, final[i]);
        /* Neither does a restart bring it back. */
        json_t *saved = tg_tickets_to_json(&store);
        tg_tickets_free(&store);
        assert_int_equal(tg_tickets_init(&store), 0);
        assert_true(tg_tickets_from_json(&store, policy, "ops1", saved));
        (void)take(&store, policy, &offer, &error);
        assert_int_equal(only_entry(&store)->held.state, final[i]);
        json_decref(saved);
        tg_tickets_free(&store);
    }
    offer_free(&offer);
    tg_policy_free(policy);
}

static void test_refused(void **state)
{
    (void)state;
    struct tg_ticket_store store;
    struct tg_error error;
    struct offer offer;
    struct offer edited;
    struct offer elsewhere;
    struct tg_policy *policy = world_policy(NULL);
    offer_init(&offer, NULL, TG_TICKET_APPROVED);
    offer_init(&edited, "seconds=60", TG_TICKET_APPROVED);
    offer_init(&elsewhere, "hosts=[\"ops2\"]", TG_TICKET_APPROVED);
    assert_int_equal(tg_tickets_init(&store), 0);
    assert_int_equal(take(&store, policy, &elsewhere, &error), TG_INTAKE_REFUSED);
    assert_int_equal(error.reason, TG_ticket_other_host);
    assert_int_equal(take(&store, policy, &offer, &error), TG_INTAKE_CHANGED);
    assert_int_equal(take(&store, policy, &edited, &error), TG_INTAKE_REFUSED);
    assert_string_equal(only_entry(&store)->document, offer.text);
    tg_tickets_free(&store);
    offer_free(&offer);
    offer_free(&edited);
    offer_free(&elsewhere);
    tg_policy_free(policy);
}

static void test_a_new_policy_judges_anew(void **state)
{
    (void)state;
    struct tg_ticket_store store;
    struct tg_error error;
    struct offer offer;
    struct tg_policy *policy = world_policy(NULL);
    offer_init(&offer, NULL, TG_TICKET_APPROVED);
    assert_int_equal(tg_tickets_init(&store), 0);
    assert_int_equal(take(&store, NULL, &offer, &error), TG_INTAKE_CHANGED);
    assert_int_not_equal(only_entry(&store)->held.approvals[0].refused, TG_allowed);
    tg_tickets_reverify(&store, policy);
    assert_int_equal(only_entry(&store)->held.approvals[0].refused, TG_allowed);
    tg_tickets_reverify(&store, NULL);
    assert_int_not_equal(only_entry(&store)->held.approvals[0].refused, TG_allowed);
    tg_tickets_free(&store);
    offer_free(&offer);
    tg_policy_free(policy);
}

/* Nothing is asked of a closed ticket, so a policy that comes while many are in hand need not judge it. But
 * one that is used up still gives its account a name, and one that has expired may have been extended. */
static void test_a_new_policy_leaves_closed_tickets_alone(void **state)
{
    (void)state;
    static const enum tg_ticket_state states[] = {TG_TICKET_REVOKED, TG_TICKET_RELEASED, TG_TICKET_EXHAUSTED,
                                                  TG_TICKET_EXPIRED};
    struct tg_policy *policy = world_policy(NULL);
    struct tg_error error;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        struct tg_ticket_store store;
        struct offer offer;
        offer_init(&offer, NULL, states[i]);
        assert_int_equal(tg_tickets_init(&store), 0);
        assert_int_equal(take(&store, NULL, &offer, &error), TG_INTAKE_CHANGED);
        tg_tickets_reverify(&store, policy);
        assert_int_equal(only_entry(&store)->held.approvals[0].refused == TG_allowed,
                         states[i] == TG_TICKET_EXHAUSTED || states[i] == TG_TICKET_EXPIRED);
        tg_tickets_free(&store);
        offer_free(&offer);
    }
    tg_policy_free(policy);
}

static struct tg_agent *agent_new(const char *directory)
{
    struct tg_agent *agent = calloc(1, sizeof *agent);
    assert_non_null(agent);
    agent->log = (struct tg_log){.program = "test", .to_stderr = true, .level = LOG_EMERG};
    agent->proc_root = "/proc";
    agent->now = WORLD_TIME + 60;
    agent->events.fd = -1;
    (void)snprintf(agent->config.state_directory, sizeof agent->config.state_directory, "%s", directory);
    (void)snprintf(agent->config.name, sizeof agent->config.name, "ops1");
    assert_int_equal(tg_tickets_init(&agent->tickets), 0);
    return agent;
}

static void agent_free(struct tg_agent *agent)
{
    tg_tickets_free(&agent->tickets);
    free(agent);
}

static void apply(struct tg_agent *agent, json_t *policy)
{
    const struct tg_update update = {.revision = 5, .policy = policy};
    assert_true(tg_agent_apply_update(agent, &update));
}

/* The service sends a policy once; a host whose clock is set right a little later must have it then. */
static void test_a_policy_waits_for_its_time(void **state)
{
    (void)state;
    char directory[] = "/tmp/tegata-test-XXXXXX";
    char signers[512];
    char command[64];
    struct tg_error error = {0};
    assert_non_null(mkdtemp(directory));
    struct tg_agent *agent = agent_new(directory);
    (void)snprintf(agent->config.roster, sizeof agent->config.roster, "%s/roster", directory);
    agent->passwd_path = "/etc/passwd";
    agent->group_path = "/etc/group";
    (void)snprintf(signers, sizeof signers, "root@test namespaces=\"policy-v1@tegata\" %s\n", KEY_BOB);
    assert_int_equal(tg_root_signers_parse(signers, 1, &agent->roots, &error), 0);
    assert_int_equal(tg_events_open(&agent->events, directory, "ops1", &agent->log, agent->now, &error), 0);
    char *text = world_policy_text(NULL);
    char *signature = world_sign(PRIVATE_BOB, TG_NAMESPACE_POLICY, text);
    json_t *file = json_pack("{s:s, s:[s]}", "document", text, "signatures", signature);
    struct tg_policy *parsed = world_policy(NULL);
    agent->now = parsed->issued - 3600;
    apply(agent, file);
    assert_null(agent->policy);
    assert_int_equal(agent->service.revision, 5);
    agent->now = parsed->issued + 1;
    apply(agent, NULL);
    assert_non_null(agent->policy);
    assert_null(agent->policy_later);
    /* The same again, with more signatures around it, is no news. */
    size_t events = agent->events.count;
    json_t *again = json_pack("{s:s, s:[s,s]}", "document", text, "signatures", signature, "junk");
    apply(agent, again);
    assert_int_equal(agent->events.count, events);
    assert_ptr_equal(agent->policy_file, file);
    json_decref(again);
    tg_policy_free(parsed);
    json_decref(file);
    free(signature);
    free(text);
    tg_events_close(&agent->events);
    tg_accounts_free(&agent->accounts);
    tg_root_signers_free(&agent->roots);
    tg_policy_free(agent->policy);
    json_decref(agent->policy_file);
    agent_free(agent);
    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    assert_int_equal(system(command), 0);
}

static void overwrite(const char *directory, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_true(fputs("damage", file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* One damaged file, whichever, brings back neither a ticket that was over, nor used sessions, nor an old
 * policy. */
static void test_a_damaged_file_revives_nothing(void **state)
{
    (void)state;
    static const char *const damaged[] = {"tickets", "marks"};
    struct tg_policy *policy = world_policy(NULL);
    struct tg_error error;
    struct offer revoked;
    struct offer limited;
    offer_init(&revoked, NULL, TG_TICKET_REVOKED);
    offer_init(&limited, "id=\"T-ZZZZZZZZZZZZZ\" sessions=2", TG_TICKET_APPROVED);
    for (size_t i = 0; i < 2; i++) {
        char directory[TEMPORARY_SIZE];
        char command[TEMPORARY_SIZE + 16];
        assert_non_null(mkdtemp(temporary_template(directory)));
        struct tg_agent *agent = agent_new(directory);
        assert_int_equal(take(&agent->tickets, policy, &revoked, &error), TG_INTAKE_CHANGED);
        assert_int_equal(take(&agent->tickets, policy, &limited, &error), TG_INTAKE_CHANGED);
        tg_tickets_find(&agent->tickets, "T-ZZZZZZZZZZZZZ")->held.sessions_opened = 2;
        agent->highest_serial = 7;
        agent->service.revision = 99;
        assert_true(tg_agent_save_tickets(agent));
        agent_free(agent);
        overwrite(directory, damaged[i]);
        agent = agent_new(directory);
        tg_agent_load(agent);
        assert_int_equal(agent->highest_serial, 7);
        assert_int_equal(agent->service.revision, 0);
        /* And once more, before the tickets have come again. */
        assert_true(tg_agent_save_tickets(agent));
        agent_free(agent);
        agent = agent_new(directory);
        tg_agent_load(agent);
        revoked.ticket.state = TG_TICKET_APPROVED;
        (void)take(&agent->tickets, policy, &revoked, &error);
        (void)take(&agent->tickets, policy, &limited, &error);
        struct tg_ticket *ticket = world_ticket(NULL);
        assert_int_equal(tg_tickets_find(&agent->tickets, ticket->id)->held.state, TG_TICKET_REVOKED);
        assert_int_equal(tg_tickets_find(&agent->tickets, "T-ZZZZZZZZZZZZZ")->held.sessions_opened, 2);
        tg_ticket_free(ticket);
        revoked.ticket.state = TG_TICKET_REVOKED;
        agent_free(agent);
        (void)snprintf(command, sizeof command, "rm -rf %s", directory);
        assert_int_equal(system(command), 0);
    }
    offer_free(&revoked);
    offer_free(&limited);
    tg_policy_free(policy);
}

/* A mark lasts as long as its ticket could be valid, whether or not the ticket is in hand. */
static void test_marks_end(void **state)
{
    (void)state;
    struct tg_ticket_store store;
    const struct tg_mark mark = {.ticket = "T-1", .state = TG_TICKET_REVOKED, .until = 100};
    assert_int_equal(tg_tickets_init(&store), 0);
    assert_true(tg_marks_add(&store.marks, &mark));
    assert_int_equal(tg_tickets_mark(&store, 100), 0);
    assert_non_null(tg_marks_find(&store.marks, "T-1"));
    assert_int_equal(tg_tickets_mark(&store, 101), 1);
    assert_null(tg_marks_find(&store.marks, "T-1"));
    tg_tickets_free(&store);
}

static void test_purge(void **state)
{
    (void)state;
    struct tg_ticket_store store;
    struct tg_error error;
    struct offer offer;
    struct tg_policy *policy = world_policy(NULL);
    offer_init(&offer, NULL, TG_TICKET_REVOKED);
    assert_int_equal(tg_tickets_init(&store), 0);
    assert_int_equal(take(&store, policy, &offer, &error), TG_INTAKE_CHANGED);
    const struct tg_ticket *ticket = only_entry(&store)->held.ticket;
    int64_t last = ticket->approve_by + ticket->seconds + TG_TICKET_KEEP_SECONDS + TG_EXTENSION_SECONDS_MAX;
    assert_int_equal(tg_tickets_purge(&store, last), 0);
    assert_int_equal(tg_tickets_purge(&store, last + 1), 1);
    assert_int_equal(store.count, 0);
    assert_int_equal(store.bytes, 0);
    tg_tickets_free(&store);
    offer_free(&offer);
    tg_policy_free(policy);
}

/* A ticket is kept until it could not be approved any more: so that moment must be near. */
static void test_one_that_would_be_kept_for_ever_is_refused(void **state)
{
    (void)state;
    struct tg_ticket_store store;
    struct tg_error error;
    struct tg_policy *policy = world_policy(NULL);
    char changes[64];
    const int64_t latest = WORLD_TIME + 120 + (int64_t)policy->approve_by_seconds;
    const int64_t dates[] = {TG_INTEGER_MAX, latest + 1, latest};
    for (size_t i = 0; i < 3; i++) {
        struct offer offer;
        (void)snprintf(changes, sizeof changes, "approve_by=%lld", (long long)dates[i]);
        offer_init(&offer, changes, TG_TICKET_PENDING);
        assert_int_equal(tg_tickets_init(&store), 0);
        if (dates[i] == latest) {
            assert_int_equal(take(&store, policy, &offer, &error), TG_INTAKE_CHANGED);
        } else {
            assert_int_equal(take(&store, policy, &offer, &error), TG_INTAKE_REFUSED);
            assert_int_equal(error.reason, TG_rule_narrowed);
            assert_int_equal(store.count, 0);
            assert_int_equal(store.bytes, 0);
        }
        tg_tickets_free(&store);
        offer_free(&offer);
    }
    assert_int_equal(tg_tickets_latest(NULL, WORLD_TIME), INT64_MAX);
    tg_policy_free(policy);
}

/* Whatever the service makes up, there is room for what people have signed. */
static void test_unapproved_tickets_leave_room_for_approved_ones(void **state)
{
    (void)state;
    struct tg_policy *policy = world_policy(NULL);
    struct tg_error error;
    struct offer offer;
    offer_init(&offer, NULL, TG_TICKET_APPROVED);
    const struct tg_update_approval junk[] = {offer.list[0],
                                              {.document = offer.list[0].document, .signature = "junk"}};
    for (int by_count = 0; by_count < 2; by_count++) {
        struct tg_ticket_store store;
        assert_int_equal(tg_tickets_init(&store), 0);
        store.unsound_count = by_count ? TG_TICKETS_UNSOUND_MAX : 0;
        store.unsound_bytes = by_count ? 0 : TG_TICKETS_UNSOUND_BYTES_MAX;
        offer.ticket.approval_count = 0;
        assert_int_equal(take(&store, policy, &offer, &error), TG_INTAKE_REFUSED);
        assert_int_equal(error.reason, TG_internal_error);
        offer.ticket.approvals = (struct tg_update_approval *)(uintptr_t)junk;
        offer.ticket.approval_count = 2;
        assert_int_equal(take(&store, policy, &offer, &error), TG_INTAKE_CHANGED);
        assert_int_equal(only_entry(&store)->held.approval_count, by_count ? 2 : 1);
        assert_int_equal(only_entry(&store)->held.approvals[0].refused, TG_allowed);
        tg_tickets_free(&store);
    }
    offer_free(&offer);
    tg_policy_free(policy);
}

static void test_what_is_unapproved_is_counted(void **state)
{
    (void)state;
    struct tg_ticket_store store;
    struct tg_error error;
    struct offer offer;
    struct tg_policy *policy = world_policy(NULL);
    offer_init(&offer, NULL, TG_TICKET_PENDING);
    assert_int_equal(tg_tickets_init(&store), 0);
    offer.ticket.approval_count = 0;
    assert_int_equal(take(&store, policy, &offer, &error), TG_INTAKE_CHANGED);
    assert_int_equal(store.unsound_count, 1);
    assert_int_equal(store.unsound_bytes, strlen(offer.text));
    offer.ticket.approval_count = 1;
    assert_int_equal(take(&store, policy, &offer, &error), TG_INTAKE_CHANGED);
    size_t all = strlen(offer.text) + strlen(offer.approval) + strlen(offer.signature);
    assert_int_equal(store.unsound_count, 0);
    assert_int_equal(store.unsound_bytes, 0);
    assert_int_equal(store.bytes, all);
    tg_tickets_reverify(&store, NULL);
    assert_int_equal(store.unsound_count, 1);
    assert_int_equal(store.unsound_bytes, all);
    assert_int_equal(tg_tickets_purge(&store, TG_INTEGER_MAX), 1);
    assert_int_equal(store.unsound_count, 0);
    assert_int_equal(store.unsound_bytes, 0);
    tg_tickets_free(&store);
    offer_free(&offer);
    tg_policy_free(policy);
}

static int parse(const char *text, struct tg_update *update)
{
    struct tg_error error;
    return tg_update_parse(tg_bytes_of_text(text), update, &error);
}

/* Ten thousand refusals are a few events and a count. */
static void test_refusals_of_an_update_are_bounded(void **state)
{
    (void)state;
    char directory[TEMPORARY_SIZE];
    char command[TEMPORARY_SIZE + 16];
    struct tg_error error = {0};
    struct tg_update update;
    char *text = NULL;
    size_t length;
    assert_non_null(mkdtemp(temporary_template(directory)));
    struct tg_agent *agent = agent_new(directory);
    agent->publish_due = INT64_MAX;
    assert_int_equal(tg_events_open(&agent->events, directory, "ops1", &agent->log, agent->now, &error), 0);
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    (void)fputs("{\"revision\":9,\"time\":5,\"tickets\":[", out);
    for (int i = 0; i < 10000; i++)
        (void)fprintf(out, "%s{\"ticket\":\"%d\",\"state\":\"pending\",\"approvals\":[]}", i == 0 ? "" : ",",
                      i);
    (void)fputs("]}", out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(parse(text, &update), 0);
    assert_true(tg_agent_apply_update(agent, &update));
    assert_int_equal(agent->events.count, TG_REPEATS_SHOWN);
    tg_report_repeats(agent, INT64_MAX);
    assert_int_equal(agent->events.count, TG_REPEATS_SHOWN + 1);
    assert_non_null(strstr(agent->events.lines[TG_REPEATS_SHOWN].text, "update: 9990 more within a minute"));
    /* Nor does it hide refused logins. */
    assert_int_equal(agent->repeats.count, 0);
    tg_update_free(&update);
    free(text);
    tg_events_close(&agent->events);
    agent_free(agent);
    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    assert_int_equal(system(command), 0);
}

static void test_update(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"revision\":1,\"time\":1}",
                                      "{\"revision\":1,\"time\":1,\"tickets\":{}}",
                                      "{\"revision\":-1,\"time\":1,\"tickets\":[]}",
                                      "{\"revision\":1,\"time\":1,\"tickets\":[],\"more\":1}",
                                      "{\"revision\":1,\"revision\":2,\"time\":1,\"tickets\":[]}",
                                      "{\"revision\":1,\"time\":1,\"tickets\":[]}x"};
    struct tg_update update;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(parse(bad[i], &update), -1);
    /* One odd entry, and an odd approval, leave the others alone. */
    assert_int_equal(
        parse("{\"revision\":9,\"time\":5,\"tickets\":[7,{\"ticket\":\"x\",\"state\":\"revoked\","
              "\"approvals\":[1,{\"document\":\"d\",\"signature\":\"s\"}]}]}",
              &update),
        0);
    assert_int_equal(update.revision, 9);
    assert_int_equal(update.ticket_count, 2);
    assert_false(update.tickets[0].well_formed);
    assert_true(update.tickets[1].well_formed);
    assert_int_equal(update.tickets[1].state, TG_TICKET_REVOKED);
    assert_int_equal(update.tickets[1].approval_count, 1);
    assert_int_equal(update.tickets[1].odd_approvals, 1);
    tg_update_free(&update);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken_once),
        cmocka_unit_test(test_exhausted_may_be_taken_back),
        cmocka_unit_test(test_final_states_stick),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_a_new_policy_judges_anew),
        cmocka_unit_test(test_a_new_policy_leaves_closed_tickets_alone),
        cmocka_unit_test(test_a_damaged_file_revives_nothing),
        cmocka_unit_test(test_marks_end),
        cmocka_unit_test(test_a_policy_waits_for_its_time),
        cmocka_unit_test(test_purge),
        cmocka_unit_test(test_one_that_would_be_kept_for_ever_is_refused),
        cmocka_unit_test(test_unapproved_tickets_leave_room_for_approved_ones),
        cmocka_unit_test(test_what_is_unapproved_is_counted),
        cmocka_unit_test(test_refusals_of_an_update_are_bounded),
        cmocka_unit_test(test_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
