/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The store: every change is conditional, happens once, and counts the revision up.
 */
#include "approval_service/store.h"
#include "approval_service/store_schema.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char ticket_form[] =
    "{\"account\":\"alice\",\"approve_by\":%d,\"command\":\"\",\"created\":1000,\"emergency\":0,%s\"groups\":"
    "[]"
    ","
    "\"hosts\":[\"ops1\",\"ops2\"],\"id\":\"%s\",\"key\":\"SHA256:"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
    "\"not_before\":0,\"options\":[],\"permit_open\":[],\"policy\":1,\"reason\":\"why\",\"reference\":\"\","
    "\"requester\":\"alice\",\"rule\":\"r\",\"seconds\":600,\"sessions\":%d,\"shell\":\"/bin/"
    "bash\",\"source\":[],"
    "\"sudo\":[],\"uid\":20001,\"v\":1}";

struct fixture {
    struct tg_store *store;
    struct tg_error error;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    *state = fixture;
    return tg_store_open(":memory:", &fixture->store, &fixture->error);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    tg_store_close(fixture->store);
    free(fixture);
    return 0;
}

static int add_any_ticket(struct fixture *fixture, const char *id, int sessions, uint32_t limit,
                          const char *extends)
{
    char text[TG_TICKET_MAX];
    struct tg_ticket *ticket = NULL;
    (void)snprintf(text, sizeof text, ticket_form, 2000, extends, id, sessions);
    if (tg_ticket_parse(tg_bytes_of_text(text), &ticket, &fixture->error) < 0)
        fail_msg("%s", fixture->error.text);
    int result = tg_store_ticket_add(fixture->store, ticket, limit, 1000, &fixture->error);
    tg_ticket_free(ticket);
    return result;
}

static int add_ticket(struct fixture *fixture, const char *id, int sessions, uint32_t limit)
{
    return add_any_ticket(fixture, id, sessions, limit, "");
}

static int add_extension(struct fixture *fixture, const char *id, const char *of)
{
    char extends[64];
    (void)snprintf(extends, sizeof extends, "\"extends\":\"%s\",", of);
    return add_any_ticket(fixture, id, 0, 0, extends);
}

static int add_approval(struct fixture *fixture, const char *ticket, const char *approver, bool complete)
{
    static const char text[] = "{}";
    struct tg_approval approval = {.approver = approver, .at = 1100, .document = tg_bytes_of_text(text)};
    return tg_store_approval_add(fixture->store, ticket, &approval, "signature", complete, 1700, 1100,
                                 &fixture->error);
}

static int take_state(void *context, const struct tg_stored_ticket *ticket)
{
    *(struct tg_stored_ticket *)context = *ticket;
    return 0;
}

static struct tg_stored_ticket look_at(struct fixture *fixture, const char *id)
{
    struct tg_stored_ticket ticket = {0};
    assert_int_equal(tg_store_ticket(fixture->store, id, take_state, &ticket, &fixture->error), 0);
    return ticket;
}

static int count_event(void *context, const struct tg_ticket_event *event)
{
    (void)event;
    ++*(int *)context;
    return 0;
}

static int events_of(struct fixture *fixture, const char *id)
{
    int count = 0;
    assert_int_equal(tg_store_events(fixture->store, id, 0, 100, count_event, &count, &fixture->error), 0);
    return count;
}

static void assert_refused(struct fixture *fixture, int result, enum tg_reason reason)
{
    assert_int_equal(result, -1);
    assert_string_equal(tg_reason_name(fixture->error.reason), tg_reason_name(reason));
}

static const char one[] = "T-0000000000001";
static const char two[] = "T-0000000000002";
static const char first[] = "00000000000000000000000000000001";
static const char second[] = "00000000000000000000000000000002";

static void a_ticket_is_stored_once(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(add_ticket(fixture, one, 0, 0), 0);
    assert_refused(fixture, add_ticket(fixture, one, 0, 0), TG_ticket_exists);
    assert_int_equal(look_at(fixture, one).state, TG_TICKET_PENDING);
    assert_int_equal(look_at(fixture, one).revision, 1);
    assert_int_equal(events_of(fixture, one), 1);
    assert_refused(fixture, add_ticket(fixture, two, 0, 1), TG_request_rate);
    struct tg_stored_ticket none;
    assert_refused(fixture, tg_store_ticket(fixture->store, two, take_state, &none, &fixture->error),
                   TG_not_found);
}

