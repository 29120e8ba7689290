/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/fake_agent.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Makes the packet that the behaviour asks for. Returns its length; 0: none. */
static size_t make_answer(const struct fake_agent *agent, uint8_t *packet, size_t size)
{
    enum tg_agent_kind kind = agent->request.kind;
    if (agent->behaviour == FAKE_OTHER_KIND)
        kind = TG_AGENT_STATUS;
    size_t length = tg_agent_answer_encode(kind, &agent->answer, packet, size);
    switch (agent->behaviour) {
    case FAKE_GARBAGE:
        memset(packet, 0xff, 64);
        return 64;
    case FAKE_CUTS:
        return length - 1;
    case FAKE_ADDS:
        packet[length] = 0;
        return length + 1;
    case FAKE_HANGS_UP:
        return 0;
    default:
        return length;
    }
}

static void serve(struct fake_agent *agent, int fd)
{
    static uint8_t answer[TG_AGENT_ANSWER_MAX];
    ssize_t got = recv(fd, agent->packet, sizeof agent->packet, 0);
    agent->asked++;
    agent->well_formed =
        got > 0 && tg_agent_request_decode(tg_bytes_of(agent->packet, (size_t)got), &agent->request);
    if (agent->behaviour == FAKE_HANGS) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        (void)poll(&wait, 1, -1); /* until the asking side hangs up */
        return;
    }
    size_t length = make_answer(agent, answer, sizeof answer);
    if (length > 0)
        (void)send(fd, answer, length, MSG_NOSIGNAL);
}

static void *run(void *argument)
{
    struct fake_agent *agent = argument;
    for (;;) {
        struct pollfd wait[2] = {{.fd = agent->stop[0], .events = POLLIN},
                                 {.fd = agent->listener, .events = POLLIN}};
        if (poll(wait, 2, -1) < 0 || wait[0].revents != 0)
            return NULL;
        int fd = accept4(agent->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        serve(agent, fd);
        (void)close(fd);
    }
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 8) == 0)
        return fd;
    return -1;
}

struct fake_agent *fake_agent_start(void)
{
    struct fake_agent *agent = calloc(1, sizeof *agent);
    if (agent == NULL)
        return NULL;
    if (mkdtemp(temporary_template(agent->directory)) == NULL)
        return NULL;
    (void)snprintf(agent->socket, sizeof agent->socket, "%s/agent.sock", agent->directory);
    agent->listener = listen_at(agent->socket);
    if (agent->listener < 0 || pipe(agent->stop) != 0 ||
        pthread_create(&agent->thread, NULL, run, agent) != 0)
        return NULL;
    return agent;
}

void fake_agent_stop(struct fake_agent *agent)
{
    (void)close(agent->stop[1]);
    (void)pthread_join(agent->thread, NULL);
    (void)close(agent->stop[0]);
    (void)close(agent->listener);
    (void)unlink(agent->socket);
    (void)rmdir(agent->directory);
    free(agent);
}

void fake_agent_expect(struct fake_agent *agent, enum fake_behaviour behaviour, enum tg_reason reason,
                       const char *ticket, const char *text)
{
    agent->behaviour = behaviour;
    agent->asked = 0;
    agent->well_formed = false;
    agent->answer = (struct tg_agent_answer){.reason = reason};
    (void)snprintf(agent->answer.ticket, sizeof agent->answer.ticket, "%s", ticket);
    (void)snprintf(agent->answer.text, sizeof agent->answer.text, "%s", text);
}
