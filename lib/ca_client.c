/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ca_client.h"

#include "lib/ca_protocol.h"
#include "lib/monotonic.h"
#include "lib/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sends a whole frame and receives one into `answer`. 0 or -errno. */
static int exchange(const char *socket_path, struct tg_bytes frame, int deadline_ms, uint8_t *answer,
                    size_t *length)
{
    int64_t end = tg_monotonic_ms() + deadline_ms;
    int fd = -1;
    int result = tg_stream_connect(socket_path, end, &fd);
    if (result == 0)
        result = tg_stream_send(fd, frame, end);
    if (result == 0)
        result = tg_stream_receive_frame(fd, answer, TG_CA_ANSWER_MAX, length, end);
    if (fd >= 0)
        (void)close(fd);
    return result;
}

/* What was answered: the certificate, or why there is none. */
static int take_answer(struct tg_bytes answer, char **line, struct tg_error *error)
{
    enum tg_reason reason;
    struct tg_bytes text;
    if (!tg_ca_answer_decode(answer, &reason, &text))
        return tg_fail(error, TG_ca_unreachable, "tegata-ca: what it answers is not well-formed");
    if (reason != TG_allowed)
        return tg_fail(error, reason, "%.*s", (int)text.length, (const char *)text.data);
    *line = strndup((const char *)text.data, text.length);
    return *line != NULL ? 0 : tg_fail(error, TG_internal_error, "out of memory");
}

static int ask(const char *socket_path, const struct tg_ca_request *request, int deadline_ms, char **line,
               struct tg_error *error)
{
    int result = -1;
    size_t frame_length;
    size_t answer_length = 0;
    *line = NULL;
    uint8_t *frame = tg_ca_request_encode(request, &frame_length);
    uint8_t *answer = malloc(TG_CA_ANSWER_MAX);
    if (frame == NULL || answer == NULL) {
        (void)tg_fail(error, TG_internal_error, "out of memory, or a question to tegata-ca that is too long");
        goto out;
    }
    int failed = exchange(socket_path, tg_bytes_of(frame, frame_length), deadline_ms, answer, &answer_length);
    if (failed != 0)
        (void)tg_fail(error, TG_ca_unreachable, "tegata-ca at %s: %s", socket_path, strerror(-failed));
    else
        result = take_answer(tg_bytes_of(answer, answer_length), line, error);
out:
    free(answer);
    free(frame);
    return result;
}

int tg_ca_user_certificate(const char *socket_path, struct tg_bytes policy, const char *signatures,
                           struct tg_bytes document, const char *signature, int deadline_ms, char **line,
                           struct tg_error *error)
{
    const struct tg_ca_request request = {.kind = TG_CA_USER,
                                          .policy = policy,
                                          .signatures = tg_bytes_of_text(signatures),
                                          .subject = document,
                                          .proof = tg_bytes_of_text(signature)};
    return ask(socket_path, &request, deadline_ms, line, error);
}

int tg_ca_host_certificate(const char *socket_path, struct tg_bytes policy, const char *signatures,
                           const char *name, const char *key, int deadline_ms, char **line,
                           struct tg_error *error)
{
    const struct tg_ca_request request = {.kind = TG_CA_HOST,
                                          .policy = policy,
                                          .signatures = tg_bytes_of_text(signatures),
                                          .subject = tg_bytes_of_text(name),
                                          .proof = tg_bytes_of_text(key)};
    return ask(socket_path, &request, deadline_ms, line, error);
}