static void an_approval_is_stored_once(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(add_ticket(fixture, one, 0, 0), 0);
    assert_int_equal(add_approval(fixture, one, "bob", false), 0);
    assert_int_equal(look_at(fixture, one).state, TG_TICKET_PENDING);
    assert_refused(fixture, add_approval(fixture, one, "bob", true), TG_approval_exists);
    assert_int_equal(look_at(fixture, one).state, TG_TICKET_PENDING);
    assert_int_equal(look_at(fixture, one).revision, 2); /* what was refused did not count */
    assert_int_equal(add_approval(fixture, one, "carol", true), 0);
    assert_int_equal(look_at(fixture, one).state, TG_TICKET_APPROVED);
    assert_refused(fixture, add_approval(fixture, one, "dave", true), TG_ticket_state);
    assert_int_equal(events_of(fixture, one), 3);
}

static void a_state_is_left_only_from_where_it_may_be(void **state)
{
    struct fixture *fixture = *state;
    unsigned pending = 1U << TG_TICKET_PENDING;
    unsigned granted = 1U << TG_TICKET_APPROVED | 1U << TG_TICKET_ACTIVE;
    assert_int_equal(add_ticket(fixture, one, 0, 0), 0);
    assert_refused(
        fixture,
        tg_store_ticket_end(fixture->store, one, granted, TG_TICKET_REVOKED, "bob", "", 1, &fixture->error),
        TG_ticket_state);
    assert_int_equal(
        tg_store_ticket_end(fixture->store, one, pending, TG_TICKET_DENIED, "bob", "", 1, &fixture->error),
        0);
    for (int to = TG_TICKET_DENIED; to <= TG_TICKET_EXHAUSTED; to++)
        assert_refused(fixture,
                       tg_store_ticket_end(fixture->store, one, pending | granted, (enum tg_ticket_state)to,
                                           "bob", "", 1, &fixture->error),
                       TG_ticket_state);
    assert_int_equal(look_at(fixture, one).state, TG_TICKET_DENIED);
    assert_int_equal(events_of(fixture, one), 2);
}

static int claim(struct fixture *fixture, const char *host, const char *session, bool *opened,
                 int64_t *remaining)
{
    return tg_store_session_open(fixture->store, one, host, session, 1200, opened, remaining,
                                 &fixture->error);
}

static void the_last_session_is_won_once(void **state)
{
    struct fixture *fixture = *state;
    bool opened;
    int64_t remaining;
    assert_int_equal(add_ticket(fixture, one, 1, 0), 0);
    assert_refused(fixture, claim(fixture, "ops1", first, &opened, &remaining), TG_ticket_state);
    assert_int_equal(add_approval(fixture, one, "bob", true), 0);
    assert_refused(fixture, claim(fixture, "ops3", first, &opened, &remaining), TG_not_found);
    assert_int_equal(claim(fixture, "ops1", first, &opened, &remaining), 0);
    assert_true(opened);
    assert_int_equal(remaining, 0);
    assert_refused(fixture, claim(fixture, "ops2", second, &opened, &remaining), TG_ticket_used_up);
    assert_refused(fixture, claim(fixture, "ops2", first, &opened, &remaining), TG_request_malformed);
    assert_int_equal(claim(fixture, "ops1", first, &opened, &remaining),
                     0); /* asked again after a lost answer */
    assert_false(opened);
    assert_int_equal(look_at(fixture, one).opened, 1);
    assert_int_equal(look_at(fixture, one).state, TG_TICKET_EXHAUSTED);
    char ticket[TG_TICKET_ID_SIZE];
    assert_int_equal(tg_store_session_end(fixture->store, "ops1", first, 1300, ticket, &fixture->error), 0);
    assert_string_equal(ticket, one);
    assert_refused(fixture,
                   tg_store_session_end(fixture->store, "ops2", first, 1300, ticket, &fixture->error),
                   TG_not_found);
}

