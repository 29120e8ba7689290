/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One connection on the agent's socket: one request, one answer.
 */
#ifndef TEGATA_AGENT_CLIENTS_H
#define TEGATA_AGENT_CLIENTS_H

#include "agent/agent.h"
#include "lib/agent_protocol.h"

#include <sys/socket.h>

enum tg_client_phase {
    TG_CLIENT_READING,  /* nothing has come yet */
    TG_CLIENT_CHECKING, /* SESSION_OPEN: waits for the service to say what is new */
    TG_CLIENT_COUNTING, /* SESSION_OPEN: waits for the service to count the session */
    TG_CLIENT_COUNTED,  /* it has */
    TG_CLIENT_TEARDOWN, /* TEARDOWN: waits for as long as it takes */
};

struct tg_client {
    int fd;
    struct ucred peer;
    struct tg_process process; /* the peer */
    pid_t parent;              /* of the peer */
    enum tg_client_phase phase;
    int64_t until; /* steady milliseconds */
    bool checked;  /* the service has been asked for this client already */
    uint8_t *packet;
    struct tg_agent_request request;          /* points into packet */
    struct tg_known_certificate *certificate; /* SESSION_OPEN */
    char session[TG_SESSION_ID_SIZE];
    char counted_ticket[TG_TICKET_ID_SIZE];
    struct tg_transfer *counting;
};

/* Sends the answer and closes. False if nobody was there to take it. The client is gone afterwards. */
bool tg_client_answer(struct tg_agent *agent, struct tg_client *client, const struct tg_agent_answer *answer);

/* SESSION_OPEN goes on after a check of the service. */
void tg_clients_checked(struct tg_agent *agent);

#endif
