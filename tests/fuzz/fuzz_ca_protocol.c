/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Both directions of tegata-ca's socket, and its file of hosts. What is accepted must come out of the encoder
 * as it went in.
 */
#include "certificate_authority/authority.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void try_request(const uint8_t *data, size_t size)
{
    struct tg_ca_request request;
    size_t length;
    if (!tg_ca_request_decode(tg_bytes_of(data, size), &request))
        return;
    uint8_t *frame = tg_ca_request_encode(&request, &length);
    require(frame != NULL && length == TG_CA_LENGTH_SIZE + size);
    require(memcmp(frame + TG_CA_LENGTH_SIZE, data, size) == 0);
    free(frame);
}

static void try_answer(const uint8_t *data, size_t size)
{
    enum tg_reason reason;
    struct tg_bytes text;
    if (!tg_ca_answer_decode(tg_bytes_of(data, size), &reason, &text))
        require(reason == TG_ca_unreachable && text.length == 0);
    else
        require(text.length == size - 9 && text.data == data + 9);
}

static void try_hosts(const uint8_t *data, size_t size)
{
    struct tg_error error = {0};
    struct tg_bytes line;
    char *text = malloc(size + 1);
    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (tg_host_pin_find(text, "ops1", &line, &error) != 0)
        require(error.reason == TG_config_bad);
    else if (line.length > 0)
        require(memcmp(line.data - 5, "ops1 ", 5) == 0 && memchr(line.data, '\n', line.length) == NULL);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_request(data, size);
    try_answer(data, size);
    try_hosts(data, size);
    return 0;
}