static void time_is_told_when_to_come(void **state)
{
    struct fixture *fixture = *state;
    bool found;
    char id[TG_TICKET_ID_SIZE];
    enum tg_ticket_state ticket_state;
    int64_t next;
    assert_int_equal(add_ticket(fixture, one, 0, 0), 0);
    assert_int_equal(tg_store_due(fixture->store, 2000, &found, id, &ticket_state, &next, &fixture->error),
                     0);
    assert_false(found); /* approve_by itself is in time */
    assert_int_equal(next, 2001);
    assert_int_equal(tg_store_due(fixture->store, 2001, &found, id, &ticket_state, &next, &fixture->error),
                     0);
    assert_true(found);
    assert_string_equal(id, one);
    assert_int_equal(add_approval(fixture, one, "bob", true), 0);
    assert_int_equal(tg_store_due(fixture->store, 1699, &found, id, &ticket_state, &next, &fixture->error),
                     0);
    assert_false(found);
    assert_int_equal(next, 1700);
}

static void count_settled(void *context, const char *ticket)
{
    assert_string_equal(ticket, one);
    ++*(int *)context;
}

static int take_host(void *context, const struct tg_stored_host *host)
{
    *(int64_t *)context = host->id;
    return 0;
}

static int64_t enrol(struct fixture *fixture, const char *name, const char *fingerprint)
{
    struct tg_public_key key = {0};
    bool added;
    int64_t id = 0;
    (void)snprintf(key.fingerprint, sizeof key.fingerprint, "%s", fingerprint);
    assert_int_equal(tg_store_host_add(fixture->store, name, "[]", &key, "line", 1, &added, &fixture->error),
                     0);
    assert_int_equal(tg_store_host(fixture->store, name, take_host, &id, &fixture->error), 0);
    return id;
}

static void acknowledgements_settle_once(void **state)
{
    struct fixture *fixture = *state;
    int settled = 0;
    int64_t id = enrol(fixture, "ops1", "SHA256:one");
    assert_int_equal(add_ticket(fixture, one, 0, 0), 0);
    assert_int_equal(add_approval(fixture, one, "bob", true), 0);
    int64_t revision = look_at(fixture, one).revision;
    int64_t of_host;
    assert_int_equal(tg_store_host_revision(fixture->store, "ops1", &of_host, &fixture->error), 0);
    assert_int_equal(of_host, revision);
    assert_int_equal(tg_store_host_acknowledge(fixture->store, id, "ops1", revision - 1, 1, count_settled,
                                               &settled, &fixture->error),
                     0);
    assert_int_equal(settled, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(tg_store_host_acknowledge(fixture->store, id, "ops1", revision, 1, count_settled,
                                                   &settled, &fixture->error),
                         0);
    assert_int_equal(settled, 1);
    /* A host that starts afresh has to fetch it again. */
    assert_int_equal(
        tg_store_host_acknowledge(fixture->store, id, "ops1", 0, 1, count_settled, &settled, &fixture->error),
        0);
    assert_int_equal(tg_store_host_acknowledge(fixture->store, id, "ops1", revision, 1, count_settled,
                                               &settled, &fixture->error),
                     0);
    assert_int_equal(settled, 2);
}

static int take_acknowledged(void *context, const struct tg_stored_ticket_host *host)
{
    if (strcmp(host->host, "ops1") == 0)
        *(bool *)context = host->acknowledged;
    return 0;
}

static bool is_acknowledged(struct fixture *fixture)
{
    bool acknowledged = false;
    assert_int_equal(
        tg_store_ticket_hosts(fixture->store, one, take_acknowledged, &acknowledged, &fixture->error), 0);
    return acknowledged;
}

static int count_told(void *context, const struct tg_ticket_event *event)
{
    *(int *)context += strcmp(event->kind, "acknowledged") == 0;
    return 0;
}

/* The host asks for what came after the last change: it has it, and how many times that is an event by now.
 */
static void assert_acknowledges(struct fixture *fixture, int64_t id, int told)
{
    int settled = 0;
    int events = 0;
    assert_false(is_acknowledged(fixture));
    assert_int_equal(tg_store_host_acknowledge(fixture->store, id, "ops1", look_at(fixture, one).revision, 1,
                                               count_settled, &settled, &fixture->error),
                     0);
    assert_true(is_acknowledged(fixture));
    assert_int_equal(settled, 1);
    assert_int_equal(tg_store_events(fixture->store, one, 0, 100, count_told, &events, &fixture->error), 0);
    assert_int_equal(events, told);
}

static void every_change_is_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    bool opened;
    int64_t remaining;
    const unsigned granted = 1U << TG_TICKET_APPROVED | 1U << TG_TICKET_ACTIVE;
    int64_t id = enrol(fixture, "ops1", "SHA256:one");
    assert_int_equal(add_ticket(fixture, one, 0, 0), 0);
    assert_acknowledges(fixture, id, 0);
    assert_int_equal(add_approval(fixture, one, "bob", false), 0);
    assert_acknowledges(fixture, id, 0);
    assert_int_equal(add_approval(fixture, one, "carol", true), 0);
    assert_acknowledges(fixture, id, 1);
    assert_int_equal(
        tg_store_session_open(fixture->store, one, "ops1", "s1", 1, &opened, &remaining, &fixture->error), 0);
    assert_acknowledges(fixture, id, 1);
    /* One that comes back after an outage asks for everything: what it says then is no news. */
    assert_int_equal(tg_store_host_acknowledge(fixture->store, id, "ops1", 0, 1, NULL, NULL, &fixture->error),
                     0);
    assert_acknowledges(fixture, id, 1);
    assert_int_equal(
        tg_store_ticket_end(fixture->store, one, granted, TG_TICKET_REVOKED, "bob", "", 1, &fixture->error),
        0);
    assert_acknowledges(fixture, id, 2);
}

