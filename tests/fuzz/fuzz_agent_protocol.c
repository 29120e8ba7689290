/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Both directions of the agent's socket. What is accepted must come out of the encoder as it went in.
 */
#include "lib/agent_protocol.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t packet[TG_AGENT_REQUEST_MAX];

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void try_request(const uint8_t *data, size_t size)
{
    static struct tg_agent_request request;
    if (!tg_agent_request_decode(tg_bytes_of(data, size), &request))
        return;
    require(tg_agent_request_encode(&request, packet, sizeof packet) == size);
    require(memcmp(packet, data, size) == 0);
}

static void try_answer(const uint8_t *data, size_t size, enum tg_agent_kind kind)
{
    static struct tg_agent_answer answer;
    if (!tg_agent_answer_decode(tg_bytes_of(data, size), kind, &answer)) {
        require(answer.reason != TG_allowed);
        return;
    }
    /* A reason that this library does not know comes back as another number. */
    require(tg_agent_answer_encode(kind, &answer, packet, sizeof packet) == size);
    require(memcmp(packet + 6, data + 6, size - 6) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_request(data, size);
    if (size > 1)
        try_answer(data, size, data[1]);
    return 0;
}
