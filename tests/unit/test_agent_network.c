/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The network rules of confined accounts: their text, and what becomes of them in a kernel. The tests run in
 * a network namespace of their own, in which nothing is but what they make.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/netfilter.h"
#include "agent/network_grants.h"
#include "agent/network_rules.h"
#include "tests/unit/temporary.h"
#include "tests/unit/world.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ALICE = 20001 };

#define TICKET          "T-0123456789ABC"
#define OTHER_TICKET    "T-0123456789ABD"
#define CONFINED        "people/alice/confined=1"
#define WITH_A_DATABASE "permit_open=[\"10.0.0.5:5432\"]"

/* --- Text
 * -------------------------------------------------------------------------------------------------------- */

static void assert_destination(const char *text, const char *expected)
{
    struct tg_network_destination destination;
    char again[TG_DESTINATION_SIZE];
    bool good = tg_network_destination_parse(text, &destination);
    if (good != (expected != NULL))
        fail_msg("%s", text);
    if (good)
        assert_string_equal(tg_network_destination_text(&destination, again), expected);
}

static void test_destinations(void **state)
{
    (void)state;
    assert_destination("10.0.0.5:5432", "10.0.0.5:5432");
    assert_destination("[2001:db8::1]:443", "[2001:db8::1]:443");
    assert_destination("[2001:0db8:0:0:0:0:0:1]:65535", "[2001:db8::1]:65535");
    assert_destination("[::ffff:10.0.0.5]:1", "10.0.0.5:1");
    static const char *const bad[] = {"",
                                      "10.0.0.5",
                                      "10.0.0.5:",
                                      "10.0.0.5:0",
                                      "10.0.0.5:65536",
                                      "10.0.0.5:*",
                                      "*:22",
                                      "db.lab:22",
                                      "2001:db8::1:22",
                                      "[10.0.0.5:1",
                                      "10.0.0.5]:22",
                                      "[db]:22",
                                      "10.0.0.0/8:22",
                                      "10.0.0.5:22 ",
                                      ":22",
                                      "[]:22",
                                      "10.0.0.5:-1",
                                      "10.0.0.5:+1",
                                      "[fe80::1%lo]:22"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_destination(bad[i], NULL);
}

static void assert_name_servers(const struct tg_network_rules *rules, const char *expected)
{
    char all[512] = "";
    for (size_t i = 0; i < rules->name_server_count; i++) {
        struct tg_network_destination destination = {.address = rules->name_servers[i], .port = 53};
        char text[TG_DESTINATION_SIZE];
        (void)tg_network_destination_text(&destination, text);
        (void)snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i == 0 ? "" : " ", text);
    }
    assert_string_equal(all, expected);
}

static void test_name_servers(void **state)
{
    (void)state;
    struct tg_network_rules rules = {0};
    assert_true(tg_network_name_servers_of_list(" 10.0.0.2,2001:db8::2 10.0.0.2 ", &rules));
    assert_name_servers(&rules, "10.0.0.2:53 [2001:db8::2]:53");
    assert_false(tg_network_name_servers_of_list("dns.lab 10.0.0.2", &rules));
    assert_name_servers(&rules, "10.0.0.2:53");
    assert_false(tg_network_name_servers_of_list("::1 ::2 ::3 ::4 ::5 ::6 ::7 ::8 ::9", &rules));
    assert_int_equal(rules.name_server_count, TG_NAME_SERVERS_MAX);
    tg_network_name_servers_of_file(
        "# nameserver 10.0.0.9\nsearch lab\nnameserver 127.0.0.53\n"
        "nameserver\tfe80::1%eth0 # the router\nnameservers 10.0.0.8\nnameserver\n"
        "nameserver 10.0.0.7; \r\n nameserver 10.0.0.6\nnameserver 10.0.0.3",
        &rules);
    assert_name_servers(&rules, "127.0.0.53:53 [fe80::1]:53 10.0.0.7:53 10.0.0.3:53");
    tg_network_name_servers_of_file("", &rules);
    assert_name_servers(&rules, "");
}