static void a_host_begins_a_new_chain_when_enrolled_again(void **state)
{
    struct fixture *fixture = *state;
    char zeros[TG_DIGEST_SIZE];
    memset(zeros, '0', sizeof zeros - 1);
    zeros[sizeof zeros - 1] = '\0';
    struct tg_stored_host_event event = {.number = 1,
                                         .digest = "d1",
                                         .previous = zeros,
                                         .document = "{}",
                                         .kind = "started",
                                         .ticket = "",
                                         .person = "",
                                         .account = "",
                                         .source = "",
                                         .code = "",
                                         .detail = "",
                                         .session = ""};
    struct tg_event_effect effect;
    int64_t id = enrol(fixture, "ops1", "SHA256:one");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            tg_store_host_event_add(fixture->store, id, "ops1", &event, 1, &effect, &fixture->error), 0);
        assert_int_equal(effect.added, i == 0);
    }
    event.digest = "other";
    assert_refused(fixture,
                   tg_store_host_event_add(fixture->store, id, "ops1", &event, 1, &effect, &fixture->error),
                   TG_events_unchained);
    event.number = 3;
    assert_refused(fixture,
                   tg_store_host_event_add(fixture->store, id, "ops1", &event, 1, &effect, &fixture->error),
                   TG_events_unchained);
    event.number = 2; /* but it does not name d1 */
    assert_refused(fixture,
                   tg_store_host_event_add(fixture->store, id, "ops1", &event, 1, &effect, &fixture->error),
                   TG_events_unchained);
    assert_int_equal(tg_store_host_remove(fixture->store, "ops1", 2, &fixture->error), 0);
    int64_t again = enrol(fixture, "ops1", "SHA256:two");
    assert_int_not_equal(id, again);
    event.number = 41; /* the journal goes on: the first event of an enrolment begins where it likes */
    event.previous = "d40";
    assert_int_equal(
        tg_store_host_event_add(fixture->store, again, "ops1", &event, 1, &effect, &fixture->error), 0);
    assert_true(effect.added);
    event.number = 40;
    assert_refused(
        fixture, tg_store_host_event_add(fixture->store, again, "ops1", &event, 1, &effect, &fixture->error),
        TG_events_unchained);
    int64_t last;
    char digest[TG_DIGEST_SIZE];
    assert_int_equal(tg_store_host_event_last(fixture->store, again, &last, digest, &fixture->error), 0);
    assert_int_equal(last, 41);
    assert_string_equal(digest, "other");
}

static const char three[] = "T-0000000000003";
static const char four[] = "T-0000000000004";

static int count_ticket(void *context, const struct tg_stored_ticket *ticket)
{
    (void)ticket;
    ++*(int *)context;
    return 0;
}

