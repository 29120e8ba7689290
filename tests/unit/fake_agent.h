/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An agent's socket for tests: a thread that takes one connection after another, decodes the request with the
 * library's own decoder, keeps it, and behaves as it was told.
 */
#ifndef TEGATA_TESTS_FAKE_AGENT_H
#define TEGATA_TESTS_FAKE_AGENT_H

#include "lib/agent_protocol.h"
#include "tests/unit/temporary.h"

#include <pthread.h>

enum fake_behaviour {
    FAKE_ANSWERS,
    FAKE_HANGS,      /* accepts, reads, never answers */
    FAKE_HANGS_UP,   /* closes without an answer */
    FAKE_GARBAGE,    /* answers bytes that are no answer */
    FAKE_CUTS,       /* answers without the last byte */
    FAKE_OTHER_KIND, /* answers another question */
    FAKE_ADDS,       /* answers with a byte too many */
};

struct fake_agent {
    char directory[TEMPORARY_SIZE];
    char socket[96];
    enum fake_behaviour behaviour;
    struct tg_agent_answer answer; /* what FAKE_ANSWERS gives */

    /* What came. Read after the asking side has returned. */
    unsigned asked;
    bool well_formed;
    struct tg_agent_request request; /* points into `packet` */
    uint8_t packet[TG_AGENT_REQUEST_MAX];

    int listener;
    int stop[2];
    pthread_t thread;
};

/* Makes a directory of its own with the socket in it. NULL if that failed. */
struct fake_agent *fake_agent_start(void);
void fake_agent_stop(struct fake_agent *agent);

/* Forgets what came, and behaves so from the next request on. */
void fake_agent_expect(struct fake_agent *agent, enum fake_behaviour behaviour, enum tg_reason reason,
                       const char *ticket, const char *text);

#endif
