/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/clients.h"

#include "agent/gates.h"
#include "agent/service_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_MS = 2000, WAIT_MS = TG_AGENT_SESSION_DEADLINE_MS };

static void client_free(struct tg_agent *agent, struct tg_client *client)
{
    for (size_t i = 0; i < agent->client_count; i++) {
        if (agent->clients[i] == client) {
            agent->clients[i] = agent->clients[--agent->client_count];
            break;
        }
    }
    tg_transfer_cancel(agent, client->counting);
    tg_known_certificate_release(client->certificate);
    (void)close(client->fd);
    free(client->packet);
    free(client);
}

/* Who is at the other end, as the kernel knows it. */
static bool identify(struct tg_agent *agent, struct tg_client *client)
{
    socklen_t length = sizeof client->peer;
    return getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &client->peer, &length) == 0 &&
           client->peer.pid > 0 &&
           tg_process_read(agent->proc_root, client->peer.pid, &client->process, &client->parent) == 0;
}

void tg_clients_accept(struct tg_agent *agent)
{
    int fd = accept4(agent->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct tg_client *client = agent->client_count == TG_CLIENTS_MAX ? NULL : calloc(1, sizeof *client);
    if (client == NULL) {
        tg_log(&agent->log, LOG_ERR, "too many connections on the socket: one is closed");
        (void)close(fd);
        return;
    }
    client->fd = fd;
    client->until = agent->steady + READ_MS;
    agent->clients[agent->client_count++] = client;
    if (!identify(agent, client))
        client_free(agent, client);
}

/* Reads the one packet into memory of the client's own. False: there is none, or it is not one. */
static bool read_request(struct tg_agent *agent, struct tg_client *client)
{
    ssize_t length = recv(client->fd, agent->packet, TG_AGENT_REQUEST_MAX + 1, MSG_TRUNC);
    if (length <= 0 || length > TG_AGENT_REQUEST_MAX)
        return false;
    client->packet = malloc((size_t)length);
    if (client->packet == NULL)
        return false;
    memcpy(client->packet, agent->packet, (size_t)length);
    return tg_agent_request_decode(tg_bytes_of(client->packet, (size_t)length), &client->request);
}

/* The kind as the packet claims it, so that whoever sent it can read the answer. 0: not even that. */
static enum tg_agent_kind claimed_kind(const struct tg_agent *agent, const struct tg_client *client)
{
    return client->packet == NULL ? 0 : (enum tg_agent_kind)agent->packet[1];
}

void tg_clients_readable(struct tg_agent *agent, struct tg_client *client)
{
    if (client->phase != TG_CLIENT_READING || client->packet != NULL) {
        /* Nothing more is to come but the end: whoever waited has gone away. */
        client_free(agent, client);
        return;
    }
    agent->packet[1] = 0;
    if (read_request(agent, client)) {
        client->until = agent->steady + WAIT_MS;
        tg_gate(agent, client);
        return;
    }
    tg_log_refusal(&agent->log, TG_message_malformed, "from pid %d, uid %u", client->peer.pid,
                   client->peer.uid);
    struct tg_agent_answer answer;
    tg_refuse(&answer, TG_message_malformed, "", "");
    client->request.kind = claimed_kind(agent, client);
    (void)tg_client_answer(agent, client, &answer);
}

bool tg_client_answer(struct tg_agent *agent, struct tg_client *client, const struct tg_agent_answer *answer)
{
    /* The text is long only where there is one. */
    static const size_t without_text = 1024;
    size_t size = without_text + strlen(answer->text);
    uint8_t *packet = malloc(size);
    size_t length = packet == NULL ? 0 : tg_agent_answer_encode(client->request.kind, answer, packet, size);
    bool sent =
        length > 0 && send(client->fd, packet, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
    free(packet);
    client_free(agent, client);
    return sent;
}

int64_t tg_clients_turn(struct tg_agent *agent)
{
    int64_t due = INT64_MAX;
    for (size_t i = agent->client_count; i-- > 0;) {
        struct tg_client *client = agent->clients[i];
        if (client->until <= agent->steady)
            client_free(agent, client);
        else if (client->until < due)
            due = client->until;
    }
    return due;
}

void tg_clients_checked(struct tg_agent *agent)
{
    for (size_t i = agent->client_count; i-- > 0;) {
        struct tg_client *client = agent->clients[i];
        if (client->phase == TG_CLIENT_CHECKING) {
            client->phase = TG_CLIENT_READING;
            tg_gate_session_open(agent, client);
        }
    }
}

void tg_clients_close_all(struct tg_agent *agent)
{
    while (agent->client_count > 0)
        client_free(agent, agent->clients[0]);
}