static void extensions_end_with_their_ticket(void **state)
{
    struct fixture *fixture = *state;
    unsigned granted = 1U << TG_TICKET_APPROVED | 1U << TG_TICKET_ACTIVE | 1U << TG_TICKET_EXHAUSTED;
    int extensions = 0;
    bool opened;
    int64_t remaining;
    assert_int_equal(add_ticket(fixture, one, 1, 0), 0);
    assert_int_equal(add_approval(fixture, one, "bob", true), 0);
    assert_int_equal(
        tg_store_session_open(fixture->store, one, "ops1", first, 1200, &opened, &remaining, &fixture->error),
        0);
    assert_int_equal(look_at(fixture, one).state, TG_TICKET_EXHAUSTED);
    assert_int_equal(add_extension(fixture, two, one), 0);
    assert_int_equal(add_approval(fixture, two, "bob", true), 0);
    assert_int_equal(add_extension(fixture, three, one), 0);
    assert_int_equal(add_extension(fixture, four, one), 0);
    assert_int_equal(tg_store_ticket_end(fixture->store, four, 1U << TG_TICKET_PENDING, TG_TICKET_CANCELLED,
                                         "alice", "", 1300, &fixture->error),
                     0);
    assert_int_equal(tg_store_extensions(fixture->store, one, count_ticket, &extensions, &fixture->error), 0);
    assert_int_equal(extensions, 3);
    assert_int_equal(tg_store_ticket_end_all(fixture->store, one, granted, TG_TICKET_REVOKED, "bob", "why",
                                             1400, &fixture->error),
                     0);
    assert_int_equal(look_at(fixture, one).state, TG_TICKET_REVOKED);
    assert_int_equal(look_at(fixture, two).state, TG_TICKET_REVOKED);
    assert_int_equal(look_at(fixture, three).state, TG_TICKET_REVOKED);
    assert_int_equal(look_at(fixture, four).state, TG_TICKET_CANCELLED);
    assert_int_equal(events_of(fixture, two), 3); /* submitted, approved, revoked */
    assert_refused(fixture,
                   tg_store_ticket_end_all(fixture->store, one, granted, TG_TICKET_RELEASED, "alice", "",
                                           1500, &fixture->error),
                   TG_ticket_state);
}

static void who_ends_an_expired_ticket_ends_its_extensions(void **state)
{
    struct fixture *fixture = *state;
    unsigned granted = 1U << TG_TICKET_APPROVED | 1U << TG_TICKET_ACTIVE;
    assert_int_equal(add_ticket(fixture, one, 0, 0), 0);
    assert_int_equal(add_approval(fixture, one, "bob", true), 0);
    assert_int_equal(add_extension(fixture, two, one), 0);
    assert_int_equal(
        tg_store_ticket_end(fixture->store, one, granted, TG_TICKET_EXPIRED, "", "", 1700, &fixture->error),
        0);
    assert_refused(fixture,
                   tg_store_ticket_end_all(fixture->store, one, 1U << TG_TICKET_PENDING, TG_TICKET_CANCELLED,
                                           "alice", "", 1800, &fixture->error),
                   TG_ticket_state);
    assert_int_equal(look_at(fixture, two).state, TG_TICKET_PENDING);
    int events = events_of(fixture, one);
    assert_int_equal(tg_store_ticket_end_all(fixture->store, one, granted, TG_TICKET_REVOKED, "bob", "why",
                                             1800, &fixture->error),
                     0);
    assert_int_equal(look_at(fixture, one).state, TG_TICKET_EXPIRED);
    assert_int_equal(look_at(fixture, two).state, TG_TICKET_REVOKED);
    assert_int_equal(events_of(fixture, one), events + 1);
    assert_refused(fixture,
                   tg_store_ticket_end_all(fixture->store, one, granted, TG_TICKET_REVOKED, "bob", "", 1900,
                                           &fixture->error),
                   TG_ticket_state);
}

/* Events of one host, each the next of its chain. */
struct chain {
    struct fixture *fixture;
    int64_t host;
    int64_t number;
    char previous[TG_DIGEST_SIZE];
};

static bool tell(struct chain *chain, const char *kind, const char *session, const char *ticket, int64_t time,
                 int64_t ends)
{
    char digest[TG_DIGEST_SIZE];
    struct tg_event_effect effect;
    (void)snprintf(digest, sizeof digest, "digest-%lld", (long long)++chain->number);
    const struct tg_stored_host_event event = {.number = chain->number,
                                               .digest = digest,
                                               .previous = chain->previous,
                                               .document = "{}",
                                               .time = time,
                                               .kind = kind,
                                               .ticket = ticket,
                                               .person = "alice",
                                               .account = "alice",
                                               .source = "192.0.2.7",
                                               .code = "ticket_late",
                                               .detail = "by the agent",
                                               .session = session,
                                               .ends = ends};
    assert_int_equal(tg_store_host_event_add(chain->fixture->store, chain->host, "ops1", &event, time,
                                             &effect, &chain->fixture->error),
                     0);
    memcpy(chain->previous, digest, sizeof digest);
    return effect.of_session;
}