static void permit(struct tg_network_rules *rules, uint32_t uid, const char *destination, int64_t due)
{
    struct tg_network_permit *one = &rules->permits[rules->permit_count++];
    *one = (struct tg_network_permit){.uid = uid, .due = due, .milliseconds = due};
    assert_true(tg_network_destination_parse(destination, &one->destination));
}

static void test_permits_text(void **state)
{
    (void)state;
    struct tg_network_permit permits[8];
    struct tg_network_rules rules = {.permits = permits};
    permit(&rules, ALICE, "[2001:db8::1]:443", 60000);
    permit(&rules, ALICE + 1, "10.0.0.5:22", 60000);
    permit(&rules, ALICE, "10.0.0.5:22", 1000);
    permit(&rules, ALICE, "10.0.0.5:22", 61000);
    permit(&rules, ALICE, "10.0.0.6:22", 0);
    tg_network_rules_sort(&rules);
    char *text = tg_network_permits_text(&rules);
    assert_string_equal(text,
                        "flush set inet tegata permit4\n"
                        "flush set inet tegata permit6\n"
                        "add element inet tegata permit4 { 20001 . 10.0.0.5 . 22 timeout 61000ms, "
                        "20002 . 10.0.0.5 . 22 timeout 60000ms }\n"
                        "add element inet tegata permit6 { 20001 . 2001:db8::1 . 443 timeout 60000ms }\n");
    free(text);
    rules.permit_count = 0;
    text = tg_network_permits_text(&rules);
    assert_string_equal(text, "flush set inet tegata permit4\nflush set inet tegata permit6\n");
    free(text);
}

static void test_what_is_the_same(void **state)
{
    (void)state;
    struct tg_network_permit ours[2], theirs[2];
    struct tg_network_rules a = {.permits = ours};
    struct tg_network_rules b = {.permits = theirs};
    permit(&a, ALICE, "10.0.0.5:22", 60000);
    permit(&b, ALICE, "10.0.0.5:22", 60900);
    assert_true(tg_network_rules_same_permits(&a, &b));
    theirs[0].due = 62000;
    assert_false(tg_network_rules_same_permits(&a, &b));
    b.permit_count = 0;
    permit(&b, ALICE, "10.0.0.5:23", 60000);
    assert_false(tg_network_rules_same_permits(&a, &b));
    b.permit_count = 0;
    assert_false(tg_network_rules_same_permits(&a, &b));
    assert_true(tg_network_rules_same_frame(&a, &b));
    assert_true(tg_network_name_servers_of_list("10.0.0.2", &a));
    assert_true(tg_network_name_servers_of_list("10.0.0.3", &b));
    assert_false(tg_network_rules_same_frame(&a, &b));
}

/* --- In a kernel
 * --------------------------------------------------------------------------------------------------- */

/* Runs commands as an administrator would, and returns what they print; malloc'ed. */
static char *administer(const char *commands)
{
    struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
    assert_non_null(context);
    assert_int_equal(nft_ctx_buffer_output(context), 0);
    assert_int_equal(nft_run_cmd_from_buffer(context, commands), 0);
    char *said = strdup(nft_ctx_get_output_buffer(context));
    nft_ctx_free(context);
    assert_non_null(said);
    return said;
}

static void assert_listed(const char *commands, const char *part, bool expected)
{
    char *listed = administer(commands);
    if ((strstr(listed, part) != NULL) != expected)
        fail_msg("%s: %s %s in:\n%s", commands, part, expected ? "is not" : "is", listed);
    free(listed);
}

struct scene {
    struct tg_agent agent;
    char folder[TEMPORARY_SIZE];
    char resolv_conf[TEMPORARY_SIZE + 16];
};

