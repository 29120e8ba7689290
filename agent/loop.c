/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The loop. One thread waits for the service, the socket, signals and the ends of sshd processes at once,
 * until the next thing is due.
 */
#include "agent/clients.h"
#include "agent/ending.h"
#include "agent/host_certificate.h"
#include "agent/network_grants.h"
#include "agent/notify.h"
#include "agent/revocations.h"
#include "agent/session_right.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { LONGEST_WAIT_MS = 3600 * 1000 };

/* Does what is due. Returns when the next thing will be, in steady milliseconds. */
static int64_t take_turn(struct tg_agent *agent)
{
    int64_t due = tg_sessions_turn(agent);
    due = tg_earlier(due, tg_ending_turn(agent));
    tg_agent_end_doomed(agent);
    tg_admissions_expire(&agent->admissions, agent->steady);
    tg_agent_watch_roster(agent);
    due = tg_earlier(due, tg_revocations_turn(agent));
    if (agent->now >= agent->publish_due) {
        (void)tg_agent_purge(agent);
        (void)tg_agent_publish(agent);
        (void)tg_agent_save_tickets(agent);
    }
    tg_report_repeats(agent, agent->steady);
    bool flushed = tg_events_flush(&agent->events);
    due = tg_earlier(due, tg_clients_turn(agent));
    due = tg_earlier(due, tg_repeats_due(&agent->repeats));
    due = tg_earlier(due, tg_repeats_due(&agent->update_repeats));
    due = tg_earlier(due, tg_dedicated_turn(agent));
    due = tg_earlier(due, tg_service_turn(agent));
    due = tg_earlier(due, tg_host_certificate_turn(agent));
    due = tg_earlier(due, tg_network_grants_turn(agent));
    due = tg_earlier(due, agent->steady + (agent->publish_due - agent->now) * 1000);
    if (!flushed)
        due = tg_earlier(due, agent->steady + 1000);
    for (size_t i = 0; i < agent->doomed_count; i++)
        due = tg_earlier(due, agent->doomed[i].due);
    if (agent->watchdog_interval > 0) {
        if (agent->steady >= agent->watchdog_due) {
            tg_notify("WATCHDOG=1");
            agent->watchdog_due = agent->steady + agent->watchdog_interval;
        }
        due = tg_earlier(due, agent->watchdog_due);
    }
    return due;
}

/* What the wait is for: the listener, the signals, changes of network rules, then clients, then sessions. */
struct waits {
    struct curl_waitfd *list;
    size_t size;
    unsigned int count;
    unsigned int clients;  /* index of the first */
    unsigned int sessions; /* likewise */
};

static bool prepare(const struct tg_agent *agent, struct waits *waits)
{
    size_t needed = 3 + agent->client_count + agent->sessions.count;
    if (needed > waits->size) {
        struct curl_waitfd *grown = realloc(waits->list, 2 * needed * sizeof *grown);
        if (grown == NULL)
            return false;
        waits->list = grown;
        waits->size = 2 * needed;
    }
    unsigned int count = 0;
    waits->list[count++] = (struct curl_waitfd){.fd = agent->listener, .events = CURL_WAIT_POLLIN};
    waits->list[count++] = (struct curl_waitfd){.fd = agent->signals, .events = CURL_WAIT_POLLIN};
    /* It only wakes us: tg_network_grants_turn() reads it. */
    waits->list[count++] =
        (struct curl_waitfd){.fd = tg_network_grants_fd(agent->network_grants), .events = CURL_WAIT_POLLIN};
    waits->clients = count;
    for (size_t i = 0; i < agent->client_count; i++)
        waits->list[count++] = (struct curl_waitfd){.fd = agent->clients[i]->fd, .events = CURL_WAIT_POLLIN};
    waits->sessions = count;
    for (size_t i = 0; i < agent->sessions.count; i++)
        waits->list[count++] =
            (struct curl_waitfd){.fd = agent->sessions.list[i].pidfd, .events = CURL_WAIT_POLLIN};
    waits->count = count;
    return true;
}

static void read_signals(struct tg_agent *agent)
{
    struct signalfd_siginfo info;
    while (read(agent->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            tg_agent_reload(agent);
        else
            agent->stopping = true;
    }
}

/* Is this client still among those that are connected? Answering one may end others. */
static struct tg_client *client_with_fd(const struct tg_agent *agent, int fd)
{
    for (size_t i = 0; i < agent->client_count; i++) {
        if (agent->clients[i]->fd == fd)
            return agent->clients[i];
    }
    return NULL;
}

static void end_session_of_pidfd(struct tg_agent *agent, int pidfd)
{
    for (size_t i = 0; i < agent->sessions.count; i++) {
        if (agent->sessions.list[i].pidfd == pidfd) {
            tg_session_monitor_ended(agent, &agent->sessions.list[i]);
            return;
        }
    }
}

static void dispatch(struct tg_agent *agent, const struct waits *waits)
{
    /* Ends of sessions first: answering a client may open a session whose pidfd has the number of one that
     * was closed. */
    for (unsigned int i = waits->sessions; i < waits->count; i++) {
        if (waits->list[i].fd >= 0 && waits->list[i].revents != 0)
            end_session_of_pidfd(agent, waits->list[i].fd);
    }
    for (unsigned int i = waits->clients; i < waits->sessions; i++) {
        struct tg_client *client =
            waits->list[i].revents == 0 ? NULL : client_with_fd(agent, waits->list[i].fd);
        if (client != NULL)
            tg_clients_readable(agent, client);
    }
    /* New clients last: their descriptors may have the numbers of some that were closed above. */
    if (waits->list[0].revents != 0)
        tg_clients_accept(agent);
    if (waits->list[1].revents != 0)
        read_signals(agent);
}

static int wait_once(struct tg_agent *agent, struct waits *waits, int64_t due)
{
    int running;
    int64_t wait = due - agent->steady;
    if (wait > LONGEST_WAIT_MS)
        wait = LONGEST_WAIT_MS;
    if (!prepare(agent, waits))
        return -1;
    CURLMcode result =
        curl_multi_poll(agent->service.multi, waits->list, waits->count, wait < 0 ? 0 : (int)wait, NULL);
    if (result != CURLM_OK || curl_multi_perform(agent->service.multi, &running) != CURLM_OK)
        return -1;
    return 0;
}

int tg_agent_loop(struct tg_agent *agent, struct tg_error *error)
{
    struct waits waits = {0};
    int result = 0;
    agent->watchdog_interval = tg_notify_watchdog_interval();
    tg_agent_read_clocks(agent);
    while (!agent->stopping && result == 0) {
        int64_t due = take_turn(agent);
        result = wait_once(agent, &waits, due);
        tg_agent_read_clocks(agent);
        if (result == 0) {
            dispatch(agent, &waits);
            tg_service_finish(agent);
        }
    }
    free(waits.list);
    return result == 0 ? 0
                       : tg_fail(error, TG_internal_error, "the loop cannot wait any more: out of memory?");
}