struct seen_sessions {
    int count;
    int64_t ends;
    int64_t ended;
    int64_t revision;
    char session[33];
};

static int see_session(void *context, const struct tg_stored_host_session *session)
{
    struct seen_sessions *seen = context;
    seen->count++;
    seen->ends = session->ends;
    seen->ended = session->ended;
    seen->revision = session->revision;
    (void)snprintf(seen->session, sizeof seen->session, "%s", session->session);
    return 0;
}

static struct seen_sessions sessions_of(struct fixture *fixture, const char *ticket, bool open_only,
                                        int64_t after, int64_t now)
{
    struct seen_sessions seen = {0};
    const struct tg_host_session_filter filter = {
        .ticket = ticket, .open_only = open_only, .after = after, .limit = 10};
    assert_int_equal(
        tg_store_host_sessions(fixture->store, &filter, now, see_session, &seen, &fixture->error), 0);
    return seen;
}

static void sessions_are_what_their_host_tells(void **state)
{
    struct fixture *fixture = *state;
    struct chain chain = {.fixture = fixture, .host = enrol(fixture, "ops1", "SHA256:one")};
    assert_int_equal(add_ticket(fixture, one, 0, 0), 0);
    assert_false(tell(&chain, "session_extended", first, one, 1100, 3000)); /* it was never opened */
    assert_true(tell(&chain, "session_opened", first, one, 1200, 1800));
    assert_true(tell(&chain, "session_opened", second, one, 1250, 1800));
    assert_false(tell(&chain, "session_opened", first, one, 1300, 1900)); /* told again */
    assert_false(tell(&chain, "session_opened", "", one, 1300, 1900));
    assert_false(tell(&chain, "session_opened", "x", two, 1300, 1900)); /* no ticket of this host's */
    assert_int_equal(sessions_of(fixture, NULL, true, 0, 1400).count, 2);
    assert_true(tell(&chain, "session_extended", first, two, 1400, 2400));
    struct seen_sessions seen =
        sessions_of(fixture, NULL, true, sessions_of(fixture, NULL, false, 0, 1).revision, 1);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.session, first);
    assert_int_equal(seen.ends, 2400);

    assert_true(tell(&chain, "session_ended", first, one, 2400, 0));
    assert_false(tell(&chain, "session_closed", first, one, 2500, 0));
    assert_false(tell(&chain, "session_opened", first, one, 2600, 9000));
    assert_int_equal(sessions_of(fixture, NULL, true, 0, 2600).count, 1);
    seen = sessions_of(fixture, one, false, 0, 2600);
    assert_int_equal(seen.count, 2);
    int64_t revision;
    assert_int_equal(tg_store_host_sessions_revision(fixture->store, &revision, &fixture->error), 0);
    seen = sessions_of(fixture, NULL, false, revision - 1, 2600);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.ended, 2400);
    assert_int_equal(sessions_of(fixture, two, false, 0, 2600).count, 0);
}

static void sessions_of_a_removed_host_are_shown_until_their_end(void **state)
{
    struct fixture *fixture = *state;
    struct chain chain = {.fixture = fixture, .host = enrol(fixture, "ops1", "SHA256:one")};
    assert_int_equal(add_ticket(fixture, one, 0, 0), 0);
    assert_true(tell(&chain, "session_opened", first, one, 1200, 1800));
    assert_int_equal(sessions_of(fixture, one, true, 0, 1900).count, 1); /* silent: it may be there yet */
    assert_int_equal(tg_store_host_remove(fixture->store, "ops1", 1300, &fixture->error), 0);
    assert_int_equal(sessions_of(fixture, one, true, 0, 1700).count, 1);
    assert_int_equal(sessions_of(fixture, one, true, 0, 1900).count, 0);
    assert_int_equal(sessions_of(fixture, NULL, true, 0, 1900).count, 0);
    chain.host = enrol(fixture, "ops1", "SHA256:two"); /* and goes on with its journal */
    assert_true(tell(&chain, "session_ended", first, one, 1850, 0));
}