static void write_resolv_conf(const struct scene *scene, const char *text)
{
    FILE *file = fopen(scene->resolv_conf, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void take_ticket(struct tg_agent *agent, const char *id, const char *changes)
{
    struct tg_error error = {.text = ""};
    char all[512];
    (void)snprintf(all, sizeof all, "id=\"%s\" %s", id, changes);
    char *text = world_ticket_text(all);
    struct tg_update_ticket offered = {
        .well_formed = true, .document = tg_bytes_of_text(text), .state = TG_TICKET_APPROVED};
    if (tg_tickets_take(&agent->tickets, NULL, "ops1", INT64_MAX, &offered, NULL, NULL, &error) !=
        TG_INTAKE_CHANGED)
        fail_msg("%s", error.text);
    free(text);
}

/* A host on which alice is confined, with two tickets of hers. */
static struct scene *make_scene(const char *policy_changes)
{
    struct tg_error error = {.text = ""};
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    struct tg_agent *agent = &scene->agent;
    assert_non_null(mkdtemp(temporary_template(scene->folder)));
    (void)snprintf(scene->resolv_conf, sizeof scene->resolv_conf, "%s/resolv.conf", scene->folder);
    write_resolv_conf(scene, "nameserver 10.0.0.2\nnameserver 2001:db8::2\n");
    agent->log = (struct tg_log){.program = "test", .to_stderr = true, .level = LOG_ERR};
    agent->resolv_conf_path = scene->resolv_conf;
    (void)snprintf(agent->config.state_directory, sizeof agent->config.state_directory, "%s", scene->folder);
    agent->now = WORLD_TIME;
    agent->steady = 1000000;
    agent->session_clock.base = agent->now * 1000 - agent->steady;
    agent->session_clock.known = true;
    agent->policy = world_policy(policy_changes);
    assert_int_equal(tg_tickets_init(&agent->tickets), 0);
    take_ticket(agent, TICKET, WITH_A_DATABASE);
    take_ticket(agent, OTHER_TICKET, "permit_open=[\"10.0.0.5:5432\",\"[2001:db8::1]:443\",\"db.lab:22\"]");
    if (tg_events_open(&agent->events, scene->folder, "ops1", &agent->log, agent->now, &error) != 0)
        fail_msg("%s", error.text);
    return scene;
}

static void free_scene(struct scene *scene)
{
    static const char *const files[] = {"resolv.conf", "events", "network_table"};
    char path[TEMPORARY_SIZE + 32];
    tg_network_grants_free(scene->agent.network_grants);
    tg_events_close(&scene->agent.events);
    tg_sessions_free(&scene->agent.sessions);
    tg_tickets_free(&scene->agent.tickets);
    tg_policy_free(scene->agent.policy);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", scene->folder, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(scene->folder);
    free(scene);
    free(administer("flush ruleset"));
}

static void open_session(struct scene *scene, const char *id, const char *ticket, int64_t seconds)
{
    struct tg_session session = {.pidfd = -1, .uid = ALICE, .ends = scene->agent.now + seconds};
    (void)snprintf(session.id, sizeof session.id, "%s", id);
    (void)snprintf(session.ticket, sizeof session.ticket, "%s", ticket);
    (void)snprintf(session.person, sizeof session.person, "alice");
    (void)snprintf(session.account, sizeof session.account, "alice");
    assert_non_null(tg_sessions_add(&scene->agent.sessions, &session));
}

static void assert_event(const struct scene *scene, size_t index, const char *kind, const char *detail)
{
    assert_true(index < scene->agent.events.count);
    const char *text = scene->agent.events.lines[index].text;
    if (strstr(text, kind) == NULL || strstr(text, detail) == NULL)
        fail_msg("%s: %s is not in %s", kind, detail, text);
}

#define LIST "list table inet tegata"

static void test_nobody_is_confined(void **state)
{
    (void)state;
    struct scene *scene = make_scene(NULL);
    open_session(scene, "one", TICKET, 600);
    tg_network_grants_start(&scene->agent);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_null(scene->agent.network_grants);
    assert_int_equal(tg_network_grants_turn(&scene->agent), INT64_MAX);
    assert_int_equal(tg_network_grants_fd(scene->agent.network_grants), -1);
    assert_listed("list ruleset", "tegata", false);
    assert_int_equal(scene->agent.events.count, 0);
    free_scene(scene);
}

static void test_a_session_comes_and_goes(void **state)
{
    (void)state;
    struct scene *scene = make_scene(CONFINED);
    assert_true(tg_account_is_confined(scene->agent.policy, "alice"));
    assert_false(tg_account_is_confined(scene->agent.policy, "bob"));
    assert_false(tg_account_is_confined(scene->agent.policy, "nobody"));
    tg_network_grants_start(&scene->agent);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed("list set inet tegata confined", "elements = { 20001 }", true);
    assert_listed("list set inet tegata confined_groups", "elements = { 20001 }", true);
    assert_listed("list set inet tegata name_servers4", "elements = { 10.0.0.2 }", true);
    assert_listed("list set inet tegata name_servers6", "elements = { 2001:db8::2 }", true);
    assert_listed(LIST, "timeout ", false);
    open_session(scene, "one", TICKET, 600);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed(LIST, "20001 . 10.0.0.5 . 5432 timeout 10m ", true);
    assert_event(scene, 0, "grant_put", "\"10.0.0.5:5432 (before: none)\"");
    /* Another one reaches the same for longer, and more; what is no address it does not reach. */
    open_session(scene, "two", OTHER_TICKET, 1200);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed(LIST, "20001 . 10.0.0.5 . 5432 timeout 20m ", true);
    assert_listed(LIST, "20001 . 2001:db8::1 . 443 timeout 20m ", true);
    assert_event(scene, 1, "grant_put", "\"10.0.0.5:5432 [2001:db8::1]:443 (before: 10.0.0.5:5432)\"");
    /* Its right ends: its grant does at once, whatever its processes still do. */
    tg_sessions_find(&scene->agent.sessions, "two")->ending.phase = TG_ENDING_TOLD;
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed(LIST, "20001 . 10.0.0.5 . 5432 timeout 10m ", true);
    assert_listed(LIST, "2001:db8::1", false);
    assert_event(scene, 2, "grant_removed", "\"10.0.0.5:5432 [2001:db8::1]:443 (left: 10.0.0.5:5432)\"");
    tg_sessions_remove(&scene->agent.sessions, tg_sessions_find(&scene->agent.sessions, "one"));
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed(LIST, "timeout ", false);
    assert_event(scene, 3, "grant_removed", "\"10.0.0.5:5432 (left: none)\"");
    assert_int_equal(scene->agent.events.count, 4);
    free_scene(scene);
}

static void test_an_extension_prolongs(void **state)
{
    (void)state;
    struct scene *scene = make_scene(CONFINED);
    open_session(scene, "one", TICKET, 600);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    tg_sessions_find(&scene->agent.sessions, "one")->ends += 1800;
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed(LIST, "20001 . 10.0.0.5 . 5432 timeout 40m ", true);
    assert_int_equal(scene->agent.events.count, 1);
    free_scene(scene);
}

/* The session clock was wrong by an hour: the kernel is told what is left now. */
static void test_the_clock_is_corrected(void **state)
{
    (void)state;
    struct scene *scene = make_scene(CONFINED);
    open_session(scene, "one", TICKET, 7200);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    scene->agent.session_clock.base += 3600000;
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed(LIST, "20001 . 10.0.0.5 . 5432 timeout 1h ", true);
    free_scene(scene);
}

static void test_an_agent_that_comes_back(void **state)
{
    (void)state;
    struct scene *scene = make_scene(CONFINED);
    open_session(scene, "one", TICKET, 600);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_int_equal(scene->agent.events.count, 1);
    tg_network_grants_free(scene->agent.network_grants);
    scene->agent.network_grants = NULL;
    assert_listed(LIST, "20001 . 10.0.0.5 . 5432 timeout 10m ", true);
    /* While it was away another session came to its end. */
    open_session(scene, "two", OTHER_TICKET, 600);
    tg_network_grants_start(&scene->agent);
    tg_sessions_find(&scene->agent.sessions, "two")->ending.phase = TG_ENDING_TOLD;
    scene->agent.steady += 300000;
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed(LIST, "20001 . 10.0.0.5 . 5432 timeout 5m ", true);
    assert_int_equal(scene->agent.events.count, 2);
    assert_event(scene, 1, "grant_removed", "(left: 10.0.0.5:5432)");
    /* It comes back to a policy that confines nobody: alice stays confined until her session is over. */
    tg_network_grants_free(scene->agent.network_grants);
    scene->agent.network_grants = NULL;
    tg_network_grants_start(&scene->agent);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    tg_policy_free(scene->agent.policy);
    scene->agent.policy = world_policy(NULL);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed(LIST, "20001 . 10.0.0.5 . 5432 timeout ", true);
    while (scene->agent.sessions.count > 0)
        tg_sessions_remove(&scene->agent.sessions, &scene->agent.sessions.list[0]);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_null(scene->agent.network_grants);
    assert_listed("list ruleset", "tegata", false);
    tg_network_grants_start(&scene->agent);
    assert_null(scene->agent.network_grants);
    free_scene(scene);
}

/* A policy that has expired is no reason to set anybody free. */
static void test_without_a_policy(void **state)
{
    (void)state;
    struct scene *scene = make_scene(CONFINED);
    open_session(scene, "one", TICKET, 600);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    tg_policy_free(scene->agent.policy);
    scene->agent.policy = NULL;
    tg_sessions_remove(&scene->agent.sessions, tg_sessions_find(&scene->agent.sessions, "one"));
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed("list set inet tegata confined", "elements = { 20001 }", true);
    assert_listed(LIST, "timeout ", false);
    free_scene(scene);
}

/* Its own was damaged, or the root keys are others now. */
static void test_an_agent_that_comes_back_without_a_policy(void **state)
{
    (void)state;
    struct scene *scene = make_scene(CONFINED);
    struct tg_policy *policy = scene->agent.policy;
    open_session(scene, "one", TICKET, 600);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    tg_network_grants_free(scene->agent.network_grants);
    scene->agent.network_grants = NULL;
    scene->agent.policy = NULL;
    tg_network_grants_start(&scene->agent);
    assert_int_equal(tg_network_grants_update(&scene->agent), -1);
    assert_listed("list set inet tegata confined", "elements = { 20001 }", true);
    assert_listed(LIST, "20001 . 10.0.0.5 . 5432 timeout 10m ", true);
    assert_true(tg_network_grants_turn(&scene->agent) > scene->agent.steady);
    scene->agent.policy = policy;
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed("list set inet tegata confined", "elements = { 20001 }", true);
    free_scene(scene);
}

static void test_others_are_not_touched(void **state)
{
    (void)state;
    static const char theirs[] =
        "add table ip theirs\n"
        "add set ip theirs s { type ipv4_addr; }\n"
        "add element ip theirs s { 192.0.2.1 }\n"
        "add chain ip theirs output { type filter hook output priority 0; policy accept; }\n"
        "add rule ip theirs output ip daddr @s counter drop\n";
    free(administer(theirs));
    char *before = administer("list table ip theirs");
    struct scene *scene = make_scene(CONFINED);
    open_session(scene, "one", TICKET, 600);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    tg_policy_free(scene->agent.policy);
    scene->agent.policy = world_policy(NULL);
    tg_sessions_remove(&scene->agent.sessions, tg_sessions_find(&scene->agent.sessions, "one"));
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    char *after = administer("list table ip theirs");
    assert_string_equal(before, after);
    free(before);
    free(after);
    free_scene(scene);
}

/* systemctl reload nftables flushes the ruleset, ours with it. */
static void test_a_flushed_ruleset_comes_back(void **state)
{
    (void)state;
    struct scene *scene = make_scene(CONFINED);
    open_session(scene, "one", TICKET, 600);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_int_equal(tg_network_grants_turn(&scene->agent), INT64_MAX);
    free(administer("flush ruleset"));
    /* Not twice in a moment, however often others change theirs. */
    int64_t due = tg_network_grants_turn(&scene->agent);
    assert_true(due > scene->agent.steady && due <= scene->agent.steady + 100);
    scene->agent.steady = due;
    assert_int_equal(tg_network_grants_turn(&scene->agent), INT64_MAX);
    assert_listed(LIST, "20001 . 10.0.0.5 . 5432 timeout ", true);
    /* A session that opens does not wait for that. */
    free(administer("delete table inet tegata"));
    open_session(scene, "two", OTHER_TICKET, 600);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed(LIST, "20001 . 2001:db8::1 . 443 timeout ", true);
    assert_listed("list chain inet tegata confined_output", "reject", true);
    assert_int_equal(scene->agent.events.count, 2);
    free_scene(scene);
}

static void test_a_table_of_another_version(void **state)
{
    (void)state;
    struct scene *scene = make_scene(CONFINED);
    free(administer("table inet tegata { set confined { type ipv4_addr; }; chain output { accept; }; }"));
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed("list set inet tegata confined", "elements = { 20001 }", true);
    assert_listed(LIST, "hook output", true);
    free_scene(scene);
}

static void test_name_servers_change(void **state)
{
    (void)state;
    struct scene *scene = make_scene(CONFINED);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    (void)tg_network_grants_turn(&scene->agent);
    write_resolv_conf(scene, "nameserver 10.0.0.33\n");
    (void)tg_network_grants_turn(&scene->agent);
    assert_listed("list set inet tegata name_servers4", "elements = { 10.0.0.33 }", true);
    assert_listed("list set inet tegata name_servers6", "elements", false);
    (void)snprintf(scene->agent.config.name_servers, sizeof scene->agent.config.name_servers, "10.0.0.44");
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    assert_listed("list set inet tegata name_servers4", "elements = { 10.0.0.44 }", true);
    free_scene(scene);
}

static void be_capable(bool capable)
{
    static const cap_value_t network[] = {CAP_NET_ADMIN};
    cap_t capabilities = cap_get_proc();
    assert_non_null(capabilities);
    assert_int_equal(cap_set_flag(capabilities, CAP_EFFECTIVE, 1, network, capable ? CAP_SET : CAP_CLEAR), 0);
    assert_int_equal(cap_set_proc(capabilities), 0);
    (void)cap_free(capabilities);
}

/* Without the capability nothing can be confined, and that is said. */
static void test_a_kernel_that_refuses(void **state)
{
    (void)state;
    struct scene *scene = make_scene(CONFINED);
    open_session(scene, "one", TICKET, 600);
    assert_int_equal(tg_network_grants_update(&scene->agent), 0);
    free(administer("flush ruleset"));
    be_capable(false);
    open_session(scene, "two", OTHER_TICKET, 600);
    assert_int_equal(tg_network_grants_update(&scene->agent), -1);
    assert_int_equal(scene->agent.events.count, 1);
    assert_true(tg_network_grants_turn(&scene->agent) > scene->agent.steady);
    be_capable(true);
    scene->agent.steady = tg_network_grants_turn(&scene->agent);
    assert_int_equal(tg_network_grants_turn(&scene->agent), INT64_MAX);
    assert_event(scene, 1, "grant_put", "(before: 10.0.0.5:5432)");
    free_scene(scene);
}

/* As root, or as whoever may make a user namespace. */
static int in_own_network(void **state)
{
    (void)state;
    int flags = geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET;
    if (unshare(flags) == 0)
        return 0;
    (void)fprintf(stderr, "these tests need root, or unprivileged user namespaces\n");
    return -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_destinations),
        cmocka_unit_test(test_name_servers),
        cmocka_unit_test(test_permits_text),
        cmocka_unit_test(test_what_is_the_same),
        cmocka_unit_test(test_nobody_is_confined),
        cmocka_unit_test(test_a_session_comes_and_goes),
        cmocka_unit_test(test_an_extension_prolongs),
        cmocka_unit_test(test_the_clock_is_corrected),
        cmocka_unit_test(test_an_agent_that_comes_back),
        cmocka_unit_test(test_without_a_policy),
        cmocka_unit_test(test_an_agent_that_comes_back_without_a_policy),
        cmocka_unit_test(test_others_are_not_touched),
        cmocka_unit_test(test_a_flushed_ruleset_comes_back),
        cmocka_unit_test(test_a_table_of_another_version),
        cmocka_unit_test(test_name_servers_change),
        cmocka_unit_test(test_a_kernel_that_refuses),
    };
    return cmocka_run_group_tests(tests, in_own_network, NULL);
}