static void a_database_of_the_first_version_is_taken_over(void **state)
{
    (void)state;
    char path[] = "/tmp/test_store.XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    (void)close(file);
    sqlite3 *database = NULL;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database,
                                  TG_STORE_SCHEMA_1
                                  "INSERT INTO tickets (id, document, requester, created, state, sessions, "
                                  "forget, revision) VALUES ('T-0000000000001', '{}', 'alice', 1, 'active', "
                                  "0, 2, 3);",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    for (int i = 0; i < 2; i++) {
        struct fixture fixture = {0};
        assert_int_equal(tg_store_open(path, &fixture.store, &fixture.error), 0);
        assert_int_equal(look_at(&fixture, one).state, TG_TICKET_ACTIVE);
        assert_int_equal(sessions_of(&fixture, one, false, 0, 1).count, 0);
        tg_store_close(fixture.store);
    }
    (void)unlink(path);
}

static void nonces_and_tokens(void **state)
{
    struct fixture *fixture = *state;
    struct tg_store *store = fixture->store;
    assert_int_equal(tg_store_nonce_use(store, "key", "n", 100, 50, &fixture->error), 0);
    assert_refused(fixture, tg_store_nonce_use(store, "key", "n", 100, 100, &fixture->error),
                   TG_request_replayed);
    assert_int_equal(tg_store_nonce_use(store, "other", "n", 100, 50, &fixture->error), 0);
    assert_int_equal(tg_store_nonce_use(store, "key", "n", 300, 200, &fixture->error),
                     0); /* forgotten by then */
    struct tg_stored_token token;
    assert_int_equal(
        tg_store_token_add(store, "digest", "alice", "SHA256:a", TG_TOKEN_WEB, 100, 50, &fixture->error), 0);
    assert_int_equal(tg_store_token(store, "digest", 99, &token, &fixture->error), 0);
    assert_string_equal(token.person, "alice");
    assert_string_equal(token.key, "SHA256:a");
    assert_int_equal(token.scope, TG_TOKEN_WEB);
    tg_stored_token_clear(&token);
    assert_refused(fixture, tg_store_token(store, "digest", 100, &token, &fixture->error), TG_token_invalid);
    assert_refused(fixture, tg_store_token(store, "other", 99, &token, &fixture->error), TG_token_invalid);
}

static int count_revocation(void *context, const struct tg_stored_revocation *revocation)
{
    assert_string_equal(revocation->key, "SHA256:x");
    ++*(int *)context;
    return 0;
}

static void revocations_are_only_added(void **state)
{
    struct fixture *fixture = *state;
    const struct tg_stored_revocation entry = {
        .key = "SHA256:x", .authority = "", .serial = "", .key_id = ""};
    struct tg_new_revocations new = {
        .list = &entry, .count = 1, .person = "alice", .reason = "lost", .version = 5000};
    struct tg_stored_revocation_list list;
    struct tg_error *error = &fixture->error;
    int64_t revision;
    int64_t by_alice;
    int count = 0;
    bool added;
    assert_int_equal(tg_store_revocation_list(fixture->store, &list, error), 0);
    assert_int_equal(list.version, 0);
    assert_int_equal(tg_store_revocations_add(fixture->store, &new, 5, &added, &revision, error), 0);
    assert_true(added);
    assert_true(revision > 0);
    /* The same again: no new list, no new revision for hosts to come for. */
    new.version = 6000;
    assert_int_equal(tg_store_revocations_add(fixture->store, &new, 6, &added, &revision, error), 0);
    assert_false(added);
    assert_int_equal(tg_store_revocation_list(fixture->store, &list, error), 0);
    assert_int_equal(list.version, 5000);
    assert_int_equal(list.generated, 5);
    assert_int_equal(tg_store_revocations(fixture->store, count_revocation, &count, error), 0);
    assert_int_equal(count, 1);
    assert_int_equal(tg_store_revocations_by(fixture->store, "alice", &by_alice, error), 0);
    assert_int_equal(by_alice, 1);
    assert_int_equal(tg_store_revocations_by(fixture->store, "bob", &by_alice, error), 0);
    assert_int_equal(by_alice, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(revocations_are_only_added, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_ticket_is_stored_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_approval_is_stored_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_state_is_left_only_from_where_it_may_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_session_is_won_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(time_is_told_when_to_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(acknowledgements_settle_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_change_is_acknowledged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_host_begins_a_new_chain_when_enrolled_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(extensions_end_with_their_ticket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_ends_an_expired_ticket_ends_its_extensions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sessions_are_what_their_host_tells, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sessions_of_a_removed_host_are_shown_until_their_end, set_up,
                                        tear_down),
        cmocka_unit_test(a_database_of_the_first_version_is_taken_over),
        cmocka_unit_test_setup_teardown(nonces_and_tokens, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
